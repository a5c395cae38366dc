"""Who uses a waypoint: a namespace, or single services and workloads of it; the namespace's own or another's."""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResourcePatch
from pulumi_kubernetes.apps.v1 import DeploymentPatch
from pulumi_kubernetes.core.v1 import NamespacePatch, ServicePatch

from meshwright.istio import labels
from meshwright.istio.use_rules import UseWaypointArgs, mistakes
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import refuse_all
from meshwright.kubernetes.providers import require_kubernetes_provider


class UseWaypoint(pulumi.ComponentResource):
    """Labels that send traffic through a waypoint, as patches of what is there.

    Give the waypoint in ``depends_on``: until it is programmed, ztunnel sends traffic past it and past its policies
    (istio.io#17520). ``destroy`` takes the labels back.

    Raises:
        ComponentError: MW-E050 for arguments that cannot work, MW-E051 without a provider, MW-E124 for a waypoint that
            would not take the traffic, MW-E125 for a canary that Istio would leave out.
    """

    def __init__(self, name: str, args: UseWaypointArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"UseWaypoint {name}"
        require_kubernetes_provider(opts, label)
        refuse_all(mistakes(args), label)
        super().__init__("meshwright:index:UseWaypoint", name, {**args}, opts)
        patches(f"{name}-labels", args, below(self, opts))
        self.register_outputs({})


def patches(name: str, args: UseWaypointArgs, opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
    """The patches that label the users: one named ``name`` for a namespace, else one for each of what is named."""
    use, namespace = _marks(args), args["namespace"]
    made: list[pulumi.Resource] = [
        ServicePatch(f"{name}-{service}", metadata={"name": service, "namespace": namespace, **use}, opts=opts)
        for service in args.get("services") or ()
    ]
    made += [
        CustomResourcePatch(
            f"{name}-entry-{entry}",
            api_version="networking.istio.io/v1",
            kind="ServiceEntry",
            metadata={"name": entry, "namespace": namespace, **use},
            opts=opts,
        )
        for entry in args.get("service_entries") or ()
    ]
    made += [
        DeploymentPatch(
            f"{name}-pods-{deployment}",
            metadata={"name": deployment, "namespace": namespace},
            spec={"template": {"metadata": {"labels": _of_pods(use["labels"])}}},
            opts=opts,
        )
        for deployment in args.get("deployments") or ()
    ]
    if not made:
        made.append(NamespacePatch(name, metadata={"name": args["namespace"], **use}, opts=opts))
    return made


def _marks(args: UseWaypointArgs) -> dict[str, dict[str, Any]]:
    marks: dict[str, pulumi.Input[str]] = {labels.USE_WAYPOINT: args["waypoint"]}
    home = args.get("waypoint_namespace", args["namespace"])
    if home != args["namespace"]:
        marks[labels.USE_WAYPOINT_NAMESPACE] = home
    if args.get("ingress", False):
        marks[labels.INGRESS_USE_WAYPOINT] = "true"
    canary = args.get("canary")
    if canary is None:
        return {"labels": marks}
    marks[labels.USE_WAYPOINT_CANARY] = canary["name"]
    if canary.get("namespace", args["namespace"]) != args["namespace"]:
        marks[labels.USE_WAYPOINT_CANARY_NAMESPACE] = canary["namespace"]
    return {"labels": marks, "annotations": {labels.USE_WAYPOINT_CANARY_WEIGHT: str(int(canary["weight"]))}}


def _of_pods(marks: Mapping[str, Any]) -> dict[str, Any]:
    return {key: marks[key] for key in (labels.USE_WAYPOINT, labels.USE_WAYPOINT_NAMESPACE) if key in marks}
