"""What Consul would refuse of a resolver: subsets, redirect, failover and load balancer."""

import re
from collections.abc import Iterator
from typing import Final

from meshwright.consul.traffic.args import ConsulServiceTrafficArgs, FailoverArgs, HashArgs, LoadBalancerArgs
from meshwright.errors import Code
from meshwright.kubernetes.troubles import Trouble

_SUBSET: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_DURATION: Final = r"(\d+(\.\d+)?(ms|s|m|h))+"
_POLICIES: Final = ("random", "round_robin", "least_request", "ring_hash", "maglev")
_BY_HASH: Final = ("ring_hash", "maglev")
_SELECTOR: Final = r"(Service|Node|Checks?)(\.|\[)"
_CARRIERS: Final = ("header", "cookie", "query", "source_ip")


def resolver_troubles(args: ConsulServiceTrafficArgs) -> Iterator[Trouble]:
    """All of them."""
    yield from _subsets(args)
    if args.get("redirect") is not None:
        yield from _redirect(args)
    for name, failover in (args.get("failover") or {}).items():
        if name != "*" and name not in (args.get("subsets") or {}):
            message = f'is for "{name}", which is no subset'
            yield Trouble(Code.CONSUL_RESOLVER, message, "name a subset, or * for any", ("failover", name))
        for trouble in _failover(failover):
            yield trouble._replace(at=("failover", name, *trouble.at))
    for key in ("connect_timeout", "request_timeout"):
        value = args.get(key)
        if value is not None and not re.fullmatch(_DURATION, str(value), re.ASCII):
            yield Trouble(Code.BAD_ARGUMENT, f'is "{value}"', "write it as 500ms, 5s or 1m30s", (key,))
    if balancer := args.get("load_balancer"):
        for trouble in _balancer(balancer):
            yield trouble._replace(at=("load_balancer", *trouble.at))


def _subsets(args: ConsulServiceTrafficArgs) -> Iterator[Trouble]:
    subsets = args.get("subsets") or {}
    for name, subset in subsets.items():
        if not re.fullmatch(_SUBSET, name, re.ASCII):
            message = f'has the subset "{name}"'
            yield Trouble(Code.CONSUL_RESOLVER, message, "use lower-case letters, digits and '-'", ("subsets",))
        if (said := subset.get("filter")) and not _is_filter(said):
            message = f"is '{said}', which picks by nothing that is registered"
            remedy = 'write an expression: Service.Meta.version == "v2"'
            yield Trouble(Code.CONSUL_RESOLVER, message, remedy, ("subsets", name, "filter"))
    default = args.get("default_subset")
    if default is not None and default not in subsets:
        remedy = f"one of: {', '.join(subsets)}" if subsets else "add it to subsets"
        yield Trouble(Code.CONSUL_RESOLVER, f'is "{default}", which is no subset', remedy, ("default_subset",))


def _is_filter(text: str) -> bool:
    """Quotes and brackets close, and it asks for what a filter on instances can see."""
    bare = re.sub(r'"[^"]*"|`[^`]*`', "", text)
    return (
        not re.search(r'["`]', bare)
        and bare.count("(") == bare.count(")")
        and bare.count("[") == bare.count("]")
        and bool(re.search(_SELECTOR, bare))
    )


def _redirect(args: ConsulServiceTrafficArgs) -> Iterator[Trouble]:
    redirect = args["redirect"]
    if not redirect:
        message = "is empty"
        yield Trouble(Code.CONSUL_RESOLVER, message, "name a service, a subset of one, or a peer", ("redirect",))
    if args.get("failover"):
        message = "stands beside failover, of which there would be none"
        yield Trouble(Code.CONSUL_RESOLVER, message, "keep one of the two", ("redirect",))
    if redirect.get("service") in (None, args["service"]) and redirect and not _elsewhere(redirect):
        message = "leads to the service itself: nothing would change"
        yield Trouble(Code.CONSUL_RESOLVER, message, "name another service", ("redirect",))
    for key in ("subset", "peer"):
        if redirect.get(key) and not redirect.get("service"):
            message = f"is given without a service, and a {key} is of one"
            yield Trouble(Code.CONSUL_RESOLVER, message, "add redirect.service", ("redirect", key))
    yield from (each._replace(at=("redirect", *each.at)) for each in _peer(redirect))


def _elsewhere(target: object) -> bool:
    return isinstance(target, dict) and any(target.get(key) for key in ("datacenter", "peer", "subset"))


def _peer(target: object) -> Iterator[Trouble]:
    if isinstance(target, dict) and target.get("peer"):
        for key in ("subset", "datacenter"):
            if target.get(key):
                message = f"stands beside peer, and what a peer's {key} is, it alone says"
                yield Trouble(Code.CONSUL_RESOLVER, message, f"remove {key}, or peer", (key,))


def _failover(failover: FailoverArgs) -> Iterator[Trouble]:
    if not any(failover.values()):
        yield Trouble(Code.CONSUL_RESOLVER, "is empty", "add targets, a service, a subset or datacenters")
    if failover.get("targets"):
        for key in ("datacenters", "service", "subset"):
            if failover.get(key):
                message = "stands beside targets, which have their own"
                yield Trouble(Code.CONSUL_RESOLVER, message, "keep one of the two", (key,))
    for index, target in enumerate(failover.get("targets") or ()):
        for trouble in _peer(target):
            yield trouble._replace(at=("targets", index, *trouble.at))


def _balancer(balancer: LoadBalancerArgs) -> Iterator[Trouble]:
    policy = balancer["policy"]
    if policy not in _POLICIES:
        yield Trouble(Code.CONSUL_RESOLVER, f'is "{policy}"', f"one of: {', '.join(_POLICIES)}", ("policy",))
    for key, wanted in (
        ("choices", ("least_request",)),
        ("min_ring", ("ring_hash",)),
        ("max_ring", ("ring_hash",)),
        ("hash", _BY_HASH),
    ):
        if balancer.get(key) and policy not in wanted:
            message = f"is for {' and '.join(wanted)}, and the policy is {policy}"
            yield Trouble(Code.CONSUL_RESOLVER, message, "remove it, or change the policy", (key,))
    for index, each in enumerate(balancer.get("hash") or ()):
        for trouble in _hash(each):
            yield trouble._replace(at=("hash", index, *trouble.at))


def _hash(policy: HashArgs) -> Iterator[Trouble]:
    said = [key for key in _CARRIERS if policy.get(key)]
    if len(said) != 1:
        message = f"has {len(said)} of {', '.join(_CARRIERS)}"
        yield Trouble(Code.CONSUL_RESOLVER, message, "write one of them")
    for key in ("session", "ttl"):
        if policy.get(key) and not policy.get("cookie"):
            yield Trouble(Code.CONSUL_RESOLVER, "is for a cookie", "remove it, or add cookie", (key,))
    if policy.get("session") and policy.get("ttl"):
        message = "stands beside session, and a cookie of a session has no end of its own"
        yield Trouble(Code.CONSUL_RESOLVER, message, "keep one of the two", ("ttl",))
