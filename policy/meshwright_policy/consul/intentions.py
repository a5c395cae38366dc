"""Who may call whom, by what of a request, and for how long plaintext is taken."""

from collections.abc import Iterator
from typing import Any

from meshwright.consul.service_defaults import HTTP_LIKE
from meshwright_policy.consul.fragments import entry
from meshwright_policy.consul.objects import (
    CONFIG_ENTRY,
    CONSUL_NAMESPACE,
    DEFAULTS,
    DENY_BY_DEFAULT,
    INTENTIONS,
    MESH,
    MESH_OR_PATCH,
    PROXY_DEFAULTS,
    Entry,
    entries,
    entry_of,
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
from meshwright_policy.values import UNKNOWN, at, day, elements, today

UNTIL = "meshwright.dev/permissive-until"
"""Annotation of an object, or key of an entry's meta: the day on which permissive mode ends."""
_REFERENCE = "https://developer.hashicorp.com/consul/docs/reference/config-entry/service-intentions"
_PRACTICE = "https://developer.hashicorp.com/consul/docs/secure-mesh/best-practice"
_PERMISSIVE = "https://developer.hashicorp.com/consul/docs/register/service/k8s/transparent-proxy/permissive-mtls"
_NAMED_PATH = ("pathExact", "pathPrefix", "pathRegex")


def _allowed(source: Any) -> Any:
    """Whether a source may make every call; unknown where only the update will know."""
    action, permissions = at(source, "action"), at(source, "permissions")
    if UNKNOWN in (source, action):
        return UNKNOWN
    return action == "allow" and not permissions


def _everybody(subject: Subject, _: Config) -> Iterator[Answer]:
    intention = entry_of(subject, "ServiceIntentions")
    for source in elements(intention.get("sources")):
        allowed, name = _allowed(source), at(source, "name")
        if allowed is True and name == "*" and intention.name == "*":
            yield Violation("every service may call every other")
        elif UNKNOWN in (allowed, name) and intention.name == "*" and name in ("*", UNKNOWN):
            yield Undecided("whom it lets in is known only at the update")


def _by_wildcard(subject: Subject, _: Config) -> Iterator[Answer]:
    intention = entry_of(subject, "ServiceIntentions")
    for source in elements(intention.get("sources")):
        allowed, name = _allowed(source), at(source, "name")
        if allowed is True and name == "*" and intention.name != "*":
            yield Violation(f"every service may call {intention.name}")
        elif allowed is True and intention.name == "*" and name not in ("*", UNKNOWN):
            yield Violation(f"{told(name, 'a service')} may call every service")
        elif UNKNOWN in (allowed, name):
            yield Undecided("whom it lets in is known only at the update")


def _permissions(intention: Entry) -> list[Any]:
    return [
        permission
        for source in elements(intention.get("sources"))
        for permission in elements(at(source, "permissions"))
    ]


def _speaks_http(stack: Stack, _: Config) -> Iterator[Answer]:
    asking = [one for one in entries(stack, "ServiceIntentions", *INTENTIONS) if _permissions(one)]
    if not asking:
        raise NotApplicableError("no intention of the stack looks at requests")
    said = {one.name: one.get("protocol") for one in entries(stack, "ServiceDefaults", *DEFAULTS)}
    mesh = [one.get("config", "protocol") for one in entries(stack, "ProxyDefaults", *PROXY_DEFAULTS)]
    for one in asking:
        protocol = said.get(one.name) or (mesh[0] if mesh else None)
        if protocol is UNKNOWN or (one.name not in said and protocol is None) or one.name == "*":
            yield Undecided(f"the stack doesn't show the protocol of {one.name}", one.subject)
        elif protocol not in HTTP_LIKE:
            what = f"the intention for {one.name} looks at requests, and its protocol is {told(protocol, 'tcp')}"
            yield Violation(what, one.subject)


def _paths_are_normal(stack: Stack, _: Config) -> Iterator[Answer]:
    asking = [
        one
        for one in entries(stack, "ServiceIntentions", *INTENTIONS)
        if any(at(permission, "http", key) for permission in _permissions(one) for key in _NAMED_PATH)
    ]
    if not asking:
        raise NotApplicableError("no intention of the stack looks at paths")
    meshes = [(one, one.get("http", "incoming", "requestNormalization")) for one in entries(stack, "Mesh", *MESH)]
    if not meshes:
        yield Undecided("the stack doesn't hold the entry Mesh, which says how paths are read", asking[0].subject)
    for mesh, normal in meshes:
        off, slashes, escaped = (
            at(normal, key)
            for key in ("insecureDisablePathNormalization", "mergeSlashes", "pathWithEscapedSlashesAction")
        )
        bad = (
            off is True
            or slashes in (None, False)
            or escaped in (None, "IMPLEMENTATION_SPECIFIC_DEFAULT", "KEEP_UNCHANGED")
        )
        if normal is UNKNOWN or (UNKNOWN in (off, slashes, escaped) and not bad):
            yield Undecided("how paths are read is known only at the update", mesh.subject)
        elif bad:
            what = f"the intention for {asking[0].name} looks at paths, and //admin or %2Fadmin is not /admin to it"
            yield Violation(what, mesh.subject, tuple(one.subject for one in asking))


def _kind_of_defaults(subject: Subject) -> str:
    of_proxies = "ProxyDefaults" in subject.type or at(subject.properties, "kind") == "proxy-defaults"
    return "ProxyDefaults" if of_proxies else "ServiceDefaults"


def _mode(subject: Subject) -> tuple[str, Any, Any]:
    """What it is about, its mode, and the day on which permissive mode ends."""
    given = subject.properties
    if subject.type == CONSUL_NAMESPACE:
        name = told(at(given, "namespace"), subject.name)
        return f"the namespace {name}", at(given, "phase"), at(given, "deadline")
    defaults = entry_of(subject, _kind_of_defaults(subject))
    if CONSUL_NAMESPACE in subject.urn:
        raise NotApplicableError("ConsulNamespace says when it ends")
    ends = at(given, "metadata", "annotations", UNTIL)
    ends = at(given, "meta", UNTIL) if ends is None else ends
    every = _kind_of_defaults(subject) == "ProxyDefaults"
    return "every service" if every else f"the service {defaults.name}", defaults.get("mutualTLSMode"), ends


def _has_an_end(subject: Subject, _: Config) -> Iterator[Answer]:
    what, mode, ends = _mode(subject)
    if mode is UNKNOWN or (mode == "permissive" and ends is UNKNOWN):
        yield Undecided("whether it takes plaintext, or until when, is known only at the update")
    elif mode != "permissive":
        raise NotApplicableError("it takes no plaintext")
    elif day(ends) is None:
        yield Violation(f"{what} takes plaintext past its intentions, and nothing says until when")


def _ended(subject: Subject, _: Config) -> Iterator[Answer]:
    what, mode, ends = _mode(subject)
    last = day(ends)
    if mode is UNKNOWN or (mode == "permissive" and ends is UNKNOWN):
        yield Undecided("whether it takes plaintext, or until when, is known only at the update")
    elif mode != "permissive" or last is None:
        raise NotApplicableError("it has no day on which permissive mode ends")
    elif last < today():
        yield Violation(f"{what} was to be strict after {last}, and still takes plaintext past its intentions")


def _modes(stack: Stack) -> list[Any]:
    found = [one.get("mutualTLSMode") for one in entries(stack, "ServiceDefaults", *DEFAULTS)]
    found += [one.get("mutualTLSMode") for one in entries(stack, "ProxyDefaults", *PROXY_DEFAULTS)]
    return found + [at(one.properties, "phase") for one in stack.of(CONSUL_NAMESPACE)]


def _flag(stack: Stack, _: Config) -> Iterator[Answer]:
    flags = [
        (one.subject, one.get("allowEnablingPermissiveMutualTLS")) for one in entries(stack, "Mesh", *MESH_OR_PATCH)
    ]
    given = [value for _, value in flags]
    if not any(given):
        raise NotApplicableError("no entry Mesh of the stack allows permissive mode")
    modes = _modes(stack)
    for subject, value in flags:
        if value is UNKNOWN or (value and "permissive" not in modes and UNKNOWN in modes):
            yield Undecided("whether permissive mode is needed is known only at the update", subject)
        elif value and "permissive" not in modes:
            yield Violation("the mesh allows permissive mode, and no service of the stack is permissive", subject)


_CART_HTTP = entry("ServiceDefaults", "cart", "protocol: http")
_CART_TCP = entry("ServiceDefaults", "cart", "protocol: tcp")
_ALLOW = "name: web, permissions: [{action: allow, http: {pathPrefix: /v1/}}]"
_NORMAL = "http: {incoming: {requestNormalization: {mergeSlashes: true, pathWithEscapedSlashesAction: REJECT_REQUEST}}}"
_LEGACY = "mutualTLSMode: permissive"


def _intention(to: str, source: str) -> str:
    name = "any.service" if to == "*" else to
    return entry("ServiceIntentions", name, f"destination: {{name: '{to}'}}, sources: [{{{source}}}]")


def _until(last: str) -> str:
    return entry("ServiceDefaults", "legacy", _LEGACY, annotations=f"{UNTIL}: '{last}'")


def _mesh(spec: str) -> str:
    return entry("Mesh", "mesh", spec, "consul")


EVERYBODY = Rule(
    id="MW-CON-046",
    slug="no-intention-for-everybody",
    title="No intention lets every service call every other",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=INTENTIONS,
    why="`*` to `*` undoes default-deny for whatever has no intention of its own: identity counts for nothing.",
    remedy="deny `*` to `*`, and allow each call by an intention of its own",
    bad=Example(_intention("*", "name: '*', action: allow"), "every service may call every other"),
    good=Example(_intention("*", "name: '*', action: deny")),
    references=(_REFERENCE, _PRACTICE),
    frameworks=DENY_BY_DEFAULT,
    check=_everybody,
)
BY_WILDCARD = Rule(
    id="MW-CON-047",
    slug="intentions-name-both-sides",
    title="An intention that allows every request names who calls and who is called",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=INTENTIONS,
    why="A service that is registered tomorrow may then call, or be called, without anybody having meant it.",
    remedy="name the callers; or let everybody in to some paths alone, by `permissions`",
    bad=Example(_intention("cart", "name: '*', action: allow"), "every service may call cart"),
    good=Example(_intention("cart", "name: web, action: allow")),
    references=(_REFERENCE,),
    frameworks=DENY_BY_DEFAULT,
    check=_by_wildcard,
)
SPEAKS_HTTP = Rule(
    id="MW-CON-048",
    slug="permissions-need-http",
    title="A service whose intentions look at requests speaks HTTP",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=INTENTIONS,
    context=(*DEFAULTS, *PROXY_DEFAULTS),
    why="Consul refuses permissions for a service of tcp: the intention isn't there, and the last one that was counts.",
    remedy="set `protocol: http`, http2 or grpc in the service's ServiceDefaults, or in ProxyDefaults",
    bad=Example(
        _CART_TCP + _intention("cart", _ALLOW),
        "the intention for cart looks at requests, and its protocol is tcp",
    ),
    good=Example(_CART_HTTP + _intention("cart", _ALLOW)),
    references=(_REFERENCE,),
    check_stack=_speaks_http,
)
NORMAL_PATHS = Rule(
    id="MW-CON-049",
    slug="paths-are-normalised",
    title="Where intentions look at paths, the mesh reads a path in one way",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=INTENTIONS,
    context=MESH,
    why="`//admin` and `/%2Fadmin` go past a rule for /admin, and most servers answer them as if they were it.",
    remedy="set mergeSlashes and pathWithEscapedSlashesAction: REJECT_REQUEST in `http.incoming.requestNormalization`",
    bad=Example(
        _mesh("transparentProxy: {meshDestinationsOnly: true}") + _intention("cart", _ALLOW),
        "the intention for cart looks at paths, and //admin or %2Fadmin is not /admin to it",
    ),
    good=Example(_mesh(_NORMAL) + _intention("cart", _ALLOW)),
    references=("https://developer.hashicorp.com/consul/docs/reference/config-entry/mesh", _PRACTICE),
    check_stack=_paths_are_normal,
)
HAS_AN_END = Rule(
    id="MW-CON-050",
    slug="permissive-has-an-end",
    title="Permissive mode has a day on which it ends",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=(CONSUL_NAMESPACE, *DEFAULTS, *(token for token in PROXY_DEFAULTS if token not in DEFAULTS)),
    why="A permissive service takes plaintext, to which no intention applies. It is a state on the way.",
    remedy=f"annotate it with {UNTIL}: <YYYY-MM-DD> (meta, off Kubernetes), or set ConsulNamespace's `deadline`",
    bad=Example(
        entry("ServiceDefaults", "legacy", _LEGACY),
        "the service legacy takes plaintext past its intentions, and nothing says until when",
    ),
    good=Example(_until("2026-12-11")),
    references=(_PERMISSIVE,),
    check=_has_an_end,
)
ENDED = Rule(
    id="MW-CON-051",
    slug="permissive-has-ended",
    title="No service is permissive after the day that was set for it",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=HAS_AN_END.applies_to,
    why="The day was set by whoever knew when the callers would be in the mesh. After it plaintext is a hole.",
    remedy="set it strict; or set another day, and say why in the change",
    bad=Example(
        _until("2026-11-20"),
        "the service legacy was to be strict after 2026-11-20, and still takes plaintext past its intentions",
    ),
    good=Example(_until("2026-12-11")),
    references=(_PERMISSIVE,),
    check=_ended,
)
FLAG = Rule(
    id="MW-CON-052",
    slug="permissive-flag-goes",
    title="The mesh allows permissive mode only while a service needs it",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=MESH_OR_PATCH,
    context=(*DEFAULTS, *(token for token in PROXY_DEFAULTS if token != CONFIG_ENTRY), CONSUL_NAMESPACE),
    why="While the flag is there, whoever writes ServiceDefaults can take a service out of mTLS.",
    remedy="remove `allowEnablingPermissiveMutualTLS`; services of other stacks are a case for a waiver",
    bad=Example(
        _mesh("allowEnablingPermissiveMutualTLS: true") + _CART_HTTP,
        "the mesh allows permissive mode, and no service of the stack is permissive",
    ),
    good=Example(_mesh("allowEnablingPermissiveMutualTLS: true") + _until("2026-12-11")),
    references=(_PERMISSIVE,),
    check_stack=_flag,
)

RULES = (EVERYBODY, BY_WILDCARD, SPEAKS_HTTP, NORMAL_PATHS, HAS_AN_END, ENDED, FLAG)
