"""How Consul reads intentions: a transcription of `makeRBACRules` (``agent/xds/rbac.go`` of Consul 1.22), and of the
decision that its API gives (``agent/consul/state/intention.go``).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Request(NamedTuple):
    """One request, or with `method` empty a connection of no protocol that Consul reads."""

    source: str
    peer: str = ""
    to: str = ""
    method: str = "GET"
    path: str = "/"
    headers: Mapping[str, str] = {}
    tokens: frozenset[str] = frozenset()
    """Issuers whose valid token it brings."""


@dataclass
class Rule:
    """An intention, as it is worked on."""

    name: str
    peer: str
    action: str
    permissions: list[dict[str, Any]]
    precedence: int
    not_sources: list["Rule"] = field(default_factory=list)

    @property
    def wild(self) -> int:
        return int(self.name == "*")

    def is_from(self, request: Request) -> bool:
        return self.peer == request.peer and self.name in ("*", request.source)


def _ranked(specs: Iterable[Mapping[str, Any]], to: str) -> list[Rule]:
    """`computeIntentionPrecedence`, and `IntentionPrecedenceSorter`."""
    rules = [
        Rule(
            source["name"],
            source.get("peer", ""),
            source.get("action", "layer7"),
            source.get("permissions", []),
            (9 if spec["destination"]["name"] != "*" else 6) - (source["name"] == "*"),
        )
        for spec in specs
        if spec["destination"]["name"] in (to, "*")
        for source in spec["sources"]
    ]
    return sorted(rules, key=lambda rule: (-rule.precedence, rule.peer, rule.name))


def admits(specs: Iterable[Mapping[str, Any]], request: Request, *, default: str) -> bool:
    """Whether the proxy of `request.to` lets it through, with Consul's default, ``allow`` or ``deny``."""
    rules: list[Rule] = []
    for rule in _ranked(specs, request.to):  # removeSameSourceIntentions
        if not any((rule.name, rule.peer) == (other.name, other.peer) for other in rules):
            rules.append(rule)
    for index, earlier in enumerate(rules):  # removeSourcePrecedence
        for later in rules[index + 1 :]:
            if earlier.wild < later.wild and earlier.peer == later.peer:
                later.not_sources.append(earlier)
    kept = [rule for rule in rules if rule.action != default]
    matched = any(
        rule.is_from(request)
        and not any(other.is_from(request) for other in rule.not_sources)
        and (rule.action != "layer7" or _fits(rule.permissions, request, default))
        for rule in kept
    )
    return matched if default == "deny" else not matched


def _fits(permissions: list[dict[str, Any]], request: Request, default: str) -> bool:
    """`removePermissionPrecedence`: each is what it says, and not what those before it say, tokens left aside."""
    for index, permission in enumerate(permissions):
        if permission["action"] == default:
            continue
        before = permissions[:index]
        if _http(permission["http"], request) and not any(_http(each["http"], request) for each in before):
            providers = permission.get("jwt", {}).get("providers", [])
            if not providers or any(each["name"] in request.tokens for each in providers):
                return True
    return False


def _http(http: Mapping[str, Any], request: Request) -> bool:
    """`convertPermission`; methods are one expression for ``:method``."""
    headers = {**request.headers, ":method": request.method}
    return all(
        (
            "pathExact" not in http or request.path == http["pathExact"],
            "pathPrefix" not in http or request.path.startswith(http["pathPrefix"]),
            "pathRegex" not in http or re.fullmatch(http["pathRegex"], request.path),
            "methods" not in http or request.method in http["methods"],
            *(_header(each, headers.get(each["name"])) for each in http.get("header", [])),
        )
    )


def _header(said: Mapping[str, Any], value: str | None) -> bool:
    if value is None:
        return False
    return (
        said.get("present", False)
        or value == said.get("exact")
        or ("regex" in said and bool(re.fullmatch(said["regex"], value)))
    )


def decides(specs: Iterable[Mapping[str, Any]], request: Request, *, default: str) -> str:
    """What Consul's API answers for a connection: ``allow``, ``deny``, or ``layer7``, the proxy has to see the request."""
    for rule in _ranked(specs, request.to):
        if rule.is_from(request):
            return rule.action
    return default
