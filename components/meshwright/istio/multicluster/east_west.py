"""The gateway through which the other clusters' proxies come in."""

from typing import Any, NotRequired, cast

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import ConfigMap

from meshwright.errors import Code
from meshwright.istio.gateway_parameters import ScaledSettings, check_scaling, digest, parameters_of
from meshwright.istio.labels import EAST_WEST_CLASS, HBONE_PORT, NETWORK, REVISION
from meshwright.istio.multicluster.exposure import annotations, exposure_mistakes
from meshwright.kubernetes.chart_values import merge
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import refuse
from meshwright.kubernetes.providers import require_kubernetes_provider

NAME = "istio-eastwestgateway"


class EastWestSettings(ScaledSettings):
    """What the gateway is like, wherever the mesh stands."""

    annotations: NotRequired[dict[str, str]]
    """Annotations of its Service, by which your platform gives it a private address. Default: those of EKS, GKE and
    AKS."""
    source_ranges: NotRequired[list[str]]
    """Networks that may connect, such as ``10.20.0.0/16``. Default: all that reach the address."""
    public: NotRequired[str]
    """Why its address is public. Default: it isn't."""


class EastWestGatewayArgs(EastWestSettings):
    """Arguments of `EastWestGateway`."""

    network: str
    """The network of this cluster's pods, as `IstioAmbient` has it."""
    platform: str
    """What the cluster runs on."""
    namespace: NotRequired[pulumi.Input[str]]
    """Istio's root namespace. Default: ``istio-system``."""
    revision: NotRequired[str]
    """Control-plane revision or tag. Default: none."""


class EastWestGateway(pulumi.ComponentResource):
    """An east-west gateway of ambient: it takes HBONE within HBONE, and hands the inner one on as it is.

    Istio makes a Service with a load balancer for it. On EKS, GKE and AKS that gets a private address; elsewhere
    something has to be said about who reaches it.

    Raises:
        ComponentError: MW-E050 for arguments that cannot work, MW-E051 without a provider, MW-E152 for an address that
            may be public.
    """

    name: pulumi.Output[str]
    """Name of the Gateway."""

    def __init__(self, name: str, args: EastWestGatewayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"EastWestGateway {name}"
        require_kubernetes_provider(opts, label)
        _check(args, label)
        super().__init__("meshwright:index:EastWestGateway", name, {**args}, opts)
        children, namespace = below(self, opts), args.get("namespace", "istio-system")
        data = _parameters(args)
        parameters_name = f"{NAME}-{digest(data)}"
        parameters = ConfigMap(
            f"{name}-parameters",
            metadata={"name": parameters_name, "namespace": namespace},
            data=data,
            immutable=True,
            opts=children,
        )
        infrastructure: dict[str, Any] = {"parametersRef": {"group": "", "kind": "ConfigMap", "name": parameters_name}}
        if service := annotations(args["platform"], args.get("annotations") or {}, args.get("public")):
            infrastructure["annotations"] = service
        CustomResource(
            f"{name}-gateway",
            api_version="gateway.networking.k8s.io/v1",
            kind="Gateway",
            metadata={
                "name": NAME,
                "namespace": namespace,
                "labels": {
                    NETWORK: args["network"],
                    **({REVISION: args["revision"]} if "revision" in args else {}),
                },
                # Programmed means that it has an address: without one the other clusters don't know where to go.
                "annotations": {"pulumi.com/waitFor": "condition=Programmed"},
            },
            spec={
                "gatewayClassName": EAST_WEST_CLASS,
                "infrastructure": infrastructure,
                "listeners": [
                    {
                        "name": "mesh",
                        "port": HBONE_PORT,
                        "protocol": "HBONE",
                        "tls": {
                            "mode": "Terminate",
                            "options": {"gateway.istio.io/tls-terminate-mode": "ISTIO_MUTUAL"},
                        },
                    }
                ],
            },
            opts=pulumi.ResourceOptions.merge(children, pulumi.ResourceOptions(depends_on=[parameters])),
        )
        self.name = pulumi.Output.from_input(NAME)
        self.register_outputs({"name": self.name})


def _check(args: EastWestGatewayArgs, label: str) -> None:
    check_scaling(args, label)
    for message, remedy in exposure_mistakes(
        args["platform"],
        own=args.get("annotations") or {},
        source_ranges=args.get("source_ranges") or (),
        public=args.get("public"),
    ):
        raise refuse(Code.EAST_WEST_ADDRESS, label, message, remedy)


def _parameters(args: EastWestGatewayArgs) -> dict[str, str]:
    scaled = cast("ScaledSettings", args)
    if ranges := args.get("source_ranges"):
        service = {"service": {"spec": {"loadBalancerSourceRanges": list(ranges)}}}
        scaled = {**scaled, "overlays": merge(service, args.get("overlays") or {})}
    return parameters_of(NAME, scaled)
