"""Access in a stack of kind `linkerd`: how pods get their proxies, and who may call what."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from meshwright.config.base import (
    Flag,
    Mistake,
    Model,
    PodLabels,
    Port,
    ServiceName,
    Spelt,
    Text,
    refusal,
    repeated,
)
from meshwright.config.istio_control import Network
from meshwright.config.istio_security import Identity, Method
from meshwright.errors import Code
from meshwright.linkerd.access.checks import refused_keys

MeshedPhase = Literal["audit", "authenticated", "deny"]
_PORT_NAME = Spelt(
    r"(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*",
    "port name",
    'write a number, or the name in the pod\'s spec: "http"',
    limit=15,
)


def _pod_port(value: object) -> object:
    if isinstance(value, str):
        return _PORT_NAME.check(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value) or not 0 < value < 65536:
        raise refusal(Mistake(Code.BAD_VALUE, f"is {str(value)[:40]}, which is no port", "write 1 to 65535, or a name"))
    return int(value)


PodPort = Annotated[int | str, BeforeValidator(_pod_port)]
"""A pods' port: its number, or its name in the pod's spec."""


class SkippedPorts(Model):
    """Ports that go past the proxy: no mutual TLS, no policy, no metrics."""

    ports: Annotated[tuple[Port, ...], Field(min_length=1)] = Field(examples=[[3306]])
    """The ports."""
    reason: Text = Field(examples=["the database is outside the cluster"])
    """Why."""


class ProxyResources(Model):
    """Resources of a proxy, as Kubernetes has them."""

    cpu_request: Text | None = None
    """Such as 100m. Default: the control plane's."""
    cpu_limit: Text | None = None
    """Default: the control plane's."""
    memory_request: Text | None = None
    """Such as 20Mi. Default: the control plane's."""
    memory_limit: Text | None = None
    """Default: the control plane's."""


class ProxyInjection(Model):
    """How a namespace's pods get their proxies. A change reaches pods when they are made."""

    opaque_ports: tuple[Port, ...] = ()
    """Ports of protocols in which the server speaks first, beside Linkerd's own and the control plane's."""
    skip_inbound: tuple[SkippedPorts, ...] = ()
    """Ports of the pods that the proxy leaves alone, beside Linkerd's own two."""
    skip_outbound: tuple[SkippedPorts, ...] = ()
    """Ports that pods call past the proxy, beside Linkerd's own two."""
    resources: ProxyResources = Field(default_factory=ProxyResources)
    """The proxy's resources. Default: the control plane's."""
    native_sidecar: Flag | None = None
    """The proxy is a native sidecar, so that jobs end. Default: the control plane's."""

    def mistakes(self) -> Iterator[Mistake]:
        """A port is named once."""
        yield from repeated("opaque_ports", self.opaque_ports)


class LinkerdPort(Model):
    """A port of a workload: one Server stands for it."""

    port: PodPort = Field(examples=[8080])
    """The pods' port: its number, or its name in the pod's spec."""
    protocol: Literal["unknown", "HTTP/1", "HTTP/2", "gRPC", "opaque", "TLS"] | None = None
    """What it speaks; `unknown`: Linkerd guesses. Default: opaque for a port that is opaque, else unknown."""
    probes: tuple[str, ...] | None = None
    """Paths of the kubelet's probes on the port; with gRPC, the services. Where a call is limited, they have to be
    listed, `[]` for none. Default: not said."""


class LinkerdWorkload(Model):
    """Pods that are called."""

    labels: PodLabels | None = None
    """Labels of the pods. Default: `app: <name of the workload>`."""
    ports: tuple[LinkerdPort, ...] = Field(examples=[[{"port": 8080}]])
    """Their ports. Others are as the phase says, from a pod's start on."""
    phase: MeshedPhase | None = None
    """A phase of its own for its ports. Default: the namespace's."""
    host_network: Flag = False
    """The pods use the node's network. Linkerd can't guard them."""

    def mistakes(self) -> Iterator[Mistake]:
        """A port is listed once."""
        yield from repeated("ports", (each.port for each in self.ports), "port")


class LinkerdCall(Model):
    """A call that is allowed."""

    caller: Identity | None = Field(default=None, alias="from", examples=["checkout/cart"])
    """Who calls: namespace/service-account. Default: whoever is in `networks`."""
    networks: tuple[Network, ...] = ()
    """Where it calls from. With `from`, both have to be true. Default: anywhere."""
    to: ServiceName = Field(examples=["payment"])
    """The workload of this namespace that is called."""
    ports: tuple[PodPort, ...] = ()
    """Ports, as the workload lists them. Default: all of them."""
    methods: tuple[Method, ...] = ()
    """HTTP methods. Default: all."""
    paths: tuple[Text, ...] = ()
    """HTTP paths: `/a`, or `/a/*` with all below it. Default: all."""
    grpc: tuple[Text, ...] = ()
    """gRPC services, or `service/method`. Default: all."""


class LinkerdSecurity(Model):
    """Who may call the namespace's workloads. The phase says what holds beyond the calls."""

    workloads: dict[str, LinkerdWorkload] = Field(default_factory=dict)
    """Name -> the pods that are called."""
    calls: tuple[LinkerdCall, ...] = ()
    """All calls that are allowed."""
    probe_networks: tuple[Network, ...] = ()
    """Where the kubelets' probes come from: the nodes. Default: the control plane's probe_networks."""

    @model_validator(mode="before")
    @classmethod
    def _of_linkerd(cls, given: Any) -> Any:
        """Refuse what other meshes have under these keys, and name one that has it."""
        if troubles := [Mistake(*each) for each in refused_keys(given)]:
            raise refusal(*troubles)
        return given


class MeshAccess(Model):
    """Callers that the whole mesh knows."""

    callers: tuple[Identity, ...] = ()
    """Callers with an identity of the mesh whose namespaces aren't listed, such as another cluster's."""
    scrapers: tuple[Identity, ...] = ()
    """Who may read the proxies' metrics, beside the Prometheus that viz brings. Default: whom the phase lets in."""

    def mistakes(self) -> Iterator[Mistake]:
        """Each is named once."""
        yield from repeated("callers", self.callers)
        yield from repeated("scrapers", self.scrapers)
