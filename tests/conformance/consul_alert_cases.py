"""For every alert of Consul: series with which it fires, and series, much like them, with which it doesn't."""

from tests.conformance.alert_cases import Case

_DAY = 86_400
_SERVER = 'job="consul-server",namespace="consul"'
_PROXY = 'job="consul-proxy",namespace="shop",pod="web-0",consul_source_service="web"'
_HTTP = f'{_PROXY},envoy_http_conn_manager_prefix="public_listener"'
_ONE, _TWO = (f'{_SERVER},pod="consul-server-{number}"' for number in (0, 1))
_LABELS = {"job": "consul-server", "namespace": "consul", "pod": "consul-server-0"}
_WEB = {"namespace": "shop", "consul_source_service": "web"}
_UP = {f"up{{{_ONE}}}": "1x60", f"up{{{_TWO}}}": "1x60"}
_LEADS = {f"consul_server_isLeader{{{_ONE}}}": "1x60", f"consul_server_isLeader{{{_TWO}}}": "0x60"}
_ROOT, _SIGNS = "consul_mesh_active_root_ca_expiry", "consul_mesh_active_signing_ca_expiry"
_JOB = {"job": "consul-server"}


def _left(metric: str, days: float) -> dict[str, str]:
    """The leader's gauge, and that of a server that doesn't tell."""
    return {f"{metric}{{{_ONE}}}": f"{round(days * _DAY)}x180", f"{metric}{{{_TWO}}}": "0x180"}


CASES = {
    "ConsulNoLeader": Case(
        {**_UP, f"consul_server_isLeader{{{_ONE}}}": "0x60", f"consul_server_isLeader{{{_TWO}}}": "0x60"},
        _JOB,
        {**_UP, **_LEADS},
    ),
    "ConsulServerDown": Case({f"up{{{_ONE}}}": "0x60", f"up{{{_TWO}}}": "1x60"}, _LABELS, _UP),
    "ConsulUnhealthy": Case(
        {**_LEADS, f"consul_autopilot_healthy{{{_ONE}}}": "0x60", f"consul_autopilot_healthy{{{_TWO}}}": "0x60"},
        _LABELS,
        # Those that don't lead don't know.
        {**_LEADS, f"consul_autopilot_healthy{{{_ONE}}}": "1x60", f"consul_autopilot_healthy{{{_TWO}}}": "0x60"},
    ),
    "ConsulNoneToLose": Case(
        {**_LEADS, f"consul_autopilot_failure_tolerance{{{_ONE}}}": "0x60"},
        _LABELS,
        # A server by itself never had one to lose.
        {f"consul_server_isLeader{{{_ONE}}}": "1x60", f"consul_autopilot_failure_tolerance{{{_ONE}}}": "0x60"},
    ),
    "ConsulLeaderChanges": Case(
        {f"consul_raft_state_leader{{{_ONE}}}": "1+1x60"}, _JOB, {f"consul_raft_state_leader{{{_ONE}}}": "1x60"}
    ),
    "ConsulRequestsLimited": Case(
        {f"consul_rpc_rate_limit_exceeded{{{_ONE}}}": "0+5x60"},
        {"pod": "consul-server-0"},
        {f"consul_rpc_rate_limit_exceeded{{{_ONE}}}": "5x60"},
    ),
    "ConsulRootExpiresSoon": Case(_left(_ROOT, 80), _JOB, _left(_ROOT, 100), at="3h", value="80d 0h 0m 0s"),
    "ConsulIntermediateNotRenewed": Case(_left(_SIGNS, 179), _JOB, _left(_SIGNS, 181), at="3h", value="179d 0h 0m 0s"),
    "ConsulIntermediateAboutToExpire": Case(_left(_SIGNS, 8), _JOB, _left(_SIGNS, 10), at="3h", value="8d 0h 0m 0s"),
    "ConsulServerCertificateExpiresSoon": Case(
        _left("consul_agent_tls_cert_expiry", 2),
        _LABELS,
        _left("consul_agent_tls_cert_expiry", 4),
        at="3h",
        value="2d 0h 0m 0s",
    ),
    "ConsulLeafNotRenewed": Case(
        # The series is born with its first failure, so that nothing increases.
        {f'consul_leaf_certs_cert_renewal_failure{{{_ONE},reason="rate limit"}}': "_x50 1x10"},
        {"reason": "rate limit"},
        {f'consul_leaf_certs_cert_renewal_failure{{{_ONE},reason="rate limit"}}': "3x60"},
    ),
    "ConsulProxyCutOff": Case(
        {f"consul_dataplane_envoy_connected{{{_PROXY}}}": "0x60"},
        {"job": "consul-proxy", "pod": "web-0", **_WEB},
        {f"consul_dataplane_envoy_connected{{{_PROXY}}}": "1x60"},
    ),
    "ConsulRequestsFail": Case(
        {
            f'envoy_http_downstream_rq_xx{{{_HTTP},envoy_response_code_class="5"}}': "0+6x60",
            f'envoy_http_downstream_rq_xx{{{_HTTP},envoy_response_code_class="2"}}': "0+94x60",
        },
        _WEB,
        {
            f'envoy_http_downstream_rq_xx{{{_HTTP},envoy_response_code_class="5"}}': "0+4x60",
            f'envoy_http_downstream_rq_xx{{{_HTTP},envoy_response_code_class="2"}}': "0+96x60",
        },
    ),
    "ConsulPlaintextTaken": Case(
        {f'envoy_tcp_downstream_cx_total{{{_PROXY},envoy_tcp_prefix="permissive_public_listener"}}': "0+1x60"},
        _WEB,
        {
            f'envoy_tcp_downstream_cx_total{{{_PROXY},envoy_tcp_prefix="permissive_public_listener"}}': "9x60",
            f'envoy_tcp_downstream_cx_total{{{_PROXY},envoy_tcp_prefix="public_listener"}}': "0+1x60",
        },
    ),
}
