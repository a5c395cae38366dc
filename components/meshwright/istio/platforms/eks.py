"""The rules of security groups that a mesh on EKS needs."""

from typing import TypedDict

import pulumi
from pulumi_aws.vpc import SecurityGroupIngressRule

from meshwright.istio.platforms.ports import BETWEEN_NODES, FROM_CONTROL_PLANE
from meshwright.kubernetes.children import below
from meshwright.kubernetes.providers import require_provider


class EksMeshFirewallArgs(TypedDict):
    """Arguments of `EksMeshFirewall`."""

    node_security_group: pulumi.Input[str]
    """Id of the nodes' security group."""
    control_plane_security_group: pulumi.Input[str]
    """Id of the cluster's security group, from which the API server calls webhooks. The nodes' own, where they are in
    that group."""


class EksMeshFirewall(pulumi.ComponentResource):
    """Rules on the nodes' security group: 15008 and 15012 between nodes, 15012 and 15017 from the control plane.

    Where the group lets nodes reach each other on every port, as the cluster security group that EKS makes does, the
    first two change nothing. They are needed where the group is your own. Source: the ports of Istio, istio.io
    ops/deployment/application-requirements, and aws-ia/terraform-aws-eks-blueprints ``patterns/istio``, which leaves
    out 15008.

    Give it to the mesh in ``depends_on``: while 15017 is closed, nobody can write Istio's objects.

    Raises:
        ComponentError: MW-E051 without an AWS provider.
    """

    def __init__(self, name: str, args: EksMeshFirewallArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        require_provider(opts, f"EksMeshFirewall {name}", "aws")
        super().__init__("meshwright:index:EksMeshFirewall", name, {**args}, opts)
        children = below(self, opts)
        nodes, control_plane = args["node_security_group"], args["control_plane_security_group"]
        # EC2 refuses a rule that is there already, and nodes may be in the cluster's own group.
        once = BETWEEN_NODES if nodes == control_plane else {}
        sources = (
            ("node", nodes, BETWEEN_NODES),
            (
                "control-plane",
                control_plane,
                {port: why for port, why in FROM_CONTROL_PLANE.items() if port not in once},
            ),
        )
        for source, group, ports in sources:
            for port, purpose in ports.items():
                SecurityGroupIngressRule(
                    f"{name}-{source}-{port}",
                    security_group_id=nodes,
                    referenced_security_group_id=group,
                    ip_protocol="tcp",
                    from_port=port,
                    to_port=port,
                    description=purpose,
                    opts=children,
                )
        self.register_outputs({})
