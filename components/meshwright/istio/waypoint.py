"""A waypoint: the L7 proxy of a namespace, run as something that production traffic goes through."""

from typing import Any, NotRequired

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import ConfigMap

from meshwright.errors import Code
from meshwright.istio.gateway_parameters import ScaledSettings, check_scaling, digest, parameters_of
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import refuse
from meshwright.kubernetes.providers import require_kubernetes_provider

TRAFFIC = ("service", "workload", "all", "none")
_HBONE_PORT = 15008


class WaypointSettings(ScaledSettings):
    """What a waypoint is like, wherever it stands."""

    name: NotRequired[str]
    """Name of the Gateway. Default: ``waypoint``; ``none`` is reserved by Istio."""
    waypoint_for: NotRequired[str]
    """Traffic that it takes: ``service``, ``workload``, ``all`` or ``none``. Default: ``service``."""
    reason: NotRequired[str]
    """The L7 need that it answers. Policy asks for one: a waypoint costs a hop and a deployment."""
    allowed_namespaces: NotRequired[list[str]]
    """Other namespaces that may use it; ``["*"]`` for all. Default: none, Istio's ``from: Same``."""


class WaypointArgs(WaypointSettings):
    """Arguments of `Waypoint`."""

    namespace: pulumi.Input[str]
    """The namespace that it stands in; it must exist."""
    revision: NotRequired[str]
    """Control-plane revision or tag (``istio.io/rev``). Default: none."""


class Waypoint(pulumi.ComponentResource):
    """A waypoint with autoscaling, a disruption budget and replicas spread over zones and nodes.

    Istio makes none of the three unless the Gateway's ``parametersRef`` asks for them. The ConfigMap that does is named
    after its content, so that a change brings a new one before the old one goes: Istio renders no deployment for a
    Gateway whose ConfigMap is missing.

    Raises:
        ComponentError: MW-E050 for arguments that cannot work, MW-E051 without a provider.
    """

    name: pulumi.Output[str]
    """Name of the Gateway: the value for ``istio.io/use-waypoint``."""

    def __init__(self, name: str, args: WaypointArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label, gateway_name = f"Waypoint {name}", args.get("name", "waypoint")
        require_kubernetes_provider(opts, label)
        check(args, label)
        super().__init__("meshwright:index:Waypoint", name, {**args}, opts)
        children = below(self, opts)
        data = parameters_of(gateway_name, args)
        parameters_name = f"{gateway_name}-{digest(data)}"
        parameters = ConfigMap(
            f"{name}-parameters",
            metadata={"name": parameters_name, "namespace": args["namespace"]},
            data=data,
            immutable=True,
            opts=children,
        )
        CustomResource(
            f"{name}-gateway",
            api_version="gateway.networking.k8s.io/v1",
            kind="Gateway",
            metadata={
                "name": gateway_name,
                "namespace": args["namespace"],
                "labels": _labels(args),
                # Whoever waits for this Gateway waits for a waypoint that works: traffic sent to one that doesn't goes
                # past it.
                "annotations": {"pulumi.com/waitFor": "condition=Programmed"},
            },
            spec={
                "gatewayClassName": "istio-waypoint",
                "infrastructure": {"parametersRef": {"group": "", "kind": "ConfigMap", "name": parameters_name}},
                "listeners": [
                    {
                        "name": "mesh",
                        "port": _HBONE_PORT,
                        "protocol": "HBONE",
                        "allowedRoutes": {"namespaces": _allowed(args.get("allowed_namespaces") or [], args)},
                    }
                ],
            },
            opts=pulumi.ResourceOptions.merge(children, pulumi.ResourceOptions(depends_on=[parameters])),
        )
        self.name = pulumi.Output.from_input(gateway_name)
        self.register_outputs({"name": self.name})


def check(args: WaypointSettings, label: str) -> None:
    """Refuse a waypoint that cannot work. Raises `ComponentError`, MW-E050."""
    traffic = args.get("waypoint_for", "service")
    if traffic not in TRAFFIC:
        raise refuse(Code.BAD_ARGUMENT, label, f"waypoint_for {traffic!r} is unknown", f"one of: {', '.join(TRAFFIC)}")
    if args.get("name") == "none":
        raise refuse(
            Code.BAD_ARGUMENT, label, "the name 'none' is reserved: it means no waypoint", "choose another name"
        )
    check_scaling(args, label)


def _labels(args: WaypointArgs) -> dict[str, str]:
    labels = {"istio.io/waypoint-for": args.get("waypoint_for", "service")}
    if revision := args.get("revision"):
        labels["istio.io/rev"] = revision
    return labels


def _allowed(namespaces: list[str], args: WaypointArgs) -> dict[str, Any]:
    if not namespaces:
        return {"from": "Same"}
    if "*" in namespaces:
        return {"from": "All"}
    names = [args["namespace"], *sorted(namespaces)]
    in_names = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": names}
    return {"from": "Selector", "selector": {"matchExpressions": [in_names]}}
