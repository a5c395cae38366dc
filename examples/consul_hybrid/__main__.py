"""A service on machines and one in ECS, in the mesh of stacks/Pulumi.consul-hybrid.yaml.

Both have the same names for service, port and check, log in by their IAM roles, and are called by the same intentions.
"""

import json
from pathlib import Path

import pulumi
import pulumi_aws as aws
import pulumi_consul as consul

from meshwright import ConsulEcsCluster, ConsulEcsTask, ConsulLogin, ConsulVirtualMachine

config = pulumi.Config()
servers = config.require("servers")
method, server_id = "aws", servers
ca_file = "consul-ca.pem"

# The token that sets ACLs up is in CONSUL_HTTP_TOKEN.
api = consul.Provider("consul", address=f"https://{servers}:8501", datacenter="prod-eu", ca_file=ca_file)
cloud = aws.Provider("aws", region="eu-central-1")
in_consul = pulumi.ResourceOptions(providers=[api])
in_aws = pulumi.ResourceOptions(provider=cloud)

ledger = ConsulVirtualMachine(
    "ledger",
    {
        "service": "ledger",
        "port": 9090,
        "check": {"grpc": True},
        "datacenter": "prod-eu",
        "servers": [servers],
        "ca_certificate": Path(__file__).with_name(ca_file).read_text("utf-8"),
        "login": {
            "method": method,
            "address": f"https://{servers}:8501",
            "aws_region": "eu-central-1",
            "server_id": server_id,
        },
        "gossip": {
            "vault": {
                "address": "https://vault.internal.example:8200",
                "key": {"path": "prod-eu/consul/data/gossip", "key": "gossip"},
                "auth_path": "aws",
                "role": "ledger",
            }
        },
    },
)
role = aws.iam.Role(
    "ledger",
    name="ledger",
    assume_role_policy=json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
            ],
        }
    ),
    opts=in_aws,
)
profile = aws.iam.InstanceProfile("ledger", name="ledger", role=role.name, opts=in_aws)
machine = aws.ec2.Instance(
    "ledger",
    ami=config.require("image"),
    instance_type="m7g.large",
    subnet_id=config.require("subnet"),
    iam_instance_profile=profile.name,
    user_data=ledger.user_data,
    user_data_replace_on_change=True,
    metadata_options={"http_tokens": "required"},
    opts=in_aws,
)

cluster = aws.ecs.Cluster("shop", name="shop", opts=in_aws)
node = ConsulEcsCluster("shop", {"cluster_arn": cluster.arn}, in_consul)
invoices = ConsulEcsTask(
    "invoices",
    {
        "service": "invoices",
        "port": 8080,
        "check": {"tcp": True},
        "family": "invoices",
        "containers": [{"name": "invoices", "image": "registry.example/invoices:1"}],
        "servers": {"hosts": servers, "ca_certificate_arn": config.require("ca_certificate_arn")},
        "login": {"method": method, "server_id": server_id},
        "logs": {"group": config.require("log_group"), "region": "eu-central-1"},
        "upstreams": [{"service": "ledger", "local_port": 9090}],
    },
    pulumi.ResourceOptions(providers=[cloud]),
)
task = aws.ecs.Service(
    "invoices",
    cluster=cluster.arn,
    task_definition=invoices.definition_arn,
    desired_count=2,
    launch_type="FARGATE",
    network_configuration={"subnets": [config.require("subnet")]},
    opts=pulumi.ResourceOptions(provider=cloud, depends_on=[node]),
)

login = ConsulLogin(
    "login",
    {
        "method": method,
        "aws": {"server_id": server_id},
        "services": [
            {"service": "ledger", "iam_role": role.arn, "machines": True},
            {"service": "invoices", "iam_role": invoices.role_arn},
        ],
    },
    in_consul,
)

pulumi.export("method", login.method)
