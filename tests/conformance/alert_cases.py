"""For every alert: series with which it fires, and series, much like them, with which it doesn't.

The series are in promtool's notation, one sample a minute: `0x60` is zero for an hour, `0+2x60` grows by two.
"""

from typing import NamedTuple

Series = dict[str, str]
"""Name and labels of each series, and its samples."""

_PAIR = (
    'source_workload_namespace="shop",source_workload="web",destination_workload_namespace="catalog",'
    'destination_workload="search"'
)
_PAIR_LABELS = {
    "source_workload_namespace": "shop",
    "source_workload": "web",
    "destination_workload_namespace": "catalog",
    "destination_workload": "search",
}
_FAILED = "istio_tcp_connections_failed_total"
_OPENED = "istio_tcp_connections_opened_total"
_POD = 'namespace="shop",pod="web-0"'
_ENROLLED = 'kube_namespace_labels{namespace="shop",label_istio_io_dataplane_mode="ambient"}'
_CAPTURED = 'kube_pod_annotations{namespace="shop",pod="web-0",annotation_ambient_istio_io_redirection="enabled"}'
_DAY = 86_400


class Case(NamedTuple):
    """When an alert fires, and when it keeps quiet."""

    firing: Series
    labels: dict[str, str]
    """The labels of the one alert that there is then, besides its severity."""
    quiet: Series
    at: str = "60m"
    value: str = ""
    """What `{{ $value | humanizeDuration }}` is then."""


CASES = {
    "IstiodDown": Case(
        {'up{job="istiod",pod="istiod-0"}': "0x60"},
        {"job": "istiod"},
        {'up{job="istiod",pod="istiod-0"}': "0x60", 'up{job="istiod",pod="istiod-1"}': "1x60"},
    ),
    "IstioXdsRejects": Case(
        # The series is born with its first event, so that nothing increases.
        {'pilot_total_xds_rejects{pod="istiod-0",type="cds"}': "_x55 1x5"},
        {"pod": "istiod-0", "type": "cds"},
        {'pilot_total_xds_rejects{pod="istiod-0",type="cds"}': "3x60"},
    ),
    "IstioConfigurationSlow": Case(
        {
            'pilot_proxy_convergence_time_bucket{le="10"}': "0+90x60",
            'pilot_proxy_convergence_time_bucket{le="30"}': "0+100x60",
            'pilot_proxy_convergence_time_bucket{le="+Inf"}': "0+100x60",
        },
        {},
        {
            'pilot_proxy_convergence_time_bucket{le="10"}': "0+100x60",
            'pilot_proxy_convergence_time_bucket{le="30"}': "0+100x60",
            'pilot_proxy_convergence_time_bucket{le="+Inf"}': "0+100x60",
        },
    ),
    "ZtunnelXdsDisconnected": Case(
        {'istio_xds_connection_terminations_total{node="a",reason="ConnectionError"}': "0+4x60"},
        {"node": "a", "reason": "ConnectionError"},
        {
            'istio_xds_connection_terminations_total{node="a",reason="Reconnect"}': "0+4x60",
            # istiod is restarted: an error, once.
            'istio_xds_connection_terminations_total{node="a",reason="Error"}': "0x50 1x10",
        },
    ),
    "IstioRootExpiresSoon": Case(
        {'citadel_server_root_cert_expiry_timestamp{job="istiod",pod="a"}': f"{59 * _DAY}x90"},
        {"job": "istiod"},
        {'citadel_server_root_cert_expiry_timestamp{job="istiod",pod="a"}': f"{61 * _DAY}x90"},
        at="90m",
        value="58d 22h 30m 0s",
    ),
    "IstioIntermediateExpiresSoon": Case(
        {'citadel_server_cert_chain_expiry_timestamp{job="istiod",pod="a"}': f"{6 * _DAY}x90"},
        {"job": "istiod"},
        {'citadel_server_cert_chain_expiry_timestamp{job="istiod",pod="a"}': f"{8 * _DAY}x90"},
        at="90m",
        value="5d 22h 30m 0s",
    ),
    "IstioCaAboutToExpire": Case(
        {
            'citadel_server_root_cert_expiry_timestamp{job="istiod",pod="a"}': f"{3650 * _DAY}x60",
            'citadel_server_cert_chain_expiry_timestamp{job="istiod",pod="a"}': f"{_DAY}x60",
        },
        {"job": "istiod"},
        {
            'citadel_server_root_cert_expiry_timestamp{job="istiod",pod="a"}': f"{3650 * _DAY}x60",
            'citadel_server_cert_chain_expiry_timestamp{job="istiod",pod="a"}': f"{3 * _DAY}x60",
        },
        value="23h 0m 0s",
    ),
    "IstioSigningFails": Case(
        {'citadel_server_csr_sign_err_count{pod="istiod-0",error="CA_ILL_FORMED"}': "0x55 2x5"},
        {"pod": "istiod-0", "error": "CA_ILL_FORMED"},
        {'citadel_server_csr_sign_err_count{pod="istiod-0",error="CA_ILL_FORMED"}': "2x60"},
    ),
    "WaypointCertificateNotRenewed": Case(
        {'istio_agent_cert_expiry_seconds{namespace="catalog",pod="w-0",resource_name="default"}': "3900-60x60"},
        {"namespace": "catalog", "pod": "w-0"},
        {'istio_agent_cert_expiry_seconds{namespace="catalog",pod="w-0",resource_name="default"}': "86400-60x60"},
    ),
    "ZtunnelDown": Case(
        {'up{job="ztunnel",node="a",pod="z-0"}': "0x60", 'up{job="ztunnel",node="b",pod="z-1"}': "1x60"},
        {"job": "ztunnel", "node": "a", "pod": "z-0"},
        {'up{job="ztunnel",node="a",pod="z-0"}': "1x60"},
    ),
    "IstioCniDown": Case(
        {"up": "1x60"},
        {"job": "istio-cni"},
        {'up{job="istio-cni",node="a",pod="c-0"}': "1x60"},
    ),
    "IstioCniNotInstalled": Case(
        {'istio_cni_install_ready{node="a"}': "0x60"},
        {"node": "a"},
        {'istio_cni_install_ready{node="a"}': "1x60"},
    ),
    "IstioCniWithoutZtunnel": Case(
        {'ztunnel_connected{node="a"}': "0x60"},
        {"node": "a"},
        # ztunnel is replaced: none for a moment, then two, then one.
        {'ztunnel_connected{node="a"}': "1x50 0x1 2x4 1x4"},
    ),
    "IstioCniRequestsFail": Case(
        {'istio_cni_plugin_requests_total{node="a",response_code="500"}': "0+1x60"},
        {"node": "a", "response_code": "500"},
        {'istio_cni_plugin_requests_total{node="a",response_code="200"}': "0+9x60"},
    ),
    "ZtunnelProxiesPending": Case(
        {'workload_manager_pending_proxy_count{node="a"}': "2x60"},
        {"node": "a"},
        {'workload_manager_pending_proxy_count{node="a"}': "0x50 3x2 0x8"},
    ),
    "ZtunnelDnsFails": Case(
        {
            'istio_dns_upstream_failures_total{node="a"}': "0+10x60",
            'istio_dns_upstream_requests_total{node="a"}': "0+100x60",
        },
        {"node": "a"},
        {
            'istio_dns_upstream_failures_total{node="a"}': "0+1x60",
            'istio_dns_upstream_requests_total{node="a"}': "0+100x60",
        },
    ),
    "IstioPodNotCaptured": Case(
        {
            f'kube_pod_status_phase{{{_POD},phase="Running"}}': "1x60",
            _ENROLLED: "1x60",
            # Half captured is not captured.
            _CAPTURED.replace("enabled", "pending"): "1x60",
            'kube_pod_status_phase{namespace="legacy",pod="old-0",phase="Running"}': "1x60",
        },
        {"namespace": "shop", "pod": "web-0", "phase": "Running"},
        {
            f'kube_pod_status_phase{{{_POD},phase="Running"}}': "1x60",
            f'kube_pod_status_phase{{{_POD},phase="Pending"}}': "0x60",
            _ENROLLED: "1x60",
            _CAPTURED: "1x60",
            'kube_pod_status_phase{namespace="shop",pod="job-0",phase="Running"}': "0x60",
            'kube_pod_status_phase{namespace="shop",pod="agent-0",phase="Running"}': "1x60",
            'kube_pod_info{namespace="shop",pod="agent-0",host_network="true"}': "1x60",
            'kube_pod_status_phase{namespace="shop",pod="out-0",phase="Running"}': "1x60",
            'kube_pod_labels{namespace="shop",pod="out-0",label_istio_io_dataplane_mode="none"}': "1x60",
        },
    ),
    "IstioCaptureUnobserved": Case(
        {
            'workload_manager_active_proxy_count{node="a"}': "7x60",
            'kube_pod_annotations{namespace="shop",pod="web-0"}': "1x60",
        },
        {},
        {'workload_manager_active_proxy_count{node="a"}': "7x60", _CAPTURED: "1x60"},
    ),
    "HboneBlocked": Case(
        {f'{_FAILED}{{reporter="source",response_flags="NETWORK_POLICY",{_PAIR}}}': "0+1x60"},
        _PAIR_LABELS,
        {
            f'{_FAILED}{{reporter="source",response_flags="NETWORK_POLICY",{_PAIR}}}': "5x60",
            f'{_FAILED}{{reporter="source",response_flags="CONNECT",{_PAIR}}}': "0+1x60",
        },
    ),
    "MutualTlsFails": Case(
        {f'{_FAILED}{{reporter="source",response_flags="TLS_FAILURE",{_PAIR}}}': "0+1x60"},
        {**_PAIR_LABELS, "response_flags": "TLS_FAILURE"},
        {f'{_FAILED}{{reporter="destination",response_flags="DENY",{_PAIR}}}': "0+1x60"},
    ),
    "PlaintextCaller": Case(
        {f'{_OPENED}{{reporter="destination",connection_security_policy="unknown",{_PAIR}}}': "0x50 3x10"},
        _PAIR_LABELS,
        {
            f'{_OPENED}{{reporter="destination",connection_security_policy="mutual_tls",{_PAIR}}}': "0+9x60",
            # Calls that leave the mesh are plaintext at their source.
            f'{_OPENED}{{reporter="source",connection_security_policy="unknown",{_PAIR}}}': "0+9x60",
        },
    ),
    "WaypointDown": Case(
        {
            'up{job="waypoint",namespace="catalog",waypoint="waypoint",pod="w-0"}': "0x60",
            'up{job="waypoint",namespace="shop",waypoint="waypoint",pod="w-0"}': "1x60",
        },
        {"namespace": "catalog", "waypoint": "waypoint"},
        {
            'up{job="waypoint",namespace="catalog",waypoint="waypoint",pod="w-0"}': "0x60",
            'up{job="waypoint",namespace="catalog",waypoint="waypoint",pod="w-1"}': "1x60",
            'up{job="waypoint",namespace="shop",waypoint="waypoint",pod="w-0"}': "1x60",
        },
    ),
}
