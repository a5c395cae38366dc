"""Seeded mistakes, one at a time: each is seen by the check that is named beside it.

A mistake is made in what the production stack renders, or in the source that it comes from. Without one, all checks
are content; so a check that sees nothing would be noticed here.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from meshwright import AmbientNamespace
from meshwright.engine.render import render
from tests.conformance import chart_checks, checks
from tests.conformance.stacks import Release, example_stacks, objects_of, releases_of, rendering_of
from tests.servers import helm
from tests.servers.cluster import Cluster
from tests.servers.kubernetes import Identity, Object, manifests
from tests.servers.programs import require_programs
from tests.unit.graphs import with_provider

PRODUCTION = next(each for each in example_stacks() if each.name == "istio-production")


@dataclass
class Output:
    """What is looked at: objects and Helm releases, and a cluster to try them in."""

    cluster: Cluster
    objects: list[Object]
    releases: list[Release]


def _charts_accepted(output: Output) -> list[str]:
    return [finding for each in output.releases for finding in checks.accepted(output.cluster.api, _charted(each))]


def _charted(release: Release) -> list[Object]:
    text = helm.template(helm.istio_chart(release.chart), release.name, release.namespace, release.values)
    return [each for each in helm.objects(text) if each["kind"] != "CustomResourceDefinition"]


def _placed(output: Output) -> list[str]:
    nodes = {label for node in output.cluster.api.list("v1", "Node") for label in node["metadata"]["labels"]}
    charted = [each for release in output.releases for each in _charted(release)]
    return checks.placed([*checks.overlaid(output.objects), *charted], nodes)


CHECKS: dict[str, Callable[[Output], list[str]]] = {
    "accepted": lambda output: checks.accepted(output.cluster.api, output.objects),
    "labelled": lambda output: checks.labelled(output.objects),
    "connected": lambda output: checks.connected(output.objects),
    "overlays accepted": lambda output: checks.accepted(output.cluster.api, checks.overlaid(output.objects)),
    "placed": _placed,
    "values known": lambda output: [each for release in output.releases for each in chart_checks.unknown(release)],
    "values effective": lambda output: [
        each for release in output.releases for each in chart_checks.without_effect(release)
    ],
    "charts accepted": _charts_accepted,
}


@pytest.fixture(scope="module")
def ground(crd_files: list[Path], cluster: Cluster) -> Cluster:
    """A cluster with the CRDs and bare namespaces; nothing else is made here, for all objects are tried in dry runs."""
    wanted = manifests(*crd_files)
    cluster.clean(frozenset(map(Identity.of, wanted)))
    production = [body for _, body in objects_of(rendering_of(PRODUCTION))]
    cluster.api.apply_all([*wanted, *checks.namespaces([*production, *_of_source()])])
    return cluster


@pytest.fixture
def output(ground: Cluster) -> Output:
    """The production stack's output, as it should be."""
    require_programs("helm")
    rendering = rendering_of(PRODUCTION)
    return Output(ground, [deepcopy(body) for _, body in objects_of(rendering)], deepcopy(releases_of(rendering)))


Path_ = tuple[str | int, ...]
GONE = object()


def put(kind: str, path: Path_, value: Any) -> Callable[[Output], None]:
    """Another value at a path of every object of a kind; `GONE`: none."""

    def mutate(output: Output) -> None:
        found = [body for body in output.objects if body["kind"] == kind and _has(body, path[:-1])]
        assert found, f"nothing to break in {kind}"
        for body in found:
            _put(body, path, value)

    return mutate


def rename(kind: str, path: Path_, name: str) -> Callable[[Output], None]:
    """Another name for a field of every object of a kind that has it."""

    def mutate(output: Output) -> None:
        found = [body for body in output.objects if body["kind"] == kind and _has(body, path)]
        assert found, f"nothing to break in {kind}"
        for body in found:
            _rename(body, path, name)

    return mutate


def overlay(key: str, old: str, new: str) -> Callable[[Output], None]:
    """Another text in one of the overlays of a waypoint."""

    def mutate(output: Output) -> None:
        for body in output.objects:
            if body["kind"] == "ConfigMap":
                assert old in body["data"][key]
                body["data"][key] = body["data"][key].replace(old, new)

    return mutate


def value(chart: str, path: Path_, new: Any) -> Callable[[Output], None]:
    """Another value for a chart; the other charts are not looked at."""

    def mutate(output: Output) -> None:
        output.releases = [each for each in output.releases if each.chart == chart]
        _put(output.releases[0].values, path, new)

    return mutate


def misname(chart: str, path: Path_, name: str) -> Callable[[Output], None]:
    """Another name for a value of a chart; the other charts are not looked at."""

    def mutate(output: Output) -> None:
        output.releases = [each for each in output.releases if each.chart == chart]
        _rename(output.releases[0].values, path, name)

    return mutate


def _at(body: Any, path: Path_) -> Any:
    for step in path:
        body = body[step]
    return body


def _has(body: Any, path: Path_) -> bool:
    try:
        _at(body, path)
    except (KeyError, IndexError, TypeError):
        return False
    return True


def _put(body: Any, path: Path_, new: Any) -> None:
    parent = _at(body, path[:-1])
    if new is GONE:
        del parent[path[-1]]
    else:
        parent[path[-1]] = new


def _rename(body: Any, path: Path_, name: str) -> None:
    parent = _at(body, path[:-1])
    parent[name] = parent.pop(path[-1])


LABELS: Path_ = ("metadata", "labels")
LISTENER: Path_ = ("spec", "listeners", 0)
PARAMETERS: Path_ = ("spec", "infrastructure", "parametersRef")
SPREAD: Path_ = ("topologySpreadConstraints", 0)

MISTAKES: dict[str, tuple[Callable[[Output], None], str]] = {
    # Fields and values that the API server knows better.
    "mtls field": (rename("PeerAuthentication", ("spec", "mtls"), "mTLS"), "accepted"),
    "mtls mode": (put("PeerAuthentication", ("spec", "mtls", "mode"), "STRICTLY"), "accepted"),
    "mtls api version": (put("PeerAuthentication", ("apiVersion",), "security.istio.io/v1alpha3"), "accepted"),
    "mtls kind": (put("PeerAuthentication", ("kind",), "PeerAuthentications"), "accepted"),
    "gateway api version": (put("Gateway", ("apiVersion",), "gateway.networking.k8s.io/v1alpha2"), "accepted"),
    "gateway class field": (rename("Gateway", ("spec", "gatewayClassName"), "gatewayClass"), "accepted"),
    "listener port name": (rename("Gateway", (*LISTENER, "port"), "targetPort"), "accepted"),
    "listener port range": (put("Gateway", (*LISTENER, "port"), 150080), "accepted"),
    "listener name": (put("Gateway", (*LISTENER, "name"), "Mesh!"), "accepted"),
    "routes from": (put("Gateway", (*LISTENER, "allowedRoutes", "namespaces", "from"), "Everywhere"), "accepted"),
    "infrastructure field": (rename("Gateway", ("spec", "infrastructure"), "infra"), "accepted"),
    "parameters without group": (put("Gateway", (*PARAMETERS, "group"), GONE), "accepted"),
    "config of numbers": (put("ConfigMap", ("data", "deployment"), {"replicas": 2}), "accepted"),
    "label value": (put("Namespace", (*LABELS, "istio.io/dataplane-mode"), "ambient mode"), "accepted"),
    "pod security level": (put("Namespace", (*LABELS, "a/b/c"), "privileged"), "accepted"),
    # Labels that every API server takes, and Istio doesn't know.
    "mode label": (rename("Namespace", (*LABELS, "istio.io/dataplane-mode"), "istio.io/data-plane-mode"), "labelled"),
    "mode value": (put("Namespace", (*LABELS, "istio.io/dataplane-mode"), "Ambient"), "labelled"),
    "traffic value": (put("Gateway", (*LABELS, "istio.io/waypoint-for"), "services"), "labelled"),
    "traffic label": (rename("Gateway", (*LABELS, "istio.io/waypoint-for"), "istio.io/for"), "labelled"),
    "ingress value": (put("Namespace", (*LABELS, "istio.io/ingress-use-waypoint"), "yes"), "labelled"),
    "waypoint label": (rename("Namespace", (*LABELS, "istio.io/use-waypoint"), "istio.io/use-waypoints"), "labelled"),
    # References that lead nowhere.
    "waypoint reference": (put("Namespace", (*LABELS, "istio.io/use-waypoint"), "waypiont"), "connected"),
    "waypoint name": (put("Gateway", ("metadata", "name"), "edge"), "connected"),
    "waypoint namespace": (put("Gateway", ("metadata", "namespace"), "checkout"), "connected"),
    "waypoint class": (put("Gateway", ("spec", "gatewayClassName"), "istio"), "connected"),
    "waypoint protocol": (put("Gateway", (*LISTENER, "protocol"), "HTTP"), "connected"),
    "waypoint port": (put("Gateway", (*LISTENER, "port"), 15009), "connected"),
    "parameters reference": (put("Gateway", (*PARAMETERS, "name"), "waypoint"), "connected"),
    "parameters kind": (put("Gateway", (*PARAMETERS, "kind"), "Configmap"), "connected"),
    "parameters namespace": (put("ConfigMap", ("metadata", "namespace"), "istio-system"), "connected"),
    "overlay key": (rename("ConfigMap", ("data", "podDisruptionBudget"), "pdb"), "connected"),
    # Overlays: text to the API server, until istiod applies them.
    "overlay replicas": (overlay("horizontalPodAutoscaler", "minReplicas", "minReplica"), "overlays accepted"),
    "overlay range": (overlay("horizontalPodAutoscaler", "maxReplicas: 9", "maxReplicas: 1"), "overlays accepted"),
    "overlay metric": (overlay("horizontalPodAutoscaler", "type: Resource", "type: Cpu"), "overlays accepted"),
    "overlay budget": (overlay("podDisruptionBudget", "maxUnavailable", "maxUnavailble"), "overlays accepted"),
    "overlay eviction": (overlay("podDisruptionBudget", "AlwaysAllow", "Always"), "overlays accepted"),
    "overlay schedule": (overlay("deployment", "ScheduleAnyway", "Anyway"), "overlays accepted"),
    "overlay indentation": (overlay("deployment", "topologySpreadConstraints", "topologySpread"), "overlays accepted"),
    # Rules for spreading that select nothing.
    "spread by": (overlay("deployment", "kubernetes.io/hostname", "kubernetes.io/host"), "placed"),
    "spread of": (overlay("deployment", "k8s.io/gateway-name: waypoint", "k8s.io/gateway: waypoint"), "placed"),
    "istiod spread by": (value("istiod", (*SPREAD, "topologyKey"), "topology.kubernetes.io/zones"), "placed"),
    "istiod spread of": (value("istiod", (*SPREAD, "labelSelector", "matchLabels"), {"app": "pilot"}), "placed"),
    # Values that no chart knows.
    "replicas value": (misname("istiod", ("autoscaleMin",), "autoScaleMin"), "values known"),
    "hub value": (misname("ztunnel", ("hub",), "imageHub"), "values known"),
    "retry value": (misname("cni", ("ambient", "enableAmbientDetectionRetry"), "detectionRetry"), "values known"),
    "own config value": (misname("cni", ("istioOwnedCNIConfig",), "istioOwnedCniConfig"), "values known"),
    "revision value": (misname("base", ("defaultRevision",), "revision"), "values known"),
    "global value": (misname("istiod", ("global",), "globals"), "values known"),
    # Values that nothing reads, known or not.
    "eviction value": (misname("istiod", ("pdb",), "podDisruptionBudget"), "values effective"),
    "hub beside global": (misname("istiod", ("global",), "images"), "values effective"),
    "policy value": (misname("base", ("base", "validationFailurePolicy"), "failurePolicy"), "values effective"),
    "spread value": (misname("istiod", ("topologySpreadConstraints",), "topologySpread"), "values effective"),
    "trust domain value": (misname("istiod", ("meshConfig",), "mesh"), "values effective"),
    "name value": (misname("ztunnel", ("resourceName",), "resource"), "values effective"),
    # Values that make objects which no API server takes.
    "eviction policy": (value("istiod", ("pdb", "unhealthyPodEvictionPolicy"), "Always"), "charts accepted"),
    "replica range": (value("istiod", ("autoscaleMin",), 9), "charts accepted"),
    "webhook policy": (value("istiod", ("base", "validationFailurePolicy"), "Refuse"), "charts accepted"),
    "spread schedule": (value("istiod", (*SPREAD, "whenUnsatisfiable"), "Anyway"), "charts accepted"),
}


@pytest.mark.parametrize("check", CHECKS)
def test_without_a_mistake_every_check_is_content(output: Output, check: str) -> None:
    assert CHECKS[check](output) == []


@pytest.mark.parametrize(("mutate", "check"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_seen(output: Output, mutate: Callable[[Output], None], check: str) -> None:
    mutate(output)
    assert CHECKS[check](output) != []


# Mistakes in the source: what a slip of the hand in a component would do.
SOURCES: dict[str, tuple[str, Any, str]] = {
    "port": ("meshwright.istio.waypoint._HBONE_PORT", 15006, "connected"),
    "zone": ("meshwright.istio.gateway_parameters.ZONE", "failure-domain.beta.kubernetes.io/zone", "placed"),
    "node": ("meshwright.istio.gateway_parameters.NODE", "kubernetes.io/nodename", "placed"),
    "modes": ("meshwright.istio.namespace._MTLS_MODE", {"strict": "MUTUAL"}, "accepted"),
}


def _of_source() -> list[Object]:
    waypoint: Any = {"reason": "header routing"}
    graph = with_provider(
        lambda opts: AmbientNamespace("shop", {"namespace": "shop", "phase": "strict", "waypoint": waypoint}, opts)
    )
    return [body for _, body in objects_of(render(graph, Path.cwd()))]


def test_the_source_as_it_is_has_no_mistake(output: Output) -> None:
    whole = replace(output, objects=_of_source(), releases=[])
    assert [finding for check in CHECKS.values() for finding in check(whole)] == []


@pytest.mark.parametrize(("name", "wrong", "check"), SOURCES.values(), ids=SOURCES)
def test_a_mistake_in_the_source_is_seen(
    output: Output, monkeypatch: pytest.MonkeyPatch, name: str, wrong: Any, check: str
) -> None:
    monkeypatch.setattr(name, wrong)
    assert CHECKS[check](replace(output, objects=_of_source(), releases=[])) != []


def test_the_list_is_as_long_as_it_claims() -> None:
    assert len(MISTAKES) + len(SOURCES) >= 30
    assert {check for _, check in MISTAKES.values()} == CHECKS.keys()
