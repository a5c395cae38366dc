"""The golden signals at L4, from ztunnel, which all meshed traffic goes through.

Both ends of a connection report it: what is received is counted by the called (``reporter="destination"``), and what
failed by the caller (``source``), since a call that never arrives is known to nobody else. ztunnel measures no latency.
"""

from typing import Final

from meshwright.istio.observability.dashboards.tags import TAGS
from meshwright.observability.grafana import Dashboard, Panel, Query, Row, Variable

_CALLED: Final = 'reporter="destination",destination_workload_namespace=~"$namespace"'
_CALLING: Final = 'reporter="source",destination_workload_namespace=~"$namespace"'
_OPENED: Final = "istio_tcp_connections_opened_total"
_FAILED: Final = "istio_tcp_connections_failed_total"
_DESTINATION: Final = "destination_workload_namespace, destination_workload"
_SOURCE: Final = "source_workload_namespace, source_workload"


def _opened(more: str = "") -> str:
    return f"sum by (destination_workload_namespace) (rate({_OPENED}{{{_CALLED}{more}}}[$__rate_interval]))"


_MUTUAL: Final = _opened(',connection_security_policy="mutual_tls"')

_TRAFFIC = Row(
    "Traffic",
    (
        Panel(
            "Connections opened",
            "By the workload that is called.",
            (
                Query(
                    f"sum by ({_DESTINATION}) (rate({_OPENED}{{{_CALLED}}}[$__rate_interval]))",
                    "{{destination_workload_namespace}}/{{destination_workload}}",
                ),
            ),
            unit="cps",
        ),
        Panel(
            "Bytes",
            "Received by the workloads that are called, and sent back by them.",
            (
                Query(f"sum(rate(istio_tcp_received_bytes_total{{{_CALLED}}}[$__rate_interval]))", "received"),
                Query(f"sum(rate(istio_tcp_sent_bytes_total{{{_CALLED}}}[$__rate_interval]))", "sent"),
            ),
            unit="Bps",
        ),
    ),
)
_ERRORS = Row(
    "Errors",
    (
        Panel(
            "Connections failed, by reason",
            "DENY: an AuthorizationPolicy. NETWORK_POLICY: port 15008 is blocked. CONNECT: nobody answers. "
            "TLS_FAILURE, IDENTITY_ERROR, CERT_REVOKED: certificates. H2_HANDSHAKE_FAILURE: the other end is no "
            "ztunnel or waypoint.",
            (
                Query(
                    f"sum by (response_flags) (rate({_FAILED}{{{_CALLING}}}[$__rate_interval]))", "{{response_flags}}"
                ),
            ),
            unit="cps",
        ),
        Panel(
            "Who fails to reach whom",
            "In the last hour.",
            (
                Query(
                    f"topk(20, sum by ({_SOURCE}, {_DESTINATION}, response_flags) "
                    f"(increase({_FAILED}{{{_CALLING}}}[1h])) > 0)"
                ),
            ),
            kind="table",
        ),
        Panel(
            "Refused by the called",
            "An AuthorizationPolicy or a strict PeerAuthentication said no, at the called workload's ztunnel.",
            (
                Query(
                    f'sum by ({_DESTINATION}) (rate({_FAILED}{{{_CALLED},response_flags="DENY"}}[$__rate_interval]))',
                    "{{destination_workload_namespace}}/{{destination_workload}}",
                ),
            ),
            unit="cps",
        ),
    ),
)
_MUTUAL_TLS = Row(
    "Mutual TLS",
    (
        Panel(
            "Share of connections with mutual TLS",
            "By namespace of the called. Strict cuts off what is missing to 100 %.",
            (
                # A namespace that is called in plaintext alone has no series of mutual TLS: its share is 0, not a gap.
                Query(f"({_MUTUAL} or 0 * {_opened()}) / {_opened()}", "{{destination_workload_namespace}}"),
            ),
            unit="percentunit",
        ),
        Panel(
            "Who calls in plaintext",
            "In the last hour. Unknown is outside of the mesh.",
            (
                Query(
                    f"topk(20, sum by ({_SOURCE}, {_DESTINATION}) "
                    f'(increase({_OPENED}{{{_CALLED},connection_security_policy="unknown"}}[1h])) > 0)'
                ),
            ),
            kind="table",
        ),
    ),
)
_SATURATION = Row(
    "Saturation and DNS",
    (
        Panel(
            "Open sockets",
            "Of each ztunnel. Its memory grows with them.",
            (Query("sum by (node) (istio_tcp_sockets_open)", "{{node}}"),),
        ),
        Panel(
            "File descriptors in use",
            "Share of each ztunnel's limit.",
            (
                Query(
                    'max by (node) (process_open_fds{job="ztunnel"}) / max by (node) (process_max_fds{job="ztunnel"})',
                    "{{node}}",
                ),
            ),
            unit="percentunit",
        ),
        Panel(
            "DNS queries handed on, and failed",
            "ztunnel answers captured pods' queries; it hands on what isn't in the mesh.",
            (
                Query("sum(rate(istio_dns_upstream_requests_total[$__rate_interval]))", "handed on"),
                Query("sum(rate(istio_dns_upstream_failures_total[$__rate_interval]))", "failed"),
            ),
            unit="reqps",
        ),
        Panel(
            "DNS latency",
            "The 99th percentile of what the cluster's DNS takes.",
            (
                Query(
                    "histogram_quantile(0.99, "
                    "sum by (le) (rate(istio_dns_upstream_request_duration_seconds_bucket[$__rate_interval])))",
                    "p99",
                ),
            ),
            unit="s",
        ),
    ),
)

L4 = Dashboard(
    "l4",
    "Ambient mesh / L4 at ztunnel",
    "Traffic, errors and mutual TLS of all meshed workloads, as ztunnel sees them.",
    (_TRAFFIC, _ERRORS, _MUTUAL_TLS, _SATURATION),
    (Variable("namespace", _OPENED, "destination_workload_namespace"),),
    tags=TAGS,
)
