"""What a Linkerd stack's namespaces become, and what of their access can't work together."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, cast

from meshwright.config.base import Mistake
from meshwright.config.linkerd_access import LinkerdCall, LinkerdSecurity, LinkerdWorkload, ProxyInjection
from meshwright.errors import Code, Problem
from meshwright.linkerd import injection, labels
from meshwright.linkerd.access import checks

if TYPE_CHECKING:
    from meshwright.config.linkerd import LinkerdMesh, LinkerdNamespace
    from meshwright.linkerd.access.args import LinkerdAccessArgs, LinkerdCallArgs, PortArgs, WorkloadArgs
    from meshwright.linkerd.injection import InjectionArgs

_EXTENSIONS = (labels.NAMESPACE, labels.VIZ_NAMESPACE, labels.MULTICLUSTER_NAMESPACE)
_INDEXED = re.compile(r"(calls|skip_inbound|skip_outbound)\[(\d+)\](?:\.(\w+))? (.*)", re.ASCII | re.DOTALL)


def injection_of(mesh: "LinkerdMesh", namespace: "LinkerdNamespace") -> "InjectionArgs":
    """What the namespace's annotations say; its list of opaque ports would replace the control plane's."""
    said = namespace.injection
    args = cast("InjectionArgs", said.model_dump(mode="json", exclude_defaults=True, exclude_none=True))
    if said.opaque_ports:
        args["opaque_ports"] = [*mesh.control_plane.opaque_ports, *said.opaque_ports]
    return args


def access_of(mesh: "LinkerdMesh", namespace: "LinkerdNamespace") -> "LinkerdAccessArgs | None":
    """The arguments of its `LinkerdAccess`; None where there is nothing to let in."""
    security, readers = namespace.security, _scrapers(mesh)
    if namespace.phase == "unmeshed" or not (security.workloads or security.calls or readers):
        return None
    opaque = _opaque(mesh, namespace)
    args: LinkerdAccessArgs = {
        "namespace": namespace.name,
        "phase": namespace.phase,
        "workloads": {name: _workload_args(each, opaque) for name, each in security.workloads.items()},
        "calls": [_call_args(each) for each in security.calls],
    }
    if networks := security.probe_networks or mesh.control_plane.probe_networks:
        args["probe_networks"] = list(networks)
    if readers:
        args["scrapers"] = readers
    return args


def mistakes(mesh: "LinkerdMesh") -> Iterator[Mistake]:
    """Everything that Linkerd would take, and that would then let through or cut off what it should not."""
    for index, namespace in enumerate(mesh.namespaces):
        for mistake in _of_namespace(mesh, namespace):
            yield mistake._replace(at=("namespaces", index, *mistake.at))


def _of_namespace(mesh: "LinkerdMesh", namespace: "LinkerdNamespace") -> Iterator[Mistake]:
    if namespace.name in injection.NOT_FOR_WORKLOADS:
        message = f'is "{namespace.name}", into which Linkerd injects nothing, or must not'
        yield Mistake(Code.CONTRADICTION, message, "leave it out", ("name",))
    if namespace.phase == "unmeshed":
        for key, said, nothing in (
            ("injection", namespace.injection, ProxyInjection()),
            ("security", namespace.security, LinkerdSecurity()),
        ):
            if said != nothing:
                message = "is for a namespace that is unmeshed: nothing would enforce it"
                yield Mistake(Code.CONTRADICTION, message, "remove it, or set phase: audit", (key,))
        return
    for problem in injection.mistakes(injection_of(mesh, namespace)):
        yield _placed(problem, "injection")
    yield from _ports(namespace)
    if access := access_of(mesh, namespace):
        for problem in checks.mistakes(access):
            yield _placed(problem, "security")
    for index, call in enumerate(namespace.security.calls):
        for mistake in _caller(mesh, call):
            yield mistake._replace(at=("security", "calls", index, "from"))


def _placed(problem: Problem, *at: str | int) -> Mistake:
    """A component's problem at the key that it speaks of."""
    if found := _INDEXED.fullmatch(problem.message):
        key, index, inner, message = found.groups()
        path = (*at, key, int(index), *([inner] if inner else []))
        return Mistake(problem.code, message, problem.remedy, path)
    return Mistake(problem.code, f": {problem.message}", problem.remedy, at)


def _ports(namespace: "LinkerdNamespace") -> Iterator[Mistake]:
    """A Server is for a port that the proxy sees, and its protocol wins over what the annotation says."""
    said = namespace.injection
    skipped = {*labels.SKIP_DEFAULTS, *(port for each in said.skip_inbound for port in each.ports)}
    for name, workload in namespace.security.workloads.items():
        for index, each in enumerate(workload.ports):
            at = ("security", "workloads", name, "ports", index)
            if each.port in skipped:
                message = f"is {each.port}, which goes past the proxy: no policy holds for it"
                remedy = "leave it out, or don't skip it (injection.skip_inbound)"
                yield Mistake(Code.LINKERD_NO_PROXY, message, remedy, (*at, "port"))
            if each.port in said.opaque_ports and each.protocol not in (None, "opaque", "TLS"):
                message = f"is {each.protocol}, and port {each.port} is opaque: callers would send what it doesn't read"
                yield Mistake(
                    Code.CONTRADICTION, message, "remove protocol, or the port from opaque_ports", (*at, "protocol")
                )


def _caller(mesh: "LinkerdMesh", call: LinkerdCall) -> Iterator[Mistake]:
    """A caller has an identity of the mesh; without a proxy, no policy is about it."""
    if call.caller is None or call.caller in mesh.security.callers:
        return
    home = call.caller.partition("/")[0]
    phases = {each.name: each.phase for each in mesh.namespaces}
    if home in _EXTENSIONS:
        return
    if home not in phases:
        near = get_close_matches(home, phases, n=1)
        message = f"is {call.caller}, and no namespace {home} is listed"
        remedy = f"did you mean {near[0]}?" if near else "list it, or add the caller to the mesh's security.callers"
        yield Mistake(Code.UNKNOWN_CALLER, message, remedy)
    elif phases[home] == "unmeshed":
        message = f"is {call.caller}, and {home} is unmeshed: its calls carry no identity, and would be denied"
        yield Mistake(Code.UNKNOWN_CALLER, message, "mesh it first, or let it in by networks alone")


def _scrapers(mesh: "LinkerdMesh") -> list[str]:
    brought = mesh.viz is not None and not mesh.control_plane.prometheus_url
    return [*([labels.VIZ_PROMETHEUS] if brought else []), *mesh.security.scrapers]


def _opaque(mesh: "LinkerdMesh", namespace: "LinkerdNamespace") -> frozenset[int]:
    said = (*labels.OPAQUE_DEFAULTS, *mesh.control_plane.opaque_ports, *namespace.injection.opaque_ports)
    return frozenset(said)


def _workload_args(workload: LinkerdWorkload, opaque: frozenset[int]) -> "WorkloadArgs":
    args: WorkloadArgs = {"ports": [_port_args(each.model_dump(exclude_none=True), opaque) for each in workload.ports]}
    if workload.labels:
        args["labels"] = dict(workload.labels)
    if workload.phase:
        args["phase"] = workload.phase
    if workload.host_network:
        args["host_network"] = True
    return args


def _port_args(said: dict[str, Any], opaque: frozenset[int]) -> "PortArgs":
    """A Server of `unknown` has an opaque port guessed at again (policy-controller, ``inbound/server.rs``)."""
    args = cast("PortArgs", {**said, **({"probes": list(said["probes"])} if "probes" in said else {})})
    if "protocol" not in args and args["port"] in opaque:
        args["protocol"] = "opaque"
    return args


def _call_args(call: LinkerdCall) -> "LinkerdCallArgs":
    said = call.model_dump(mode="json", exclude_defaults=True)
    return cast("LinkerdCallArgs", {"service": said.pop("to"), **said})
