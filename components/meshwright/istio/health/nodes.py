"""The node agents run on every node, and a node that starts or restarts leaves no pod outside of the mesh."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from meshwright.health.objects import (
    annotation,
    at,
    called,
    condition,
    items,
    label,
    mapping,
    matches,
    name_of,
    namespace_of,
)
from meshwright.health.verdicts import Check, Doubt, Finding, Severity, SkipError
from meshwright.istio import labels
from meshwright.istio.health.installation import (
    CNI,
    ISTIOD,
    ZTUNNEL,
    cni_settings,
    environment,
    is_true,
    istiod_releases,
    workloads,
)
from meshwright.istio.health.mesh import enrolled_namespaces, is_wanted, require_enrolled, running_pods

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.health.objects import Object
    from meshwright.health.snapshot import Snapshot

_CATEGORY: Final = "nodes and pods"
_STARTS: Final = timedelta(minutes=5)
_UNTAINT: Final = "PILOT_ENABLE_NODE_UNTAINT_CONTROLLERS"


def _ztunnel_ready(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    yield from _ready_everywhere(snapshot, ZTUNNEL, "its captured pods have no network")


def _cni_ready(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    yield from _ready_everywhere(snapshot, CNI, "its new pods don't start, or start outside of the mesh")


def _ready_everywhere(snapshot: Snapshot, component: str, consequence: str) -> Iterator[Finding | Doubt]:
    ready = [each for each in snapshot.seen("Node") if condition(each, "Ready").get("status") == "True"]
    sets, covered = workloads(snapshot, component), set()
    if not sets:
        yield Doubt(
            component, "no DaemonSet of it is in this cluster; whether something else does its work can't be seen"
        )
        return
    for each in sets:
        selector = mapping(each, "spec", "selector")
        covered |= {
            str(at(pod, "spec", "nodeName"))
            for pod in running_pods(snapshot)
            if namespace_of(pod) == namespace_of(each)
            and matches(selector, mapping(pod, "metadata", "labels"))
            and condition(pod, "Ready").get("status") == "True"
        }
    enrolled = enrolled_namespaces(snapshot)
    in_use = {at(pod, "spec", "nodeName") for pod in running_pods(snapshot) if is_wanted(pod, enrolled)}
    for node in sorted(ready, key=name_of):
        if name_of(node) not in covered and (_takes_agents(node) or name_of(node) in in_use):
            yield Finding(called(node), f"has no ready {component}: {consequence}")


def _takes_agents(node: Object) -> bool:
    """Whether a node agent of Istio's can run on it: it needs Linux, and a node that is one."""
    is_virtual = label(node, "type") == "virtual-kubelet" or label(node, "eks.amazonaws.com/compute-type") == "fargate"
    return label(node, "kubernetes.io/os") != "windows" and not is_virtual


def _owned(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    chained = dict(cni_settings(snapshot, "CHAINED_CNI_PLUGIN", "chained"))
    if all(value is not None and not is_true(value) for value in chained.values()):
        raise SkipError("istio-cni is no chained plugin here, and only one can own its configuration")
    for name, value in cni_settings(snapshot, "ISTIO_OWNED_CNI_CONFIG", "istioOwnedCNIConfig"):
        if not is_true(value):
            yield Finding(name, "leaves the CNI's configuration to others: pods that start before it are not captured")


def _retries(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    path = ("ambient", "enableAmbientDetectionRetry")
    for name, value in cni_settings(snapshot, "ENABLE_AMBIENT_DETECTION_RETRY", *path):
        if not is_true(value):
            yield Finding(name, "asks once whether a pod is in the mesh: an API error leaves the pod out")


def _taint(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    states = [(called(each), is_true(at(each, "values", "taint", "enabled"))) for each in istiod_releases(snapshot)]
    states += [(called(each), is_true(environment(each).get(_UNTAINT))) for each in workloads(snapshot, ISTIOD)]
    if not states:
        raise SkipError("istiod is not in it")
    for name, is_on in states:
        if not is_on:
            yield Finding(name, "takes no taint off new nodes: pods may start there before istio-cni")
    for node in snapshot.of("Node") if snapshot.live else ():
        keys = [at(taint, "key") for taint in items(node, "spec", "taints")]
        if labels.NOT_READY_TAINT in keys and not any(is_on for _, is_on in states):
            yield Finding(called(node), f"has the taint {labels.NOT_READY_TAINT}, and nothing takes it off")


def _captured(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    enrolled = enrolled_namespaces(snapshot)
    wanted = [pod for pod in running_pods(snapshot) if is_wanted(pod, enrolled)]
    if not wanted:
        require_enrolled(snapshot)
    for pod in wanted:
        state = annotation(pod, labels.REDIRECTION)
        if state == "pending":
            yield Finding(called(pod), "is captured by half: it has no network until ztunnel takes it")
        elif state != "enabled" and not at(pod, "status", "podIP"):
            if _waits_long(pod):
                yield Finding(called(pod), "is not captured, and has no address: its node can't set up its network")
        elif state != "enabled":
            yield Finding(called(pod), "is not captured: its traffic passes ztunnel by, in plaintext")


def _waits_long(pod: Object) -> bool:
    """Whether it was put on its node a while ago; one that has just started is captured as it gets its address."""
    since = at(pod, "status", "startTime") or at(pod, "metadata", "creationTimestamp")
    return not since or datetime.now(UTC) - datetime.fromisoformat(str(since)) > _STARTS


CHECKS: Final = (
    Check(
        "ztunnel-ready",
        _CATEGORY,
        "ztunnel is ready on every node",
        Severity.ERROR,
        "let its DaemonSet tolerate every taint, and see why its pod on that node is not ready",
        _ztunnel_ready,
    ),
    Check(
        "cni-ready",
        _CATEGORY,
        "istio-cni is ready on every node",
        Severity.ERROR,
        "let its DaemonSet tolerate every taint, and see why its pod on that node is not ready",
        _cni_ready,
    ),
    Check(
        "pods-captured",
        _CATEGORY,
        "every pod of an enrolled namespace is captured",
        Severity.ERROR,
        "see istio-cni's log on the pod's node; then restart the pod",
        _captured,
    ),
    Check(
        "cni-owns-config",
        _CATEGORY,
        "a node's restart leaves no pod out: istio-cni owns its configuration",
        Severity.WARNING,
        "set istioOwnedCNIConfig to true on the chart cni",
        _owned,
    ),
    Check(
        "cni-detection-retry",
        _CATEGORY,
        "an error of the API server leaves no pod out: istio-cni asks again",
        Severity.WARNING,
        "set ambient.enableAmbientDetectionRetry to true on the chart cni",
        _retries,
    ),
    Check(
        "node-taint",
        _CATEGORY,
        "new nodes take no pod before istio-cni runs on them",
        Severity.WARNING,
        f"taint new nodes with {labels.NOT_READY_TAINT}, and set taint.enabled to true on the chart istiod",
        _taint,
    ),
)
