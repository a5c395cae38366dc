"""What `LinkerdAccess` takes."""

from typing import NotRequired, TypedDict


class PortArgs(TypedDict):
    """A port of a workload, which one Server stands for."""

    port: int | str
    """The pods' port: its number, or its name in the pod's spec."""
    protocol: NotRequired[str]
    """``unknown`` (detected), ``HTTP/1``, ``HTTP/2``, ``gRPC``, ``opaque`` or ``TLS``. Default: ``unknown``."""
    probes: NotRequired[list[str]]
    """Paths of the kubelet's HTTP probes on this port; with ``gRPC``, the services of its ``grpc`` probes, or ``""``.
    They have to be told where a call is limited: the first route ends Linkerd's own authorization of probes."""


class WorkloadArgs(TypedDict):
    """Pods that are called."""

    ports: list[PortArgs]
    """Their ports."""
    labels: NotRequired[dict[str, str]]
    """Labels of the pods. Default: ``{"app": <name of the workload>}``."""
    phase: NotRequired[str]
    """A phase of its own. Default: the namespace's."""
    host_network: NotRequired[bool]
    """The pods use the node's network: they get no proxy, and no policy holds for them. Default: false."""


class LinkerdCallArgs(TypedDict):
    """A call that is allowed."""

    service: str
    """The workload that is called."""
    caller: NotRequired[str]
    """Who calls, as ``namespace/service-account``. Default: anybody of `networks`, in the mesh or not."""
    networks: NotRequired[list[str]]
    """Where it calls from, as CIDR ranges. With `caller`, both must be true. Default: anywhere."""
    ports: NotRequired[list[int | str]]
    """Ports, as the workload lists them. Default: all of them."""
    methods: NotRequired[list[str]]
    """HTTP methods. Default: all."""
    paths: NotRequired[list[str]]
    """HTTP paths: ``/a`` is that path, ``/a/*`` all below it and itself. Default: all."""
    grpc: NotRequired[list[str]]
    """gRPC ``service`` or ``service/method``. Default: all."""


class LinkerdAccessArgs(TypedDict):
    """Arguments of `LinkerdAccess`."""

    namespace: str
    """The namespace whose workloads are called."""
    phase: str
    """``audit``: all is let in, and what the declared calls don't cover is logged. ``authenticated``: whoever is in the
    mesh. ``deny``: the declared calls alone."""
    workloads: dict[str, WorkloadArgs]
    """Name -> the pods that are called."""
    calls: list[LinkerdCallArgs]
    """All calls that are allowed."""
    probe_networks: NotRequired[list[str]]
    """Where the kubelets' probes come from, as CIDR ranges: the nodes. Needed where a call is limited and there are
    probes."""
    scrapers: NotRequired[list[str]]
    """Who may read the proxies' metrics (port 4191), as ``namespace/service-account``. Default: as the phase says;
    nobody with ``deny``."""
