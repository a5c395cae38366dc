"""A way in from outside, as a Gateway of the class ``consul``."""

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget

from meshwright.consul.api_gateway.args import ConsulApiGatewayArgs
from meshwright.consul.api_gateway.checks import gateway_troubles
from meshwright.consul.api_gateway.specs import GROUP, called, gateway_spec, grants, home, route_spec
from meshwright.consul.intentions.args import IntentionArgs
from meshwright.consul.labels import GATEWAY_NAME, GATEWAY_NAMESPACE
from meshwright.kubernetes.children import below
from meshwright.kubernetes.problems import refuse_all
from meshwright.kubernetes.providers import require_kubernetes_provider


class ConsulApiGateway(pulumi.ComponentResource):
    """A Gateway and its HTTPRoutes to services of the mesh, and the ReferenceGrants that they need.

    Consul's gateway controller makes the pods, which log in by the Gateway's own service account: there is no token to
    keep. Intentions have to let the gateway in: give `intentions` to `ConsulIntentions`, and ``gateway`` to its
    ``callers``. Services need the protocol ``http`` first.

    Raises:
        ComponentError: MW-E017 for one name twice, MW-E051 without a provider, MW-E251 for a protocol, MW-E252 for
            services that nobody knows, MW-E253 for a name that is a service's, MW-E280 for listeners, MW-E281 for
            routes.
    """

    intentions: list[IntentionArgs]
    """What lets the gateway call the services that its routes lead to; known at preview."""

    def __init__(self, name: str, args: ConsulApiGatewayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"ConsulApiGateway {name}"
        require_kubernetes_provider(opts, label)
        refuse_all(gateway_troubles(args), label)
        super().__init__("meshwright:index:ConsulApiGateway", name, {**args}, opts)
        gateway, namespace, children = args["gateway"], home(args), below(self, opts)
        granted: list[pulumi.Resource] = [
            CustomResource(
                f"{name}-{each.kind.lower()}-to-{each.namespace}",
                api_version=f"{GROUP}/v1beta1",
                kind="ReferenceGrant",
                metadata={"name": f"{gateway}-{each.kind.lower()}", "namespace": each.namespace},
                spec=each.spec,
                opts=children,
            )
            for each in grants(args)
        ]
        # In Consul it has one name, whichever namespace it is in.
        moved = pulumi.ResourceOptions(depends_on=granted, delete_before_replace=True)
        made = CustomResource(
            f"{name}-gateway",
            api_version=f"{GROUP}/v1",
            kind="Gateway",
            metadata={"name": gateway, "namespace": namespace, **_annotations(args)},
            spec=gateway_spec(args),
            opts=pulumi.ResourceOptions.merge(children, moved),
        )
        after = pulumi.ResourceOptions.merge(moved, pulumi.ResourceOptions(depends_on=[made]))
        for route in args.get("routes") or []:
            CustomResource(
                f"{name}-route-{route['name']}",
                api_version=f"{GROUP}/v1",
                kind="HTTPRoute",
                metadata={"name": f"{gateway}-{route['name']}", "namespace": namespace},
                spec=route_spec(route, args),
                opts=pulumi.ResourceOptions.merge(children, after),
            )
        # The controller makes none, and a drain may take all of its pods at once.
        labels = {GATEWAY_NAME: gateway, GATEWAY_NAMESPACE: namespace}
        PodDisruptionBudget(
            f"{name}-budget",
            metadata={"name": gateway, "namespace": namespace},
            spec={"max_unavailable": 1, "selector": {"match_labels": labels}},
            opts=children,
        )
        self.intentions = [{"source": gateway, "to": service} for service in called(args)]
        self.register_outputs({})


def _annotations(args: ConsulApiGatewayArgs) -> dict[str, dict[str, str]]:
    annotations = args.get("annotations")
    return {"annotations": dict(annotations)} if annotations else {}
