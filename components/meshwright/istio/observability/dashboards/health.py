"""Is the mesh itself well: control plane, certificates, node agents."""

from meshwright.istio.observability.dashboards.tags import TAGS
from meshwright.observability.grafana import Dashboard, Panel, Query, Row

_CONTROL_PLANE = Row(
    "Control plane",
    (
        Panel(
            "Replicas and proxies",
            "Replicas of istiod that can be scraped, and the proxies (ztunnels and waypoints) connected to them.",
            (
                Query('sum(up{job="istiod"})', "istiod"),
                Query("sum(pilot_xds)", "connected proxies"),
            ),
        ),
        Panel(
            "Time until a change is everywhere",
            "From a change in the cluster to the proxy that has it.",
            tuple(
                Query(
                    f"histogram_quantile({quantile}, "
                    "sum by (le) (rate(pilot_proxy_convergence_time_bucket[$__rate_interval])))",
                    f"p{round(quantile * 100)}",
                )
                for quantile in (0.5, 0.99)
            ),
            unit="s",
        ),
        Panel(
            "Configuration sent and rejected",
            "A rejected push leaves the proxy with what it had before.",
            (
                Query("sum by (type) (rate(pilot_xds_pushes[$__rate_interval]))", "sent {{type}}"),
                Query("sum by (type) (rate(pilot_total_xds_rejects[$__rate_interval]))", "rejected {{type}}"),
            ),
            unit="ops",
        ),
        Panel(
            "Versions",
            "More than one of a component: an upgrade is under way, or was left half done.",
            (Query("sum by (component, tag) (istio_build)"),),
            kind="table",
        ),
    ),
)
_CERTIFICATES = Row(
    "Certificates",
    (
        Panel(
            "Time left",
            "Of the root, of istiod's signing certificate, and of the waypoints' own that expires next.",
            (
                Query("min by (job) (citadel_server_root_cert_expiry_timestamp) - time()", "root"),
                Query("min by (job) (citadel_server_cert_chain_expiry_timestamp) - time()", "signing"),
                Query("min by (job) (istio_agent_cert_expiry_seconds)", "waypoints"),
            ),
            unit="s",
            kind="stat",
        ),
        Panel(
            "Signed and refused",
            "Workloads' certificates. None of these series is there when another CA than istiod signs.",
            (
                Query("sum(rate(citadel_server_success_cert_issuance_count[$__rate_interval]))", "signed"),
                Query("sum(rate(citadel_server_csr_sign_err_count[$__rate_interval]))", "not signed"),
                Query("sum(rate(citadel_server_authentication_failure_count[$__rate_interval]))", "not authenticated"),
            ),
            unit="ops",
        ),
    ),
)
_AGENTS = Row(
    "Node agents",
    (
        Panel(
            "Pods served",
            "Pods that ztunnel serves; pending ones are captured, and have no proxy.",
            (
                Query("sum by (node) (workload_manager_active_proxy_count)", "{{node}}"),
                Query("sum by (node) (workload_manager_pending_proxy_count) > 0", "pending on {{node}}"),
            ),
        ),
        Panel(
            "istio-cni",
            "1 where it is in the node's CNI chain; and the ztunnels that it can hand pods to: 1, 2 during an update.",
            (
                Query("min by (node) (istio_cni_install_ready)", "installed on {{node}}"),
                Query("min by (node) (ztunnel_connected)", "ztunnels on {{node}}"),
            ),
        ),
        Panel(
            "Requests of the CNI plugin",
            "One for each meshed pod that starts; anything but 200 is a pod that doesn't (Istio 1.31 and later).",
            (
                Query(
                    "sum by (response_code) (rate(istio_cni_plugin_requests_total[$__rate_interval]))",
                    "{{response_code}}",
                ),
            ),
            unit="ops",
        ),
        Panel(
            "ztunnel's connections to istiod that ended",
            "Reconnect is routine. Errors that stay mean that the node's view of the mesh grows old.",
            (Query("sum by (reason) (rate(istio_xds_connection_terminations_total[$__rate_interval]))", "{{reason}}"),),
            unit="ops",
        ),
    ),
)

HEALTH = Dashboard(
    "mesh-health",
    "Ambient mesh / Health",
    "Control plane, certificates and node agents of Istio in ambient mode.",
    (_CONTROL_PLANE, _CERTIFICATES, _AGENTS),
    tags=TAGS,
)
