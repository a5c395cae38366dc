"""Linkerd knows the cluster's networks, its CNI plugin is on every node, and its gateways are not open to the world."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, Final

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
from meshwright.linkerd.health.installation import GATEWAY_CHART, Installed, installed, releases
from meshwright.linkerd.health.mesh import running_pods
from meshwright.linkerd.multicluster.exposure import exposure_mistakes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from meshwright.health.objects import Object
    from meshwright.health.snapshot import Snapshot

_CATEGORY: Final = "network"
_CNI: Final = "linkerd.io/cni-resource"
_GATEWAY: Final = "mirror.linkerd.io/multicluster-gateway"
_INTERNAL: Final = {
    "service.beta.kubernetes.io/aws-load-balancer-scheme": "internal",
    "service.beta.kubernetes.io/aws-load-balancer-internal": "true",
    "service.beta.kubernetes.io/azure-load-balancer-internal": "true",
    "networking.gke.io/load-balancer-type": "Internal",
    "cloud.google.com/load-balancer-type": "Internal",
}
"""Annotation of a Service -> the value with which only the private network reaches its load balancer."""


def _networks(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    snapshot.seen("Node")
    for plane in installed(snapshot):
        text = str(plane.value("clusterNetworks", default=""))
        try:
            known = [ip_network(each.strip()) for each in text.split(",") if each.strip()]
        except ValueError:
            yield Finding(plane.name, f"has clusterNetworks {text!r}, which are no networks")
            continue
        for who, what in _addresses(snapshot):
            own = ip_network(what)
            if not any(own.version == each.version and own.subnet_of(each) for each in known):  # type: ignore[arg-type]
                yield Finding(who, f"has {what}, outside of clusterNetworks: its calls pass for those from outside")


def _addresses(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """Who is in the cluster, with the addresses that it has."""
    for node in snapshot.of("Node"):
        yield from ((called(node), str(each)) for each in items(node, "spec", "podCIDRs"))
    for pod in running_pods(snapshot):
        if at(pod, "spec", "hostNetwork") is not True:
            yield from ((called(pod), str(at(each, "ip"))) for each in items(pod, "status", "podIPs") if at(each, "ip"))
    for service in snapshot.of("Service"):
        found = items(service, "spec", "clusterIPs")
        yield from ((called(service), str(each)) for each in found if each and each != "None")


def _cni_ready(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    nodes = snapshot.seen("Node")
    sets = [each for each in snapshot.of("DaemonSet") if label(each, _CNI) == "true"]
    if not sets:
        if not any(each.value("cniEnabled", default=False) is True for each in installed(snapshot)):
            raise SkipError("linkerd2-cni is not in use")
        yield Finding("the cluster", "has no DaemonSet of linkerd2-cni, and the control plane relies on it")
        return
    covered = {
        str(at(pod, "spec", "nodeName"))
        for each in sets
        for pod in running_pods(snapshot)
        if namespace_of(pod) == namespace_of(each)
        and matches(mapping(each, "spec", "selector"), mapping(pod, "metadata", "labels"))
        and condition(pod, "Ready").get("status") == "True"
    }
    for node in sorted(nodes, key=name_of):
        if condition(node, "Ready").get("status") == "True" and name_of(node) not in covered and _takes_agents(node):
            yield Finding(called(node), "has no ready linkerd2-cni: its new pods with a proxy don't start")


def _takes_agents(node: Object) -> bool:
    """Whether the plugin can run on it: it needs Linux, and a node that is one."""
    is_virtual = label(node, "type") == "virtual-kubelet" or label(node, "eks.amazonaws.com/compute-type") == "fargate"
    return label(node, "kubernetes.io/os") != "windows" and not is_virtual


def _gateways(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    found = [
        (called(each), at(each, "spec", "type"), mapping(each, "metadata", "annotations"), _ranges(each, "spec"))
        for each in snapshot.of("Service")
        if annotation(each, _GATEWAY) == "true"
    ]
    for each in releases(snapshot, GATEWAY_CHART):
        chart = Installed(called(each.body), each.body, each.version)
        if chart.value("gateway", "enabled", default=True) is not False:
            kind = chart.value("gateway", "serviceType", default="LoadBalancer")
            written = mapping(each.body, "values", "gateway", "serviceAnnotations")
            found.append((chart.name, kind, written, _ranges(each.body, "values", "gateway")))
    if not found:
        raise SkipError("no gateway to other clusters is in it")
    for name, kind, written, ranges in found:
        if kind == "LoadBalancer" and not _is_internal(written) and list(exposure_mistakes(ranges, None)):
            yield Finding(name, "takes connections from every network")


def _ranges(body: Object, *path: str) -> list[str]:
    return [str(each) for each in items(body, *path, "loadBalancerSourceRanges")]


def _is_internal(written: Mapping[str, Any]) -> bool:
    return any(str(written.get(key)) == value for key, value in _INTERNAL.items())


CHECKS: Final = (
    Check(
        "cluster-networks",
        _CATEGORY,
        "clusterNetworks contain the networks of nodes, and the addresses of pods and Services",
        Severity.ERROR,
        "set cluster_networks of the stack to the networks of pods and of Services",
        _networks,
    ),
    Check(
        "cni-ready",
        _CATEGORY,
        "linkerd2-cni is ready on every node",
        Severity.ERROR,
        "let its DaemonSet tolerate every taint, and see why its pod on that node is not ready",
        _cni_ready,
    ),
    Check(
        "gateways-restricted",
        _CATEGORY,
        "gateways to other clusters take connections from networks that are named",
        Severity.WARNING,
        "set source_ranges to the other clusters' networks",
        _gateways,
    ),
)
