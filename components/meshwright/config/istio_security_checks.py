"""What of a stack's waypoints and security can't work together, across its namespaces."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING

from meshwright.catalog import load_catalog
from meshwright.config.base import Mistake
from meshwright.config.istio_security import Call, NamespaceSecurity, told
from meshwright.errors import Code
from meshwright.istio import use_rules
from meshwright.istio.security import calls
from meshwright.istio.security.calls import CallArgs, NamespaceAccessArgs
from meshwright.istio.security.identity import DEFAULT_TRUST_DOMAIN
from meshwright.istio.security.layer import dry_run_mistakes
from meshwright.istio.security.waypoints import FrontWaypointArgs, identities, is_in_the_path

if TYPE_CHECKING:
    from meshwright.config.istio import IstioAmbientMesh, MeshNamespace


def istio_version(mesh: "IstioAmbientMesh") -> str:
    """The full version that the stack asks for."""
    return load_catalog().release("istio", mesh.version).version


def trust_domain(mesh: "IstioAmbientMesh") -> str:
    """The mesh's trust domain: its own key, or the one that its chart values set."""
    config = mesh.values.istiod.get("meshConfig")
    by_values = config.get("trustDomain") if isinstance(config, dict) else None
    return str(by_values or mesh.trust_domain or DEFAULT_TRUST_DOMAIN)


def front_of(mesh: "IstioAmbientMesh", namespace: "MeshNamespace") -> FrontWaypointArgs | None:
    """The waypoint that stands in front of a namespace: its own, another's, or none."""
    owner, services = namespace, namespace.waypoint.services if namespace.waypoint else ()
    front: FrontWaypointArgs = {}
    if use := namespace.use_waypoint:
        owners = [each for each in mesh.namespaces if each.name == use.namespace]
        if not owners:
            return None
        owner, services = owners[0], use.services
        front["namespace"] = owner.name
    if owner.waypoint is None:
        return None
    front["waypoint_for"] = owner.waypoint.waypoint_for
    if services:
        front["services"] = list(services)
    if owner.waypoint.canary and owner is namespace:
        front["canary"] = "waypoint-canary"
    return front


def access_of(mesh: "IstioAmbientMesh", namespace: "MeshNamespace") -> NamespaceAccessArgs | None:
    """The arguments of its `NamespaceAccess`; None where access is open."""
    security = namespace.security
    if security.access == "open":
        return None
    args: NamespaceAccessArgs = {
        "namespace": namespace.name,
        "calls": [_call_args(call) for call in security.calls],
        "trust_domain": trust_domain(mesh),
    }
    if security.workloads:
        args["workloads"] = {service: dict(labels) for service, labels in security.workloads.items()}
    if front := front_of(mesh, namespace):
        args["waypoint"] = front
    if past := _past(namespace):
        args["past_waypoint"] = list(past)
    if namespace.waypoint and not _alone(mesh, namespace):
        args["shared_waypoint"] = True
    if security.access == "dry-run":
        args["dry_run"] = {"istio_version": istio_version(mesh), "enabled": mesh.security.dry_run}
    return args


def mistakes(mesh: "IstioAmbientMesh") -> Iterator[Mistake]:
    """Everything that istiod would take, and that would then let through or cut off what it should not."""
    for index, namespace in enumerate(mesh.namespaces):
        for mistake in _of_namespace(mesh, namespace):
            yield mistake._replace(at=("namespaces", index, *mistake.at))


def _of_namespace(mesh: "IstioAmbientMesh", namespace: "MeshNamespace") -> Iterator[Mistake]:
    yield from _use(mesh, namespace)
    yield from _canary(mesh, namespace)
    yield from _known_services(namespace)
    yield from _at_the_waypoint(mesh, namespace)
    yield from _gateway_of_its_own(mesh, namespace)
    security, meshed = namespace.security, namespace.phase != "unmeshed"
    if not meshed and security != NamespaceSecurity():
        message = "is for a namespace that is unmeshed: nothing would enforce it"
        yield Mistake(Code.CONTRADICTION, message, "remove it, or set phase: permissive", ("security",))
    elif access := access_of(mesh, namespace):
        yield from _access(mesh, namespace, access)


def _use(mesh: "IstioAmbientMesh", namespace: "MeshNamespace") -> Iterator[Mistake]:
    use = namespace.use_waypoint
    if use is None:
        return
    if namespace.waypoint:
        message = "names the waypoint of another namespace, and this one has its own"
        yield Mistake(Code.CONTRADICTION, message, "keep one of the two", ("use_waypoint",))
    if namespace.phase == "unmeshed":
        message = "is for a namespace that is unmeshed: no traffic would reach a waypoint"
        yield Mistake(Code.CONTRADICTION, message, "remove it, or set phase: permissive", ("use_waypoint",))
    with_waypoint = {each.name: each.waypoint for each in mesh.namespaces if each.waypoint}
    waypoint = with_waypoint.get(use.namespace)
    if waypoint is None:
        there = ", ".join(with_waypoint) or "none yet"
        message = f"is {use.namespace}, where this stack has no waypoint: traffic would go past it"
        remedy = f"give that namespace a waypoint, or name one that has it: {there}"
        yield Mistake(Code.NO_SUCH_WAYPOINT, message, remedy, ("use_waypoint", "namespace"))
        return
    args: use_rules.UseWaypointArgs = {
        "namespace": namespace.name,
        "waypoint": "waypoint",
        "waypoint_namespace": use.namespace,
        "waypoint_for": waypoint.waypoint_for,
        "allowed_namespaces": list(waypoint.allowed_namespaces),
        "services": list(use.services),
    }
    yield from told(use_rules.mistakes(args), "use_waypoint")
    if use.require:
        yield from use.require.suits(waypoint.waypoint_for, "use_waypoint", "require")


def _canary(mesh: "IstioAmbientMesh", namespace: "MeshNamespace") -> Iterator[Mistake]:
    if namespace.waypoint is None or namespace.waypoint.canary is None:
        return
    args: use_rules.UseWaypointArgs = {
        "namespace": namespace.name,
        "waypoint": "waypoint",
        "waypoint_for": namespace.waypoint.waypoint_for,
        "canary": {
            "name": "waypoint-canary",
            "weight": namespace.waypoint.canary.weight,
            "istio_version": istio_version(mesh),
        },
    }
    yield from told(use_rules.mistakes(args), "waypoint", "canary")


def _known_services(namespace: "MeshNamespace") -> Iterator[Mistake]:
    """What is called, or uses a waypoint, is a service of the namespace."""
    security = namespace.security
    named: list[tuple[tuple[str | int, ...], str]] = [
        *((("security", "calls", index, "to"), call.to) for index, call in enumerate(security.calls)),
        *((("security", "workloads"), service) for service in security.workloads),
    ]
    if namespace.waypoint:
        named += ((("waypoint", "services", at), each) for at, each in enumerate(namespace.waypoint.services))
    if namespace.use_waypoint:
        named += ((("use_waypoint", "services", at), each) for at, each in enumerate(namespace.use_waypoint.services))
    if security.jwt:
        named += ((("security", "jwt", "services", at), each) for at, each in enumerate(security.jwt.services))
    if asked := security.external_authorization:
        key = ("security", "external_authorization", "services")
        named += (((*key, at), each) for at, each in enumerate(asked.services))
    for path, service in named:
        if service not in (*namespace.services, calls.ANY_SERVICE):
            near = get_close_matches(service, namespace.services, n=1)
            remedy = f"did you mean {near[0]}?" if near else f"add it to services: {', '.join(namespace.services)}"
            message = f"is {service}, which is no service of {namespace.name}"
            yield Mistake(Code.UNKNOWN_CALLER, message, remedy.removesuffix(": "), path)


def _at_the_waypoint(mesh: "IstioAmbientMesh", namespace: "MeshNamespace") -> Iterator[Mistake]:
    """Tokens and authorizers need the waypoint of each service that they are for."""
    security, front = namespace.security, front_of(mesh, namespace)
    known = [each.name for each in mesh.security.authorizers]
    if (asked := security.external_authorization) and asked.authorizer not in known:
        message = f"is {asked.authorizer}, which the mesh does not know: Istio would deny every request"
        remedy = f"one of: {', '.join(known)}" if known else "add it to the mesh's security.authorizers"
        at = ("security", "external_authorization", "authorizer")
        yield Mistake(Code.UNKNOWN_VALUE, message, remedy, at)
    elif asked and front is not None:
        yield from _reaches(mesh, namespace, front, asked.authorizer)
    for key, wanted in (("jwt", security.jwt), ("external_authorization", security.external_authorization)):
        if wanted is None:
            continue
        past = [each for each in wanted.services if not is_in_the_path(front, each)]
        alone = front is not None and "services" not in front and "namespace" not in front
        if front is None or past or front.get("waypoint_for") == "workload":
            what = ", ".join(past) or "this namespace"
            message = f"is for {what}, where no waypoint for services is in the path: nobody would look at a request"
            remedy = "add waypoint, or leave out the services that don't use it"
            yield Mistake(Code.L7_WITHOUT_WAYPOINT, message, remedy, ("security", key))
        elif not wanted.services and not alone:
            message = "is for the whole waypoint, which serves others, or not all of the namespace"
            yield Mistake(Code.NO_SUCH_WAYPOINT, message, "add services", ("security", key))
        elif mesh.security.ingress and not _takes_ingress(namespace) and not _is_closed(namespace):
            gateway = mesh.security.ingress[0]
            message = (
                f"is for requests at the waypoint, which the ingress gateway {gateway} passes by with all of its own"
            )
            yield Mistake(Code.L7_WITHOUT_WAYPOINT, message, "set ingress: true on the waypoint", ("security", key))


def _gateway_of_its_own(mesh: "IstioAmbientMesh", namespace: "MeshNamespace") -> Iterator[Mistake]:
    """What closes the ways past a waypoint for all pods closes an ingress gateway among them."""
    for key, user in (("waypoint", namespace.waypoint), ("use_waypoint", namespace.use_waypoint)):
        gateways = sorted(each for each in mesh.security.ingress if each.startswith(f"{namespace.name}/"))
        if gateways and user and user.require and not user.services:
            message = f"is for all pods where the ingress gateway {gateways[0]} runs: it would close the gateway too"
            remedy = "name services, or move the workloads to another namespace"
            yield Mistake(Code.CONTRADICTION, message, remedy, (key, "require"))


def _reaches(
    mesh: "IstioAmbientMesh", namespace: "MeshNamespace", front: FrontWaypointArgs, authorizer: str
) -> Iterator[Mistake]:
    """It is the waypoint that asks the authorizer, and an authorizer's namespace may deny by default."""
    host = next(each.service for each in mesh.security.authorizers if each.name == authorizer)
    service, _, rest = host.partition(".")
    for home in mesh.namespaces:
        if home.name != rest.partition(".")[0] or home.security.access != "default-deny":
            continue
        allowed = {call.caller for call in home.security.calls if call.to in (service, calls.ANY_SERVICE)}
        if missing := [each for each in identities(front, namespace.name) if each not in allowed]:
            message = f"is {authorizer}, and {home.name} denies calls of {missing[0]} to {service}"
            remedy = f"add {{from: {missing[0]}, to: {service}}} to the calls of {home.name}"
            at = ("security", "external_authorization", "authorizer")
            yield Mistake(Code.UNKNOWN_CALLER, message, remedy, at)


def _access(mesh: "IstioAmbientMesh", namespace: "MeshNamespace", access: NamespaceAccessArgs) -> Iterator[Mistake]:
    security, at = namespace.security, ("security", "access")
    gateways = sorted(each for each in mesh.security.ingress if each.startswith(f"{namespace.name}/"))
    if gateways:
        message = f"is {security.access} where the ingress gateway {gateways[0]} runs: it would close the gateway too"
        yield Mistake(Code.CONTRADICTION, message, "leave it open, or move the workloads to another namespace", at)
    yield from told(dry_run_mistakes(access), *at)
    yield from told(calls.mistakes(access), "security")
    for index, call in enumerate(security.calls):
        for mistake in (*_caller(mesh, namespace, call), *_ingress(mesh, namespace, call)):
            yield mistake._replace(at=("security", "calls", index, "from"))


def _caller(mesh: "IstioAmbientMesh", namespace: "MeshNamespace", call: Call) -> Iterator[Mistake]:
    """A caller has a certificate of the mesh; without one, no rule is about it."""
    if call.caller in (*mesh.security.ingress, *mesh.security.callers, *_past(namespace)):
        return
    home = call.caller.partition("/")[0]
    phases = {each.name: each.phase for each in mesh.namespaces}
    if home not in phases:
        near = get_close_matches(home, phases, n=1)
        message = f"is {call.caller}, and no namespace {home} is listed"
        remedy = f"did you mean {near[0]}?" if near else "list it, or add the caller to the mesh's security.ingress"
        yield Mistake(Code.UNKNOWN_CALLER, message, remedy)
    elif phases[home] == "unmeshed":
        message = f"is {call.caller}, and {home} is unmeshed: its calls carry no identity, and would be denied"
        remedy = "mesh it first; a caller with a sidecar belongs in the mesh's security.callers"
        yield Mistake(Code.UNKNOWN_CALLER, message, remedy)


def _ingress(mesh: "IstioAmbientMesh", namespace: "MeshNamespace", call: Call) -> Iterator[Mistake]:
    """A gateway goes through the waypoint only where it is told to."""
    in_path = is_in_the_path(front_of(mesh, namespace), call.to)
    if call.caller in mesh.security.ingress and in_path and not _takes_ingress(namespace):
        message = f"is the ingress gateway {call.caller}, which passes the waypoint by: ztunnel would deny it"
        yield Mistake(Code.WAYPOINT_IDENTITY, message, "set ingress: true on the waypoint")


def _takes_ingress(namespace: "MeshNamespace") -> bool:
    user = namespace.waypoint or namespace.use_waypoint
    return user is not None and user.ingress


def _is_closed(namespace: "MeshNamespace") -> bool:
    """Whether ztunnel denies whoever comes past the waypoint."""
    user = namespace.waypoint or namespace.use_waypoint
    return namespace.security.access == "default-deny" or (user is not None and user.require is not None)


def _past(namespace: "MeshNamespace") -> tuple[str, ...]:
    user = namespace.waypoint or namespace.use_waypoint
    return user.require.callers if user and user.require else ()


def _alone(mesh: "IstioAmbientMesh", namespace: "MeshNamespace") -> bool:
    """Whether all that may use the namespace's waypoint deny by default: only then can the waypoint be closed."""
    allowed = namespace.waypoint.allowed_namespaces if namespace.waypoint else ()
    closed = {each.name for each in mesh.namespaces if each.security.access == "default-deny"}
    return set(allowed) <= closed


def _call_args(call: Call) -> CallArgs:
    args: CallArgs = {"caller": call.caller, "service": call.to}
    if call.ports:
        args["ports"] = list(call.ports)
    if call.methods:
        args["methods"] = list(call.methods)
    if call.paths:
        args["paths"] = list(call.paths)
    return args
