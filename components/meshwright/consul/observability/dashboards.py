"""Grafana dashboards as code: the health of Consul itself, and the golden signals of what is meshed."""

from typing import Final

from meshwright.consul.observability.scraping import PROXY, SERVER
from meshwright.observability.grafana import Dashboard, Panel, Query, Row, Variable

_TAGS: Final = ("consul",)
_RATE: Final = "[$__rate_interval]"
_SERVERS: Final = f'job="{SERVER}"'
_PROXIES: Final = f'job="{PROXY}",namespace=~"$namespace"'
_HTTP: Final = f'{_PROXIES},envoy_http_conn_manager_prefix="public_listener"'
_SERVICE: Final = "namespace, consul_source_service"
_NAMED: Final = "{{namespace}}/{{consul_source_service}}"


def _answers(more: str = "") -> str:
    return f"sum by ({_SERVICE}) (rate(envoy_http_downstream_rq_xx{{{_HTTP}{more}}}{_RATE}))"


def _latency(quantile: float, by: str = "") -> str:
    labels = ", ".join(filter(None, (by, "le")))
    return (
        f"histogram_quantile({quantile}, sum by ({labels}) "
        f"(rate(envoy_http_downstream_rq_time_bucket{{{_HTTP}}}{_RATE})))"
    )


_FAILED: Final = _answers(',envoy_response_code_class="5"')
_CERTIFICATES: Final = Row(
    "Certificates",
    (
        Panel(
            "Time left",
            "Of the root, of what signs the leaves, and of the servers' own certificate that ends next.",
            (
                Query(f"min(consul_mesh_active_root_ca_expiry{{{_SERVERS}}} != 0)", "root"),
                Query(f"min(consul_mesh_active_signing_ca_expiry{{{_SERVERS}}} != 0)", "what signs"),
                Query(f"min(consul_agent_tls_cert_expiry{{{_SERVERS}}} != 0)", "servers"),
            ),
            unit="s",
            kind="stat",
        ),
    ),
)
_AGREEMENT: Final = Row(
    "Servers",
    (
        Panel(
            "Servers up",
            "That can be scraped.",
            (Query(f"sum by (pod) (up{{{_SERVERS}}})", "{{pod}}"),),
        ),
        Panel(
            "Servers that may be lost",
            "As the leader sees it; below one, the next loss stops all writing.",
            (Query(f"max(consul_autopilot_failure_tolerance{{{_SERVERS}}})", "may be lost"),),
            kind="stat",
        ),
        Panel(
            "Elections",
            "Each stops all writing for seconds.",
            (Query(f"sum(increase(consul_raft_state_leader{{{_SERVERS}}}[1h]))", "in an hour"),),
        ),
        Panel(
            "Proxies' streams",
            "How many proxies each server tells what changes.",
            (Query(f"sum by (pod) (consul_xds_server_streams{{{_SERVERS}}})", "{{pod}}"),),
        ),
    ),
)
_LOAD: Final = Row(
    "Load",
    (
        Panel(
            "Memory",
            "Consul keeps its whole state in it.",
            (Query(f"max by (pod) (process_resident_memory_bytes{{{_SERVERS}}})", "{{pod}}"),),
            unit="bytes",
        ),
        Panel(
            "Requests over the limits",
            "Counted where the mode is permissive, refused where it is enforce.",
            (Query(f"sum by (pod) (rate(consul_rpc_rate_limit_exceeded{{{_SERVERS}}}{_RATE}))", "{{pod}}"),),
            unit="ops",
        ),
    ),
)
_TRAFFIC: Final = Row(
    "Traffic",
    (
        Panel("Requests", "By the service that is called.", (Query(_answers(), _NAMED),), unit="reqps"),
        Panel(
            "Connections without mutual TLS",
            "To permissive services; they fail once the service is strict.",
            (
                Query(
                    f"sum by ({_SERVICE}) (rate(envoy_tcp_downstream_cx_total{{{_PROXIES},"
                    f'envoy_tcp_prefix=~"permissive_public_listener.*"}}{_RATE}))',
                    _NAMED,
                ),
            ),
            unit="ops",
        ),
        Panel(
            "Proxies that hear from Consul",
            "1 for each that does.",
            (Query(f"sum by (namespace) (consul_dataplane_envoy_connected{{{_PROXIES}}})", "{{namespace}}"),),
        ),
    ),
)
_ERRORS: Final = Row(
    "Errors",
    (
        Panel(
            "Share of requests that fail",
            "Answered with 5xx, by the service that is called.",
            # Where nothing failed there is no series to divide: a service without failures has 0, not a gap.
            (Query(f"({_FAILED} or 0 * {_answers()}) / {_answers()}", _NAMED),),
            unit="percentunit",
        ),
        Panel(
            "Calls refused by intentions",
            "No intention lets them in.",
            (
                Query(
                    f"sum by ({_SERVICE}) (rate(envoy_http_rbac_denied{{{_PROXIES}}}{_RATE})) "
                    f"or sum by ({_SERVICE}) (rate(envoy_connect_authz_rbac_denied{{{_PROXIES}}}{_RATE}))",
                    _NAMED,
                ),
            ),
            unit="ops",
        ),
    ),
)
_SPEED: Final = Row(
    "Latency and saturation",
    (
        Panel(
            "Latency",
            "Of all answers of the chosen namespaces.",
            tuple(Query(_latency(quantile), f"p{round(quantile * 100)}") for quantile in (0.5, 0.95, 0.99)),
            unit="ms",
        ),
        Panel("99th percentile by service", "The called.", (Query(_latency(0.99, _SERVICE), _NAMED),), unit="ms"),
        Panel(
            "Open connections",
            "Taken by the proxies of a service.",
            (
                Query(
                    f"sum by ({_SERVICE}) (envoy_http_downstream_cx_active{{{_HTTP}}})",
                    _NAMED,
                ),
            ),
        ),
    ),
)
SERVERS: Final = Dashboard(
    "consul-health",
    "Consul / Health",
    "Certificates, servers and their load.",
    (_CERTIFICATES, _AGREEMENT, _LOAD),
    tags=_TAGS,
)
SIGNALS: Final = Dashboard(
    "consul-golden-signals",
    "Consul / Golden signals",
    "Traffic, errors, latency and saturation of what is meshed, as the called services' proxies see them.",
    (_TRAFFIC, _ERRORS, _SPEED),
    (Variable("namespace", f'envoy_http_downstream_rq_xx{{job="{PROXY}"}}', "namespace"),),
    tags=_TAGS,
)
DASHBOARDS: Final = (SERVERS, SIGNALS)
