"""Grafana dashboards as code: the health of Linkerd itself, and the golden signals of what is meshed."""

from typing import Final

from meshwright.linkerd.observability.alerts import ANCHOR_EXPIRY
from meshwright.linkerd.observability.scraping import CONTROLLER, MULTICLUSTER, PROXY
from meshwright.observability.grafana import Dashboard, Panel, Query, Row, Variable

_TAGS: Final = ("linkerd",)
_RATE: Final = "[$__rate_interval]"
_INBOUND: Final = f'job="{PROXY}",direction="inbound",namespace=~"$namespace"'
_WORKLOAD: Final = "namespace, deployment"
_NAMED: Final = "{{namespace}}/{{deployment}}"


def _answers(by: str, more: str = "") -> str:
    return f"sum by ({by}) (rate(response_total{{{_INBOUND}{more}}}{_RATE}))"


def _latency(quantile: float, by: str = "") -> str:
    labels = ", ".join(filter(None, (by, "le")))
    return f"histogram_quantile({quantile}, sum by ({labels}) (rate(response_latency_ms_bucket{{{_INBOUND}}}{_RATE})))"


_FAILED: Final = _answers(_WORKLOAD, ',classification="failure"')
_CERTIFICATES = Row(
    "Certificates",
    (
        Panel(
            "Time left",
            "Of the issuer that linkerd-identity signs with, of each trust anchor that is known, and of the proxies' "
            "own that ends next.",
            (
                Query(f'min(issuer_cert_ttl_seconds{{job="{CONTROLLER}"}})', "issuer"),
                Query(f"min by (anchor) ({ANCHOR_EXPIRY}) - time()", "anchor {{anchor}}"),
                Query(f'min(control_identity_cert_expiration_timestamp_seconds{{job="{PROXY}"}}) - time()', "proxies"),
            ),
            unit="s",
            kind="stat",
        ),
        Panel(
            "Proxies' certificates renewed",
            "Errors that stay mean that identity can't sign, or that a proxy isn't who it says.",
            (
                Query(
                    f'sum by (result) (rate(control_identity_cert_refreshes_total{{job="{PROXY}"}}{_RATE}))',
                    "{{result}}",
                ),
            ),
            unit="ops",
        ),
    ),
)
_CONTROL_PLANE = Row(
    "Control plane",
    (
        Panel(
            "Controllers up",
            "Replicas that can be scraped.",
            (Query(f'sum by (component) (up{{job="{CONTROLLER}"}})', "{{component}}"),),
        ),
        Panel(
            "Memory",
            "linkerd-destination's grows with the endpoints of the cluster.",
            (
                Query(
                    f'max by (component) (process_resident_memory_bytes{{job="{CONTROLLER}"}})',
                    "{{component}}",
                ),
            ),
            unit="bytes",
        ),
        Panel(
            "Pods injected and skipped",
            "Answers of the injector.",
            (
                Query(
                    f'sum by (skip) (rate(proxy_inject_admission_responses_total{{job="{CONTROLLER}"}}{_RATE}))',
                    "skipped: {{skip}}",
                ),
            ),
            unit="ops",
        ),
        Panel(
            "Gateways of other clusters",
            "1 where the gateway answers.",
            (
                Query(
                    f'max by (target_cluster_name) (gateway_alive{{job="{MULTICLUSTER}"}})', "{{target_cluster_name}}"
                ),
            ),
        ),
    ),
)
_TRAFFIC = Row(
    "Traffic",
    (
        Panel(
            "Requests",
            "By the workload that is called.",
            (Query(f"sum by ({_WORKLOAD}) (rate(request_total{{{_INBOUND}}}{_RATE}))", _NAMED),),
            unit="reqps",
        ),
        Panel(
            "Share of requests with mutual TLS",
            "What is missing to 100 % is refused by the policies all-authenticated and deny.",
            (
                Query(
                    f'sum by (namespace) (rate(request_total{{{_INBOUND},tls="true"}}{_RATE})) '
                    f"/ sum by (namespace) (rate(request_total{{{_INBOUND}}}{_RATE}))",
                    "{{namespace}}",
                ),
            ),
            unit="percentunit",
        ),
    ),
)
_ERRORS = Row(
    "Errors",
    (
        Panel(
            "Share of answers that are failures",
            "By the workload that is called.",
            # Where nothing failed there is no series to divide: a workload without failures has 0, not a gap.
            (Query(f"({_FAILED} or 0 * {_answers(_WORKLOAD)}) / {_answers(_WORKLOAD)}", _NAMED),),
            unit="percentunit",
        ),
        Panel(
            "Requests refused by policy",
            "No AuthorizationPolicy lets them in.",
            (
                Query(
                    f'sum by (namespace, srv_name) (rate(inbound_http_authz_deny_total{{job="{PROXY}",'
                    f'namespace=~"$namespace"}}{_RATE}))',
                    "{{namespace}}/{{srv_name}}",
                ),
            ),
            unit="reqps",
        ),
    ),
)
_SPEED = Row(
    "Latency and saturation",
    (
        Panel(
            "Latency",
            "Of all answers of the chosen namespaces.",
            tuple(Query(_latency(quantile), f"p{round(quantile * 100)}") for quantile in (0.5, 0.95, 0.99)),
            unit="ms",
        ),
        Panel("99th percentile by workload", "The called.", (Query(_latency(0.99, _WORKLOAD), _NAMED),), unit="ms"),
        Panel(
            "Open connections",
            "Taken by the proxies of a workload.",
            (
                Query(
                    f'sum by ({_WORKLOAD}) (tcp_open_connections{{{_INBOUND},peer="src"}})',
                    _NAMED,
                ),
            ),
        ),
    ),
)

DASHBOARDS: Final = (
    Dashboard(
        "linkerd-health",
        "Linkerd / Health",
        "Certificates, control plane and gateways.",
        (_CERTIFICATES, _CONTROL_PLANE),
        tags=_TAGS,
    ),
    Dashboard(
        "linkerd-golden-signals",
        "Linkerd / Golden signals",
        "Traffic, errors, latency and saturation of what is meshed, as the called workloads' proxies see them.",
        (_TRAFFIC, _ERRORS, _SPEED),
        (Variable("namespace", f'request_total{{job="{PROXY}"}}', "namespace"),),
        tags=_TAGS,
    ),
)
