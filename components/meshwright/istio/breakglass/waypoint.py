"""A waypoint is down, and what goes through it with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from meshwright.breakglass.plan import DRIFT, Plan, Step, as_json, checked_name, refused
from meshwright.breakglass.restarts import pods_of, restarted
from meshwright.health.objects import annotation, at, called, items, label, mapping, name_of, namespace_of
from meshwright.istio import labels
from meshwright.istio.health.mesh import waypoint_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshwright.health.objects import Object
    from meshwright.istio.breakglass.looking import Look

SCENARIO = "waypoint-down"
_USERS = ("Namespace", "Service", "ServiceEntry", "WorkloadEntry", "Pod")
_ACCOUNT = "gateway.istio.io/service-account"
_ANYBODY = {"notPrincipals": ["*"]}
"""Of a DENY rule: who has no identity. A caller of the mesh, who has one, passes."""
_EXCEPT = ("notPrincipals", "notServiceAccounts")
_ONLY = ("principals", "serviceAccounts")
_Account: TypeAlias = tuple[str, str]
"""Namespace and name of a service account."""


def plan(look: Look, namespace: str, waypoint: str, *, bypass: bool = False) -> Plan:
    """Restart a waypoint; or send traffic past it.

    Args:
        look: The cluster.
        namespace: The waypoint's namespace.
        waypoint: Name of its Gateway.
        bypass: Whether to send traffic past it, and so past its L7 policies.

    Raises:
        ConfigError: MW-E172 for what is no name, or isn't there.
    """
    checked_name(namespace, "--namespace")
    checked_name(waypoint, "--waypoint")
    gateway = look.one("Gateway", namespace, waypoint)
    if at(gateway, "spec", "gatewayClassName") not in labels.WAYPOINT_CLASSES:
        raise refused(f"{called(gateway)} is no waypoint", "name a Gateway of the class istio-waypoint")
    return _bypass(look, gateway) if bypass else _restart(look, namespace, waypoint)


def _restart(look: Look, namespace: str, waypoint: str) -> Plan:
    deployment = look.one("Deployment", namespace, waypoint)
    return Plan(
        SCENARIO,
        "its pods are new, and take traffic",
        f"Gateway {namespace}/{waypoint}",
        (
            "connections through the waypoint are drained and cut as its pods go",
            "if new pods don't become ready either, add --bypass: traffic flows again, without L7 policies",
        ),
        restarted("deployment", waypoint, namespace, pods_of(deployment)),
        ("find out why: `kubectl describe` its pods and Gateway, and istiod's log",),
    )


def _bypass(look: Look, gateway: Object) -> Plan:
    namespace, waypoint = namespace_of(gateway), name_of(gateway)
    spaces = {name_of(each): each for each in look.all("Namespace")}
    users = [
        each
        for kind in _USERS
        for each in look.all(kind)
        if label(each, labels.USE_WAYPOINT) and waypoint_of(each, spaces) == (namespace, waypoint)
    ]
    if not users:
        raise refused(f"nothing is told to use the waypoint {namespace}/{waypoint}", "name the one that fails")
    homes = {name_of(each) if each["kind"] == "Namespace" else namespace_of(each) for each in users}
    policies = [each for home in sorted(homes) for each in look.all("AuthorizationPolicy", home)]
    account = (namespace, annotation(gateway, _ACCOUNT) or waypoint)
    guards = [each for each in policies if _guards(each, account)]
    return Plan(
        SCENARIO,
        "traffic goes straight to the workloads",
        f"Gateway {namespace}/{waypoint}",
        (
            "L7 policies, routes, retries and tokens of the waypoint are NOT applied until it is undone",
            *(
                f"{called(each)} is applied at the waypoint alone: what it denies is allowed meanwhile"
                for each in policies
                if items(each, "spec", "targetRefs")
            ),
            *(
                f"{called(each)} allows the waypoint alone, and denies callers who come straight"
                for each in policies
                if _allows_alone(each, account)
            ),
            *(("new pods of the same workloads have the old label again",) if _has_pods(users) else ()),
            "no downtime: it holds within seconds",
        ),
        (*(_opened(each, account) for each in guards), *(_sent_past(each) for each in users)),
        (
            "look at what was called meanwhile: ztunnel's access log has every connection",
            "mend the waypoint; wait until it is programmed",
            DRIFT,
        ),
    )


def _has_pods(users: list[Object]) -> bool:
    return any(each["kind"] == "Pod" for each in users)


def _sent_past(user: Object) -> Step:
    home = () if user["kind"] == "Namespace" else (f"--namespace={namespace_of(user)}",)
    place = ("label", user["kind"].lower(), name_of(user), *home, "--overwrite")
    before = label(user, labels.USE_WAYPOINT)
    return Step(
        f"{called(user)}: uses no waypoint any more",
        (*place, f"{labels.USE_WAYPOINT}=none"),
        (*place, f"{labels.USE_WAYPOINT}={before}"),
    )


def _opened(policy: Object, account: _Account) -> Step:
    """Let callers of the mesh pass a policy that denies all but the waypoint."""
    place = (
        "patch",
        "authorizationpolicies.security.istio.io",
        name_of(policy),
        f"--namespace={namespace_of(policy)}",
        "--type=merge",
    )
    rules = items(policy, "spec", "rules")
    opened = [
        {**rule, "from": [_without_names(each, namespace_of(policy), account) for each in items(rule, "from")]}
        if "from" in rule
        else rule
        for rule in rules
    ]
    return Step(
        f"{called(policy)}: denied all but the waypoint, and now denies only who has no identity",
        (*place, f"--patch={as_json({'spec': {'rules': opened}})}"),
        (*place, f"--patch={as_json({'spec': {'rules': rules}})}"),
    )


def _without_names(part: Mapping[str, Any], home: str, account: _Account) -> Mapping[str, Any]:
    source = mapping(part, "source")
    if not _names(source, _EXCEPT, home, account):
        return part
    rest = {key: value for key, value in source.items() if key not in _EXCEPT}
    return {**part, "source": {**rest, **_ANYBODY}}


def _guards(policy: Object, account: _Account) -> bool:
    """Whether it denies whoever is not the waypoint."""
    return at(policy, "spec", "action") == "DENY" and any(
        _names(source, _EXCEPT, namespace_of(policy), account) for source in _sources(policy)
    )


def _allows_alone(policy: Object, account: _Account) -> bool:
    is_allow = at(policy, "spec", "action") in (None, "ALLOW") and not items(policy, "spec", "targetRefs")
    return is_allow and any(_names(source, _ONLY, namespace_of(policy), account) for source in _sources(policy))


def _sources(policy: Object) -> list[Object]:
    return [mapping(each, "source") for rule in items(policy, "spec", "rules") for each in items(rule, "from")]


def _names(source: Object, fields: tuple[str, str], home: str, account: _Account) -> bool:
    """Whether a source names the waypoint: by its principal, or by its account, of the policy's namespace or of any."""
    namespace, name = account
    principals, accounts = (map(str, items(source, field)) for field in fields)
    by_account = {f"{namespace}/{name}", *([name] if namespace == home else [])}
    return any(each.endswith(f"/ns/{namespace}/sa/{name}") for each in principals) or any(
        each in by_account for each in accounts
    )
