"""The rules of an AuthorizationPolicy: what ztunnel can judge, and the same rule said for another place.

Which fields those are: `meshwright.istio.layers`. ``trustDomains`` and ``notTrustDomains`` are no fields of ztunnel's
either; istiod drops them without a word (``handleRule`` in ``ambient/authorization.go``), so here they count as HTTP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from meshwright.istio.labels import DRY_RUN
from meshwright.istio.layers import DROPPED_SOURCE, L4_CONDITIONS, L4_OPERATION, L4_SOURCE, L7_OPERATION, L7_SOURCE
from meshwright.istio.migration.objects import listed, mapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from meshwright.istio.migration.objects import Body, Manifest
    from meshwright.istio.migration.setup import Service

_LOST: Final = ("destination.ip", "connection.sni", "experimental.envoy.filters.")
"""Conditions that a waypoint can't judge as a sidecar does: it sees the Service's address, and no TLS of a caller's."""
_FORWARDED: Final = "request.headers[x-forwarded-client-cert]"
_TRUE: Final = ("1", "t", "T", "TRUE", "true", "True")


def action(policy: Manifest) -> str:
    """ALLOW, DENY, AUDIT or CUSTOM."""
    return str(policy.spec.get("action") or "ALLOW")


def is_dry_run(policy: Manifest) -> bool:
    """Whether it is only tried."""
    return mapped(policy.body["metadata"].get("annotations")).get(DRY_RUN) in _TRUE


def rules_of(policy: Manifest) -> list[Body]:
    """Its rules."""
    return [mapped(each) for each in listed(policy.spec.get("rules"))]


def http_fields(rule: Body) -> list[str]:
    """What of a rule needs a waypoint, each once, in order."""
    fields = [key for source in sources(rule) for key in (*L7_SOURCE, *DROPPED_SOURCE) if source.get(key)]
    fields += [key for each in operations(rule) for key in L7_OPERATION if each.get(key)]
    fields += [each["key"] for each in listed(rule.get("when")) if each["key"] not in L4_CONDITIONS]
    return list(dict.fromkeys(fields))


def needs_waypoint(policy: Manifest) -> bool:
    """Whether ztunnel can't enforce a policy as it is written."""
    return action(policy) in ("AUDIT", "CUSTOM") or any(http_fields(rule) for rule in rules_of(policy))


def sources(rule: Body) -> list[Body]:
    """The sources in its ``from``."""
    return [mapped(each.get("source")) for each in listed(rule.get("from"))]


def operations(rule: Body) -> list[Body]:
    """The operations in its ``to``."""
    return [mapped(each.get("operation")) for each in listed(rule.get("to"))]


def lost_conditions(rule: Body) -> list[str]:
    """The keys of conditions that mean something else at a waypoint."""
    keys = [str(each["key"]) for each in listed(rule.get("when"))]
    return [key for key in keys if key.startswith(_LOST) or key == _FORWARDED]


def hull(rule: Body) -> Body:
    """The rule without what ztunnel doesn't know: it matches all that the rule does, and more."""
    kept_sources = [{key: source[key] for key in L4_SOURCE if source.get(key)} for source in sources(rule)]
    kept_operations = [{key: each[key] for key in L4_OPERATION if each.get(key)} for each in operations(rule)]
    conditions = [each for each in listed(rule.get("when")) if each["key"] in L4_CONDITIONS]
    return _rule(kept_sources, kept_operations, conditions)


def apart_from(rule: Body, principals: list[str]) -> Body:
    """The rule, but not for these principals. Within a source all fields must match, so one more makes it narrower."""
    apart = [{**source, "notPrincipals": [*source.get("notPrincipals", []), *principals]} for source in sources(rule)]
    return {**rule, "from": [{"source": each} for each in apart or [{"notPrincipals": principals}]]}


def only_from(rule: Body, namespaces: Iterable[str]) -> Body:
    """The rule, but only for callers in these namespaces."""
    condition = {"key": "source.namespace", "values": sorted(namespaces)}
    return {**rule, "when": [*listed(rule.get("when")), condition]}


def at_service(rule: Body, service: Service) -> Body | None:
    """The rule as the Service's waypoint has to be told; None where it can't match there.

    A sidecar sees the port of the pod, a waypoint the port of the Service: the CONNECT request names the Service's
    address, which becomes the connection's own (``ConnectAuthority`` in ``xds/filters/filters.go``).
    """
    kept_operations = [one for each in operations(rule) if (one := _operation_at(each, service)) is not None]
    conditions = [_condition_at(mapped(each), service) for each in listed(rule.get("when"))]
    if (operations(rule) and not kept_operations) or None in conditions:
        return None
    return _rule(sources(rule), kept_operations, [each for each in conditions if each])


def _operation_at(each: Body, service: Service) -> Body | None:
    """An operation with the Service's ports; None where none of its ports is the Service's."""
    changed = {key: value for key, value in each.items() if key not in L4_OPERATION}
    for key in L4_OPERATION:
        if ports := _service_ports(each.get(key) or [], service):
            changed[key] = ports
    return None if each.get("ports") and "ports" not in changed else changed


def _condition_at(condition: Body, service: Service) -> Body | None:
    """A condition with the Service's ports; None where it can't hold, empty where it always does."""
    if condition["key"] != "destination.port":
        return condition
    changed = {key: _service_ports(condition.get(key) or [], service) for key in ("values", "notValues")}
    if condition.get("values") and not changed["values"]:
        return None
    said = {key: ports for key, ports in changed.items() if ports}
    return {"key": "destination.port", **said} if said else {}


def ports_of(rule: Body) -> Iterator[int]:
    """The pods' ports that a rule names."""
    for each in operations(rule):
        yield from (int(port) for port in listed(each.get("ports")))
    for condition in listed(rule.get("when")):
        if condition["key"] == "destination.port":
            yield from (int(port) for port in listed(condition.get("values")))


def _service_ports(ports: list[Any], service: Service) -> list[str]:
    wanted = {int(port) for port in ports}
    return [str(each.number) for each in service.ports if each.target in wanted]


def _rule(sources_: list[Body], operations_: list[Body], conditions: list[Body]) -> Body:
    """A rule of these parts. A part in which one alternative matches all is left out: an empty one would be refused."""
    rule: Body = {}
    if sources_ and all(sources_):
        rule["from"] = [{"source": each} for each in sources_]
    if operations_ and all(operations_):
        rule["to"] = [{"operation": each} for each in operations_]
    if conditions:
        rule["when"] = conditions
    return rule
