"""What consul-ecs and consul-dataplane are told in a task of ECS.

Sources: hashicorp/terraform-aws-consul-ecs 0.10 ``modules/mesh-task``, and consul-ecs 0.10 ``config/schema.json``.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NotRequired, TypedDict

import pulumi

from meshwright.consul.hybrid.machine.args import UpstreamArgs
from meshwright.consul.hybrid.outside import (
    INTERVAL,
    OutsideServiceArgs,
    name_troubles,
    port_troubles,
    service_troubles,
)
from meshwright.consul.labels import HTTPS_PORT
from meshwright.errors import Code
from meshwright.kubernetes.troubles import Trouble

CONSUL_ECS_IMAGE: Final = "public.ecr.aws/hashicorp/consul-ecs:0.10.0"
DATAPLANE_IMAGE: Final = "hashicorp/consul-dataplane:2.0.1"
PUBLIC_PORT: Final = 20000
READY_PORT: Final = 22000
GRPC_TLS_PORT: Final = 8503
"""Of servers on machines. The chart's have 8502."""
INIT: Final = "consul-ecs-mesh-init"
DATAPLANE: Final = "consul-dataplane"
HEALTH_SYNC: Final = "consul-ecs-health-sync"
_DATA: Final = {"sourceVolume": "consul_data", "containerPath": "/consul", "readOnly": True}
_BINARY: Final = {"sourceVolume": "consul_binary", "containerPath": "/bin/consul-inject", "readOnly": True}
VOLUMES: Final = ("consul_data", "consul_binary")


class EcsServersArgs(TypedDict):
    """Consul's servers, as tasks reach them."""

    hosts: str
    """A host name, or go-discover's ``provider=aws ...`` or ``exec=...``."""
    ca_certificate_arn: pulumi.Input[str]
    """Of a secret in Secrets Manager: what their certificates are verified with, PEM."""
    tls_server_name: NotRequired[str]
    """The name in their certificate. Default: the host's."""
    https_port: NotRequired[int]
    """Default: 8501."""
    grpc_port: NotRequired[int]
    """Of gRPC with TLS. Default: 8503; the chart's servers have 8502."""
    skip_server_watch: NotRequired[bool]
    """They stand behind a load balancer. Default: false."""


class EcsLoginArgs(TypedDict):
    """The `ConsulLogin` by which tasks log in."""

    method: str
    server_id: NotRequired[str]
    """As the `ConsulLogin` has it."""


class EcsLogsArgs(TypedDict):
    """Where containers write."""

    group: pulumi.Input[str]
    """A log group of CloudWatch."""
    region: str


class ConsulEcsTaskArgs(OutsideServiceArgs):
    """Arguments of `ConsulEcsTask`."""

    family: str
    """Of the task's definition."""
    containers: list[dict[str, Any]]
    """The application's, as ECS has them. The first one is the service's, which `check` looks at."""
    servers: EcsServersArgs
    login: EcsLoginArgs
    logs: EcsLogsArgs
    cpu: NotRequired[int]
    """Units, of the whole task. Default: 256."""
    memory: NotRequired[int]
    """MiB. Default: 512."""
    upstreams: NotRequired[list[UpstreamArgs]]
    """What it calls. Default: nothing."""
    task_policies: NotRequired[list[pulumi.Input[str]]]
    """ARNs of policies that the application needs. Default: none."""
    hub: NotRequired[dict[str, str]]
    """``consul-ecs`` and ``consul-dataplane`` -> image. Default: HashiCorp's."""


def task_troubles(args: ConsulEcsTaskArgs) -> Iterator[Trouble]:
    """What ECS or consul-ecs would refuse, or wait for without an end."""
    code = Code.CONSUL_ECS
    yield from service_troubles(args, code)
    if not args["containers"]:
        yield Trouble(code, "is empty", "give the application's container", ("containers",))
    for index, container in enumerate(args["containers"]):
        if not container.get("name") or not container.get("image"):
            yield Trouble(code, "has no name, or no image", "give it both", ("containers", index))
        if container.get("name") in (INIT, DATAPLANE, HEALTH_SYNC):
            yield Trouble(
                code, f"is named {container['name']}, as one of Consul's is", "rename it", ("containers", index)
            )
    check = args.get("check") or {}
    if check.get("http") or check.get("grpc"):
        message = "asks more than a connection, and ECS checks from within the container, where there may be no client"
        remedy = "use tcp; or leave it out, and give the container a healthCheck"
        yield Trouble(code, message, remedy, ("check",))
    if args["port"] in (PUBLIC_PORT, READY_PORT):
        yield Trouble(code, f"is {args['port']}, which the proxy takes", "use another one", ("port",))
    for index, each in enumerate(args.get("upstreams") or ()):
        for trouble in (
            *name_troubles("service", each["service"], code),
            *port_troubles("local_port", each["local_port"], code),
        ):
            yield trouble._replace(at=("upstreams", index, *trouble.at))


def ecs_config(args: ConsulEcsTaskArgs) -> dict[str, Any]:
    """``CONSUL_ECS_CONFIG_JSON``."""
    servers, login = args["servers"], args["login"]
    tls: dict[str, Any] = {"tls": True}
    if "tls_server_name" in servers:
        tls["tlsServerName"] = servers["tls_server_name"]
    # Who a task is, its role's name says: Consul need not ask IAM for more.
    by: dict[str, Any] = {"enabled": True, "method": login["method"], "includeEntity": False}
    by["region"] = args["logs"]["region"]
    if "server_id" in login:
        by["serverIdHeaderValue"] = login["server_id"]
    return {
        "bootstrapDir": "/consul",
        "consulLogin": by,
        "consulServers": {
            "hosts": servers["hosts"],
            "skipServerWatch": servers.get("skip_server_watch", False),
            "defaults": tls,
            "http": {"https": True, "port": servers.get("https_port", HTTPS_PORT)},
            "grpc": {"port": servers.get("grpc_port", GRPC_TLS_PORT)},
        },
        "service": {
            "name": args["service"],
            "port": args["port"],
            "tags": args.get("tags") or [],
            "meta": args.get("meta") or {},
        },
        "proxy": {
            "publicListenerPort": PUBLIC_PORT,
            "healthCheckPort": READY_PORT,
            "upstreams": [_upstream(each) for each in args.get("upstreams") or ()],
        },
        "healthSyncContainers": [each["name"] for each in _application(args) if "healthCheck" in each],
        # Fargate redirects no traffic.
        "transparentProxy": {"enabled": False},
    }


def _upstream(upstream: UpstreamArgs) -> dict[str, Any]:
    made: dict[str, Any] = {"destinationName": upstream["service"], "localBindPort": upstream["local_port"]}
    if "peer" in upstream:
        made["destinationPeer"] = upstream["peer"]
    return made


def containers(args: ConsulEcsTaskArgs, config: str) -> list[dict[str, Any]]:
    """All containers of the task: the application's, and Consul's three."""
    return [*_application(args), _init(args, config), _dataplane(args), _health_sync(args, config)]


def _application(args: ConsulEcsTaskArgs) -> Iterator[dict[str, Any]]:
    """Its containers start when the proxy can take calls."""
    for index, each in enumerate(args["containers"]):
        container = {"essential": True, **_logs(args, each["name"]), **each}
        container["dependsOn"] = [*each.get("dependsOn", []), {"containerName": DATAPLANE, "condition": "HEALTHY"}]
        if index == 0 and args.get("check") and "healthCheck" not in each:
            # consul-ecs leaves its program in the volume: an image without a shell is checked, too.
            container["healthCheck"] = _dial(args["port"], args["check"])
            container["mountPoints"] = [*each.get("mountPoints", []), dict(_DATA)]
        yield container


def _dial(port: int, check: Mapping[str, Any]) -> dict[str, Any]:
    command = ["CMD", "/consul/consul-ecs", "net-dial", f"127.0.0.1:{port}"]
    return {"command": command, "interval": _seconds(check.get("interval", INTERVAL)), "retries": 3, "timeout": 5}


def _seconds(duration: str) -> int:
    """In whole seconds, as ECS counts: from 5 to 300."""
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
    parts = re.findall(r"([\d.]+)(ms|s|m|h)", duration)
    return int(min(300.0, max(5.0, sum(float(number) * units[unit] for number, unit in parts))))


def _init(args: ConsulEcsTaskArgs, config: str) -> dict[str, Any]:
    return {
        **_consul_ecs(args, INIT, "mesh-init", config),
        "mountPoints": [{**_DATA, "readOnly": False}, dict(_BINARY)],
    }


def _health_sync(args: ConsulEcsTaskArgs, config: str) -> dict[str, Any]:
    return {
        **_consul_ecs(args, HEALTH_SYNC, "health-sync", config),
        "user": "5996",
        "mountPoints": [dict(_DATA)],
        "dependsOn": [{"containerName": INIT, "condition": "SUCCESS"}],
    }


def _consul_ecs(args: ConsulEcsTaskArgs, name: str, command: str, config: str) -> dict[str, Any]:
    certificate = args["servers"]["ca_certificate_arn"]
    names = ("CONSUL_HTTPS_CACERT_PEM", "CONSUL_GRPC_CACERT_PEM")
    return {
        "name": name,
        "image": _image(args, "consul-ecs", CONSUL_ECS_IMAGE),
        "essential": False,
        "command": [command],
        "cpu": 0,
        "volumesFrom": [],
        "environment": [{"name": "CONSUL_ECS_CONFIG_JSON", "value": config}],
        "linuxParameters": {"initProcessEnabled": True},
        "secrets": [{"name": each, "valueFrom": certificate} for each in names],
        **_logs(args, name),
    }


def _dataplane(args: ConsulEcsTaskArgs) -> dict[str, Any]:
    dial = ["/consul/consul-ecs", "net-dial", f"127.0.0.1:{READY_PORT}"]
    return {
        "name": DATAPLANE,
        "image": _image(args, DATAPLANE, DATAPLANE_IMAGE),
        "essential": False,
        "user": "5995",
        "entryPoint": ["/consul/consul-ecs", "envoy-entrypoint"],
        "command": ["consul-dataplane", "-config-file", "/consul/consul-dataplane.json"],
        "portMappings": [],
        "mountPoints": [dict(_DATA)],
        "dependsOn": [{"containerName": INIT, "condition": "SUCCESS"}],
        "healthCheck": {"command": dial, "interval": 5, "retries": 10, "timeout": 5},
        "cpu": 0,
        "volumesFrom": [],
        "environment": [],
        "ulimits": [{"name": "nofile", "softLimit": 1048576, "hardLimit": 1048576}],
        **_logs(args, DATAPLANE),
    }


def _image(args: ConsulEcsTaskArgs, which: str, default: str) -> str:
    return (args.get("hub") or {}).get(which, default)


def _logs(args: ConsulEcsTaskArgs, prefix: str) -> dict[str, Any]:
    where = args["logs"]
    options = {"awslogs-group": where["group"], "awslogs-region": where["region"], "awslogs-stream-prefix": prefix}
    return {"logConfiguration": {"logDriver": "awslogs", "options": options}}
