"""The config of the way out of the mesh."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, cast

from pydantic import AfterValidator, Field

from meshwright.config.base import (
    Flag,
    Mistake,
    Model,
    NamespaceName,
    Port,
    Replicas,
    Spelt,
    refusal,
    repeated,
)
from meshwright.config.gateway_api import Method, told
from meshwright.config.istio_traffic import (
    TrafficConnectionPool,
    TrafficModel,
    TrafficOutlierDetection,
)
from meshwright.errors import Code
from meshwright.istio.traffic.egress_checks import EgressHost as EgressHostArgs
from meshwright.istio.traffic.egress_checks import hosts_troubles
from meshwright.istio.traffic.spelling import ACCOUNT, PATH_PATTERN, is_cidr


def _range(text: str) -> str:
    if not is_cidr(text):
        message = f'is "{text[:60]}", which is no range of addresses'
        raise refusal(Mistake(Code.BAD_VALUE, message, 'write it as "10.0.0.0/16"'))
    return text


PathPattern = Annotated[
    str, Spelt(PATH_PATTERN, "path of a policy", 'write a path, or one with * at an end: "/v1/*"', limit=1024)
]
AccountName = Annotated[
    str,
    Spelt(ACCOUNT, "service account", "write its name without the namespace: lower-case letters, digits, - and ."),
]
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
OutsideName = Annotated[
    str,
    Spelt(rf"(\*\.)?{_LABEL}(\.{_LABEL})+", "DNS name", 'write "api.example.com", or "*.example.com" for all below it'),
]


class EgressCaller(TrafficModel):
    """Who may call a host."""

    namespace: NamespaceName = Field(examples=["checkout"])
    """Its namespace."""
    service_accounts: tuple[AccountName, ...] = ()
    """Only these. Default: all of the namespace."""


class EgressHost(TrafficModel):
    """A host outside of the mesh."""

    host: OutsideName = Field(examples=["api.example.com"])
    """Its DNS name; `*.example.com` for all below one, with plain HTTP only."""
    callers: tuple[EgressCaller, ...] = Field(examples=[[{"namespace": "checkout"}]])
    """Who may call it. Nobody else may."""
    protocol: Literal["http", "tls", "tcp"] = "http"
    """What callers speak: plain HTTP, TLS of their own from end to end, or anything."""
    port: Port | None = None
    """The port that callers use. Default: 80 for http, 443 for tls."""
    originate_tls: Flag = False
    """The waypoint speaks TLS to the host, for callers that speak plain HTTP."""
    target_port: Port | None = None
    """The host's port. Default: 443 with originate_tls, else the one that callers use."""
    methods: tuple[Method, ...] = ()
    """Only these HTTP methods. Default: all."""
    paths: tuple[PathPattern, ...] = ()
    """Only these paths; `*` at an end stands for anything. Default: all."""
    connection_pool: TrafficConnectionPool | None = None
    """How much is asked of it at a time."""
    outlier_detection: TrafficOutlierDetection | None = None
    """When an address of it that answers badly is left out."""


class EgressWaypoint(Model):
    """The waypoint on the way out."""

    min_replicas: Replicas = 2
    """Least number of replicas."""
    max_replicas: Replicas | None = None
    """Greatest number of replicas. Default: 5, or min_replicas where that is more."""

    def mistakes(self) -> Iterator[Mistake]:
        """The autoscaler has a range."""
        if self.max_replicas is not None and self.min_replicas > self.max_replicas:
            message = f"is {self.min_replicas}, more than max_replicas ({self.max_replicas})"
            yield Mistake(Code.CONTRADICTION, message, "lower it, or raise max_replicas", ("min_replicas",))


class MeshEgress(TrafficModel):
    """The way out of the mesh: a namespace with a waypoint, and the hosts that may be called through it."""

    hosts: tuple[EgressHost, ...] = Field(examples=[[{"host": "api.example.com", "callers": [{"namespace": "shop"}]}]])
    """What may be called, and by whom."""
    namespace: NamespaceName = "istio-egress"
    """A namespace for this alone."""
    adopt: Flag = False
    """The namespace exists: it is labelled, and stays when the stack goes."""
    waypoint: EgressWaypoint = Field(default_factory=EgressWaypoint)
    """The waypoint."""
    confine: tuple[NamespaceName, ...] = ()
    """Namespaces whose pods reach nothing outside of the cluster by themselves (NetworkPolicy). Without it pods can go
    around the waypoint."""
    confine_except: tuple[Annotated[str, AfterValidator(_range)], ...] = ()
    """Address ranges that confined pods reach all the same, such as the API server's."""

    def host_arguments(self) -> list[EgressHostArgs]:
        """The hosts as the component takes them."""
        return [
            cast("EgressHostArgs", each.model_dump(mode="json", exclude_unset=True, exclude_none=True))
            for each in self.hosts
        ]

    def mistakes(self) -> Iterator[Mistake]:
        """What the hosts can't be."""
        yield from told(hosts_troubles(self.host_arguments()))
        yield from repeated("confine", self.confine)
        if self.confine_except and not self.confine:
            message = "is used with confine alone, and that is empty"
            yield Mistake(Code.CONTRADICTION, message, "list namespaces to confine, or remove it", ("confine_except",))


def egress_mistakes(egress: MeshEgress | None, phases: Mapping[str, str], *, captures_dns: bool) -> Iterator[Mistake]:
    """What the way out can't be, for the namespaces of the mesh and their phases."""
    if egress is None:
        return
    if not captures_dns:
        message = (
            "needs ztunnel to answer DNS requests, which is switched off: "
            "pods would connect to the hosts' own addresses, past the waypoint"
        )
        yield Mistake(Code.EGRESS_HOST, message, "remove dns_capture: false", ("egress",))
    if egress.namespace in phases:
        message = f'is "{egress.namespace}", which is one of the namespaces'
        remedy = "give egress a namespace of its own, and leave that out of namespaces"
        yield Mistake(Code.DUPLICATE_NAME, message, remedy, ("egress", "namespace"))
    for index, name in enumerate(egress.confine):
        if phases.get(name, "unmeshed") == "unmeshed":
            message = f'is "{name}", whose pods are not in the mesh: they would reach nothing outside at all'
            yield Mistake(Code.EGRESS_HOST, message, "list meshed namespaces only", ("egress", "confine", index))
