"""What of Consul can be reached from outside: its UI, its servers, its gateways, and the ways out of the mesh."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from meshwright_policy.consul.fragments import chart, entry
from meshwright_policy.consul.objects import (
    DEFAULTS,
    ENCRYPTED_ACCESS,
    EXPORTED,
    HELM,
    INGRESS,
    JWT_PROVIDER,
    PROXY_DEFAULTS,
    TERMINATING,
    Chart,
    Entry,
    chart_of,
    entries,
    entry_of,
    setting,
    told,
)
from meshwright_policy.record import (
    Answer,
    Config,
    Example,
    Level,
    NotApplicableError,
    Rule,
    Severity,
    Subject,
    Undecided,
    Violation,
)
from meshwright_policy.stack import Stack
from meshwright_policy.values import UNKNOWN, at, elements

_EVERYWHERE = ("0.0.0.0/0", "::/0")
_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
_GATEWAYS = "https://developer.hashicorp.com/consul/docs/north-south"
_HELM = "https://developer.hashicorp.com/consul/docs/reference/k8s/helm"
_WAY_OUT = "https://developer.hashicorp.com/consul/docs/north-south/terminating-gateway"


def _mapping(text: Any) -> Any:
    """What the chart has as YAML in text."""
    if not isinstance(text, str):
        return text
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def _world(found: Chart, path: str) -> bool | None:
    """Whether a load balancer of the chart's is for every address; ``None`` where only the update will know."""
    notes, more = (_mapping(setting(found, f"{path}.{key}")) for key in ("annotations", "additionalSpec"))
    if UNKNOWN in (notes, more):
        return None
    noted = at(notes, _RANGES)
    ranges = [*elements(at(more, "loadBalancerSourceRanges")), *(noted.split(",") if isinstance(noted, str) else ())]
    if ranges:
        return any(isinstance(one, str) and one.strip() in _EVERYWHERE for one in ranges)
    # Each cloud has an annotation of its own for a load balancer of the private network, all with this word in it.
    given = notes.items() if isinstance(notes, Mapping) else ()
    return not any("internal" in f"{key} {value}".lower() and str(value).lower() != "false" for key, value in given)


def _ui(subject: Subject, _: Config) -> Iterator[Answer]:
    found = chart_of(subject)
    enabled, kind, ingress = (setting(found, f"ui.{key}") for key in ("enabled", "service.type", "ingress.enabled"))
    if enabled is False:
        raise NotApplicableError("it has no UI")
    if ingress is True:
        yield Violation("the UI is behind an Ingress")
    if kind == "NodePort":
        yield Violation("the UI is on a port of every node")
    world = _world(found, "ui.service") if kind == "LoadBalancer" else False
    if world:
        yield Violation("the UI is on a public load balancer")
    elif UNKNOWN in (enabled, kind, ingress) or world is None:
        yield Undecided("who can reach the UI is known only at the update")


def _servers(subject: Subject, _: Config) -> Iterator[Answer]:
    found = chart_of(subject)
    enabled, kind = (setting(found, f"server.exposeService.{key}") for key in ("enabled", "type"))
    if enabled in (None, "-"):
        enabled = setting(found, "global.adminPartitions.enabled", False)
    world = _world(found, "server.exposeService") if kind in (None, "LoadBalancer") else kind == "NodePort"
    if enabled is True and kind is not UNKNOWN and world:
        yield Violation("its servers' API is open to every address")
    elif UNKNOWN in (enabled, kind) or (enabled is True and world is None):
        yield Undecided("who can reach its servers is known only at the update")


def _mesh_gateway(subject: Subject, _: Config) -> Iterator[Answer]:
    found = chart_of(subject)
    enabled = setting(found, "meshGateway.enabled", False)
    kind = setting(found, "meshGateway.service.type", "LoadBalancer")
    if enabled is False or kind not in ("LoadBalancer", UNKNOWN):
        raise NotApplicableError("it has no mesh gateway with a load balancer")
    world = _world(found, "meshGateway.service")
    if UNKNOWN in (enabled, kind) or world is None:
        yield Undecided("who can reach the mesh gateway is known only at the update")
    elif world:
        yield Violation("the mesh gateway is open to every address")


def _ingress(subject: Subject, _: Config) -> Iterator[Answer]:
    if subject.type in HELM:
        enabled = setting(chart_of(subject), "ingressGateways.enabled", False)
        if enabled is True:
            yield Violation("it installs ingress gateways, which are deprecated")
        elif enabled is UNKNOWN:
            yield Undecided("which gateways it installs is known only at the update")
        return
    if at(subject.properties, "kind") is UNKNOWN:
        yield Undecided("which entry it is is known only at the update")
        return
    yield Violation(f"the IngressGateway {entry_of(subject, 'IngressGateway').name} is of a deprecated kind")


def _is_encrypted(defaults: Entry) -> bool:
    """Whether calls of a service outside are encrypted though the gateway has no CA for it."""
    # Envoy speaks TLS with AWS by itself where a service is a function.
    if any(at(each, "name") == "builtin/aws/lambda" for each in elements(defaults.get("envoyExtensions"))):
        return True
    # By tcp and a host's name the gateway knows a call by its SNI alone: the application has to speak TLS.
    hosts = [one for one in elements(defaults.get("destination", "addresses")) if isinstance(one, str)]
    return defaults.get("protocol") in (None, "tcp") and any(map(str.isalpha, "".join(hosts)))


def _verified(stack: Stack, _: Config) -> Iterator[Answer]:
    gateways = list(entries(stack, "TerminatingGateway", *TERMINATING))
    if not gateways:
        raise NotApplicableError("no entry of the stack is a TerminatingGateway")
    encrypted = {one.name for one in entries(stack, "ServiceDefaults", *DEFAULTS) if _is_encrypted(one)}
    for gateway in gateways:
        for service in elements(gateway.get("services")):
            name, ca, secret = (at(service, key) for key in ("name", "caFile", "secretRef"))
            if name == "*":
                what = f"the gateway {gateway.name} is a way to every service, also to those still to come"
                yield Violation(what, gateway.subject)
            elif UNKNOWN in (service, name, ca, secret):
                yield Undecided("which services it is for is known only at the update", gateway.subject)
            elif not ca and not secret and name not in encrypted:
                what = f"calls the service {told(name, 'without a valid name')} without TLS"
                yield Violation(f"the gateway {gateway.name} {what}: it has no CA to verify it", gateway.subject)


def _destination(subject: Subject, _: Config) -> Iterator[Answer]:
    defaults = entry_of(subject, "ServiceDefaults")
    addresses = elements(defaults.get("destination", "addresses"))
    if not addresses:
        raise NotApplicableError("it is for no destination outside the mesh")
    if any(isinstance(one, str) and ("*" in one or one in _EVERYWHERE) for one in addresses):
        yield Violation(f"the destination {defaults.name} is for hosts that nobody named")
    elif UNKNOWN in addresses:
        yield Undecided("which hosts it is for is known only at the update")


def _exported(subject: Subject, _: Config) -> Iterator[Answer]:
    exported = entry_of(subject, "ExportedServices")
    names = [at(service, "name") for service in elements(exported.get("services"))]
    if "*" in names:
        yield Violation("every service is exported, also those still to come")
    elif UNKNOWN in names:
        yield Undecided("which services it exports is known only at the update")


def _jwt(subject: Subject, _: Config) -> Iterator[Answer]:
    provider = entry_of(subject, "JWTProvider")
    issuer, audiences = provider.get("issuer"), provider.get("audiences")
    uri = provider.get("jsonWebKeySet", "remote", "uri")
    called = f"the JWT provider {provider.name}"
    if isinstance(uri, str) and uri.lower().startswith("http://"):
        yield Violation(f"{called} has its keys over http: whoever is between can sign tokens")
    if not issuer:
        yield Violation(f"{called} takes tokens of any issuer")
    if not audiences:
        yield Violation(f"{called} takes tokens that were made for others: it has no audiences")
    if UNKNOWN in (issuer, uri, *elements(audiences)):
        yield Undecided("whose tokens it takes is known only at the update")


def _plain_paths(subject: Subject, _: Config) -> Iterator[Answer]:
    kind = "ProxyDefaults" if "ProxyDefaults" in subject.type else "ServiceDefaults"
    if at(subject.properties, "kind") == "proxy-defaults":
        kind = "ProxyDefaults"
    given = entry_of(subject, kind)
    exposed = given.get("expose")
    paths = [at(one, "path") for one in elements(at(exposed, "paths"))]
    if not exposed:
        raise NotApplicableError("it exposes no path")
    if any(path in ("/", "") for path in paths):
        yield Violation(f"the whole of {given.name} answers in plaintext, past its intentions (expose.paths)")
    elif UNKNOWN in (exposed, *paths):
        yield Undecided("which paths answer in plaintext is known only at the update")


def _jwks(uri: str, more: str = "issuer: 'https://id.example.com/', audiences: [shop]") -> str:
    return entry("JWTProvider", "login", f"{more}, jsonWebKeySet: {{remote: {{uri: '{uri}'}}}}", "consul")


_OPEN_UI = "ui: {enabled: true, service: {type: LoadBalancer%s}}"
_RDS = "name: rds, caFile: /etc/ssl/certs/ca-certificates.crt, sni: rds.example.com"

UI = Rule(
    id="MW-CON-037",
    slug="ui-is-internal",
    title="Consul's UI is reached from inside alone",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=HELM,
    why="With the UI the whole HTTP API is there: every service by name, and every token that somebody tries.",
    remedy="leave `ui.service.type` at ClusterIP and use `kubectl port-forward`, or make the load balancer internal",
    notes="A load balancer with source ranges, or with the cloud's annotation for an internal one, passes.",
    bad=Example(chart(_OPEN_UI % ""), "the UI is on a public load balancer"),
    good=Example(chart(_OPEN_UI % ", annotations: 'service.beta.kubernetes.io/aws-load-balancer-scheme: internal'")),
    references=(_HELM,),
    frameworks=ENCRYPTED_ACCESS,
    check=_ui,
)
SERVERS = Rule(
    id="MW-CON-038",
    slug="servers-are-internal",
    title="Consul's servers are open to named addresses alone",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=HELM,
    why="A token that leaked is of use from anywhere, and whoever finds a hole in the API needs none.",
    remedy="reach servers through mesh gateways, or set an annotation for source ranges or an internal load balancer",
    bad=Example(
        chart("server: {exposeService: {enabled: true, type: LoadBalancer}}"),
        "its servers' API is open to every address",
    ),
    good=Example(chart()),
    references=(_HELM,),
    check=_servers,
)
MESH_GATEWAY = Rule(
    id="MW-CON-039",
    slug="mesh-gateway-is-locked",
    title="The mesh gateway is open to named addresses alone",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=HELM,
    why="It asks for a certificate of a mesh it knows, and is yet a proxy that the whole internet may speak with.",
    remedy=f"annotate its Service with {_RANGES}: the other clusters' addresses, or make it internal",
    bad=Example(chart("meshGateway: {enabled: true}"), "the mesh gateway is open to every address"),
    good=Example(
        chart(f"meshGateway: {{enabled: true, service: {{annotations: '{_RANGES}: 203.0.113.7/32'}}}}"),
    ),
    references=("https://developer.hashicorp.com/consul/docs/east-west/mesh-gateway",),
    check=_mesh_gateway,
)
INGRESS_GATEWAY = Rule(
    id="MW-CON-040",
    slug="no-ingress-gateway",
    title="Traffic comes in by API gateways, and not by IngressGateways",
    severity=Severity.LOW,
    level=Level.ADVISORY,
    applies_to=(*HELM, *INGRESS),
    why="IngressGateway is deprecated since Consul 1.16, and gets no features any more: no JWT, no route filters.",
    remedy="write a Gateway of the class `consul`, and HTTPRoutes",
    bad=Example(chart("ingressGateways: {enabled: true}"), "it installs ingress gateways, which are deprecated"),
    good=Example(chart()),
    references=(_GATEWAYS,),
    check=_ingress,
)
VERIFIED = Rule(
    id="MW-CON-041",
    slug="terminating-gateway-verifies",
    title="A terminating gateway calls named services, and verifies them",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=TERMINATING,
    context=tuple(token for token in DEFAULTS if token not in TERMINATING),
    why="Without a CA the gateway calls in plaintext, whatever the port: the mesh's encryption ends at its door.",
    remedy="set `caFile` and `sni` for each service; where the application does TLS itself, waive it",
    bad=Example(
        entry("TerminatingGateway", "terminating-gateway", "services: [{name: rds}]", "consul"),
        "the gateway terminating-gateway calls the service rds without TLS: it has no CA to verify it",
    ),
    good=Example(entry("TerminatingGateway", "terminating-gateway", f"services: [{{{_RDS}}}]", "consul")),
    references=(_WAY_OUT,),
    check_stack=_verified,
)
DESTINATION = Rule(
    id="MW-CON-042",
    slug="destinations-are-named",
    title="A destination outside the mesh is for hosts that are named",
    severity=Severity.MEDIUM,
    level=Level.MANDATORY,
    applies_to=DEFAULTS,
    why="A wildcard makes one intention the way to hosts that nobody thought of, and egress has no end.",
    remedy="list the hosts in `destination.addresses`",
    bad=Example(
        entry("ServiceDefaults", "world", "protocol: http, destination: {addresses: ['*'], port: 443}"),
        "the destination world is for hosts that nobody named",
    ),
    good=Example(
        entry("ServiceDefaults", "stripe", "protocol: tcp, destination: {addresses: [api.stripe.com], port: 443}")
    ),
    references=(_WAY_OUT,),
    check=_destination,
)
EXPORTED_NAMES = Rule(
    id="MW-CON-043",
    slug="exports-are-named",
    title="Services are exported by name",
    severity=Severity.HIGH,
    level=Level.ADVISORY,
    applies_to=EXPORTED,
    why="`*` gives a peer each service of tomorrow too; what stands between is then an intention that allows `*`.",
    remedy="list the services",
    bad=Example(
        entry("ExportedServices", "default", "services: [{name: '*', consumers: [{peer: west}]}]", "consul"),
        "every service is exported, also those still to come",
    ),
    good=Example(entry("ExportedServices", "default", "services: [{name: cart, consumers: [{peer: west}]}]", "consul")),
    references=("https://developer.hashicorp.com/consul/docs/reference/config-entry/exported-services",),
    check=_exported,
)
JWT = Rule(
    id="MW-CON-044",
    slug="jwt-provider-is-bound",
    title="A JWT provider names issuer and audiences, and has its keys over https",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=JWT_PROVIDER,
    why="Without audiences a token that another application got is taken here. Keys over http can be replaced.",
    remedy="set `issuer` and `audiences`, and an https:// address",
    bad=Example(
        _jwks("http://id.example.com/jwks.json"),
        "the JWT provider login has its keys over http: whoever is between can sign tokens",
    ),
    good=Example(_jwks("https://id.example.com/jwks.json")),
    references=("https://developer.hashicorp.com/consul/docs/reference/config-entry/jwt-provider",),
    check=_jwt,
)
PLAIN_PATHS = Rule(
    id="MW-CON-045",
    slug="exposed-paths-are-narrow",
    title="No service is exposed as a whole past its proxy",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=(*DEFAULTS, *(token for token in PROXY_DEFAULTS if token not in DEFAULTS)),
    why="`expose.paths` opens a port without mTLS and without intentions. It is for probes and metrics.",
    remedy="name the path, such as /healthz",
    bad=Example(
        entry("ServiceDefaults", "cart", "expose: {paths: [{path: /, localPathPort: 8080, listenerPort: 21500}]}"),
        "the whole of cart answers in plaintext, past its intentions (expose.paths)",
    ),
    good=Example(
        entry(
            "ServiceDefaults", "cart", "expose: {paths: [{path: /healthz, localPathPort: 8080, listenerPort: 21500}]}"
        )
    ),
    references=("https://developer.hashicorp.com/consul/docs/reference/config-entry/service-defaults",),
    check=_plain_paths,
)

RULES = (
    UI,
    SERVERS,
    MESH_GATEWAY,
    INGRESS_GATEWAY,
    VERIFIED,
    DESTINATION,
    EXPORTED_NAMES,
    JWT,
    PLAIN_PATHS,
)
