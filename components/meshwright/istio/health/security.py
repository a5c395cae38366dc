"""Mutual TLS is what was declared, and every policy is applied as it was written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from meshwright.health.objects import at, called, condition, items, label, mapping, name_of, namespace_of
from meshwright.health.verdicts import Check, Doubt, Finding, Severity, SkipError
from meshwright.istio import labels
from meshwright.istio.health.installation import istiod_releases, root_namespace
from meshwright.istio.health.mesh import enrolled_namespaces, require_enrolled, waypoints
from meshwright.istio.layers import DROPPED_SOURCE, L4_CONDITIONS, L7_OPERATION, L7_SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.health.objects import Object
    from meshwright.health.snapshot import Snapshot

_CATEGORY: Final = "security"
_JUDGED: Final = ("ZtunnelAccepted", "WaypointAccepted")
_POLICIES: Final = ("AuthorizationPolicy", "RequestAuthentication", "Telemetry", "WasmPlugin")
_SOURCE: Final = (*L7_SOURCE, *DROPPED_SOURCE)
_MODES: Final = {"permissive": "PERMISSIVE", "strict": "STRICT"}


def _accepted(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    snapshot.seen("AuthorizationPolicy")
    homes, gateways = {*enrolled_namespaces(snapshot), root_namespace(snapshot)}, _gateways(snapshot)
    for kind in _POLICIES:
        for each in snapshot.of(kind):
            for name in _JUDGED:
                found = condition(each, name)
                if not _concerns(name, each, homes, gateways):
                    continue
                if found and (found.get("reason") != "Accepted" or found.get("status") != "True"):
                    said = " ".join(str(found.get("message")).split())
                    yield Finding(called(each), f"has {name} with reason {found.get('reason')}: {said}")


def _concerns(name: str, policy: Object, homes: set[str], gateways: set[tuple[str, str]]) -> bool:
    """Whether a condition is of whom the policy is for: istiod writes it on those of sidecars and gateways too."""
    if name == "ZtunnelAccepted":
        return namespace_of(policy) in homes and not _is_at_a_proxy(policy)
    refs = [*items(policy, "spec", "targetRefs"), *filter(None, [at(policy, "spec", "targetRef")])]
    home = namespace_of(policy)
    at_gateways = [at(ref, "kind") == "Gateway" and (home, str(at(ref, "name"))) in gateways for ref in refs]
    return not at_gateways or not all(at_gateways)


def _gateways(snapshot: Snapshot) -> set[tuple[str, str]]:
    """The Gateways that are no waypoints, by namespace and name."""
    known = {(namespace_of(each), name_of(each)) for each in snapshot.of("Gateway")}
    return known - waypoints(snapshot).keys()


def _layers(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    enrolled, root = require_enrolled(snapshot), root_namespace(snapshot)
    for each in snapshot.of("AuthorizationPolicy"):
        if namespace_of(each) not in (*enrolled, root) or _is_at_a_proxy(each):
            continue
        if fields := http_fields(each):
            yield Finding(
                called(each), f"has {', '.join(fields)}, which ztunnel does not know: {_effect(each, fields)}"
            )
        elif at(each, "spec", "action") in ("CUSTOM", "AUDIT"):
            yield Finding(called(each), f"is {at(each, 'spec', 'action')}, and never reaches ztunnel")
    for each in snapshot.of("RequestAuthentication"):
        if namespace_of(each) in enrolled and not _is_at_a_proxy(each):
            yield Finding(called(each), "has no targetRefs: ztunnel knows no tokens, and nobody checks them")


def http_fields(policy: Object) -> list[str]:
    """The fields of an AuthorizationPolicy that ztunnel can't enforce, each once."""
    found: dict[str, None] = {}
    for rule in items(policy, "spec", "rules"):
        for parts, inner, known in (("to", "operation", L7_OPERATION), ("from", "source", _SOURCE)):
            found |= {key: None for each in items(rule, parts) for key in known if items(each, inner, key)}
        keys = (str(at(each, "key")) for each in items(rule, "when"))
        found |= {f"when {key}": None for key in keys if key not in L4_CONDITIONS}
    return list(found)


def _is_at_a_proxy(policy: Object) -> bool:
    """Whether a waypoint or a gateway enforces it."""
    chosen = mapping(policy, "spec", "selector", "matchLabels")
    at_gateway = labels.GATEWAY_NAME in chosen or str(chosen.get("istio", "")).endswith("gateway")
    return bool(items(policy, "spec", "targetRefs") or at(policy, "spec", "targetRef")) or at_gateway


def _effect(policy: Object, fields: list[str]) -> str:
    if at(policy, "spec", "action") == "DENY":
        return "the rule denies nothing, or more than it says"
    if set(fields) <= set(DROPPED_SOURCE):
        return "the rule allows more than it says, or nothing"
    return "the whole rule is dropped, and what it allows is denied"


def _modes(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    enrolled = require_enrolled(snapshot)
    root = root_namespace(snapshot)
    for each in snapshot.of("PeerAuthentication"):
        ports = mapping(each, "spec", "portLevelMtls")
        modes = [at(each, "spec", "mtls", "mode"), *(at(mode, "mode") for mode in ports.values())]
        if "DISABLE" in modes and namespace_of(each) in (*enrolled, root):
            yield Finding(called(each), "is DISABLE, which ambient ignores, and which breaks calls to sidecars")


def _phases(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    if not snapshot.phases:
        raise SkipError("no stack was named that declares phases")
    enrolled, modes = enrolled_namespaces(snapshot), effective_modes(snapshot)
    for namespace, phase in sorted(snapshot.phases.items()):
        subject = f"Namespace {namespace}"
        if (phase in _MODES) != (namespace in enrolled):
            yield Finding(subject, f"is {'' if namespace in enrolled else 'not '}ambient, and declared as {phase}")
        elif phase in _MODES and (mode := modes.get(namespace, modes[""])) != _MODES[phase]:
            yield Finding(subject, f"takes {mode} mutual TLS, and is declared as {phase}")


def effective_modes(snapshot: Snapshot) -> dict[str, Any]:
    """Namespace -> mode that holds for the whole of it; under the empty name the mesh's own."""
    root, said = root_namespace(snapshot), {}
    # Of several for the same, the oldest holds, whatever it says: so the youngest is laid down first.
    for each in sorted(snapshot.of("PeerAuthentication"), key=_made, reverse=True):
        if not mapping(each, "spec", "selector", "matchLabels"):
            home = namespace_of(each)
            said["" if home == root else home] = at(each, "spec", "mtls", "mode")
    return {"": "PERMISSIVE"} | {home: str(mode) for home, mode in said.items() if mode not in (None, "UNSET")}


def _made(body: Object) -> str:
    return str(at(body, "metadata", "creationTimestamp") or "")


def _labels(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    for each in snapshot.of("Namespace"):
        if label(each, labels.DATAPLANE_MODE) != "ambient":
            continue
        if label(each, labels.INJECTION) == "enabled":
            yield Finding(called(each), "is ambient and injected: new pods get sidecars, and stay out of ambient")
        elif revision := label(each, labels.REVISION):
            yield from _injected_by_revision(snapshot, each, revision)


def _injected_by_revision(snapshot: Snapshot, namespace: Object, revision: str) -> Iterator[Finding | Doubt]:
    """A revision's label chooses the waypoints' version too: it injects only where a webhook answers to it."""
    webhooks = snapshot.of("MutatingWebhookConfiguration")
    names = {label(each, key) for each in webhooks for key in (labels.REVISION, labels.TAG)}
    for each in istiod_releases(snapshot):
        names |= {str(at(each, "values", "revision") or "default"), *map(str, items(each, "values", "revisionTags"))}
    if revision in names:
        yield Finding(called(namespace), f"is ambient and injected by revision {revision}: new pods get sidecars")
    elif not snapshot.live:
        yield Doubt(called(namespace), f"whether a webhook injects for revision {revision} only a cluster shows")


CHECKS: Final = (
    Check(
        "policies-accepted",
        _CATEGORY,
        "every policy is accepted with the reason Accepted, and no other",
        Severity.ERROR,
        "do what the message says: a policy of another reason is not applied as it is written, even where it is True",
        _accepted,
    ),
    Check(
        "policies-at-their-layer",
        _CATEGORY,
        "no policy without targetRefs asks for what only a waypoint can do",
        Severity.ERROR,
        "attach it to a waypoint with targetRefs, or keep to principals, namespaces, IPs and ports",
        _layers,
    ),
    Check(
        "mtls-never-disabled",
        _CATEGORY,
        "no PeerAuthentication asks for DISABLE",
        Severity.ERROR,
        "set PERMISSIVE or STRICT, or remove it",
        _modes,
    ),
    Check(
        "phases-as-declared",
        _CATEGORY,
        "every namespace is in the phase that its stack declares",
        Severity.ERROR,
        "run `pulumi up`, or declare what is so",
        _phases,
    ),
    Check(
        "labels-not-mixed",
        _CATEGORY,
        "no namespace is both ambient and injected",
        Severity.ERROR,
        f"remove the label {labels.INJECTION} or {labels.REVISION}, and restart the workloads",
        _labels,
    ),
)
