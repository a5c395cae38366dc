"""The ``spec`` of each entry that says where requests to a service go, as the CRDs have them."""

from collections.abc import Mapping
from typing import Any, Final

from meshwright.consul.traffic.args import (
    ConsulServiceTrafficArgs,
    FailoverArgs,
    HashArgs,
    LoadBalancerArgs,
    MatchArgs,
    RetriesArgs,
    RouteArgs,
    SplitArgs,
)

_TARGET: Final = (("service", "service"), ("subset", "serviceSubset"), ("datacenter", "datacenter"), ("peer", "peer"))


def router(args: ConsulServiceTrafficArgs) -> dict[str, Any] | None:
    """None where there are no routes; as with the two below."""
    routes = args.get("routes")
    return {"routes": [_route(each) for each in routes]} if routes else None


def splitter(args: ConsulServiceTrafficArgs) -> dict[str, Any] | None:
    """Shares."""
    return {"splits": [_split(each) for each in split]} if (split := args.get("split")) else None


def resolver(args: ConsulServiceTrafficArgs) -> dict[str, Any] | None:
    """Subsets, and where instances are."""
    spec: dict[str, Any] = {}
    if subsets := args.get("subsets"):
        spec["subsets"] = {
            name: _told(each, (("filter", "filter"), ("only_passing", "onlyPassing"))) for name, each in subsets.items()
        }
    spec |= _told(
        args,
        (
            ("default_subset", "defaultSubset"),
            ("connect_timeout", "connectTimeout"),
            ("request_timeout", "requestTimeout"),
        ),
    )
    if redirect := args.get("redirect"):
        spec["redirect"] = _told(redirect, _TARGET)
    if failover := args.get("failover"):
        spec["failover"] = {subset: _failover(each) for subset, each in failover.items()}
    if balancer := args.get("load_balancer"):
        spec["loadBalancer"] = _balancer(balancer)
    return spec or None


def _route(route: RouteArgs) -> dict[str, Any]:
    to = _told(
        route,
        (
            ("service", "service"),
            ("subset", "serviceSubset"),
            ("prefix_rewrite", "prefixRewrite"),
            ("timeout", "requestTimeout"),
            ("idle_timeout", "idleTimeout"),
        ),
    )
    if retries := route.get("retries"):
        to |= _retries(retries)
    to |= _told(route, (("request_headers", "requestHeaders"), ("response_headers", "responseHeaders")))
    made: dict[str, Any] = {"match": {"http": _match(match)}} if (match := route.get("match")) else {}
    return {**made, "destination": to} if to else made


def _match(match: MatchArgs) -> dict[str, Any]:
    http = _told(match, (("path", "pathExact"), ("path_prefix", "pathPrefix"), ("path_regex", "pathRegex")))
    for spelt, exact, regex in (
        ("header", match.get("headers"), match.get("headers_regex")),
        ("queryParam", match.get("query"), match.get("query_regex")),
    ):
        named = [{"name": name, "exact": value} for name, value in (exact or {}).items()]
        named += [{"name": name, "regex": value} for name, value in (regex or {}).items()]
        if named:
            http[spelt] = named
    return http | _told(match, (("methods", "methods"),))


def _retries(retries: RetriesArgs) -> dict[str, Any]:
    made: dict[str, Any] = {"numRetries": int(retries.get("attempts", 1))}
    if on := retries.get("on"):
        made["retryOn"] = list(on)
    if statuses := retries.get("statuses"):
        made["retryOnStatusCodes"] = [int(each) for each in statuses]
    return made


def _split(split: SplitArgs) -> dict[str, Any]:
    return {"weight": split["weight"], **_told(split, (("service", "service"), ("subset", "serviceSubset")))}


def _failover(failover: FailoverArgs) -> dict[str, Any]:
    made = _told(failover, (("service", "service"), ("subset", "serviceSubset"), ("datacenters", "datacenters")))
    if targets := failover.get("targets"):
        made["targets"] = [_told(each, _TARGET) for each in targets]
    return made


def _balancer(balancer: LoadBalancerArgs) -> dict[str, Any]:
    made: dict[str, Any] = {"policy": balancer["policy"]}
    if "choices" in balancer:
        made["leastRequestConfig"] = {"choiceCount": int(balancer["choices"])}
    ring = _told(balancer, (("min_ring", "minimumRingSize"), ("max_ring", "maximumRingSize")))
    if ring:
        made["ringHashConfig"] = {key: int(size) for key, size in ring.items()}
    if policies := balancer.get("hash"):
        made["hashPolicies"] = [_hash(each) for each in policies]
    return made


def _hash(policy: HashArgs) -> dict[str, Any]:
    if policy.get("source_ip"):
        return {"sourceIP": True}
    for key, field in (("header", "header"), ("query", "query_parameter"), ("cookie", "cookie")):
        if key in policy:
            made: dict[str, Any] = {"field": field, "fieldValue": policy[key]}  # type: ignore[literal-required]
    cookie = _told(policy, (("session", "session"), ("ttl", "ttl")))
    return {**made, "cookieConfig": cookie} if cookie else made


def _told(said: Mapping[str, Any], names: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """What is said of these, by the CRD's names."""
    return {new: said[old] for old, new in names if said.get(old)}
