"""The golden signals at L7, from waypoints; services without one are not in them."""

from typing import Final

from meshwright.istio.observability.dashboards.tags import TAGS
from meshwright.observability.grafana import Dashboard, Panel, Query, Row, Variable

_SELECTED: Final = (
    'reporter="waypoint",destination_service_namespace=~"$namespace",destination_service_name=~"$service"'
)
_SERVICE: Final = "destination_service_namespace, destination_service_name"
_CALLED: Final = "{{destination_service_namespace}}/{{destination_service_name}}"
_REQUESTS: Final = f"istio_requests_total{{{_SELECTED}}}"


def _requests(by: str, more: str = "") -> str:
    selected = f"istio_requests_total{{{_SELECTED}{more}}}"
    return f"sum by ({by}) (rate({selected}[$__rate_interval]))"


def _latency(quantile: float, by: str = "") -> str:
    buckets = f"rate(istio_request_duration_milliseconds_bucket{{{_SELECTED}}}[$__rate_interval])"
    return f"histogram_quantile({quantile}, sum by ({', '.join(filter(None, (by, 'le')))}) ({buckets}))"


_FAILED: Final = _requests(_SERVICE, ',response_code=~"5.."')

_TRAFFIC = Row(
    "Traffic",
    (
        Panel("Requests", "By the service that is called.", (Query(_requests(_SERVICE), _CALLED),), unit="reqps"),
        Panel("Answers", "By status code.", (Query(_requests("response_code"), "{{response_code}}"),), unit="reqps"),
        Panel(
            "Callers",
            "The busiest in the last hour.",
            (Query(f"topk(20, sum by (source_workload_namespace, source_workload) (increase({_REQUESTS}[1h])) > 0)"),),
            kind="table",
        ),
    ),
)
_ERRORS = Row(
    "Errors",
    (
        Panel(
            "Share of answers that are 5xx",
            "By the service that is called.",
            (
                # Where nothing failed there is no series to divide: a service without errors has 0, not a gap.
                Query(
                    f"({_FAILED} or 0 * {_requests(_SERVICE)}) / {_requests(_SERVICE)}",
                    _CALLED,
                ),
            ),
            unit="percentunit",
        ),
        Panel(
            "Why the waypoint had no answer to give",
            "Envoy's response flags, such as UH (no healthy endpoint), UF (connection failed), URX (retries spent), "
            "RBAC_ACCESS_DENIED.",
            (Query(_requests("response_flags", ',response_flags!="-"'), "{{response_flags}}"),),
            unit="reqps",
        ),
        Panel(
            "gRPC statuses but OK",
            "HTTP has 200 for them.",
            (Query(_requests("grpc_response_status", ',grpc_response_status!~"0?"'), "{{grpc_response_status}}"),),
            unit="reqps",
        ),
    ),
)
_LATENCY = Row(
    "Latency",
    (
        Panel(
            "All selected services",
            "From the first byte of the request at the waypoint to the last of the answer.",
            tuple(Query(_latency(quantile), f"p{round(quantile * 100)}") for quantile in (0.5, 0.9, 0.99)),
            unit="ms",
        ),
        Panel(
            "99th percentile by service",
            "By the service that is called.",
            (Query(_latency(0.99, _SERVICE), _CALLED),),
            unit="ms",
        ),
    ),
)
_SATURATION = Row(
    "Saturation",
    (
        Panel(
            "Replicas",
            "Replicas of each waypoint that can be scraped.",
            (Query('sum by (namespace, waypoint) (up{job="waypoint"})', "{{namespace}}/{{waypoint}}"),),
        ),
        Panel(
            "Connections",
            "Open to each waypoint.",
            (
                Query(
                    'sum by (namespace, waypoint) (envoy_server_total_connections{job="waypoint"})',
                    "{{namespace}}/{{waypoint}}",
                ),
            ),
        ),
        Panel(
            "Memory",
            "Of the replica that uses most.",
            (
                Query(
                    'max by (namespace, waypoint) (envoy_server_memory_allocated{job="waypoint"})',
                    "{{namespace}}/{{waypoint}}",
                ),
            ),
            unit="bytes",
        ),
    ),
)

L7 = Dashboard(
    "l7",
    "Ambient mesh / L7 at waypoints",
    "Requests, errors and latency of the services that have a waypoint.",
    (_TRAFFIC, _ERRORS, _LATENCY, _SATURATION),
    (
        Variable("namespace", 'istio_requests_total{reporter="waypoint"}', "destination_service_namespace"),
        Variable(
            "service",
            'istio_requests_total{reporter="waypoint",destination_service_namespace=~"$namespace"}',
            "destination_service_name",
        ),
    ),
    tags=TAGS,
)
