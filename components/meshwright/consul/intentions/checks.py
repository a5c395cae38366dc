"""What Consul, or its webhook, would refuse of intentions, and what would let through something else than it seems to.

Sources: ``agent/structs/config_entry_intentions.go`` of Consul, and consul-k8s's
``control-plane/api/v1alpha1/serviceintentions_types.go``.
"""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Final

from meshwright.consul.intentions.args import AllowedArgs, ConsulIntentionsArgs, IntentionArgs
from meshwright.consul.intentions.compile import ANY, applying, destinations, source_of, sources
from meshwright.consul.intentions.jwt import provider_troubles
from meshwright.consul.service_defaults import DEFAULT_PROTOCOL, HTTP_LIKE
from meshwright.errors import Code
from meshwright.gateway_api import spelling
from meshwright.kubernetes.troubles import Path, Trouble

_NAME: Final = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_PATHS: Final = ("path_exact", "path_prefix", "path_regex")


def intention_troubles(args: ConsulIntentionsArgs) -> Iterator[Trouble]:
    """All of them; none for arguments of which `entries` may be made."""
    lines = args["intentions"]
    for index, line in enumerate(lines):
        for trouble in _in_line(line, args):
            yield trouble._replace(at=("intentions", index, *trouble.at))
    for name, provider in (args.get("jwt") or {}).items():
        for trouble in provider_troubles(provider):
            yield trouble._replace(at=("jwt", name, *trouble.at))
    yield from _together(lines)


def _in_line(line: IntentionArgs, args: ConsulIntentionsArgs) -> Iterator[Trouble]:
    yield from _names(line, args)
    allow = line.get("allow")
    if allow is None:
        return
    if line["to"] == ANY:
        message = "limits calls to *, and Consul looks at requests of one service only"
        yield Trouble(Code.CONSUL_INTENTION, message, "name the services that are called, one line each", ("allow",))
    elif line["to"] in args["services"]:
        protocol = args["services"][line["to"]].get("protocol") or args.get("default_protocol") or DEFAULT_PROTOCOL
        if protocol not in HTTP_LIKE:
            message = f"looks at requests, and the protocol of {line['to']} is {protocol}"
            remedy = f"set the protocol of {line['to']}: http, http2 or grpc; or remove allow"
            yield Trouble(Code.CONSUL_PROTOCOL, message, remedy, ("allow",))
    if not allow:
        message = "is empty: nothing would be let through"
        yield Trouble(Code.CONSUL_INTENTION, message, "remove it, to let every connection in", ("allow",))
    for index, allowed in enumerate(allow):
        for trouble in _in_allowed(allowed, args):
            yield trouble._replace(at=("allow", index, *trouble.at))
        for earlier in range(index):
            if covers(allow[earlier], allowed):
                message = f"is never asked: allow[{earlier}] fits all that it fits, and comes first"
                yield Trouble(Code.CONSUL_INTENTION, message, "put it first, or remove it", ("allow", index))
                break


def _names(line: IntentionArgs, args: ConsulIntentionsArgs) -> Iterator[Trouble]:
    known = [*args["services"], *(args.get("callers") or [])]
    for key, names in (("source", known), ("to", list(args["services"]))):
        name = line[key]  # type: ignore[literal-required]
        if name == ANY or (name in names and re.fullmatch(_NAME, name)):
            continue
        # A peer's services are its own to list.
        if key == "source" and line.get("peer") and re.fullmatch(_NAME, name):
            continue
        near = get_close_matches(name, names, n=1)
        message = f'is "{name}", and no service of that name is listed'
        if key == "to" and name in known:
            message = f'is "{name}", which is listed as a caller only'
        remedy = f"did you mean {near[0]}?" if near else "list it among the services of its namespace"
        yield Trouble(Code.CONSUL_UNKNOWN_SERVICE, message, remedy, (key,))
    if "peer" in line and not re.fullmatch(_NAME, line["peer"]):
        message = f'is "{line["peer"]}", which is no peer: there is no wildcard for peers'
        yield Trouble(Code.CONSUL_INTENTION, message, "write the name of one peering", ("peer",))


def _in_allowed(allowed: AllowedArgs, args: ConsulIntentionsArgs) -> Iterator[Trouble]:
    if not allowed:
        message, remedy = "is empty, which Consul refuses", "say which requests; or remove allow, for every connection"
        yield Trouble(Code.CONSUL_INTENTION, message, remedy)
    for key in ("methods", "headers", "headers_regex", "tokens"):
        if key in allowed and not allowed[key]:
            message = "is empty, and Consul would take it for no limit at all"
            yield Trouble(Code.CONSUL_INTENTION, message, "remove it, to let all in; or say which", (key,))
    paths = [key for key in _PATHS if key in allowed]
    if len(paths) > 1:
        yield Trouble(Code.CONSUL_INTENTION, f"stands beside {paths[0]}", "keep one of the two", (paths[1],))
    yield from _spelling(allowed)
    yield from _tokens(allowed, args)


def _spelling(allowed: AllowedArgs) -> Iterator[Trouble]:
    for key in ("path_exact", "path_prefix"):
        if key in allowed and not spelling.is_path(allowed[key]):
            message = f'is "{allowed[key]}", which no request has once its path is normalised'
            yield Trouble(Code.CONSUL_INTENTION, message, "begin it with /, without //, /./, /../, %2F, ? or #", (key,))
    for regex, at in _regexes(allowed):
        if not spelling.is_regex(regex):
            message, remedy = f'is "{regex}", which RE2 does not take', "leave out lookaround and back-references"
            yield Trouble(Code.CONSUL_INTENTION, message, remedy, at)
    methods = allowed.get("methods") or []
    for index, method in enumerate(methods):
        if method not in spelling.METHODS:
            remedy = f"one of: {', '.join(spelling.METHODS)}"
            yield Trouble(Code.CONSUL_INTENTION, f'is "{method}", which is no method', remedy, ("methods", index))
        if method in methods[:index]:
            yield Trouble(Code.CONSUL_INTENTION, f"is {method} again", "write it once", ("methods", index))
    for name in [*(allowed.get("headers") or {}), *(allowed.get("headers_regex") or {})]:
        if not re.fullmatch(spelling.HEADER, name, re.ASCII):
            message = f'has the header "{name}", which is no name of one'
            yield Trouble(Code.CONSUL_INTENTION, message, "use letters, digits and -")


def _regexes(allowed: AllowedArgs) -> Iterator[tuple[str, Path]]:
    if "path_regex" in allowed:
        yield allowed["path_regex"], ("path_regex",)
    for name, regex in (allowed.get("headers_regex") or {}).items():
        yield regex, ("headers_regex", name)


def _tokens(allowed: AllowedArgs, args: ConsulIntentionsArgs) -> Iterator[Trouble]:
    known = args.get("jwt") or {}
    for index, token in enumerate(allowed.get("tokens") or ()):
        if token["provider"] not in known:
            message = f'is "{token["provider"]}", and jwt has no such provider: proxies would be told nothing at all'
            listed = f"one of: {', '.join(known)}" if known else "add it to jwt"
            yield Trouble(Code.CONSUL_JWT, message, listed, ("tokens", index, "provider"))
        if token.get("claims") == []:
            message = "is empty, and Consul would take any token of the provider's"
            yield Trouble(Code.CONSUL_JWT, message, "remove it, or name a claim", ("tokens", index, "claims"))
        for claim, said in enumerate(token.get("claims") or ()):
            if not said["path"]:
                at = ("tokens", index, "claims", claim, "path")
                yield Trouble(Code.CONSUL_JWT, "is empty", "name the claim: [role]", at)


def covers(one: AllowedArgs, other: AllowedArgs) -> bool:
    """Whether every request that fits the other fits the one, whatever tokens they ask for, as far as can be told."""
    methods, others = set(one.get("methods") or ()), set(other.get("methods") or ())
    if methods and not (others and others <= methods):
        return False
    for key in ("headers", "headers_regex"):
        asked: Mapping[str, str] = one.get(key) or {}  # type: ignore[assignment]
        if not asked.items() <= (other.get(key) or {}).items():  # type: ignore[attr-defined]
            return False
    if "path_prefix" in one:
        path = other.get("path_exact", other.get("path_prefix"))
        return one["path_prefix"] == "/" or (path is not None and path.startswith(one["path_prefix"]))
    return all(other.get(key) == one.get(key) for key in ("path_exact", "path_regex") if key in one)


def _together(lines: list[IntentionArgs]) -> Iterator[Trouble]:
    seen: dict[tuple[object, str], int] = {}
    for index, line in enumerate(lines):
        key = (source_of(line), line["to"])
        if (first := seen.setdefault(key, index)) != index:
            message = f"is for the same calls as intentions[{first}]"
            yield Trouble(Code.DUPLICATE_NAME, message, "write both as one", ("intentions", index))
        elif line.get("allow"):
            yield from _pointless(index, lines)
    yield from _undecided(lines)


def _pointless(index: int, lines: list[IntentionArgs]) -> Iterator[Trouble]:
    """A limit on calls that another line lets in whole: Consul would keep to the more exact of the two."""
    line = lines[index]
    for wider in applying(lines, source_of(line), line["to"]):
        if wider != index and not lines[wider].get("allow"):
            message = f"limits calls that intentions[{wider}] lets in whole: lines add up"
            remedy = "remove one of the two, or name the callers that are let in whole"
            yield Trouble(Code.CONSUL_INTENTION, message, remedy, ("intentions", index))


def _undecided(lines: list[IntentionArgs]) -> Iterator[Trouble]:
    """Lines that ask for a token, and others for the same calls: the first permission that fits would decide."""
    told = set()
    for to in destinations(lines):
        for source in sources(lines, to):
            found = applying(lines, source, to)
            asking = [index for index in found if any(each.get("tokens") for each in lines[index].get("allow") or ())]
            whole = any(not lines[index].get("allow") for index in found)
            if len(found) > 1 and asking and not whole and asking[0] not in told:
                told.add(asking[0])
                other = next(index for index in found if index != asking[0])
                message = f"asks for a token, and intentions[{other}] is for some of the same calls"
                remedy = "name callers and services in both, so that one line alone is for each call"
                yield Trouble(Code.CONSUL_JWT, message, remedy, ("intentions", asking[0]))
