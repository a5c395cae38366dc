"""Every expression of Linkerd's dashboards gives something on series such as its proxies and controllers have."""

from collections.abc import Iterator

import pytest

from meshwright.linkerd.observability.dashboards import DASHBOARDS
from tests.conformance.test_dashboards import chosen
from tests.servers.programs import require_programs
from tests.servers.prometheus import Prometheus, Series

NOW = 1_800_000_000.0
CONTROLLER = {"job": "linkerd-controller", "namespace": "linkerd", "component": "identity", "pod": "i-0"}
PROXY = {"job": "linkerd-proxy", "namespace": "shop", "deployment": "web", "pod": "web-0"}
INBOUND = {**PROXY, "direction": "inbound"}
LINK = {"job": "linkerd-multicluster-controller", "target_cluster_name": "us"}
# Names and labels of linkerd2 and linkerd2-proxy; what is counted grows by ten a minute.
COUNTERS = [
    ("request_total", {**INBOUND, "tls": "true"}),
    ("request_total", {**INBOUND, "tls": "no_identity"}),
    ("response_total", {**INBOUND, "classification": "success"}),
    ("response_total", {**INBOUND, "classification": "failure"}),
    *(("response_latency_ms_bucket", {**INBOUND, "le": le}) for le in ("10", "1000", "+Inf")),
    ("inbound_http_authz_deny_total", {**PROXY, "srv_name": "web-http"}),
    ("control_identity_cert_refreshes_total", {**PROXY, "result": "ok"}),
    ("proxy_inject_admission_responses_total", {**CONTROLLER, "skip": "false"}),
]
GAUGES = [
    ("up", CONTROLLER, 1.0),
    ("issuer_cert_ttl_seconds", CONTROLLER, 90_000.0),
    ("linkerd:trust_anchor_expiry_timestamp_seconds", {"anchor": "2026"}, NOW + 1e8),
    ("control_identity_cert_expiration_timestamp_seconds", PROXY, NOW + 50_000),
    ("process_resident_memory_bytes", CONTROLLER, 1e8),
    ("gateway_alive", LINK, 1.0),
    ("tcp_open_connections", {**INBOUND, "peer": "src"}, 7.0),
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
    with Prometheus(tmp_path_factory.mktemp("linkerd"), [*counted, *measured]) as server:
        yield server


@pytest.mark.xdist_group("linkerd-dashboards")
def test_every_expression_gives_numbers_with_the_labels_of_its_legend(prometheus: Prometheus) -> None:
    for dashboard, query in QUERIES:
        found = prometheus.query(chosen(query), NOW)
        assert found, f"{dashboard}: {query.expr}"
        wanted = {part.split("}}")[0] for part in query.legend.split("{{")[1:]}
        for labels, value in found:
            assert value == value, f"{dashboard}: {query.expr} is no number"
            assert wanted <= labels.keys(), query


@pytest.mark.xdist_group("linkerd-dashboards")
def test_a_workload_without_failures_has_none_instead_of_a_gap(prometheus: Prometheus) -> None:
    (query,) = [query for _, query in QUERIES if "0 *" in query.expr]
    without = chosen(query).replace('"failure"', '"nothing"')
    assert [value for _, value in prometheus.query(without, NOW)] == [0.0]
    assert [round(value, 3) for _, value in prometheus.query(chosen(query), NOW)] == [0.5]
