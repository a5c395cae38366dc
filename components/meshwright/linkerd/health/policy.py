"""Servers don't compete for a port, routes leave the kubelet's probes alone, and objects are in versions that last."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Final

from meshwright.health.objects import at, called, items
from meshwright.health.verdicts import Check, Doubt, Finding, Severity, SkipError
from meshwright.linkerd.health.mesh import pods
from meshwright.linkerd.health.probes import probes_let_in
from meshwright.linkerd.health.servers import port_in, selects, servers_of_pods

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.health.objects import Object
    from meshwright.health.snapshot import Snapshot

_CATEGORY: Final = "policies"
_OLD: Final = {
    "Server": ("policy.linkerd.io/v1alpha1", "policy.linkerd.io/v1beta1"),
    "ServerAuthorization": ("policy.linkerd.io/v1alpha1",),
    "HTTPRoute": ("policy.linkerd.io/v1alpha1", "policy.linkerd.io/v1beta1", "policy.linkerd.io/v1beta2"),
    "ServiceProfile": ("linkerd.io/v1alpha1",),
    "Link": ("multicluster.linkerd.io/v1alpha1", "multicluster.linkerd.io/v1alpha2"),
}
"""Kind -> versions that its CRD serves, and no longer stores (edge-26.8.3)."""


def _apart(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    servers, told = servers_of_pods(snapshot), set()
    for pod in pods(snapshot):
        for first, second in combinations([each for each in servers if selects(each, pod)], 2):
            port, pair = port_in(first, pod), (called(first), called(second))
            if port and port == port_in(second, pod) and pair not in told:
                told.add(pair)
                yield Finding(called(second), f"selects port {port} of {called(pod)}, as {called(first)} does")


def _versions(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    found = [(kind, each) for kind in _OLD for each in snapshot.of(kind)]
    if not found:
        raise SkipError("none of Linkerd's objects is in it")
    for kind, each in found:
        written = {str(at(each, "apiVersion"))} if not snapshot.live else _written(each)
        for version in sorted(written & set(_OLD[kind])):
            yield Finding(called(each), f"is written in {version}, which is on its way out")


def _written(body: Object) -> set[str]:
    """The versions in which an object's fields were written; the server shows it in the one that it is asked for."""
    managed = items(body, "metadata", "managedFields")
    return {str(at(each, "apiVersion")) for each in managed if not at(each, "subresource")}


CHECKS: Final = (
    Check(
        "servers-apart",
        _CATEGORY,
        "no two Servers select one port of one pod",
        Severity.ERROR,
        "keep one Server a port: of several, the oldest holds, and what is attached to the others says nothing",
        _apart,
    ),
    Check(
        "probes-authorised",
        _CATEGORY,
        "where a Server has routes, or is for gRPC, the kubelet may still probe its pods",
        Severity.ERROR,
        "add a route for the probes' paths, with an AuthorizationPolicy for the NetworkAuthentication of the nodes",
        probes_let_in,
    ),
    Check(
        "api-versions",
        _CATEGORY,
        "Linkerd's objects are written in versions that last",
        Severity.WARNING,
        "write them in the version that the CRD stores",
        _versions,
    ),
)
