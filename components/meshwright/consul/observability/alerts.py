"""What to wake somebody for in a mesh of Consul, each with a section in docs/consul/runbooks.md.

Sources of the metrics: consul 1.22 ``agent/consul`` (``leader_metrics.go``, ``autopilot.go``, ``server.go``) and
``agent/metrics.go``, read of a running server; consul-dataplane ``pkg/consuldp/stats.go``; Envoy's, as Consul names its
listeners (``agent/xds/listeners.go``).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from meshwright.consul.observability.scraping import GATEWAY, PROXY, SERVER
from meshwright.observability.alerts import CRITICAL, INFO, WARNING, Alert

_DAY: Final = 86_400
_HOUR: Final = 3600
_OF_SERVERS: Final = f'{{job="{SERVER}"}}'
_LEADS: Final = f"on (pod) consul_server_isLeader{_OF_SERVERS} == 1"
"""Only the leader knows; the gauges of the others stand at 0."""
_INBOUND: Final = f'job="{PROXY}",envoy_http_conn_manager_prefix="public_listener"'
_SERVICE: Final = "namespace, consul_source_service"


@dataclass(frozen=True, slots=True)
class Watched:
    """What alerts have to know of a mesh."""

    servers: bool = True
    """The servers are scraped."""
    vault: bool = False
    """Vault's agents renew the servers' certificates."""
    leaf_lifetime_h: int = 72
    intermediate_lifetime_h: int = 8760
    """Of what signs the leaves. Consul renews it when half of that is over."""


def alerts(watched: Watched) -> tuple[Alert, ...]:
    """All alerts that these metrics can carry."""
    return (*((*_servers(), *_certificates(watched)) if watched.servers else ()), *_proxies())


def _servers() -> Iterator[Alert]:
    yield Alert(
        "ConsulNoLeader",
        f"max by (job) (consul_server_isLeader{_OF_SERVERS}) == 0 or absent(consul_server_isLeader{_OF_SERVERS})",
        "2m",
        CRITICAL,
        "Consul has no leader, or none of its servers can be scraped",
        "Nothing can be written: no service is registered, no certificate signed, no intention changed. Proxies that "
        "run go on with what they know.",
    )
    yield Alert(
        "ConsulServerDown",
        f"up{_OF_SERVERS} == 0",
        "5m",
        WARNING,
        "Consul's server {{ $labels.pod }} can't be scraped",
        "It is away, or refuses the token of Prometheus. As many servers as are away may not be lost once more.",
    )
    yield Alert(
        "ConsulUnhealthy",
        f"consul_autopilot_healthy{_OF_SERVERS} == 0 and {_LEADS}",
        "5m",
        CRITICAL,
        "Consul's leader {{ $labels.pod }} finds its servers unhealthy",
        "A server has failed, or lags behind in what is written.",
    )
    yield Alert(
        "ConsulNoneToLose",
        f"consul_autopilot_failure_tolerance{_OF_SERVERS} == 0 and {_LEADS} "
        f"and on (job) count by (job) (consul_server_isLeader{_OF_SERVERS}) > 1",
        "15m",
        WARNING,
        "Consul bears the loss of no server any more",
        "One more, and nothing can be written.",
    )
    yield Alert(
        "ConsulLeaderChanges",
        f"sum by (job) (increase(consul_raft_state_leader{_OF_SERVERS}[1h])) > 3",
        "0m",
        WARNING,
        "Consul elects leaders again and again",
        "Servers are short of CPU, of disk or of a network that answers in time. Each election stops all writing for "
        "seconds.",
    )
    yield Alert(
        "ConsulRequestsLimited",
        f"sum by (pod) (increase(consul_rpc_rate_limit_exceeded{_OF_SERVERS}[10m])) > 0",
        "10m",
        WARNING,
        "Consul's server {{ $labels.pod }} gets more requests than its limits allow",
        "With the mode permissive they are only counted; with enforce they are refused.",
    )


def _certificates(watched: Watched) -> Iterator[Alert]:
    half = watched.intermediate_lifetime_h * _HOUR // 2
    late = half - min(3 * _DAY, half // 10)
    yield Alert(
        "ConsulRootExpiresSoon",
        _least("consul_mesh_active_root_ca_expiry", 90 * _DAY),
        "1h",
        WARNING,
        "The root of Consul's CA ends in {{ $value | humanizeDuration }}",
        "Every proxy trusts it. A rotation takes a week, and nothing of it can be hurried.",
    )
    yield Alert(
        "ConsulIntermediateNotRenewed",
        _least("consul_mesh_active_signing_ca_expiry", late),
        "2h",
        WARNING,
        "What signs the leaves was due to be renewed: it ends in {{ $value | humanizeDuration }}",
        "Consul renews it when half of its life is over. It can't: its login to Vault has ended, Vault is sealed, or a "
        "right is missing.",
    )
    yield Alert(
        "ConsulIntermediateAboutToExpire",
        _least("consul_mesh_active_signing_ca_expiry", 3 * watched.leaf_lifetime_h * _HOUR),
        "5m",
        CRITICAL,
        "What signs the leaves ends in {{ $value | humanizeDuration }}",
        "From then on no proxy gets a leaf, and each call fails when the leaf of one of its ends is over.",
    )
    yield Alert(
        "ConsulServerCertificateExpiresSoon",
        f"(consul_agent_tls_cert_expiry{_OF_SERVERS} != 0) < {(3 if watched.vault else 30) * _DAY}",
        "2h",
        CRITICAL if watched.vault else WARNING,
        "The certificate of Consul's server {{ $labels.pod }} ends in {{ $value | humanizeDuration }}",
        "Without it the server is refused by the others, and by every proxy.",
    )
    failure = f"consul_leaf_certs_cert_renewal_failure{_OF_SERVERS}"
    yield Alert(
        "ConsulLeafNotRenewed",
        f"sum by (reason) (increase({failure}[30m])) > 0 "
        f"or sum by (reason) ({failure} unless {failure} offset 30m) > 0",
        "0m",
        WARNING,
        "Consul could not renew a leaf: {{ $labels.reason }}",
        "A proxy's certificate lives for days; where it stays so, its calls fail.",
    )


def _least(metric: str, bound: int) -> str:
    """Where the least that a leader tells is below a bound. 0 stands for a server that doesn't tell."""
    return f"min by (job) ({metric}{_OF_SERVERS} != 0) < {bound}"


def _proxies() -> Iterator[Alert]:
    yield Alert(
        "ConsulProxyCutOff",
        f'consul_dataplane_envoy_connected{{job=~"{PROXY}|{GATEWAY}"}} == 0',
        "10m",
        WARNING,
        "The proxy of {{ $labels.namespace }}/{{ $labels.pod }} hears nothing from Consul",
        "It goes on with endpoints, intentions and a certificate that grow old.",
    )
    yield Alert(
        "ConsulRequestsFail",
        f'sum by ({_SERVICE}) (rate(envoy_http_downstream_rq_xx{{{_INBOUND},envoy_response_code_class="5"}}[5m])) '
        f"/ sum by ({_SERVICE}) (rate(envoy_http_downstream_rq_xx{{{_INBOUND}}}[5m])) > 0.05",
        "5m",
        WARNING,
        "More than 5 % of the requests to {{ $labels.namespace }}/{{ $labels.consul_source_service }} fail",
        "They are answered with 5xx, by the service or by its proxy.",
    )
    plain = f'envoy_tcp_downstream_cx_total{{job="{PROXY}",envoy_tcp_prefix=~"permissive_public_listener.*"}}'
    yield Alert(
        "ConsulPlaintextTaken",
        f"sum by ({_SERVICE}) (increase({plain}[1h])) > 0",
        "0m",
        INFO,
        "{{ $labels.namespace }}/{{ $labels.consul_source_service }} takes connections without mutual TLS",
        "It is permissive, and somebody uses that: once it is strict, these calls fail. Who calls is not told.",
    )
