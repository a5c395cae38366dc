"""How requests to one service are routed, and what happens to those that fail: told to the callers' proxies."""

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import ServicePatch

from meshwright.kubernetes.children import below
from meshwright.kubernetes.problems import refuse_all
from meshwright.kubernetes.providers import require_kubernetes_provider
from meshwright.linkerd.traffic.annotations import of_balancer, of_requests
from meshwright.linkerd.traffic.arguments import LinkerdTrafficArgs
from meshwright.linkerd.traffic.checks import contradictions, not_in_linkerd
from meshwright.linkerd.traffic.routes import route_objects
from meshwright.linkerd.traffic.values import misspelt


class LinkerdTraffic(pulumi.ComponentResource):
    """The routes of one service, and what its Service says of retries, timeouts and pods that fail.

    The Service is the application's: it is annotated by a server-side patch, which ``destroy`` takes back.

    Raises:
        ComponentError: MW-E205 to MW-E209 for rules that can't work, MW-E050 for values that are none, MW-E051 without
            a provider. Nothing has been registered then.
    """

    api: pulumi.Output[str]
    """What holds the routes: ``HTTPRoute``, ``GRPCRoute`` or ``none``."""

    def __init__(self, name: str, args: LinkerdTrafficArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"LinkerdTraffic {name}"
        require_kubernetes_provider(opts, label)
        check(args, label)
        super().__init__("meshwright:index:LinkerdTraffic", name, {**args}, opts)
        children, grpc = below(self, opts), args.get("protocol") == "grpc"
        said = of_requests(args.get("retries"), args.get("timeouts"), grpc=grpc)
        said |= of_balancer(args.get("circuit_breaker"), args.get("load_bias"))
        if said:
            metadata = {"name": args["service"], "namespace": args["namespace"], "annotations": said}
            ServicePatch(f"{name}-service", metadata=metadata, opts=children)
        kind = "GRPCRoute" if grpc else "HTTPRoute"
        objects = route_objects(args)
        for each in objects:
            noted = {"annotations": each.annotations} if each.annotations else {}
            CustomResource(
                f"{name}-{each.name}",
                api_version="gateway.networking.k8s.io/v1",
                kind=kind,
                metadata={"name": each.name, "namespace": args["namespace"], **noted},
                spec=each.spec,
                opts=children,
            )
        self.api = pulumi.Output.from_input(kind if objects else "none")
        self.register_outputs({"api": self.api})


def check(args: LinkerdTrafficArgs, label: str) -> None:
    """Refuse rules that can't work, all at once. Raises `ComponentError`."""
    refuse_all([*not_in_linkerd(args), *misspelt(args)], label)
    refuse_all(contradictions(args), label)
