"""ConsulEcsTask: the containers, roles and configuration of a task, to the letter."""

import json
from typing import Any

import pulumi
import pytest

from meshwright import ConsulEcsCluster, ConsulEcsTask
from tests.unit.consul.hybrid.asked import refused, run
from tests.unit.graphs import inputs

SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:consul-ca-AbCdEf"
TASK: dict[str, Any] = {
    "service": "billing",
    "port": 8080,
    "family": "billing",
    "containers": [{"name": "billing", "image": "billing:1"}],
    "servers": {"hosts": "consul.internal", "ca_certificate_arn": SECRET},
    "login": {"method": "outside"},
    "logs": {"group": "/ecs/billing", "region": "eu-central-1"},
}


def task(**more: Any) -> Any:
    args: Any = {**TASK, **more}
    return lambda opts: ConsulEcsTask("billing", args, opts)


def definition(**more: Any) -> dict[str, Any]:
    graph = run(task(**more), "aws")
    (made,) = [each for each in graph if each.type == "aws:ecs/taskDefinition:TaskDefinition"]
    return dict(made.inputs)


def containers(**more: Any) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in json.loads(definition(**more)["containerDefinitions"])}


def config(**more: Any) -> dict[str, Any]:
    (variable,) = containers(**more)["consul-ecs-mesh-init"]["environment"]
    assert variable["name"] == "CONSUL_ECS_CONFIG_JSON"
    return dict(json.loads(variable["value"]))


def test_the_task_has_its_roles_and_no_right_that_it_does_not_use() -> None:
    graph = run(task(task_policies=["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"]), "aws")
    role, execution = (
        inputs(graph, "billing-task"),
        next(each for each in graph if each.type == "aws:iam/role:Role" and each.name == "billing-execution"),
    )
    assert (role["name"], role["path"]) == ("billing-task", "/consul-ecs/")
    assert json.loads(role["assumeRolePolicy"]) == json.loads(execution.inputs["assumeRolePolicy"])
    assert inputs(graph, "billing-task-0")["policyArn"].endswith("AmazonS3ReadOnlyAccess")
    (rights,) = [each for each in graph if each.type == "aws:iam/rolePolicy:RolePolicy"]
    assert json.loads(rights.inputs["policy"])["Statement"] == [
        {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": SECRET},
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": "arn:aws:logs:eu-central-1:123456789012:log-group:/ecs/billing:*",
        },
    ]


def test_the_definition_is_one_for_fargate() -> None:
    made = definition(cpu=512, memory=1024)
    assert (made["family"], made["networkMode"]) == ("billing", "awsvpc")
    assert (made["cpu"], made["memory"], made["requiresCompatibilities"]) == ("512", "1024", ["FARGATE"])
    assert [each["name"] for each in made["volumes"]] == ["consul_data", "consul_binary"]


def test_consuls_containers_start_first_and_the_application_after_its_proxy() -> None:
    made = containers()
    assert list(made) == ["billing", "consul-ecs-mesh-init", "consul-dataplane", "consul-ecs-health-sync"]
    assert made["billing"]["dependsOn"] == [{"containerName": "consul-dataplane", "condition": "HEALTHY"}]
    assert made["billing"]["essential"] is True
    dataplane, init = made["consul-dataplane"], made["consul-ecs-mesh-init"]
    assert dataplane["command"] == ["consul-dataplane", "-config-file", "/consul/consul-dataplane.json"]
    assert dataplane["dependsOn"] == [{"containerName": "consul-ecs-mesh-init", "condition": "SUCCESS"}]
    assert dataplane["healthCheck"]["command"] == ["/consul/consul-ecs", "net-dial", "127.0.0.1:22000"]
    assert init["mountPoints"][0] == {"sourceVolume": "consul_data", "containerPath": "/consul", "readOnly": False}
    assert init["secrets"] == [
        {"name": "CONSUL_HTTPS_CACERT_PEM", "valueFrom": SECRET},
        {"name": "CONSUL_GRPC_CACERT_PEM", "valueFrom": SECRET},
    ]
    assert dataplane["logConfiguration"]["options"] == {
        "awslogs-group": "/ecs/billing",
        "awslogs-region": "eu-central-1",
        "awslogs-stream-prefix": "consul-dataplane",
    }
    assert (dataplane["user"], made["consul-ecs-health-sync"]["user"]) == ("5995", "5996")


def test_what_consul_ecs_is_told() -> None:
    assert config() == {
        "bootstrapDir": "/consul",
        "consulLogin": {"enabled": True, "method": "outside", "includeEntity": False, "region": "eu-central-1"},
        "consulServers": {
            "hosts": "consul.internal",
            "skipServerWatch": False,
            "defaults": {"tls": True},
            "http": {"https": True, "port": 8501},
            "grpc": {"port": 8503},
        },
        "service": {"name": "billing", "port": 8080, "tags": [], "meta": {}},
        "proxy": {"publicListenerPort": 20000, "healthCheckPort": 22000, "upstreams": []},
        "healthSyncContainers": [],
        "transparentProxy": {"enabled": False},
    }
    more = config(
        servers={
            **TASK["servers"],
            "tls_server_name": "server.dc1.consul",
            "grpc_port": 8502,
            "skip_server_watch": True,
        },
        login={"method": "outside", "server_id": "consul.test"},
        upstreams=[{"service": "stock", "local_port": 9001}, {"service": "tax", "local_port": 9002, "peer": "us"}],
        tags=["v1"],
    )
    assert more["consulServers"]["defaults"] == {"tls": True, "tlsServerName": "server.dc1.consul"}
    assert more["consulLogin"]["serverIdHeaderValue"] == "consul.test"
    assert more["proxy"]["upstreams"] == [
        {"destinationName": "stock", "localBindPort": 9001},
        {"destinationName": "tax", "localBindPort": 9002, "destinationPeer": "us"},
    ]


def test_a_check_dials_from_within_the_container() -> None:
    check = {"tcp": True, "interval": "1m30s"}
    made = containers(check=check, hub={"consul-ecs": "mirror/consul-ecs:0.10.0"})
    assert made["billing"]["healthCheck"] == {
        "command": ["CMD", "/consul/consul-ecs", "net-dial", "127.0.0.1:8080"],
        "interval": 90,
        "retries": 3,
        "timeout": 5,
    }
    assert made["billing"]["mountPoints"] == [
        {"sourceVolume": "consul_data", "containerPath": "/consul", "readOnly": True}
    ]
    assert made["consul-ecs-mesh-init"]["image"] == "mirror/consul-ecs:0.10.0"
    assert config(check=check)["healthSyncContainers"] == ["billing"]
    own = {"name": "billing", "image": "b", "healthCheck": {"command": ["CMD", "ok"]}}
    assert containers(check=check, containers=[own])["billing"]["healthCheck"] == {"command": ["CMD", "ok"]}


def test_a_cluster_is_a_node() -> None:
    def program(opts: pulumi.ResourceOptions) -> None:
        arn = pulumi.Output.from_input("arn:aws:ecs:eu-central-1:123456789012:cluster/shop")
        ConsulEcsCluster("shop", {"cluster_arn": arn}, opts)

    graph = run(program, "consul")
    (node,) = [each for each in graph if each.type == "consul:index/node:Node"]
    assert node.inputs["name"].endswith(":cluster/shop")
    assert node.inputs["meta"] == {"synthetic-node": "true"}


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({"containers": []}, "containers is empty; give the application's container (MW-E263)"),
        ({"containers": [{"name": "x"}]}, "containers[0] has no name, or no image; give it both (MW-E263)"),
        ({"containers": [{"name": "consul-dataplane", "image": "x"}]}, "as one of Consul's is; rename it (MW-E263)"),
        ({"check": {"http": "/"}}, "check asks more than a connection, and ECS checks from within the container"),
        ({"port": 20000}, "ConsulEcsTask billing: port is 20000, which the proxy takes; use another one (MW-E263)"),
        ({"upstreams": [{"service": "A", "local_port": 1}]}, 'upstreams[0].service is "A"'),
    ],
)
def test_what_ecs_or_consul_ecs_would_refuse(more: dict[str, Any], line: str) -> None:
    assert line in refused(task(**more), "aws")
