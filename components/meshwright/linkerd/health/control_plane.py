"""The control plane runs, outlives the loss of a node where pods wait for it, and suits its proxies and its CRDs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meshwright.gateway_api.labels import BUNDLE_VERSION
from meshwright.health.objects import annotation, at, called, condition, items, name_of
from meshwright.health.replicas import ENOUGH, minimum_replicas, too_few
from meshwright.health.verdicts import Check, Doubt, Finding, NotKnownError, Severity, SkipError
from meshwright.linkerd import labels
from meshwright.linkerd.health import versions
from meshwright.linkerd.health.installation import CHART, CONTROLLERS, Installed, controllers, releases, require_running
from meshwright.linkerd.health.mesh import proxies
from meshwright.linkerd.health.webhooks import closed
from meshwright.versions import version_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.health.objects import Object
    from meshwright.health.snapshot import Snapshot

_CATEGORY: Final = "control plane"
_GROUP: Final = ".gateway.networking.k8s.io"
_ROUTES: Final = ("httproutes", "grpcroutes")
_HOST: Final = "kubernetes.io/hostname"
_BEHIND: Final = {labels.INJECTOR_WEBHOOK: labels.INJECTOR}
"""Webhook configuration -> its Deployment; the validators are containers of linkerd-destination."""


def _ready(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    require_running(snapshot)
    found = {name_of(each): each for each in controllers(snapshot)}
    for name in CONTROLLERS:
        if name not in found:
            yield Finding(f"Deployment {labels.NAMESPACE}/{name}", "is not there")
        elif not at(found[name], "status", "availableReplicas"):
            yield Finding(called(found[name]), "has no available replica")


def _survives(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    charts = [Installed(called(each.body), each.body, each.version) for each in releases(snapshot, CHART)]
    charts = [each for each in charts if each.value("webhookFailurePolicy", default="Ignore") == "Fail"]
    wanted = {_BEHIND.get(name_of(each), labels.DESTINATION) for each, _ in closed(snapshot)}
    if not charts and not wanted:
        raise SkipError("no webhook of Linkerd that fails closed is in it")
    for chart in charts:
        if int(chart.value("controllerReplicas", default=1)) < ENOUGH:
            yield Finding(chart.name, "asks for one replica of each controller: while it restarts, no pod starts")
        if chart.value("enablePodDisruptionBudget", default=False) is not True:
            yield Finding(chart.name, "asks for no disruption budget: a drain may take all replicas at once")
    for each in controllers(snapshot):
        if name_of(each) in wanted:
            yield from too_few(snapshot, each)
            yield from _spread(snapshot, each)


def _spread(snapshot: Snapshot, deployment: Object) -> Iterator[Finding]:
    """Whether there is a node for each replica that asks for one of its own."""
    affinity = ("spec", "template", "spec", "affinity", "podAntiAffinity")
    rules = items(deployment, *affinity, "requiredDuringSchedulingIgnoredDuringExecution")
    if not snapshot.live or not any(at(each, "topologyKey") == _HOST for each in rules):
        return
    nodes = [
        each
        for each in snapshot.of("Node")
        if condition(each, "Ready").get("status") == "True" and not at(each, "spec", "unschedulable")
    ]
    replicas = minimum_replicas(snapshot, deployment)
    if len(nodes) < replicas:
        yield Finding(called(deployment), f"asks for {replicas} nodes of its own, and {len(nodes)} take pods")


def _skew(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    snapshot.seen("Pod")
    planes = versions.planes(snapshot)
    if not planes:
        raise SkipError("the control plane of Linkerd is not in it")
    known = [each for each in planes.values() if each]
    for name, edge in planes.items():
        if not edge:
            yield Doubt(name, "it doesn't tell of which edge it is")
        elif edge != max(known):
            yield Finding(name, f"is {versions.shown(edge)}, and others are {versions.shown(max(known))}")
    if known:
        yield from _proxies_skew(snapshot, max(known))


def _proxies_skew(snapshot: Snapshot, plane: versions.Edge) -> Iterator[Finding | Doubt]:
    for each in proxies(snapshot):
        edge = versions.proxy(each)
        if edge is None:
            yield Doubt(called(each), "its proxy doesn't tell of which edge it is")
        elif edge > plane:
            yield Finding(called(each), f"has a proxy of {versions.shown(edge)}, ahead of {versions.shown(plane)}")
        elif (behind := versions.line(plane) - versions.line(edge)) > 1:
            said = f"has a proxy of {versions.shown(edge)}, {behind} versions behind {versions.shown(plane)}"
            yield Finding(called(each), said)


def _gateway_api(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    edges = versions.planes(snapshot)
    if not edges:
        raise SkipError("the control plane of Linkerd is not in it")
    known = {name_of(each): each for each in snapshot.of("CustomResourceDefinition")}
    served = {each: known[f"{each}{_GROUP}"] for each in _ROUTES if f"{each}{_GROUP}" in known}
    if not served and not snapshot.live:
        raise SkipError("the CRDs of the Gateway API are not in it")
    for each in _ROUTES:
        if each not in served:
            yield Finding("the cluster", f"has no CRD {each}{_GROUP}: Linkerd has no routes")
    newest = max((each for each in edges.values() if each), default=None)
    accepted = versions.release(newest) if newest else None
    if accepted is None or accepted.gateway_api is None:
        raise NotKnownError("the catalog does not know which CRDs this version of Linkerd takes")
    least, most = accepted.gateway_api.minimum, accepted.gateway_api.maximum
    for definition in served.values():
        version = annotation(definition, BUNDLE_VERSION)
        if not version:
            yield Doubt(called(definition), f"has no annotation {BUNDLE_VERSION}")
        elif not version_key(least) <= version_key(version) <= version_key(most):
            yield Finding(called(definition), f"is of bundle {version}, and this Linkerd takes v{least} to v{most}")


CHECKS: Final = (
    Check(
        "control-plane-ready",
        _CATEGORY,
        "linkerd-destination, linkerd-identity and linkerd-proxy-injector are available",
        Severity.ERROR,
        "see why their pods don't start; of linkerd-identity, its log tells of certificates",
        _ready,
    ),
    Check(
        "control-plane-survives",
        _CATEGORY,
        "where webhooks fail closed, those behind them have two replicas, a disruption budget and enough nodes",
        Severity.ERROR,
        "install with high availability on three nodes or more, or set webhookFailurePolicy to Ignore",
        _survives,
    ),
    Check(
        "version-skew",
        _CATEGORY,
        "no proxy is ahead of the control plane, nor more than one version behind it",
        Severity.WARNING,
        "restart the workloads of these pods; for the way to another version see `meshwright linkerd upgrade`",
        _skew,
    ),
    Check(
        "gateway-api-bundle",
        _CATEGORY,
        "the CRDs of the Gateway API are there, and of a bundle that this Linkerd takes",
        Severity.ERROR,
        "apply the bundle that the catalog recommends for this version of Linkerd",
        _gateway_api,
    ),
)
