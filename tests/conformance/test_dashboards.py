"""Every expression of our dashboards gives something on series such as ztunnel, waypoints and istiod have."""

from collections.abc import Iterator

import pytest

from meshwright.istio.observability.dashboards import DASHBOARDS
from meshwright.observability.grafana import Query
from tests.servers.programs import require_programs
from tests.servers.prometheus import Prometheus, Series

NOW = 1_800_000_000.0
AGENT = {"node": "a", "pod": "p-0"}
PAIR = {
    "source_workload_namespace": "shop",
    "source_workload": "web",
    "destination_workload_namespace": "catalog",
    "destination_workload": "search",
}
CALLED = {**AGENT, **PAIR, "reporter": "destination"}
CALLING = {**AGENT, **PAIR, "reporter": "source"}
REQUEST = {
    "reporter": "waypoint",
    "source_workload_namespace": "shop",
    "source_workload": "web",
    "destination_service_namespace": "catalog",
    "destination_service_name": "search",
}
WAYPOINT = {"job": "waypoint", "namespace": "catalog", "waypoint": "waypoint", "pod": "w-0"}
# Names and labels of istiod, istio-cni, ztunnel and Envoy; what is counted grows by ten a minute.
COUNTERS = [
    ("pilot_xds_pushes", {"type": "cds"}),
    ("pilot_total_xds_rejects", {"type": "cds"}),
    *(("pilot_proxy_convergence_time_bucket", {"le": le}) for le in ("0.1", "10", "+Inf")),
    ("citadel_server_success_cert_issuance_count", {}),
    ("citadel_server_csr_sign_err_count", {"error": "CSR_ERROR"}),
    ("citadel_server_authentication_failure_count", {}),
    ("istio_cni_plugin_requests_total", {**AGENT, "response_code": "200"}),
    ("istio_xds_connection_terminations_total", {**AGENT, "reason": "Reconnect"}),
    ("istio_tcp_connections_opened_total", {**CALLED, "connection_security_policy": "mutual_tls"}),
    ("istio_tcp_connections_opened_total", {**CALLED, "connection_security_policy": "unknown"}),
    ("istio_tcp_connections_failed_total", {**CALLING, "response_flags": "CONNECT"}),
    ("istio_tcp_connections_failed_total", {**CALLED, "response_flags": "DENY"}),
    ("istio_tcp_received_bytes_total", CALLED),
    ("istio_tcp_sent_bytes_total", CALLED),
    ("istio_dns_upstream_requests_total", AGENT),
    ("istio_dns_upstream_failures_total", AGENT),
    *(("istio_dns_upstream_request_duration_seconds_bucket", {**AGENT, "le": le}) for le in ("0.001", "+Inf")),
    ("istio_requests_total", {**REQUEST, "response_code": "200", "response_flags": "-", "grpc_response_status": ""}),
    ("istio_requests_total", {**REQUEST, "response_code": "200", "response_flags": "-", "grpc_response_status": "14"}),
    ("istio_requests_total", {**REQUEST, "response_code": "503", "response_flags": "UH", "grpc_response_status": ""}),
    *(("istio_request_duration_milliseconds_bucket", {**REQUEST, "le": le}) for le in ("10", "100", "+Inf")),
]
GAUGES = [
    ("up", {"job": "istiod"}, 1.0),
    ("up", WAYPOINT, 1.0),
    ("pilot_xds", {"version": "1.31.1"}, 5.0),
    ("istio_build", {"component": "pilot", "tag": "1.31.1"}, 1.0),
    ("citadel_server_root_cert_expiry_timestamp", {"job": "istiod"}, NOW + 1000),
    ("citadel_server_cert_chain_expiry_timestamp", {"job": "istiod"}, NOW + 500),
    ("istio_agent_cert_expiry_seconds", {**WAYPOINT, "resource_name": "default"}, 40_000.0),
    ("workload_manager_active_proxy_count", AGENT, 9.0),
    ("workload_manager_pending_proxy_count", AGENT, 1.0),
    ("istio_cni_install_ready", AGENT, 1.0),
    ("ztunnel_connected", AGENT, 1.0),
    ("istio_tcp_sockets_open", {**AGENT, "reporter": "source"}, 12.0),
    ("process_open_fds", {**AGENT, "job": "ztunnel"}, 40.0),
    ("process_max_fds", {**AGENT, "job": "ztunnel"}, 1000.0),
    ("envoy_server_total_connections", WAYPOINT, 3.0),
    ("envoy_server_memory_allocated", WAYPOINT, 1e8),
]
QUERIES = [(dashboard.name, query) for dashboard in DASHBOARDS for query in dashboard.queries()]


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    require_programs("prometheus", "promtool")
    times = [NOW - 60.0 * minute for minute in range(90, -1, -1)]
    counted = [
        Series(name, labels, [(time, 10.0 * index) for index, time in enumerate(times)]) for name, labels in COUNTERS
    ]
    measured = [Series(name, labels, [(time, value) for time in times]) for name, labels, value in GAUGES]
    with Prometheus(tmp_path_factory.mktemp("dashboards"), [*counted, *measured]) as server:
        yield server


def chosen(query: Query) -> str:
    """The expression with what Grafana puts in: `All` for the choices, and a window of some scrapes."""
    return query.expr.replace("$__rate_interval", "5m").replace("$namespace", ".*").replace("$service", ".*")


@pytest.mark.xdist_group("dashboards")
@pytest.mark.parametrize(
    ("dashboard", "query"), QUERIES, ids=[f"{name}-{index}" for index, (name, _) in enumerate(QUERIES)]
)
def test_an_expression_gives_numbers(prometheus: Prometheus, dashboard: str, query: Query) -> None:
    found = prometheus.query(chosen(query), NOW)
    assert found, f"{dashboard}: {query.expr}"
    assert all(value == value for _, value in found), f"{dashboard}: {query.expr} is no number"


@pytest.mark.xdist_group("dashboards")
def test_the_legends_name_labels_that_are_there(prometheus: Prometheus) -> None:
    for _, query in QUERIES:
        wanted = {part.split("}}")[0] for part in query.legend.split("{{")[1:]}
        for labels, _ in prometheus.query(chosen(query), NOW):
            assert wanted <= labels.keys(), query


@pytest.mark.xdist_group("dashboards")
def test_a_service_without_errors_has_none_instead_of_a_gap(prometheus: Prometheus) -> None:
    (query,) = [query for name, query in QUERIES if name == "l7" and "5.." in query.expr and "0 *" in query.expr]
    without = chosen(query).replace('"5.."', '"6.."')
    assert [value for _, value in prometheus.query(without, NOW)] == [0.0]
    assert [round(value, 3) for _, value in prometheus.query(chosen(query), NOW)] == [0.333]


@pytest.mark.xdist_group("dashboards")
def test_a_namespace_without_mutual_tls_has_a_share_of_none_instead_of_a_gap(prometheus: Prometheus) -> None:
    (query,) = [query for name, query in QUERIES if name == "l4" and '"mutual_tls"' in query.expr]
    without = chosen(query).replace('"mutual_tls"', '"nobody\'s"')
    assert [value for _, value in prometheus.query(without, NOW)] == [0.0]
    assert [round(value, 3) for _, value in prometheus.query(chosen(query), NOW)] == [0.5]
