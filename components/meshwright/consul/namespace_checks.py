"""What a namespace of Consul's is told, and what of it can't work."""

from collections.abc import Iterator
from datetime import date
from typing import NotRequired, TypedDict

from meshwright.consul.identity import identity_troubles
from meshwright.consul.labels import NAMESPACE
from meshwright.consul.service_defaults import MTLS_MODES, ServiceArgs, service_troubles
from meshwright.errors import Code
from meshwright.kubernetes.troubles import Trouble
from meshwright.phases import LADDERS

NOT_FOR_WORKLOADS = frozenset({"kube-system", "kube-public", "kube-node-lease", NAMESPACE})
"""The injector leaves pods of the first two alone, whatever they say; Consul's own run in its namespace."""
_PHASES = LADDERS["consul"].phases


class ConsulPhaseRecord(TypedDict):
    """A phase that the namespace was in."""

    phase: str
    """``unmeshed``, ``permissive`` or ``strict``."""
    since: NotRequired[str]
    """The day it began, ``YYYY-MM-DD``."""


class ConsulNamespaceArgs(TypedDict):
    """Arguments of `ConsulNamespace`."""

    namespace: str
    """Name of the namespace."""
    phase: str
    """``unmeshed``: no proxies. ``permissive``: its services also take calls without mutual TLS, for which no intention
    holds. ``strict``: mutual TLS alone, and what an intention lets in."""
    since: NotRequired[str]
    """The day the phase began, ``YYYY-MM-DD``. Policy judges the soak by it."""
    deadline: NotRequired[str]
    """The last day of the phase permissive, ``YYYY-MM-DD``; needed for it. After it, policy refuses the preview."""
    previous: NotRequired[ConsulPhaseRecord]
    """The phase before this one. Policy judges the order of phases by it. While the namespace leaves the mesh, its
    services stay as they were in it: it goes once all pods were made anew."""
    adopt: NotRequired[bool]
    """The namespace exists: it is labelled, and stays when the stack goes. Default: false."""
    transparent_proxy: NotRequired[bool]
    """Its pods' traffic is redirected to their proxies; permissive needs it. Default: true, as the chart is set."""
    services: NotRequired[dict[str, ServiceArgs]]
    """Name of the Service -> what is known of it. Those of a permissive namespace have to be listed."""
    enterprise: NotRequired[bool]
    """The servers run Consul Enterprise. Default: false."""


def phase_of_services(phase: str, before: str | None) -> str | None:
    """The phase in which its services' entries are; None where it has none.

    A namespace that leaves the mesh keeps those of the phase before: without them the proxies that still run would be
    strict at once, and refuse all plaintext until the last pod is made anew.
    """
    said = before if phase == "unmeshed" else phase
    return said if said in MTLS_MODES else None


def namespace_troubles(args: ConsulNamespaceArgs) -> Iterator[Trouble]:
    """What can't work; none for arguments that the component may take."""
    phase, before, services = args["phase"], args.get("previous"), args.get("services") or {}
    if args["namespace"] in NOT_FOR_WORKLOADS:
        message = f"is {args['namespace']}, which is not for workloads: Consul injects nothing into it, or must not"
        yield Trouble(Code.BAD_ARGUMENT, message, "leave it out", ("namespace",))
    for each, at in ((phase, ("phase",)), *([(before["phase"], ("previous", "phase"))] if before else [])):
        if each not in _PHASES:
            yield Trouble(Code.BAD_ARGUMENT, f'is "{each}"', f"one of: {', '.join(_PHASES)}", at)
    if phase == "permissive":
        yield from _permissive(args)
    elif "deadline" in args:
        message = f"is for the phase permissive, and the namespace is {phase}"
        yield Trouble(Code.CONSUL_PERMISSIVE, message, "remove it", ("deadline",))
    if phase_of_services(phase, before and before["phase"]) is None:
        return
    for name, service in services.items():
        for trouble in service_troubles(service, enterprise=bool(args.get("enterprise", False))):
            yield trouble._replace(at=("services", name, *trouble.at))
    for trouble in identity_troubles(services):
        yield trouble._replace(at=("services", *trouble.at))


def _permissive(args: ConsulNamespaceArgs) -> Iterator[Trouble]:
    """Permissive mode is a second filter chain of the inbound listener, for redirected traffic alone.

    Source: ``makePermissiveFilterChain`` in ``agent/xds/listeners.go``.
    """
    if not args.get("transparent_proxy", True):
        message = "is false, and permissive mode works with transparent proxies alone: others take mutual TLS only"
        remedy = "set it to true, or go to strict at once"
        yield Trouble(Code.CONSUL_PERMISSIVE, message, remedy, ("transparent_proxy",))
    if not args.get("services"):
        message = "are not listed, and permissive mode is set service by service"
        yield Trouble(Code.CONSUL_PERMISSIVE, message, "list the namespace's services", ("services",))
    deadline, since = args.get("deadline"), args.get("since")
    if deadline is None:
        message = "is missing: until it ends, calls without mutual TLS go past all intentions"
        remedy = "add the last day on which they may, YYYY-MM-DD"
        yield Trouble(Code.CONSUL_PERMISSIVE, message, remedy, ("deadline",))
        return
    for day, at in ((deadline, "deadline"), (since or deadline, "since")):
        if not _is_day(day):
            yield Trouble(Code.BAD_ARGUMENT, f'is "{day}", which is no date', "write it as YYYY-MM-DD", (at,))
            return
    if since and deadline < since:
        message = f"is {deadline}, before the phase began ({since})"
        yield Trouble(Code.CONSUL_PERMISSIVE, message, "write the last day of the phase", ("deadline",))


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
