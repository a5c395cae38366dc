"""What a Consul stack's namespaces, intentions and traffic become, and what of them can't work together."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from meshwright.config.base import Mistake, Model
from meshwright.config.consul_api_gateway import gateway_calls
from meshwright.config.consul_hybrid import homes as outside_homes
from meshwright.config.consul_hybrid import outside_facts
from meshwright.config.gateway_api import told
from meshwright.consul.intentions.checks import intention_troubles
from meshwright.consul.namespace_checks import namespace_troubles, phase_of_services
from meshwright.consul.traffic.checks import circles, traffic_troubles
from meshwright.errors import Code
from meshwright.kubernetes.troubles import Path

if TYPE_CHECKING:
    from meshwright.config.consul import ConsulMesh, ConsulNamespace
    from meshwright.config.consul_access import Allowed
    from meshwright.config.consul_traffic import ConsulTraffic
    from meshwright.consul.intentions.args import ConsulIntentionsArgs, IntentionArgs, ServiceFacts
    from meshwright.consul.mesh_defaults import ConsulMeshDefaultsArgs
    from meshwright.consul.namespace_checks import ConsulNamespaceArgs
    from meshwright.consul.traffic.args import ConsulServiceTrafficArgs, KnownServiceArgs


def namespace_args(mesh: "ConsulMesh", namespace: "ConsulNamespace") -> "ConsulNamespaceArgs":
    """The arguments of its `ConsulNamespace`."""
    args: ConsulNamespaceArgs = {"namespace": namespace.name, "phase": namespace.phase}
    if namespace.since:
        args["since"] = namespace.since.isoformat()
    if ends := namespace.ends or namespace.deadline:
        args["deadline"] = ends.isoformat()
    if namespace.previous:
        args["previous"] = {"phase": namespace.previous.phase}
        if namespace.previous.since:
            args["previous"]["since"] = namespace.previous.since.isoformat()
    if namespace.adopt:
        args["adopt"] = True
    if not _redirects(mesh) and namespace.transparent_proxy is None:
        args["transparent_proxy"] = False
    elif namespace.transparent_proxy is not None:
        args["transparent_proxy"] = namespace.transparent_proxy
    if namespace.all_services:
        workloads = {name: _said(each) for name, each in namespace.workloads.items()}
        args["services"] = cast("Any", {name: workloads.get(name, {}) for name in namespace.all_services})
    if mesh.enterprise:
        args["enterprise"] = True
    return args


def defaults_args(mesh: "ConsulMesh") -> "ConsulMeshDefaultsArgs":
    """The arguments of the mesh's `ConsulMeshDefaults`."""
    proxies, lines = mesh.proxies, [each for line in mesh.intentions for each in line.allow]
    args: ConsulMeshDefaultsArgs = {
        "tls_min_version": proxies.tls_min_version,
        "strict_paths": bool(lines) if proxies.strict_paths is None else proxies.strict_paths,
        "strict_headers": any(each.headers or each.headers_regex for each in lines),
        "mesh_destinations_only": proxies.mesh_destinations_only,
        "allow_permissive": any(_mode(each) == "permissive" for each in mesh.namespaces),
    }
    if proxies.protocol:
        args["protocol"] = proxies.protocol
    if proxies.access_logs:
        args["access_logs"] = proxies.access_logs
    if proxies.peer_through_mesh_gateways:
        args["peer_through_mesh_gateways"] = True
    return args


def intentions_args(mesh: "ConsulMesh") -> "ConsulIntentionsArgs":
    """The arguments of the mesh's `ConsulIntentions`, but for the namespace."""
    said = [_said(each) for each in mesh.intentions]
    lines = cast("list[IntentionArgs]", [{"source": line.pop("from"), **line} for line in said])
    args: dict[str, Any] = {"intentions": [*lines, *gateway_calls(mesh, lines)], "services": _facts(mesh)}
    gateways = [each.name for each in mesh.gateways.api.gateways]
    if callers := list(dict.fromkeys((*mesh.callers, *gateways))):
        args["callers"] = callers
    if mesh.proxies.protocol:
        args["default_protocol"] = mesh.proxies.protocol
    if mesh.jwt:
        args["jwt"] = {name: _said(each) for name, each in mesh.jwt.items()}
    return cast("ConsulIntentionsArgs", args)


def traffic_args(
    mesh: "ConsulMesh", namespace: "ConsulNamespace", traffic: "ConsulTraffic"
) -> "ConsulServiceTrafficArgs":
    """The arguments of one `ConsulServiceTraffic`."""
    others: dict[str, KnownServiceArgs] = {
        name: cast("KnownServiceArgs", {**fact, "protocol": _protocol(mesh, name)})
        for name, fact in _facts(mesh).items()
    }
    for each in (each for one in mesh.namespaces for each in one.traffic):
        if each.service in others:
            others[each.service]["subsets"] = list(each.subsets)
    own = {"namespace": namespace.name, "protocol": _protocol(mesh, traffic.service)}
    named = {name: fact for name, fact in others.items() if name != traffic.service and name in _names(traffic)}
    return cast("ConsulServiceTrafficArgs", {**_said(traffic), **own, **({"services": named} if named else {})})


def mistakes(mesh: "ConsulMesh") -> Iterator[Mistake]:
    """Everything that Consul would refuse, or that would let through or cut off what it should not."""
    yield from _services(mesh)
    for index, namespace in enumerate(mesh.namespaces):
        for mistake in _of_namespace(mesh, namespace):
            yield mistake._replace(at=("namespaces", index, *mistake.at))
    for mistake in told(intention_troubles(intentions_args(mesh))):
        yield mistake._replace(at=tuple("from" if key == "source" else key for key in mistake.at))
    yield from _outside(mesh)
    yield from _proxies(mesh)


def _of_namespace(mesh: "ConsulMesh", namespace: "ConsulNamespace") -> Iterator[Mistake]:
    for mistake in told(namespace_troubles(namespace_args(mesh, namespace))):
        if mistake.at == ("transparent_proxy",) and namespace.transparent_proxy is None:
            message = "is permissive, which works with transparent proxies alone, and the mesh has turned them off"
            remedy = "set the namespace's transparent_proxy: true, or go to strict at once"
            yield Mistake(mistake.code, message, remedy, ("phase",))
        else:
            yield mistake._replace(at=_place(mistake.at))
    for index, traffic in enumerate(namespace.traffic):
        at: Path = ("traffic", index)
        if namespace.phase == "unmeshed":
            message = "is for a namespace that is unmeshed: nobody calls its services through the mesh"
            yield Mistake(Code.CONTRADICTION, message, "remove it, or set phase: permissive", at)
        elif traffic.service not in namespace.all_services:
            message = f'is "{traffic.service}", and the namespace lists no such service'
            yield Mistake(Code.CONSUL_UNKNOWN_SERVICE, message, "add it to services", (*at, "service"))
        else:
            for mistake in told(traffic_troubles(traffic_args(mesh, namespace, traffic))):
                yield mistake._replace(at=(*at, *mistake.at))


def _place(at: Path) -> Path:
    """The config's key for the component's."""
    if at[0] == "namespace":
        return ("name",)
    if at[0] == "services" and len(at) > 1:
        return ("workloads", *at[1:])
    return at


def _services(mesh: "ConsulMesh") -> Iterator[Mistake]:
    """Consul's community edition has no namespaces: two services of one name are one to it, with one identity."""
    homes = outside_homes(mesh)
    lines: dict[str, tuple[int, int]] = {}
    for index, namespace in enumerate(mesh.namespaces):
        for name in namespace.all_services:
            if name in homes:
                message = f'has the service "{name}", as has {homes[name]}: to Consul both are one, with one identity'
                remedy = "give one of them another name, and its pods' service account with it"
                yield Mistake(Code.CONSUL_IDENTITY, message, remedy, ("namespaces", index))
            homes.setdefault(name, namespace.name)
        for place, traffic in enumerate(namespace.traffic):
            if (first := lines.setdefault(traffic.service, (index, place))) != (index, place):
                message = f'is "{traffic.service}", as is namespaces[{first[0]}].traffic[{first[1]}].service'
                where = ("namespaces", index, "traffic", place, "service")
                yield Mistake(Code.DUPLICATE_NAME, message, "write all of it in one place", where)
    told_of = [traffic_args(mesh, one, each) for one in mesh.namespaces for each in one.traffic]
    for circle in circles(told_of):
        index, place = lines[circle[0]]
        message = f"leads in a circle: {' to '.join(circle)}"
        at = ("namespaces", index, "traffic", place)
        yield Mistake(Code.CONSUL_ROUTE, message, "let one of them lead to a subset, or to itself", at)


def _outside(mesh: "ConsulMesh") -> Iterator[Mistake]:
    """A caller without a proxy has no identity, and a strict service refuses it whatever an intention says."""
    homes = {name: each for each in mesh.namespaces for name in each.all_services}
    for index, line in enumerate(mesh.intentions):
        home, called = homes.get(line.source), homes.get(line.to)
        if home and called and home.phase == "unmeshed" and called.phase == "strict":
            message = f"is {line.source}, and {home.name} is unmeshed: {line.to} is strict, and would refuse its calls"
            remedy = f"mesh {home.name} first, or leave {called.name} permissive until then"
            yield Mistake(Code.CONSUL_PERMISSIVE, message, remedy, ("intentions", index, "from"))


def _proxies(mesh: "ConsulMesh") -> Iterator[Mistake]:
    looks = [each for line in mesh.intentions for each in line.allow if _looks_at_path(each)]
    if mesh.proxies.strict_paths is False and looks:
        message = "is false, and intentions look at paths: //admin or /%2e/admin could go past them"
        yield Mistake(Code.CONSUL_INTENTION, message, "remove it", ("proxies", "strict_paths"))
    waiting = [each.name for each in mesh.namespaces if each.phase != "strict"]
    if mesh.proxies.mesh_destinations_only and waiting:
        message = (
            f"is true, and {waiting[0]} has services that are not in the mesh yet, or not for all: none could call"
        )
        remedy = "set it once every namespace is strict"
        yield Mistake(Code.CONSUL_PERMISSIVE, message, remedy, ("proxies", "mesh_destinations_only"))


def _mode(namespace: "ConsulNamespace") -> str | None:
    return phase_of_services(namespace.phase, namespace.previous.phase if namespace.previous else None)


def _looks_at_path(allowed: "Allowed") -> bool:
    return bool(allowed.path_exact or allowed.path_prefix or allowed.path_regex)


def _redirects(mesh: "ConsulMesh") -> bool:
    """Whether pods' traffic is redirected to their proxies, as far as chart values of the stack's own leave it."""
    injector = mesh.values.get("connectInject")
    theirs = injector.get("transparentProxy") if isinstance(injector, dict) else None
    default = theirs.get("defaultEnabled") if isinstance(theirs, dict) else None
    return mesh.control_plane.transparent_proxy if default is None else bool(default)


def _facts(mesh: "ConsulMesh") -> dict[str, "ServiceFacts"]:
    """Every service that can be called, and its protocol where it is said."""
    facts = cast("dict[str, ServiceFacts]", outside_facts(mesh))
    for namespace in mesh.namespaces:
        for name in namespace.all_services:
            said = namespace.workloads.get(name)
            facts[name] = {"protocol": said.protocol} if said and said.protocol else {}
    return facts


def _protocol(mesh: "ConsulMesh", service: str) -> str:
    return _facts(mesh).get(service, {}).get("protocol") or mesh.proxies.protocol or "tcp"


def _names(traffic: "ConsulTraffic") -> set[str | None]:
    named = {each.service for each in traffic.routes} | {each.service for each in traffic.split}
    for failover in traffic.failover.values():
        named |= {failover.service, *(each.service for each in failover.targets)}
    return named | {traffic.redirect.service if traffic.redirect else None}


def _said(model: Model) -> dict[str, Any]:
    return model.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
