"""One match of a VirtualService as a match of an HTTPRoute, and in which order Istio tries those.

Sources: istiod's ``config/kube/gateway/conversion.go`` (``createURIMatch``, ``sortHTTPRoutes``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from meshwright.istio.migration.objects import mapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meshwright.istio.migration.objects import Body

_PATH: Final = re.compile(r"/(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})*")
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
_SAID: Final = frozenset({"name", "uri", "headers", "queryParams", "method", "statPrefix"})
_MOST_LETTERS: Final = 1024
_RANK: Final = {"Exact": 3, "PathPrefix": 2, "RegularExpression": 1}


class CannotSayError(Exception):
    """What an HTTPRoute of the standard channel can't say; the message is what that is, as half a sentence."""


def match(virtual: Body) -> Body:
    """The match of an HTTPRoute. Raises `CannotSayError`."""
    if other := sorted(key for key, value in virtual.items() if key not in _SAID and value):
        raise CannotSayError(f"a match by {', '.join(other)}")
    route: Body = {"path": _path(mapped(virtual.get("uri")))}
    if method := mapped(virtual.get("method")):
        if method.get("exact") not in _METHODS:
            raise CannotSayError("a match by a part of the method")
        route["method"] = method["exact"]
    for key in ("headers", "queryParams"):
        if wanted := mapped(virtual.get(key)):
            route[key] = [_named(name, mapped(value)) for name, value in sorted(wanted.items())]
    return route


def _path(uri: Body) -> Body:
    if not uri:
        return {"type": "PathPrefix", "value": "/"}
    if (prefix := uri.get("prefix")) is not None:
        if not _is_path(prefix):
            raise CannotSayError(f"the path prefix {prefix!r}")
        return {"type": "PathPrefix", "value": prefix}
    if (exact := uri.get("exact")) is not None:
        known = _is_path(exact)
        return {"type": "Exact", "value": exact} if known else {"type": "RegularExpression", "value": re.escape(exact)}
    return {"type": "RegularExpression", "value": uri.get("regex", "")}


def _is_path(text: str) -> bool:
    odd = ("//" in text, "/./" in text, "/../" in text, "%2f" in text.lower(), text.endswith(("/..", "/.")))
    return bool(_PATH.fullmatch(text)) and not any(odd) and len(text) <= _MOST_LETTERS


def _named(name: str, wanted: Body) -> Body:
    if "exact" in wanted:
        return {"name": name, "type": "Exact", "value": wanted["exact"]}
    pattern = re.escape(wanted["prefix"]) + ".*" if "prefix" in wanted else wanted.get("regex", ".*")
    return {"name": name, "type": "RegularExpression", "value": pattern}


def rank(route: Body) -> tuple[int, int, bool, int, int]:
    """By what Istio sorts the matches of HTTPRoutes, the largest first."""
    path = route["path"]
    value = path["value"].rstrip("/") or "/" if path["type"] == "PathPrefix" else path["value"]
    return (
        _RANK[path["type"]],
        len(value),
        "method" in route,
        len(route.get("headers", ())),
        len(route.get("queryParams", ())),
    )


def overlap(one: Body, other: Body) -> bool:
    """Whether a request may be matched by both. True where that can't be told."""
    if "method" in one and "method" in other and one["method"] != other["method"]:
        return False
    for key in ("headers", "queryParams"):
        theirs = {each["name"].lower(): each for each in other.get(key, ())}
        for each in one.get(key, ()):
            same = theirs.get(each["name"].lower())
            if same and each["type"] == same["type"] == "Exact" and each["value"] != same["value"]:
                return False
    return _paths_overlap(one["path"], other["path"])


def _paths_overlap(one: Body, other: Body) -> bool:
    kinds = {one["type"], other["type"]}
    if kinds == {"Exact"}:
        return bool(one["value"] == other["value"])
    if kinds == {"PathPrefix"}:
        return covers(one["value"], other["value"]) or covers(other["value"], one["value"])
    if kinds == {"Exact", "PathPrefix"}:
        exact, prefix = (one, other) if one["type"] == "Exact" else (other, one)
        return covers(prefix["value"], exact["value"])
    return True


def covers(prefix: str, path: str) -> bool:
    """Whether an HTTPRoute's prefix matches a path: by whole segments."""
    prefix = prefix.rstrip("/")
    return path == prefix or path.startswith(f"{prefix}/") or not prefix


def keeps_order(rules: Sequence[tuple[list[Body], Any]]) -> bool:
    """Whether Istio tries these matches in such an order that the first of them that matches still decides.

    Args:
        rules: The matches of each rule and what the rule does, in the VirtualService's order.
    """
    flat = [(one, does) for found, does in rules for one in found]
    for index, (later, does) in enumerate(flat):
        for earlier, did in flat[:index]:
            if rank(later) > rank(earlier) and did != does and overlap(earlier, later):
                return False
    return True
