"""For every alert of Linkerd: series with which it fires, and series, much like them, with which it doesn't."""

from tests.conformance.alert_cases import Case

_HOUR, _DAY = 3600, 86_400
_CONTROLLER = 'job="linkerd-controller",namespace="linkerd"'
_PROXY = 'job="linkerd-proxy",namespace="shop"'
_INBOUND = f'{_PROXY},direction="inbound",deployment="web"'
_TTL = "issuer_cert_ttl_seconds"
_UP = {
    f'up{{{_CONTROLLER},component="{name}",pod="{name}-0"}}': "1x60"
    for name in ("identity", "destination", "policy", "proxy-injector")
}
_RUNNING = 'kube_pod_status_phase{namespace="shop",pod="web-0",phase="Running"}'
_MESHED = 'kube_namespace_annotations{namespace="shop",annotation_linkerd_io_inject="enabled"}'
_WEB = {"namespace": "shop", "deployment": "web"}
_BUCKETS = f"response_latency_ms_bucket{{{_INBOUND},le="

CASES = {
    "LinkerdControlPlaneDown": Case(
        {**_UP, f'up{{{_CONTROLLER},component="identity",pod="identity-0"}}': "0x60"},
        {"component": "identity"},
        {**_UP, f'up{{{_CONTROLLER},component="identity",pod="identity-1"}}': "0x60"},
    ),
    "LinkerdEndpointsStale": Case(
        # The series is born with its first event, so that nothing increases.
        {'endpoint_updates_queue_overflow{job="linkerd-controller",pod="d-0",service="web.shop:80"}': "_x55 1x5"},
        {"pod": "d-0"},
        {'endpoint_updates_queue_overflow{job="linkerd-controller",pod="d-0",service="web.shop:80"}': "3x60"},
    ),
    "LinkerdWebhookFails": Case(
        {
            'apiserver_admission_webhook_rejection_count{name="linkerd-proxy-injector.linkerd.io",'
            'error_type="calling_webhook_error"}': "0+1x60"
        },
        {"name": "linkerd-proxy-injector.linkerd.io"},
        {
            # It answered, and said no: that is its work.
            'apiserver_admission_webhook_rejection_count{name="linkerd-policy-validator.linkerd.io",'
            'error_type="no_error"}': "0+1x60",
            'apiserver_admission_webhook_rejection_count{name="another.example",'
            'error_type="calling_webhook_error"}': "0+1x60",
        },
    ),
    "LinkerdIssuerNotRenewed": Case(
        {f'{_TTL}{{{_CONTROLLER},pod="i-0"}}': f"{24 * _HOUR}-60x60"},
        {"job": "linkerd-controller"},
        {f'{_TTL}{{{_CONTROLLER},pod="i-0"}}': f"{26 * _HOUR}-60x60"},
        value="23h 0m 0s",
    ),
    "LinkerdIssuerAboutToExpire": Case(
        {f'{_TTL}{{{_CONTROLLER},pod="i-0"}}': f"{12 * _HOUR}-60x60"},
        {"job": "linkerd-controller"},
        {f'{_TTL}{{{_CONTROLLER},pod="i-0"}}': f"{14 * _HOUR}-60x60"},
        value="11h 0m 0s",
    ),
    "LinkerdIdentityBehind": Case(
        {f'{_TTL}{{{_CONTROLLER},pod="i-0"}}': "40000x60", f'{_TTL}{{{_CONTROLLER},pod="i-1"}}': "170000x60"},
        {"job": "linkerd-controller", "namespace": "linkerd", "pod": "i-0"},
        {f'{_TTL}{{{_CONTROLLER},pod="i-0"}}': "169950x60", f'{_TTL}{{{_CONTROLLER},pod="i-1"}}': "170000x60"},
    ),
    "LinkerdAnchorExpiresSoon": Case(
        {'linkerd:trust_anchor_expiry_timestamp_seconds{anchor="2026"}': f"{89 * _DAY}x90"},
        {"anchor": "2026"},
        {'linkerd:trust_anchor_expiry_timestamp_seconds{anchor="2026"}': f"{91 * _DAY}x90"},
        at="90m",
        value="88d 22h 30m 0s",
    ),
    "LinkerdSecretUnread": Case(
        {
            'certmanager_certificate_expiration_timestamp_seconds{name="linkerd-identity-issuer"}': "170000x60",
            f'{_TTL}{{{_CONTROLLER},pod="i-0"}}': "86400-60x60",
        },
        {"job": "linkerd-controller", "namespace": "linkerd", "pod": "i-0"},
        {
            'certmanager_certificate_expiration_timestamp_seconds{name="linkerd-identity-issuer"}': "170000x60",
            f'{_TTL}{{{_CONTROLLER},pod="i-0"}}': "170000-60x60",
        },
    ),
    "LinkerdCertificateNotRenewed": Case(
        {'certmanager_certificate_renewal_timestamp_seconds{name="linkerd-proxy-injector"}': "600x120"},
        {"name": "linkerd-proxy-injector"},
        {
            'certmanager_certificate_renewal_timestamp_seconds{name="linkerd-proxy-injector"}': "86400x120",
            'certmanager_certificate_renewal_timestamp_seconds{name="shop-web"}': "600x120",
            # Not issued yet.
            'certmanager_certificate_renewal_timestamp_seconds{name="linkerd-identity-issuer"}': "0x120",
        },
        at="100m",
    ),
    "LinkerdProxyCertificateNotRenewed": Case(
        {f'control_identity_cert_expiration_timestamp_seconds{{{_PROXY},pod="web-0"}}': f"{4 * _HOUR}x60"},
        {"namespace": "shop", "pod": "web-0"},
        {f'control_identity_cert_expiration_timestamp_seconds{{{_PROXY},pod="web-0"}}': f"{6 * _HOUR}x60"},
        value="3h 0m 0s",
    ),
    "LinkerdSuccessRateLow": Case(
        {
            f'response_total{{{_INBOUND},classification="failure"}}': "0+6x60",
            f'response_total{{{_INBOUND},classification="success"}}': "0+94x60",
        },
        _WEB,
        {
            f'response_total{{{_INBOUND},classification="failure"}}': "0+4x60",
            f'response_total{{{_INBOUND},classification="success"}}': "0+96x60",
        },
    ),
    "LinkerdLatencyHigh": Case(
        {f'{_BUCKETS}"1000"}}': "0+90x60", f'{_BUCKETS}"2000"}}': "0+100x60", f'{_BUCKETS}"+Inf"}}': "0+100x60"},
        _WEB,
        {f'{_BUCKETS}"1000"}}': "0+100x60", f'{_BUCKETS}"2000"}}': "0+100x60", f'{_BUCKETS}"+Inf"}}': "0+100x60"},
    ),
    "LinkerdPodNotInjected": Case(
        {
            _RUNNING: "1x60",
            _MESHED: "1x60",
            'kube_pod_container_info{namespace="shop",pod="web-0",container="web"}': "1x60",
        },
        {"namespace": "shop", "pod": "web-0", "phase": "Running"},
        {
            _RUNNING: "1x60",
            _MESHED: "1x60",
            # A native sidecar is an init container.
            'kube_pod_init_container_info{namespace="shop",pod="web-0",container="linkerd-proxy"}': "1x60",
            'kube_pod_status_phase{namespace="shop",pod="out-0",phase="Running"}': "1x60",
            'kube_pod_annotations{namespace="shop",pod="out-0",annotation_linkerd_io_inject="disabled"}': "1x60",
            'kube_pod_status_phase{namespace="shop",pod="agent-0",phase="Running"}': "1x60",
            'kube_pod_info{namespace="shop",pod="agent-0",host_network="true"}': "1x60",
            'kube_pod_status_phase{namespace="legacy",pod="old-0",phase="Running"}': "1x60",
        },
    ),
    "LinkerdDestinationMemory": Case(
        {
            'container_memory_working_set_bytes{namespace="linkerd",container="destination",pod="d-0"}': "230x60",
            'kube_pod_container_resource_limits{namespace="linkerd",container="destination",pod="d-0",'
            'resource="memory"}': "250x60",
        },
        {"pod": "d-0"},
        {
            'container_memory_working_set_bytes{namespace="linkerd",container="destination",pod="d-0"}': "200x60",
            'kube_pod_container_resource_limits{namespace="linkerd",container="destination",pod="d-0",'
            'resource="memory"}': "250x60",
        },
    ),
    "LinkerdGatewayDown": Case(
        {'gateway_alive{job="linkerd-multicluster-controller",target_cluster_name="us",pod="c-0"}': "0x60"},
        {"target_cluster_name": "us"},
        {'gateway_alive{job="linkerd-multicluster-controller",target_cluster_name="us",pod="c-0"}': "1x60"},
    ),
}
