"""From a call graph, whose lines add up, to intentions, of which Consul lets the most exact decide.

In Consul an intention for ``web`` hides one for ``*``; which of two decides depends on who is asked, the proxies
(``agent/xds/rbac.go``) or the API that authorizes. So each entry says all of its service: each source gets
everything that any line lets it do, and nothing is left to precedence. Permissions end with a refusal of the rest, and
``*`` with one of everybody: the graph holds even where Consul's default is to allow.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from meshwright.consul.intentions.args import AllowedArgs, IntentionArgs, TokenArgs

ANY: Final = "*"
_PATHS: Final = (("path_exact", "pathExact"), ("path_prefix", "pathPrefix"), ("path_regex", "pathRegex"))
_REST: Final = {"action": "deny", "http": {"header": [{"name": ":method", "present": True}]}}
"""Every request has a method; not every one has a path: a CONNECT has none."""


class Source(NamedTuple):
    """Who calls."""

    name: str
    peer: str = ""


def source_of(intention: IntentionArgs) -> Source:
    """Who calls by it."""
    return Source(intention["source"], intention.get("peer", ""))


def destinations(intentions: Sequence[IntentionArgs]) -> list[str]:
    """The services that get an entry, ``*`` last."""
    return [*sorted({each["to"] for each in intentions} - {ANY}), ANY]


def sources(intentions: Sequence[IntentionArgs], to: str) -> list[Source]:
    """Who is named in the entry of a service: all whom a line for it, or for ``*``, lets in."""
    return sorted({source_of(each) for each in intentions if each["to"] in (to, ANY)})


def applying(intentions: Sequence[IntentionArgs], source: Source, to: str) -> list[int]:
    """The lines that are for calls from a source to a service, by their numbers."""
    senders = (source, source._replace(name=ANY))
    return [index for index, each in enumerate(intentions) if each["to"] in (to, ANY) and source_of(each) in senders]


def entries(intentions: Sequence[IntentionArgs]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Service, or ``*``, and the ``spec`` of its ServiceIntentions."""
    for to in destinations(intentions):
        said = [_said(intentions, source, to) for source in sources(intentions, to)]
        if to == ANY:
            said += _nobody_else(intentions)
        yield to, {"destination": {"name": to}, "sources": said}


def _said(intentions: Sequence[IntentionArgs], source: Source, to: str) -> dict[str, Any]:
    named: dict[str, Any] = {"name": source.name} | ({"peer": source.peer} if source.peer else {})
    lines = [intentions[index] for index in applying(intentions, source, to)]
    if not all(line.get("allow") for line in lines):
        return {**named, "action": "allow"}
    permissions: list[dict[str, Any]] = []
    for line in lines:
        permissions += [each for each in map(permission, line.get("allow") or ()) if each not in permissions]
    return {**named, "permissions": [*permissions, _REST]}


def _nobody_else(intentions: Sequence[IntentionArgs]) -> Iterator[dict[str, Any]]:
    named = set(sources(intentions, ANY))
    for peer in sorted({"", *(source_of(each).peer for each in intentions)}):
        if Source(ANY, peer) not in named:
            yield {"name": ANY, **({"peer": peer} if peer else {}), "action": "deny"}


def permission(allowed: AllowedArgs) -> dict[str, Any]:
    """A permission as the CRD has it."""
    http: dict[str, Any] = {new: allowed[old] for old, new in _PATHS if old in allowed}  # type: ignore[literal-required]
    headers = [{"name": name, "exact": value} for name, value in (allowed.get("headers") or {}).items()]
    headers += [{"name": name, "regex": value} for name, value in (allowed.get("headers_regex") or {}).items()]
    if headers:
        http["header"] = headers
    if methods := allowed.get("methods"):
        http["methods"] = list(methods)
    made: dict[str, Any] = {"action": "allow", "http": http or {"pathPrefix": "/"}}
    if tokens := allowed.get("tokens"):
        made["jwt"] = {"providers": [_token(each) for each in tokens]}
    return made


def _token(token: TokenArgs) -> dict[str, Any]:
    claims = [{"path": list(each["path"]), "value": each["value"]} for each in token.get("claims") or ()]
    return {"name": token["provider"], **({"verifyClaims": claims} if claims else {})}
