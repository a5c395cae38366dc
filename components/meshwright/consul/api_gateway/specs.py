"""The objects of a gateway: of the Gateway API, with what Consul reads in another way than it is written there."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from meshwright.consul.api_gateway.args import ConsulApiGatewayArgs, ListenerArgs, RouteArgs, RuleArgs
from meshwright.consul.labels import GATEWAY_CLASS, GATEWAY_TLS_MIN_VERSION, NAMESPACE, TLS_VERSIONS
from meshwright.gateway_api.routes import rule_spec
from meshwright.gateway_api.rules import Condition, Rule, rule_of

if TYPE_CHECKING:
    from meshwright.gateway_api.arguments import Route

GROUP: Final = "gateway.networking.k8s.io"
_PORT: Final = 80


class Grant(NamedTuple):
    """A ReferenceGrant: what of another namespace an object of the gateway's may name."""

    kind: str
    """Of the object: ``Gateway`` or ``HTTPRoute``."""
    namespace: str
    spec: dict[str, Any]


def home(args: ConsulApiGatewayArgs) -> str:
    """The Gateway's namespace."""
    return args.get("namespace", NAMESPACE)


def gateway_spec(args: ConsulApiGatewayArgs) -> dict[str, Any]:
    """The ``spec`` of the Gateway. Its routes stand beside it, so that nobody else's are let in."""
    return {"gatewayClassName": GATEWAY_CLASS, "listeners": [_listener(each, args) for each in args["listeners"]]}


def _listener(listener: ListenerArgs, args: ConsulApiGatewayArgs) -> dict[str, Any]:
    protocol = listener.get("protocol", "https")
    made: dict[str, Any] = {"name": listener["name"], "port": int(listener["port"]), "protocol": protocol.upper()}
    if hostname := listener.get("hostname"):
        made["hostname"] = hostname
    if protocol == "https":
        secrets = [
            {"group": "", "kind": "Secret", "name": each["secret"], **_elsewhere(each.get("namespace"), args)}
            for each in listener.get("certificates") or ()
        ]
        lowest = TLS_VERSIONS[listener.get("tls_min_version", "1.2")]
        made["tls"] = {"mode": "Terminate", "certificateRefs": secrets, "options": {GATEWAY_TLS_MIN_VERSION: lowest}}
    return made | {"allowedRoutes": {"namespaces": {"from": "Same"}}}


def _elsewhere(namespace: str | None, args: ConsulApiGatewayArgs) -> dict[str, str]:
    return {} if namespace in (None, home(args)) else {"namespace": str(namespace)}


def route_spec(route: RouteArgs, args: ConsulApiGatewayArgs) -> dict[str, Any]:
    """The ``spec`` of an HTTPRoute."""
    parent = {"group": GROUP, "kind": "Gateway", "name": args["gateway"]}
    parents = [parent | {"sectionName": name} for name in route.get("listeners") or ()]
    made: dict[str, Any] = {"parentRefs": parents or [parent]}
    if hosts := route.get("hosts"):
        made["hostnames"] = list(hosts)
    return made | {"rules": [_rule(each, args) for each in route["rules"]]}


def _rule(rule: RuleArgs, args: ConsulApiGatewayArgs) -> dict[str, Any]:
    made = rule_spec(replace(_said(rule), conditions=conditions(rule)), grpc=False)
    for backend in made["backendRefs"]:
        backend.update(_elsewhere(args["services"][backend["name"]]["namespace"], args))
    if filters := rule.get("filters"):
        made["filters"] = list(filters)
    return made


def conditions(rule: RuleArgs) -> tuple[Condition, ...]:
    """What requests of a rule are like, as Consul compares them.

    The prefix ``/v1`` takes ``/v1`` and ``/v1/items`` in the Gateway API. Consul compares text, and would let ``/v10``
    through with it (``agent/consul/discoverychain/gateway_httproute.go``). So it becomes the path ``/v1``, and the
    prefix ``/v1/``; where the prefix is rewritten, the latter alone, for the Gateway API then wants one match.
    """
    return tuple(each for said in _said(rule).conditions for each in _by_text(said, rewrites(rule)))


def _said(rule: RuleArgs) -> Rule:
    # There is no service that requests go to by default, and `to` always says one.
    return rule_of(cast("Route", rule), "", _PORT)


def _by_text(said: Condition, rewritten: bool) -> Iterator[Condition]:
    if said.kind != "prefix" or said.path == "/":
        yield said
        return
    if not rewritten:
        yield replace(said, kind="exact")
    yield replace(said, path=f"{said.path}/")


def rewrites(rule: RuleArgs) -> bool:
    """Whether the rule's requests get another path."""
    return any(each.get("type") == "URLRewrite" for each in rule.get("filters") or ())


def called(args: ConsulApiGatewayArgs) -> list[str]:
    """The services that routes lead to, once each."""
    rules = [rule for route in args.get("routes") or () for rule in route["rules"]]
    return list(dict.fromkeys(backend["service"] for rule in rules for backend in rule["to"]))


def grants(args: ConsulApiGatewayArgs) -> list[Grant]:
    """What has to be granted in other namespaces: certificates by name to the Gateway, services to its routes."""
    secrets = [
        (each.get("namespace", home(args)), each["secret"])
        for listener in args["listeners"]
        for each in listener.get("certificates") or ()
    ]
    services = [(args["services"][name]["namespace"], name) for name in called(args)]
    return [*_granted("Gateway", "Secret", secrets, args), *_granted("HTTPRoute", "Service", services, args)]


def _granted(kind: str, to: str, named: list[tuple[str, str]], args: ConsulApiGatewayArgs) -> Iterator[Grant]:
    for namespace in sorted({space for space, _ in named} - {home(args)}):
        names = sorted({name for space, name in named if space == namespace})
        spec = {
            "from": [{"group": GROUP, "kind": kind, "namespace": home(args)}],
            "to": [{"group": "", "kind": to, "name": name} for name in names],
        }
        yield Grant(kind, namespace, spec)
