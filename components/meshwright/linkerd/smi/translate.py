"""TrafficSplits as HTTPRoutes: what becomes of each, and why.

Sources: smi-spec ``apis/traffic-split`` v1alpha1 (weights are quantities), v1alpha2 to v1alpha4 (whole numbers; from
v1alpha3 on ``matches``); linkerd-smi, which never read ``matches``, and spread a split over all ports of the service.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from meshwright.istio.migration.objects import Body, Manifest, listed, mapped, new
from meshwright.istio.migration.report import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

GROUP = "split.smi-spec.io"
VERSIONS = ("v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4")


@dataclass(frozen=True, slots=True)
class Finding:
    """What becomes of one object."""

    place: str
    """``file:line``."""
    name: str
    verdict: Verdict
    reason: str
    route: Body | None = None
    """The HTTPRoute that takes its place."""


def translate(objects: Sequence[Manifest]) -> tuple[Finding, ...]:
    """One finding for each TrafficSplit, in the order of the objects.

    Args:
        objects: All manifests. The Services among them say which ports and ServiceProfiles a split meets.
    """
    splits = [each for each in objects if str(each.body["apiVersion"]).startswith(f"{GROUP}/")]
    services = {(each.namespace, each.name): each for each in objects if each.kind == "Service"}
    # A profile's name is the full name of its service, wherever the profile stands.
    names = [each.name.split(".") for each in objects if each.kind == "ServiceProfile"]
    profiles = {(parts[1], parts[0]) for parts in names if len(parts) > 1}
    taken: dict[tuple[str, str], str] = {}
    found = []
    for split in splits:
        finding = _finding(split, services, profiles)
        apex = (split.namespace, _apex(split))
        if finding.route and (first := taken.setdefault(apex, finding.name)) != finding.name:
            reason = f"{first} splits {apex[1]} too: keep one of them"
            finding = Finding(split.place, finding.name, Verdict.DECISION, reason)
        found.append(finding)
    return tuple(found)


def _finding(split: Manifest, services: dict[tuple[str, str], Manifest], profiles: set[tuple[str, str]]) -> Finding:
    name, version = str(split.identity), str(split.body["apiVersion"]).rpartition("/")[2]
    if version not in VERSIONS or split.kind != "TrafficSplit":
        reason = f"{split.kind} {version} is none that is known: {', '.join(VERSIONS)} of TrafficSplit are"
        return Finding(split.place, name, Verdict.UNSUPPORTED, reason)
    for reason in _undecided(split, services, profiles):
        return Finding(split.place, name, Verdict.DECISION, reason)
    backends = listed(split.spec["backends"])
    (port,) = _ports(services[split.namespace, _apex(split)])
    target = {"group": "", "kind": "Service"}
    references = [
        {**target, "name": str(each["service"]), "port": port, "weight": weight}
        for each, weight in zip(backends, _weights(backends), strict=True)
    ]
    spec = {
        "parentRefs": [{**target, "name": _apex(split), "port": port}],
        "rules": [{"backendRefs": references}],
    }
    route = new("gateway.networking.k8s.io/v1", "HTTPRoute", split.namespace, split.name, spec)
    return Finding(split.place, name, Verdict.TRANSLATED, "an HTTPRoute with the same weights", route)


def _undecided(
    split: Manifest, services: dict[tuple[str, str], Manifest], profiles: set[tuple[str, str]]
) -> Iterator[str]:
    """What someone has to say before there can be a route that does the same."""
    apex = _apex(split)
    if split.spec.get("matches"):
        yield "it has matches, which linkerd-smi never read: write routes by hand if they are meant"
    backends = listed(split.spec.get("backends"))
    if not sum(_weights(backends)):
        yield "it has no backends with whole weights above 0 in sum"
    service = services.get((split.namespace, apex))
    if service is None:
        yield f"the Service {apex} is not among the manifests: an HTTPRoute names its port"
    elif len(_ports(service)) != 1:
        yield f"the Service {apex} has not one port, and a split was for all: write a route for each that speaks HTTP"
    else:
        for each in backends:
            backend = services.get((split.namespace, str(each.get("service"))))
            if backend is None or _ports(service)[0] not in _ports(backend):
                yield f"no Service {each.get('service')} with port {_ports(service)[0]} is among the manifests"
    if (split.namespace, apex) in profiles:
        yield "the service has a ServiceProfile, for which Linkerd ignores HTTPRoutes: delete it first"


def _ports(service: Manifest) -> list[int]:
    return [int(each["port"]) for each in listed(service.spec.get("ports"))]


def _apex(split: Manifest) -> str:
    """The Service that is split; SMI calls it by its full name, too."""
    return str(split.spec.get("service", "")).partition(".")[0]


def _weights(backends: Sequence[Any]) -> list[int]:
    """The weights as whole numbers; empty where one is none.

    v1alpha1 writes quantities: ``500m`` is a half, beside which ``1`` is 1000.
    """
    said = [str(mapped(each).get("weight")) for each in backends]
    if not all(each.removesuffix("m").isdigit() for each in said):
        return []
    scale = 1000 if any(each.endswith("m") for each in said) else 1
    return [int(each.removesuffix("m")) * (1 if each.endswith("m") else scale) for each in said]
