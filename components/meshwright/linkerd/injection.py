"""What a namespace's annotations tell the proxy injector.

The injector copies them to a pod when the pod is made (``pkg/inject``, ``AppendNamespaceAnnotations``): a change
reaches pods that run already only by a restart.
"""

import re
from collections.abc import Iterator
from typing import Final, NotRequired, TypedDict

from meshwright.errors import Code, Problem
from meshwright.linkerd import labels


class SkipArgs(TypedDict):
    """Ports that the proxy does not see: no mutual TLS, no policy, no metrics."""

    ports: list[int]
    """The ports."""
    reason: str
    """Why."""


class ProxyResourcesArgs(TypedDict):
    """Resources of a proxy, as Kubernetes has them."""

    cpu_request: NotRequired[str]
    """Such as ``100m``. Default: the control plane's setting."""
    cpu_limit: NotRequired[str]
    """Default: the control plane's setting."""
    memory_request: NotRequired[str]
    """Such as ``20Mi``. Default: the control plane's setting."""
    memory_limit: NotRequired[str]
    """Default: the control plane's setting."""


class InjectionArgs(TypedDict):
    """How the namespace's pods get their proxies."""

    opaque_ports: NotRequired[list[int]]
    """Ports of protocols in which the server speaks first, beside the chart's eight."""
    skip_inbound: NotRequired[list[SkipArgs]]
    """Ports of the pods that the proxy leaves alone, beside the chart's two."""
    skip_outbound: NotRequired[list[SkipArgs]]
    """Ports that pods call past the proxy, beside the chart's two."""
    resources: NotRequired[ProxyResourcesArgs]
    """The proxy's resources. Default: the control plane's setting."""
    native_sidecar: NotRequired[bool]
    """The proxy is a native sidecar, so that jobs end when they are done. Default: the control plane's setting."""


_RESOURCES: Final = {
    "cpu_request": labels.PROXY_CPU_REQUEST,
    "cpu_limit": labels.PROXY_CPU_LIMIT,
    "memory_request": labels.PROXY_MEMORY_REQUEST,
    "memory_limit": labels.PROXY_MEMORY_LIMIT,
}
_QUANTITY = re.compile(r"\d+(\.\d+)?(m|k|Ki|M|Mi|G|Gi)?", re.ASCII)
NOT_FOR_WORKLOADS: Final = (
    labels.NAMESPACE,
    labels.CNI_NAMESPACE,
    "kube-system",
    "kube-public",
    "kube-node-lease",
    "cert-manager",
)
"""Linkerd's own, and those that its injector leaves out (chart linkerd-control-plane, ``namespaceSelector``)."""
DEFAULT_POLICY: Final = {"audit": "audit", "authenticated": "all-authenticated", "deny": "deny"}
"""Phase -> what holds on ports without a Server, from a pod's start on."""


def annotations(phase: str, injection: InjectionArgs) -> dict[str, str]:
    """The annotations of a namespace in the mesh; each list has the chart's defaults, which it would replace."""
    said = {labels.INJECT: "enabled", labels.INBOUND_POLICY: DEFAULT_POLICY[phase]}
    if opaque := injection.get("opaque_ports"):
        said[labels.OPAQUE_PORTS] = _ports([*labels.OPAQUE_DEFAULTS, *opaque])
    for key, annotation in (("skip_inbound", labels.SKIP_INBOUND), ("skip_outbound", labels.SKIP_OUTBOUND)):
        if skips := _skips(injection, key):
            said[annotation] = _ports([*labels.SKIP_DEFAULTS, *(port for each in skips for port in each["ports"])])
    resources = injection.get("resources") or {}
    said |= {_RESOURCES[key]: str(value) for key, value in resources.items()}
    if (native := injection.get("native_sidecar")) is not None:
        said[labels.NATIVE_SIDECAR] = "true" if native else "false"
    return said


def mistakes(injection: InjectionArgs) -> Iterator[Problem]:
    """What would take traffic out of the mesh for no reason that is told, or that no proxy understands."""
    for key in ("skip_inbound", "skip_outbound"):
        for index, each in enumerate(_skips(injection, key)):
            if not each["reason"].strip():
                yield _problem(
                    f"{key}[{index}] has no reason: its ports lose mutual TLS, policy and metrics",
                    "say why; a protocol in which the server speaks first belongs in opaque_ports",
                )
            if not each["ports"]:
                yield _problem(f"{key}[{index}] has no ports", "add them, or remove it")
    skipped = {int(port) for each in _skips(injection, "skip_inbound") for port in each["ports"]}
    if both := sorted(skipped & {int(port) for port in injection.get("opaque_ports") or ()}):
        yield _problem(f"port {both[0]} is opaque and skipped", "keep opaque_ports, which keeps mutual TLS")
    for key, value in (injection.get("resources") or {}).items():
        if key not in _RESOURCES or not _QUANTITY.fullmatch(str(value)):
            yield _problem(f"resources has {key}: {value}", f"one of {', '.join(_RESOURCES)}, as 100m or 20Mi")


def _skips(injection: InjectionArgs, key: str) -> list[SkipArgs]:
    return injection.get(key) or []  # type: ignore[return-value]  # both keys hold the same


def _ports(ports: list[int]) -> str:
    return ",".join(str(port) for port in sorted({int(port) for port in ports}))


def _problem(message: str, remedy: str) -> Problem:
    return Problem(Code.LINKERD_INJECTION, message, remedy)
