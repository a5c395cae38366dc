"""What to wake somebody for in an ambient mesh, each with a section in docs/istio/runbooks.md.

Sources of the metrics: ztunnel's ``src/{proxy,xds,dns,inpod}/metrics.rs`` (it calls most of them unstable), istio's
``pkg/xds``, ``pilot/pkg/xds``, ``security/pkg/server/ca``, ``cni/pkg/{install,nodeagent}``, ``monitoring.go`` each, and
pilot-agent's ``status/server.go``, which puts ``istio_agent_`` before its own; all as of 1.31.
"""

from collections.abc import Iterable
from typing import Final

from meshwright.istio.observability.scraping import CNI, ISTIOD, WAYPOINT, ZTUNNEL
from meshwright.observability.alerts import CRITICAL, INFO, WARNING, Alert

_PAIR: Final = "source_workload_namespace, source_workload, destination_workload_namespace, destination_workload"
_DAY: Final = 86_400


def alerts(waypoints: Iterable[tuple[str, str]] = (), *, kube_state_metrics: bool = False) -> tuple[Alert, ...]:
    """All alerts.

    Args:
        waypoints: Namespace and name of those that have to be there: one that is gone altogether has no series.
        kube_state_metrics: It exports the labels and annotations that tell enrolled pods from captured ones.
    """
    return (
        *_control_plane(),
        *_certificates(),
        *_agents(),
        *_capture(),
        *(_capture_by_pod() if kube_state_metrics else ()),
        *_traffic(),
        *_waypoints(waypoints),
    )


def _grown(counter: str, window: str) -> str:
    """Where a counter grew within a window. `increase` misses the first event of a series, which is born at 1."""
    return f"increase({counter}[{window}]) > 0 or ({counter} unless {counter} offset {window}) > 0"


def _control_plane() -> tuple[Alert, ...]:
    return (
        Alert(
            "IstiodDown",
            f'max by (job) (up{{job="{ISTIOD}"}}) == 0 or absent(up{{job="{ISTIOD}"}})',
            "5m",
            CRITICAL,
            "No istiod can be scraped",
            "Proxies go on with what they know, but new pods get no configuration and no certificate, and certificates "
            "that run out are not renewed.",
        ),
        Alert(
            "IstioXdsRejects",
            _grown("pilot_total_xds_rejects", "10m"),
            "0m",
            WARNING,
            "A proxy rejects configuration of type {{ $labels.type }}",
            "Istiod {{ $labels.pod }} sent configuration that a proxy didn't accept; it goes on with what it had. "
            "Usually a policy or route that was applied shortly before is the cause.",
        ),
        Alert(
            "IstioConfigurationSlow",
            "histogram_quantile(0.99, sum by (le) (rate(pilot_proxy_convergence_time_bucket[10m]))) > 10",
            "15m",
            WARNING,
            "Changes take longer than 10 s to reach the proxies",
            "The slowest percent of the proxies gets a change later than 10 s after it was made: policies and "
            "endpoints are behind by that much.",
        ),
        Alert(
            "ZtunnelXdsDisconnected",
            'rate(istio_xds_connection_terminations_total{reason=~"ConnectionError|Error"}[5m]) > 0',
            "10m",
            WARNING,
            "ztunnel on {{ $labels.node }} can't stay connected to istiod",
            "It goes on with what it knows: workloads that started since are unknown to it, and calls to them fail or "
            "go in plaintext.",
        ),
    )


def _certificates() -> tuple[Alert, ...]:
    either = '{__name__=~"citadel_server_(root_cert|cert_chain)_expiry_timestamp"}'
    return (
        Alert(
            "IstioRootExpiresSoon",
            f"min by (job) (citadel_server_root_cert_expiry_timestamp) - time() < {60 * _DAY}",
            "1h",
            WARNING,
            "The mesh's root certificate expires in {{ $value | humanizeDuration }}",
            "A root is changed in steps, with both roots trusted in between; that takes days. After it has expired, "
            "all calls between workloads fail.",
        ),
        Alert(
            "IstioIntermediateExpiresSoon",
            f"min by (job) (citadel_server_cert_chain_expiry_timestamp) - time() < {7 * _DAY}",
            "1h",
            WARNING,
            "istiod's signing certificate expires in {{ $value | humanizeDuration }}",
            "Whoever issues the Secret cacerts hasn't renewed it. Workloads' certificates can't outlive it.",
        ),
        Alert(
            "IstioCaAboutToExpire",
            f"min by (job) ({either}) - time() < {2 * _DAY}",
            "5m",
            CRITICAL,
            "The mesh's certificate authority expires in {{ $value | humanizeDuration }}",
            "From then on no workload gets a certificate, and calls fail as the ones that they have run out.",
        ),
        Alert(
            "IstioSigningFails",
            _grown("citadel_server_csr_sign_err_count", "10m"),
            "0m",
            CRITICAL,
            "istiod fails to sign workloads' certificates",
            "Istiod {{ $labels.pod }} couldn't sign: new pods can't take calls, and running ones can't when their "
            "certificate runs out, 24 h after it was made by default.",
        ),
        Alert(
            "WaypointCertificateNotRenewed",
            "min by (namespace, pod) (istio_agent_cert_expiry_seconds) < 600",
            "2m",
            CRITICAL,
            "The certificate of waypoint {{ $labels.namespace }}/{{ $labels.pod }} runs out",
            "It is renewed at half its life, and less than ten minutes are left: its calls are about to fail.",
        ),
    )


def _agents() -> tuple[Alert, ...]:
    return (
        Alert(
            "ZtunnelDown",
            f'up{{job="{ZTUNNEL}"}} == 0 or absent(up{{job="{ZTUNNEL}"}})',
            "5m",
            CRITICAL,
            "ztunnel on {{ $labels.node }} can't be scraped",
            "Where it is down, meshed pods of that node have no network to speak of: what captures them leads to it. "
            "Without a node named, there is no ztunnel at all.",
        ),
        Alert(
            "IstioCniDown",
            f'up{{job="{CNI}"}} == 0 or absent(up{{job="{CNI}"}})',
            "5m",
            WARNING,
            "istio-cni on {{ $labels.node }} can't be scraped",
            "Where it is down, new pods of that node don't start, or start outside of the mesh where it doesn't own "
            "the CNI configuration. Running pods go on. Without a node named, there is none at all.",
        ),
    )


def _capture() -> tuple[Alert, ...]:
    return (
        Alert(
            "IstioCniNotInstalled",
            "istio_cni_install_ready == 0",
            "5m",
            CRITICAL,
            "istio-cni on {{ $labels.node }} isn't in the node's CNI chain",
            "Something else writes the CNI configuration there. Pods that start on that node are not captured.",
        ),
        Alert(
            "IstioCniWithoutZtunnel",
            "ztunnel_connected == 0",
            "5m",
            CRITICAL,
            "istio-cni on {{ $labels.node }} has no ztunnel to hand pods to",
            "Pods of meshed namespaces don't start on that node, and pods that are enrolled now are not captured.",
        ),
        Alert(
            "IstioCniRequestsFail",
            _grown('istio_cni_plugin_requests_total{response_code!="200"}', "10m"),
            "5m",
            WARNING,
            "Pods of meshed namespaces fail to start on {{ $labels.node }}",
            "istio-cni answers {{ $labels.response_code }} when a pod is to be captured. Istio has this metric since "
            "1.31.",
        ),
        Alert(
            "ZtunnelProxiesPending",
            "workload_manager_pending_proxy_count > 0",
            "5m",
            CRITICAL,
            "Pods on {{ $labels.node }} are captured, and nobody serves them",
            "ztunnel can't start their proxies, so that their traffic goes nowhere. A common cause is that it can't "
            "open its ports in the pod, as on nodes without IPv6 while istio-cni's ambient.ipv6 is on.",
        ),
        Alert(
            "ZtunnelDnsFails",
            "sum by (node) (rate(istio_dns_upstream_failures_total[5m])) "
            "/ sum by (node) (rate(istio_dns_upstream_requests_total[5m])) > 0.05",
            "10m",
            WARNING,
            "DNS lookups of meshed pods fail on {{ $labels.node }}",
            "ztunnel answers the DNS queries of captured pods, and more than 5 % of those that it hands on get no "
            "answer.",
        ),
    )


def _capture_by_pod() -> tuple[Alert, ...]:
    """Enrolled by the API and captured by the node, pod by pod."""
    enrolled = 'kube_namespace_labels{label_istio_io_dataplane_mode="ambient"}'
    captured = 'kube_pod_annotations{annotation_ambient_istio_io_redirection="enabled"}'
    outside = 'kube_pod_labels{label_istio_io_dataplane_mode="none"} or kube_pod_info{host_network="true"}'
    return (
        Alert(
            "IstioPodNotCaptured",
            f'kube_pod_status_phase{{phase="Running"}} == 1 and on (namespace) {enrolled} '
            f"unless on (namespace, pod) ({captured} or {outside})",
            "5m",
            CRITICAL,
            "Pod {{ $labels.namespace }}/{{ $labels.pod }} is enrolled, and not captured",
            "Its traffic is plaintext, and no policy holds for it. In a strict mesh nobody takes its calls.",
        ),
        Alert(
            "IstioCaptureUnobserved",
            f"sum(workload_manager_active_proxy_count) > 0 unless on () count({captured}) > 0",
            "15m",
            WARNING,
            "kube-state-metrics doesn't export what IstioPodNotCaptured reads",
            "ztunnel serves pods, and no series says which pods are captured: that alert can't fire.",
        ),
    )


def _traffic() -> tuple[Alert, ...]:
    failed = "istio_tcp_connections_failed_total"
    return (
        Alert(
            "HboneBlocked",
            f'sum by ({_PAIR}) (increase({failed}{{reporter="source",response_flags="NETWORK_POLICY"}}[5m])) > 0',
            "5m",
            CRITICAL,
            "{{ $labels.source_workload_namespace }}/{{ $labels.source_workload }} can't reach "
            "{{ $labels.destination_workload_namespace }}/{{ $labels.destination_workload }} on port 15008",
            "Connections to the port of mutual TLS time out: most likely a NetworkPolicy, a security group or a "
            "firewall drops them.",
        ),
        Alert(
            "MutualTlsFails",
            f"sum by ({_PAIR}, response_flags) "
            f'(increase({failed}{{response_flags=~"IDENTITY_ERROR|TLS_FAILURE|CERT_REVOKED"}}[5m])) > 0',
            "5m",
            CRITICAL,
            "{{ $labels.source_workload_namespace }}/{{ $labels.source_workload }} fails to prove who it is",
            "Calls to {{ $labels.destination_workload_namespace }}/{{ $labels.destination_workload }} fail with "
            "{{ $labels.response_flags }}: a certificate is missing, has expired, is revoked, or is of another root.",
        ),
        Alert(
            "PlaintextCaller",
            f"sum by ({_PAIR}) (increase(istio_tcp_connections_opened_total"
            '{reporter="destination",connection_security_policy="unknown"}[1h])) > 0',
            "0m",
            INFO,
            "{{ $labels.source_workload_namespace }}/{{ $labels.source_workload }} calls "
            "{{ $labels.destination_workload_namespace }}/{{ $labels.destination_workload }} in plaintext",
            "Where the called is strict, such calls fail. A source that is unknown is outside of the mesh: a load "
            "balancer, a monitoring system, another cluster.",
        ),
    )


def _waypoints(waypoints: Iterable[tuple[str, str]]) -> tuple[Alert, ...]:
    unanswered = f'max by (namespace, waypoint) (up{{job="{WAYPOINT}"}}) == 0'
    gone = [
        f'absent(up{{job="{WAYPOINT}",namespace="{namespace}",waypoint="{name}"}})' for namespace, name in waypoints
    ]
    return (
        Alert(
            "WaypointDown",
            " or ".join([unanswered, *gone]),
            "5m",
            CRITICAL,
            "No replica of waypoint {{ $labels.namespace }}/{{ $labels.waypoint }} can be scraped",
            "Calls through it fail; and where Istio takes it for not there, they go past it and past its policies.",
        ),
    )
