"""Nothing of the time with sidecars is left where ambient ignores it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meshwright.health.objects import annotation, at, called, items, label, mapping, namespace_of
from meshwright.health.verdicts import Check, Doubt, Finding, Severity
from meshwright.istio import labels
from meshwright.istio.health.installation import root_namespace
from meshwright.istio.health.mesh import has_sidecar, require_enrolled, running_pods, waypoints

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.health.snapshot import Snapshot

_CATEGORY: Final = "leftovers of sidecars"
_GATEWAY: Final = "gateway"


def _pods(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    enrolled = require_enrolled(snapshot)
    for pod in running_pods(snapshot):
        is_gateway = annotation(pod, labels.INJECTION_TEMPLATES) == _GATEWAY or label(pod, labels.GATEWAY_NAME)
        if namespace_of(pod) in enrolled and has_sidecar(pod) and not is_gateway:
            yield Finding(called(pod), "still has a sidecar: it is not captured, and passes every waypoint by")


def _kinds(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    enrolled, root, known = require_enrolled(snapshot), root_namespace(snapshot), waypoints(snapshot)
    for each in snapshot.of("EnvoyFilter"):
        refs = [(namespace_of(each), str(at(ref, "name"))) for ref in items(each, "spec", "targetRefs")]
        at_gateway = bool(refs) and not set(refs) & known.keys()
        gateway = str(mapping(each, "spec", "workloadSelector", "labels").get("istio", "")).endswith(_GATEWAY)
        if namespace_of(each) in (*enrolled, root) and not at_gateway and not gateway:
            yield Finding(called(each), "is ignored by ztunnel and by waypoints")
    for each in snapshot.of("Sidecar"):
        if namespace_of(each) in enrolled:
            yield Finding(called(each), "is ignored: ambient has no sidecar to narrow")


def _subsets(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    enrolled = require_enrolled(snapshot)
    for each in snapshot.of("DestinationRule"):
        if namespace_of(each) in enrolled and items(each, "spec", "subsets"):
            yield Finding(called(each), "has subsets, which no HTTPRoute can name: make a Service for each version")


CHECKS: Final = (
    Check(
        "no-sidecars",
        _CATEGORY,
        "no pod of an enrolled namespace has a sidecar",
        Severity.ERROR,
        "restart its workload; remove the labels that inject first",
        _pods,
    ),
    Check(
        "no-sidecar-objects",
        _CATEGORY,
        "no EnvoyFilter or Sidecar is where ambient ignores it",
        Severity.WARNING,
        "remove it, or say the same with a waypoint's routes and policies",
        _kinds,
    ),
    Check(
        "no-subsets",
        _CATEGORY,
        "no DestinationRule of an enrolled namespace has subsets",
        Severity.WARNING,
        "make a Service for each version, and split traffic with an HTTPRoute",
        _subsets,
    ),
)
