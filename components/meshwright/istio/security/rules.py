"""The rules of an AuthorizationPolicy: typed, checked, and told apart by the layer that can enforce them."""

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_network
from typing import Any, NotRequired, TypedDict

from meshwright.errors import Code, Problem
from meshwright.istio.layers import L4_CONDITIONS, L7_OPERATION, L7_SOURCE
from meshwright.istio.security.identity import principal
from meshwright.kubernetes.service_accounts import is_identity


class SourceArgs(TypedDict):
    """Who calls. All that is given must hold; of each list, one entry."""

    service_accounts: NotRequired[list[str]]
    """Callers as ``namespace/service-account``, in the mesh's trust domain."""
    not_service_accounts: NotRequired[list[str]]
    """Anybody but these, as ``namespace/service-account``; callers without a certificate too."""
    principals: NotRequired[list[str]]
    """Callers as ``trust-domain/ns/namespace/sa/name``: those of other trust domains, or with a ``*`` at one end."""
    not_principals: NotRequired[list[str]]
    """Anybody but these principals."""
    namespaces: NotRequired[list[str]]
    """Callers of these namespaces."""
    not_namespaces: NotRequired[list[str]]
    """Callers of other namespaces, or without a certificate."""
    ip_blocks: NotRequired[list[str]]
    """Addresses of the connection, or CIDRs."""
    not_ip_blocks: NotRequired[list[str]]
    """Any address but these."""
    remote_ip_blocks: NotRequired[list[str]]
    """Addresses by ``X-Forwarded-For``. L7."""
    not_remote_ip_blocks: NotRequired[list[str]]
    """Any such address but these. L7."""
    request_principals: NotRequired[list[str]]
    """``issuer/subject`` of the token; ``*`` for any valid token. L7."""
    not_request_principals: NotRequired[list[str]]
    """Any but these; ``*`` for requests without a valid token. L7."""


class OperationArgs(TypedDict):
    """What is called. All that is given must hold; of each list, one entry."""

    ports: NotRequired[list[int]]
    """Ports: of the Service at a waypoint, of the pod at ztunnel."""
    not_ports: NotRequired[list[int]]
    """Any port but these."""
    methods: NotRequired[list[str]]
    """HTTP methods. L7."""
    not_methods: NotRequired[list[str]]
    """Any method but these. L7."""
    paths: NotRequired[list[str]]
    """Paths, exact, with a ``*`` at one end, or as templates (``/cart/{*}``). L7."""
    not_paths: NotRequired[list[str]]
    """Any path but these. L7."""
    hosts: NotRequired[list[str]]
    """Hosts of the request. L7."""
    not_hosts: NotRequired[list[str]]
    """Any host but these. L7."""


class ConditionArgs(TypedDict):
    """One more attribute that a request must have."""

    key: str
    """Attribute, such as ``source.ip`` or ``request.headers[x-team]``."""
    values: NotRequired[list[str]]
    """It is one of these."""
    not_values: NotRequired[list[str]]
    """It is none of these."""


class RuleArgs(TypedDict):
    """A rule: one of the sources, one of the operations, and every condition. An empty rule is every request."""

    sources: NotRequired[list[SourceArgs]]
    """Default: anybody."""
    operations: NotRequired[list[OperationArgs]]
    """Default: anything."""
    when: NotRequired[list[ConditionArgs]]
    """Default: always."""


def as_istio(rule: RuleArgs, trust_domain: str) -> dict[str, Any]:
    """The rule as AuthorizationPolicy has it: service accounts as principals, ports as text."""
    made: dict[str, Any] = {}
    if sources := rule.get("sources"):
        made["from"] = [{"source": _fields(each, trust_domain)} for each in sources]
    if operations := rule.get("operations"):
        made["to"] = [{"operation": _fields(each, trust_domain)} for each in operations]
    if conditions := rule.get("when"):
        made["when"] = [_fields(each, trust_domain) for each in conditions]
    return made


def needs_waypoint(rules: Iterable[Mapping[str, Any]]) -> list[str]:
    """The fields of Istio rules that ztunnel doesn't know, sorted."""
    found = set()
    for rule in rules:
        for each in rule.get("from", ()):
            found |= each["source"].keys() & set(L7_SOURCE)
        for each in rule.get("to", ()):
            found |= each["operation"].keys() & set(L7_OPERATION)
        found |= {each["key"] for each in rule.get("when", ())} - set(L4_CONDITIONS)
    return sorted(found)


def mistakes(rules: Iterable[RuleArgs]) -> Iterator[Problem]:
    """Rules that Istio would read otherwise than they are meant, without a word."""
    for index, rule in enumerate(rules):
        place = f"rules[{index}]"
        if unknown := sorted(rule.keys() - RuleArgs.__annotations__.keys()):
            yield _bad(f"{place} has no {unknown[0]}", f"one of: {', '.join(RuleArgs.__annotations__)}")
        for source in rule.get("sources") or ():
            yield from _part(source, f"{place}.sources", "source", SourceArgs)
        for operation in rule.get("operations") or ():
            yield from _part(operation, f"{place}.operations", "operation", OperationArgs)
        for condition in rule.get("when") or ():
            if not (condition.get("values") or condition.get("not_values")):
                yield _bad(f"{place}.when names {condition['key']} and no value", "give values or not_values")


def _part(part: Mapping[str, Any], place: str, one: str, fields: type) -> Iterator[Problem]:
    if unknown := sorted(part.keys() - fields.__annotations__.keys()):
        yield _bad(f"{place} has no {unknown[0]}", f"one of: {', '.join(fields.__annotations__)}")
    if not any(part.values()):
        yield _never(
            f"{place} holds one that names nothing, which ztunnel skips: the rule would never fire",
            f"name something, or leave {place.rpartition('.')[2]} out: then it is for every {one}",
        )
    else:
        yield from _content(part, place)


def _content(part: Mapping[str, Any], place: str) -> Iterator[Problem]:
    """Values that no caller and no request has."""
    for name in _values(part, "service_accounts"):
        if not is_identity(name):
            yield _bad(f"{place} names the service account {name!r}", "write it as namespace/service-account")
    for block in (*_values(part, "ip_blocks"), *_values(part, "remote_ip_blocks")):
        if not _is_block(block):
            message = f"{place} has the address {block!r}, which is none: ztunnel would leave it out"
            yield _never(message, "write an address or a CIDR without host bits: 10.1.0.0/16")
    yield from (
        _never(f"{place} has the method {method!r}, which no request has", f"write it as {method.upper()}")
        for method in _values(part, "methods")
        if method != method.upper()
    )
    yield from (
        _never(f"{place} has the path {path!r}, which no request has", f"write it as /{path}")
        for path in _values(part, "paths")
        if not path.startswith(("/", "*"))
    )
    yield from (
        _never(f"{place} has the port {port}, which is none", "a number from 1 to 65535")
        for port in _values(part, "ports")
        if not 1 <= int(port) <= 65535
    )


def _values(part: Mapping[str, Any], key: str) -> list[Any]:
    return [*(part.get(key) or ()), *(part.get(f"not_{key}") or ())]


def _fields(part: Mapping[str, Any], trust_domain: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in part.items():
        if not value:
            continue
        if key in ("service_accounts", "not_service_accounts"):
            name = "principals" if key == "service_accounts" else "notPrincipals"
            made[name] = sorted({*made.get(name, ()), *(principal(each, trust_domain) for each in value)})
        elif key in ("principals", "not_principals"):
            made[_camel(key)] = sorted({*made.get(_camel(key), ()), *value})
        elif key in ("ports", "not_ports"):
            made[_camel(key)] = [str(int(port)) for port in value]  # numbers of a hosted component arrive as floats
        else:
            made[_camel(key)] = value if key == "key" else list(value)
    return made


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.title, rest))


def _is_block(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


def _bad(message: str, remedy: str) -> Problem:
    return Problem(Code.BAD_ARGUMENT, message, remedy)


def _never(message: str, remedy: str) -> Problem:
    return Problem(Code.NEVER_MATCHES, message, remedy)
