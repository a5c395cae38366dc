"""A strict namespace strands a caller that is not in the mesh."""

from __future__ import annotations

from itertools import chain, count
from typing import TYPE_CHECKING, Any

from meshwright.breakglass.plan import DRIFT, Plan, Step, as_json, checked_label, checked_name
from meshwright.health.objects import at, called, items, label, mapping, matches, name_of, namespace_of
from meshwright.istio.health.installation import ISTIOD

if TYPE_CHECKING:
    from meshwright.health.objects import Object
    from meshwright.istio.breakglass.looking import Look

SCENARIO = "strict-strands-caller"


def plan(look: Look, namespace: str, workload: str = "") -> Plan:
    """Let a namespace, or one workload of it, take plaintext again.

    Args:
        look: The cluster.
        namespace: The namespace whose callers are stranded.
        workload: Label of the one workload, as ``app=cart``; empty for the whole namespace.

    Raises:
        ConfigError: MW-E172 for what is no name, or isn't there.
    """
    checked_name(namespace, "--namespace")
    chosen = dict([checked_label(workload)]) if workload else {}
    look.one("Namespace", "", namespace)
    policies = look.all("PeerAuthentication", namespace)
    same = [each for each in policies if mapping(each, "spec", "selector", "matchLabels") == chosen]
    name = _free_name(chosen, {name_of(each) for each in policies})
    target = f"Namespace {namespace}" + (f", workload {workload}" if workload else "")
    return Plan(
        SCENARIO,
        "callers outside of the mesh reach it again, in plaintext",
        target,
        _risks(look, namespace, [each for each in policies if each not in same], chosen),
        (_patched(min(same, key=_age)) if same else _added(namespace, name, chosen),),
        (
            "find out who calls in plaintext: istio_tcp_connections_opened_total, connection_security_policy=unknown",
            "mesh that caller, or set the namespace's phase to permissive in the stack",
            DRIFT,
        ),
    )


def _free_name(chosen: dict[str, str], taken: set[str]) -> str:
    """A name that no policy has: what is made here is deleted to take it back."""
    wanted = f"break-glass-{next(iter(chosen.values())).lower().replace('_', '-')}" if chosen else "default"
    names = chain([wanted], (f"{wanted}-{number}" for number in count(2)))
    return next(name for name in names if name not in taken)


def _age(policy: Object) -> str:
    """Where several select the same, Istio goes by the oldest."""
    return str(at(policy, "metadata", "creationTimestamp"))


def _patched(policy: Object) -> Step:
    before = at(policy, "spec", "mtls", "mode")
    ports = mapping(policy, "spec", "portLevelMtls")
    opened = {port: {"mode": "PERMISSIVE"} for port in ports}
    new: dict[str, Any] = {"mtls": {"mode": "PERMISSIVE"}, **({"portLevelMtls": opened} if ports else {})}
    old = {"mtls": {"mode": before} if before else None, **({"portLevelMtls": dict(ports)} if ports else {})}
    place = ("patch", "peerauthentication", name_of(policy), f"--namespace={policy['metadata']['namespace']}")
    return Step(
        f"{called(policy)}: {before or 'UNSET'} becomes PERMISSIVE",
        (*place, "--type=merge", f"--patch={as_json({'spec': new})}"),
        (*place, "--type=merge", f"--patch={as_json({'spec': old})}"),
    )


def _added(namespace: str, name: str, chosen: dict[str, str]) -> Step:
    body = {
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"mtls": {"mode": "PERMISSIVE"}, **({"selector": {"matchLabels": chosen}} if chosen else {})},
    }
    return Step(
        f"PeerAuthentication {namespace}/{name} is made, PERMISSIVE: it wins over what holds for more",
        ("apply", "--server-side", "--field-manager=meshwright-break-glass", "--filename=-"),
        ("delete", "peerauthentication", name, f"--namespace={namespace}", "--ignore-not-found"),
        manifest=as_json(body),
    )


def _risks(look: Look, namespace: str, others: list[Object], chosen: dict[str, str]) -> tuple[str, ...]:
    risks = ["while it is open, anybody who reaches the pods may talk to them without a certificate"]
    if namespace in {namespace_of(each) for each in look.all("Deployment") if label(each, "app") == ISTIOD}:
        risks.append(f"{namespace} is where istiod runs: what is set there holds for the whole mesh")
    pods = look.all("Pod", namespace) if chosen else []
    risks += [
        f"{called(each)} keeps its own mode for the pods that it selects"
        for each in others
        if "STRICT" in _modes(each) and (not chosen or _selects_some(each, chosen, pods))
    ]
    named = [each for each in look.all("AuthorizationPolicy", namespace) if _asks_who_it_is(each)]
    risks += [f"{called(each)} still refuses a caller without an identity" for each in named]
    return (*risks, "no downtime: it holds within seconds, and connections stay")


def _modes(policy: Object) -> set[Any]:
    ports = mapping(policy, "spec", "portLevelMtls").values()
    return {at(policy, "spec", "mtls", "mode"), *(at(each, "mode") for each in ports)}


def _selects_some(policy: Object, chosen: dict[str, str], pods: list[Object]) -> bool:
    """Whether it, too, is for pods of the chosen workload: being older, it wins there."""
    selector = mapping(policy, "spec", "selector")
    found = (mapping(each, "metadata", "labels") for each in pods)
    return bool(selector) and any(matches(selector, pod) and chosen.items() <= pod.items() for pod in found)


def _asks_who_it_is(policy: Object) -> bool:
    """Whether it allows those alone who have an identity."""
    sources = [mapping(each, "source") for rule in items(policy, "spec", "rules") for each in items(rule, "from")]
    is_allow = at(policy, "spec", "action") in (None, "ALLOW")
    return is_allow and any({"principals", "namespaces", "serviceAccounts"} & each.keys() for each in sources)
