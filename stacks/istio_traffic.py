"""Traffic in a stack: the routes of services in the namespaces, and the way out of the mesh."""

from typing import Any, cast

import pulumi

from istio_parts import Registered
from meshwright import Egress, TrafficPolicy
from meshwright.config.istio import IstioAmbientMesh
from meshwright.config.istio_egress import MeshEgress
from meshwright.istio.traffic.egress import EgressArgs
from meshwright.istio.upgrade.parts import own_tag


def deploy(mesh: IstioAmbientMesh, stands: Registered) -> None:
    """Register what the namespaces' `traffic` and the mesh's `egress` ask for, and export which API has each route."""
    routed = {}
    for namespace in mesh.namespaces:
        for each in namespace.traffic:
            args = each.arguments(namespace.name)
            if namespace.waypoint or namespace.use_waypoint:
                args["waypoint"] = "waypoint"
            # A dot, which no name has: shop-cart's api isn't shop's cart-api.
            name = f"{each.service}.{namespace.name}"
            policy = TrafficPolicy(name, args, stands.after([stands.namespaces[namespace.name]]))
            routed[name] = pulumi.Output.format("{0} ({1})", policy.api, policy.stage)
    if routed:
        pulumi.export("routes", routed)
    if mesh.egress:
        followed = own_tag(mesh.tags) or mesh.revision
        Egress("egress", _egress(mesh.egress, followed), stands.after(stands.namespaces.values()))


def _egress(egress: MeshEgress, revision: str | None) -> EgressArgs:
    said: dict[str, Any] = egress.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    if revision:
        said["revision"] = revision
    return cast("EgressArgs", {**said, "hosts": egress.host_arguments()})
