"""AuthorizationPolicies and tokens at sidecars, gateways and waypoints, all of which are Envoy."""

import ipaddress
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.semantics.calls import Http, Peer, Token
from tests.semantics.world import Object

_HTTP_SOURCE = ("requestPrincipals", "notRequestPrincipals")
_HTTP_OPERATION = ("hosts", "notHosts", "methods", "notMethods", "paths", "notPaths")
_HTTP_WHEN = ("request.",)


@dataclass(frozen=True)
class Seen:
    """What a proxy sees of a request."""

    peer: Peer
    port: int
    address: str
    """The connection's destination: the pod's at a sidecar, the Service's at a waypoint (I xds/filters/filters.go,
    ConnectAuthority: the CONNECT request's authority becomes the connection's own address)."""
    http: Http | None
    token: Token | None = None


class UnauthorizedError(Exception):
    """A token that no RequestAuthentication accepts: 401."""


def judge(policies: Iterable[Object], tokens: Iterable[Object], seen: Seen) -> tuple[bool, tuple[str, ...]]:
    """Whether a request is let through, and who else was asked.

    CUSTOM, then RequestAuthentication, DENY and ALLOW (I pilot/pkg/security/authz/builder/builder.go, and the order of
    filters in core/listener_waypoint.go); without any ALLOW policy all is allowed.
    """
    enforced = [each for each in policies if not _is_dry_run(each)]
    asked = tuple(
        sorted(
            f"{each['spec']['action']} {(each['spec'].get('provider') or {}).get('name', '')}"
            for each in _with_action(enforced, "CUSTOM", "AUDIT")
            if _any_rule(each, seen)
        )
    )
    try:
        token = _accepted(tokens, seen)
    except UnauthorizedError:
        return False, asked
    seen = Seen(seen.peer, seen.port, seen.address, seen.http, token)
    if any(_any_rule(each, seen) for each in _with_action(enforced, "DENY")):
        return False, asked
    allows = _with_action(enforced, "ALLOW")
    return not allows or any(_any_rule(each, seen) for each in allows), asked


def passes_token_on(tokens: Iterable[Object]) -> bool:
    """Whether a token goes on after it was checked: not by default (forwardOriginalToken)."""
    rules = [rule for each in tokens for rule in each["spec"].get("jwtRules", [])]
    return not rules or any(rule.get("forwardOriginalToken") for rule in rules)


def _is_dry_run(policy: Object) -> bool:
    return (policy["metadata"].get("annotations") or {}).get("istio.io/dry-run") == "true"


def _with_action(policies: Iterable[Object], *actions: str) -> list[Object]:
    return [each for each in policies if ((each.get("spec") or {}).get("action") or "ALLOW") in actions]


def _accepted(tokens: Iterable[Object], seen: Seen) -> Token | None:
    """The token, where it is looked at. A request without one passes (I pilot/pkg/security/authn/policy_applier.go)."""
    issuers = {rule["issuer"] for each in tokens for rule in each["spec"].get("jwtRules", [])}
    if seen.token is None or not issuers or seen.http is None:
        return None
    if seen.token.issuer not in issuers:
        raise UnauthorizedError
    return seen.token


def _any_rule(policy: Object, seen: Seen) -> bool:
    """I authz/builder/builder.go; a rule that can't be made for TCP is left out of an ALLOW, and in a DENY loses the
    fields that can't (I authz/model/model.go, checkError)."""
    action = (policy.get("spec") or {}).get("action") or "ALLOW"
    return any(_rule(rule, action, seen, policy) for rule in (policy.get("spec") or {}).get("rules") or [])


def _rule(rule: Object, action: str, seen: Seen, policy: Object) -> bool:
    if seen.http is None and action == "ALLOW" and _speaks_http(rule):
        return False
    sources = [each.get("source") or {} for each in rule.get("from") or []] or [{}]
    operations = [each.get("operation") or {} for each in rule.get("to") or []] or [{}]
    return (
        any(_source(each, seen, policy) for each in sources)
        and any(_operation(each, seen) for each in operations)
        and all(_condition(each, seen, policy) for each in rule.get("when") or [])
    )


def _speaks_http(rule: Object) -> bool:
    fields = [key for each in rule.get("from") or [] for key, value in (each.get("source") or {}).items() if value]
    fields += [key for each in rule.get("to") or [] for key, value in (each.get("operation") or {}).items() if value]
    keys = [each["key"] for each in rule.get("when") or []]
    return any(each in (*_HTTP_SOURCE, *_HTTP_OPERATION) for each in fields) or any(
        each.startswith(_HTTP_WHEN) for each in keys
    )


def _source(source: Object, seen: Seen, policy: Object) -> bool:
    """I authz/model/generator.go. All fields must match; of a field, any value."""
    peer, token = seen.peer, seen.token
    home = policy["metadata"]["namespace"]
    subject = f"{token.issuer}/{token.subject}" if token else ""
    checks: dict[str, Callable[[str], bool]] = {
        "principals": lambda value: bool(peer.principal) and text(value, peer.principal),
        "namespaces": lambda value: bool(peer.namespace) and text(value, peer.namespace),
        "serviceAccounts": lambda value: peer.account == (value if "/" in value else f"{home}/{value}") != "",
        "trustDomains": lambda value: bool(peer.principal) and text(value, peer.principal.split("/")[0]),
        "ipBlocks": lambda value: block(value, peer.address),
        "remoteIpBlocks": lambda value: block(value, peer.address),
    }
    if seen.http is not None:
        checks["requestPrincipals"] = lambda value: bool(subject) and text(value, subject)
    return _fields(source, checks)


def _operation(operation: Object, seen: Seen) -> bool:
    checks: dict[str, Callable[[str], bool]] = {"ports": lambda value: int(value) == seen.port}
    if (http := seen.http) is not None:
        checks |= {
            "hosts": lambda value: text(value.lower(), http.host.lower()),
            "methods": lambda value: text(value, http.method),
            "paths": lambda value: text(value, http.path),
        }
    return _fields(operation, checks)


def _fields(said: Object, checks: dict[str, Callable[[str], bool]]) -> bool:
    for name, check in checks.items():
        not_name = "not" + name[0].upper() + name[1:]
        if said.get(name) and not any(check(str(value)) for value in said[name]):
            return False
        if said.get(not_name) and any(check(str(value)) for value in said[not_name]):
            return False
    return True


def _condition(condition: Object, seen: Seen, policy: Object) -> bool:
    check = _check_of(condition["key"], seen, policy)
    if check is None:  # of HTTP, on TCP, in a DENY
        return True
    said = {"values": condition.get("values"), "notValues": condition.get("notValues")}
    return _fields(said, {"values": check})


def _check_of(name: str, seen: Seen, policy: Object) -> Callable[[str], bool] | None:
    sources = {
        "source.principal": "principals", "source.namespace": "namespaces", "source.ip": "ipBlocks",
        "source.serviceAccount": "serviceAccounts", "source.trustDomain": "trustDomains", "remote.ip": "remoteIpBlocks",
        "request.auth.principal": "requestPrincipals",
    }  # fmt: skip
    if name == "destination.port":
        return lambda value: int(value) == seen.port
    if name == "destination.ip":
        return lambda value: block(value, seen.address)
    if seen.http is None and name.startswith(_HTTP_WHEN):
        return None
    if name in sources:
        return lambda value: _source({sources[name]: [value]}, seen, policy)
    inner = re.fullmatch(r"request\.(headers|auth\.claims)\[(.+)]", name)
    assert inner, name
    if inner[1] == "headers":
        assert seen.http is not None
        values = dict(seen.http.headers)
    else:
        values = dict(seen.token.claims) if seen.token else {}
    return lambda value: inner[2] in values and text(value, values[inner[2]])


def text(pattern: str, value: str) -> bool:
    """Exact, ``prefix*``, ``*suffix``, and ``*`` for all that isn't empty (I authz/matcher/string.go)."""
    if pattern == "*":
        return value != ""
    if pattern.startswith("*"):
        return value.endswith(pattern[1:])
    return value.startswith(pattern[:-1]) if pattern.endswith("*") else value == pattern


def block(network: str, address: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(network)
