"""Config entries as the typed resources of pulumi_consul, for Consul off Kubernetes.

They are told as the CRDs have them, and renamed here. The generic ``ConfigEntry`` would show a change at every preview
unless each default was spelled out (terraform-provider-consul#281).
"""

import re
import struct
from collections.abc import Mapping
from typing import Any, Final

import pulumi

from meshwright.errors import Code
from meshwright.gateway_api.spelling import METHODS
from meshwright.kubernetes.errors import refuse

_NAMES: Final = {
    "exposes": "exposes",
    "http": "https",
    "header": "headers",
    "queryParam": "query_params",
    "retryOn": "retry_ons",
    "remove": "removes",
    "upstreamConfig": "upstream_configs",
    "limits": "limits",
    "passiveHealthCheck": "passive_health_checks",
    "redirect": "redirects",
    "loadBalancer": "load_balancers",
    "ringHashConfig": "ring_hash_configs",
    "leastRequestConfig": "least_request_configs",
    "sourceIP": "source_ip",
    "destination": "destinations",
    "enforcingConsecutive5xx": "enforcing_consecutive5xx",
}
"""The provider's names where they are not the CRD's in snake case."""
_SINGLE: Final = {
    "ServiceRouter": {"http": "http", "destination": "destination"},
}
"""Kind -> names that are no list in it."""
_BLOCKS: Final = frozenset(
    {
        "https",
        "upstream_configs",
        "defaults",
        "limits",
        "passive_health_checks",
        "redirects",
        "load_balancers",
        "ring_hash_configs",
        "least_request_configs",
    }
)
"""One object in the CRD, a list of one for the provider."""
_MAPS: Final = frozenset({"add", "set"})
"""Whose keys are headers."""
_ZERO: Final = "0s"
_DURATIONS: Final = frozenset({"connect_timeout", "request_timeout", "idle_timeout", "interval", "base_ejection_time"})


def require_consul_provider(opts: pulumi.ResourceOptions | None, label: str) -> None:
    """Refuse options without a provider of pulumi_consul: it would take an address from the shell. MW-E051."""
    given = [] if opts is None else [*_listed(opts.providers), opts.provider]
    inherited = opts is not None and opts.parent is not None and opts.parent.get_provider("consul:index/x:X")
    if not inherited and not any(each is not None and each.package == "consul" for each in given):
        remedy = "pass one: opts=pulumi.ResourceOptions(providers=[pulumi_consul.Provider(...)]); or name a namespace, "
        remedy += "for objects in Kubernetes"
        raise refuse(Code.NO_PROVIDER, label, "no Consul provider was given, and no namespace is named", remedy)


def entry(
    resource_name: str, kind: str, name: str, spec: Mapping[str, Any], opts: pulumi.ResourceOptions
) -> pulumi.CustomResource:
    """Register a ServiceDefaults, ServiceIntentions, ServiceResolver, ServiceRouter or ServiceSplitter."""
    # An extra: whoever has Consul in Kubernetes alone needs it not.
    import pulumi_consul

    made: pulumi.CustomResource = getattr(pulumi_consul, f"ConfigEntry{kind}")(
        resource_name, name=name, opts=opts, **arguments(kind, name, spec)
    )
    return made


def arguments(kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """What the typed resource takes, from what the CRD's ``spec`` says."""
    if kind == "ServiceIntentions":
        return {"sources": [_source(each, name) for each in spec["sources"]]}
    if kind == "ServiceSplitter":
        return {
            "splits": [
                {"service": name, **_renamed(each, kind), "weight": _float32(each["weight"])} for each in spec["splits"]
            ]
        }
    if kind == "ServiceResolver":
        return _resolver(spec)
    if kind == "ServiceRouter":
        return {"routes": [_route(each) for each in spec["routes"]]}
    # All are Consul's defaults. The provider asks for the first two, and reads the others back.
    return {
        "protocol": "tcp",
        "exposes": [{"checks": False}],
        "mesh_gateways": [{"mode": ""}],
        "transparent_proxies": [{"dialed_directly": False, "outbound_listener_port": 0}],
        **_renamed(spec, kind),
    }


def _source(source: Mapping[str, Any], to: str) -> dict[str, Any]:
    # What Consul reckons is told, or it would be a change at each preview (`computeIntentionPrecedence`).
    made: dict[str, Any] = {"type": "consul", "precedence": (6 if to == "*" else 9) - (source["name"] == "*")}
    made |= {key: value for key, value in source.items() if key != "permissions"}
    if permissions := source.get("permissions"):
        made["permissions"] = [_permission(each) for each in permissions]
    return made


def _permission(permission: Mapping[str, Any]) -> dict[str, Any]:
    """The provider loses headers, by which the rest is refused; methods it keeps."""
    if permission["action"] == "deny":
        return {"action": "deny", "https": [{"methods": list(METHODS)}]}
    return _renamed(permission, "ServiceIntentions")


def _resolver(spec: Mapping[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in spec.items() if key not in ("subsets", "failover")}
    # The provider reads durations even where they aren't said; as it does a route's.
    made = {"connect_timeout": _ZERO, "request_timeout": _ZERO, **_renamed(rest, "ServiceResolver")}
    if subsets := spec.get("subsets"):
        made["subsets"] = [
            {"name": name, "filter": each.get("filter", ""), "only_passing": each.get("onlyPassing", False)}
            for name, each in subsets.items()
        ]
    if failover := spec.get("failover"):
        made["failovers"] = [
            {"subset_name": name, **_renamed(each, "ServiceResolver")} for name, each in failover.items()
        ]
    return made


def _route(route: Mapping[str, Any]) -> dict[str, Any]:
    made = _renamed(route, "ServiceRouter")
    made["destination"] = {"request_timeout": _ZERO, "idle_timeout": _ZERO, **made.get("destination", {})}
    return made


def _renamed(value: Mapping[str, Any], kind: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, item in value.items():
        new = _SINGLE.get(kind, {}).get(key) or _NAMES.get(key) or re.sub(r"(?<!^)(?=[A-Z])", "_", key).lower()
        if isinstance(item, Mapping) and key not in _MAPS:
            inner = _renamed(item, kind)
            made[new] = [inner] if new in _BLOCKS else inner
        elif isinstance(item, list):
            made[new] = [_renamed(each, kind) if isinstance(each, Mapping) else each for each in item]
        else:
            made[new] = _as_go(item) if new in _DURATIONS else item
    return made


def _float32(weight: float) -> float:
    """As Consul keeps it, or it would be a change at each preview; as would a duration that Go writes otherwise."""
    return float(struct.unpack("f", struct.pack("f", weight))[0])


def _as_go(duration: str) -> str:
    """``90s`` as Go writes it: ``1m30s``."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|h|m|s)", duration)
    seconds = sum(float(number) * {"h": 3600, "m": 60, "s": 1, "ms": 0.001}[unit] for number, unit in parts)
    if 0 < seconds < 1:
        return f"{seconds * 1000:g}ms"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + f"{rest:g}s"


def _listed(providers: object) -> list[Any]:
    if isinstance(providers, Mapping):
        return list(providers.values())
    return list(providers) if isinstance(providers, list | tuple) else []
