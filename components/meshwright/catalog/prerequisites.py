"""What a cluster must offer before a mesh can run in it."""

from collections.abc import Collection, Iterator

from meshwright.catalog.catalog import Release
from meshwright.catalog.models import Platform
from meshwright.errors import Code, Problem
from meshwright.versions import version_key

NODELESS = {
    "fargate": "AWS Fargate",
    "autopilot": "GKE Autopilot",
    "virtual-nodes": "AKS virtual nodes",
}
"""Compute kinds that give no node to an agent, with their names. istio/istio#58997."""


def unmet(
    release: Release, platform: Platform, *, kubernetes_version: str | None = None, compute: Collection[str] = ()
) -> Iterator[Problem]:
    """What keeps a mesh with node agents from running: one problem each, without a place.

    Args:
        release: The version of the mesh.
        platform: What the cluster runs on.
        kubernetes_version: The cluster's version, ``1.33`` or ``1.33.4``; None where it is not known.
        compute: What pods run on, where it is known.
    """
    oldest = release.kubernetes.minimum
    if kubernetes_version and oldest and version_key(kubernetes_version)[:2] < version_key(oldest):
        yield Problem(
            Code.KUBERNETES_TOO_OLD,
            f"{release.product} {release.version} does not run on Kubernetes {kubernetes_version}",
            f"upgrade the cluster to {oldest} or newer, or choose an older version of the mesh",
        )
    for kind in compute:
        if kind in NODELESS or kind in platform.nodeless:
            yield Problem(
                Code.NO_NODE_AGENTS,
                f"ambient needs an agent on every node, and {NODELESS.get(kind, kind)} has no nodes to run it on",
                "run the meshed workloads on nodes and leave it out of compute, or choose vpc-lattice or no mesh",
            )
