"""A task of ECS in the mesh, and the node that its cluster is to Consul."""

import json
from typing import Any, Final, TypedDict, cast

import pulumi

from meshwright.consul.config_entries.typed import require_consul_provider
from meshwright.consul.hybrid.ecs.config import VOLUMES, ConsulEcsTaskArgs, containers, ecs_config, task_troubles
from meshwright.kubernetes.children import below
from meshwright.kubernetes.problems import refuse_all
from meshwright.kubernetes.providers import require_provider

_PATH: Final = "/consul-ecs/"
_TRUST: Final = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"}}],
}


class ConsulEcsClusterArgs(TypedDict):
    """Arguments of `ConsulEcsCluster`."""

    cluster_arn: pulumi.Input[str]


class ConsulEcsCluster(pulumi.ComponentResource):
    """The node in Consul's catalog under which consul-ecs registers the tasks of a cluster of ECS.

    consul-ecs has a controller for it, which also makes an auth method for every role below a path. It is not needed
    here: `ConsulLogin` binds each role by name. What the controller does beside that, to take away what tasks left that
    were killed, nobody does.

    Raises:
        ComponentError: MW-E051 without a provider of Consul's.
    """

    def __init__(self, name: str, args: ConsulEcsClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        require_consul_provider(opts, f"ConsulEcsCluster {name}")
        super().__init__("meshwright:index:ConsulEcsCluster", name, cast("dict[str, Any]", args), opts)
        import pulumi_consul as consul

        consul.Node(
            name,
            name=args["cluster_arn"],
            # Nobody calls a node: each task is registered with its own address.
            address="127.0.0.1",
            meta={"synthetic-node": "true"},
            opts=below(self, opts),
        )
        self.register_outputs({})


class ConsulEcsTask(pulumi.ComponentResource):
    """The definition of a task with consul-dataplane beside the application, and its two IAM roles.

    The task logs in by its role, to which the `ConsulLogin` binds its service; its cluster is a `ConsulEcsCluster`.

    Raises:
        ComponentError: MW-E051 without an AWS provider, MW-E251 for a protocol, MW-E263 for what ECS or consul-ecs
            would refuse.
    """

    definition_arn: pulumi.Output[str]
    """For `pulumi_aws.ecs.Service`'s ``task_definition``."""
    role_arn: pulumi.Output[str]
    """For the `ConsulLogin`'s ``iam_role``."""

    def __init__(self, name: str, args: ConsulEcsTaskArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"ConsulEcsTask {name}"
        require_provider(opts, label, "aws")
        refuse_all(task_troubles(args), label)
        super().__init__("meshwright:index:ConsulEcsTask", name, cast("dict[str, Any]", args), opts)
        import pulumi_aws as aws

        children, family = below(self, opts), args["family"]
        trust = json.dumps(_TRUST)
        role = aws.iam.Role(f"{name}-task", name=f"{family}-task", path=_PATH, assume_role_policy=trust, opts=children)
        for index, arn in enumerate(args.get("task_policies") or ()):
            aws.iam.RolePolicyAttachment(f"{name}-task-{index}", role=role.name, policy_arn=arn, opts=children)
        execution = aws.iam.Role(
            f"{name}-execution", name=f"{family}-execution", path=_PATH, assume_role_policy=trust, opts=children
        )
        granted = aws.iam.RolePolicy(
            f"{name}-execution", role=execution.name, policy=pulumi.Output.json_dumps(_rights(args)), opts=children
        )
        config = json.dumps(ecs_config(args), sort_keys=True)
        definition = aws.ecs.TaskDefinition(
            name,
            family=family,
            requires_compatibilities=["FARGATE"],
            network_mode="awsvpc",
            cpu=str(args.get("cpu", 256)),
            memory=str(args.get("memory", 512)),
            task_role_arn=role.arn,
            execution_role_arn=execution.arn,
            volumes=[{"name": each} for each in VOLUMES],
            container_definitions=pulumi.Output.json_dumps(containers(args, config)),
            tags={"consul.hashicorp.com/mesh": "true", "consul.hashicorp.com/service-name": args["service"]},
            opts=pulumi.ResourceOptions.merge(children, pulumi.ResourceOptions(depends_on=[granted])),
        )
        self.definition_arn, self.role_arn = definition.arn, role.arn
        self.register_outputs({"definition_arn": self.definition_arn, "role_arn": self.role_arn})


def _rights(args: ConsulEcsTaskArgs) -> dict[str, Any]:
    """Of the agent that starts the containers: it reads the one secret, and writes to the one log group."""
    certificate = args["servers"]["ca_certificate_arn"]
    logs = pulumi.Output.all(certificate, args["logs"]["group"]).apply(
        lambda both: _log_streams(str(both[0]), str(both[1]), args["logs"]["region"])
    )
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "secretsmanager:GetSecretValue",
                "Resource": certificate,
            },
            {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": logs},
        ],
    }


def _log_streams(secret: str, group: str, region: str) -> str:
    """The streams of a log group, in the account of the secret."""
    _, partition, _, _, account, *_ = secret.split(":")
    return f"arn:{partition}:logs:{region}:{account}:log-group:{group}:*"
