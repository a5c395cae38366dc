"""Every expression of Consul's dashboards gives something on series such as its servers and proxies have."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from meshwright.consul.observability.alerts import Watched, alerts
from meshwright.consul.observability.dashboards import DASHBOARDS, SERVERS
from tests.conformance.test_dashboards import chosen
from tests.servers.consul import Consul
from tests.servers.programs import require_programs
from tests.servers.prometheus import Prometheus, Series

NOW = 1_800_000_000.0
SERVER = {"job": "consul-server", "namespace": "consul", "pod": "consul-server-0"}
PROXY = {"job": "consul-proxy", "namespace": "shop", "pod": "web-0", "consul_source_service": "web"}
HTTP = {**PROXY, "envoy_http_conn_manager_prefix": "public_listener"}
# Names and labels of Consul's, consul-dataplane's and Envoy's; what is counted grows by ten a minute.
COUNTERS = [
    *(("envoy_http_downstream_rq_xx", {**HTTP, "envoy_response_code_class": each}) for each in ("2", "5")),
    *(("envoy_http_downstream_rq_time_bucket", {**HTTP, "le": le}) for le in ("10", "1000", "+Inf")),
    ("envoy_tcp_downstream_cx_total", {**PROXY, "envoy_tcp_prefix": "permissive_public_listener"}),
    ("envoy_http_rbac_denied", HTTP),
    ("consul_raft_state_leader", SERVER),
    ("consul_rpc_rate_limit_exceeded", SERVER),
]
GAUGES = [
    ("up", SERVER, 1.0),
    ("consul_mesh_active_root_ca_expiry", SERVER, 3e8),
    ("consul_mesh_active_signing_ca_expiry", SERVER, 3e7),
    ("consul_agent_tls_cert_expiry", SERVER, 2e6),
    ("consul_autopilot_failure_tolerance", SERVER, 1.0),
    ("consul_xds_server_streams", SERVER, 40.0),
    ("process_resident_memory_bytes", SERVER, 1e8),
    ("consul_dataplane_envoy_connected", PROXY, 1.0),
    ("envoy_http_downstream_cx_active", HTTP, 7.0),
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
    with Prometheus(tmp_path_factory.mktemp("consul"), [*counted, *measured]) as server:
        yield server


@pytest.mark.xdist_group("consul-dashboards")
def test_every_expression_gives_numbers_with_the_labels_of_its_legend(prometheus: Prometheus) -> None:
    for dashboard, query in QUERIES:
        found = prometheus.query(chosen(query), NOW)
        assert found, f"{dashboard}: {query.expr}"
        wanted = {part.split("}}")[0] for part in query.legend.split("{{")[1:]}
        for labels, value in found:
            assert value == value, f"{dashboard}: {query.expr} is no number"
            assert wanted <= labels.keys(), query


@pytest.mark.xdist_group("consul-dashboards")
def test_a_service_without_failures_has_none_instead_of_a_gap(prometheus: Prometheus) -> None:
    (query,) = [query for _, query in QUERIES if "0 *" in query.expr]
    without = chosen(query).replace('class="5"', 'class="9"')
    assert [value for _, value in prometheus.query(without, NOW)] == [0.0]
    assert [round(value, 3) for _, value in prometheus.query(chosen(query), NOW)] == [0.5]


def test_a_real_server_has_what_rules_and_dashboards_name(tmp_path: Path) -> None:
    """All but what 2.0 brings, which no server that can be built here has."""
    require_programs("consul")
    with Consul(tmp_path, {}) as consul:
        text = urllib3.request("GET", f"{consul.url}/v1/agent/metrics?format=prometheus").data.decode()
    told = {line.partition(" ")[0].partition("{")[0] for line in text.splitlines() if not line.startswith("#")}
    asked = [query.expr for query in SERVERS.queries()] + [each.expr for each in alerts(Watched())]
    named = set(re.findall(r"\bconsul_(?!dataplane_|source_)\w+", " ".join(asked)))
    assert named - told == {"consul_leaf_certs_cert_renewal_failure"}
