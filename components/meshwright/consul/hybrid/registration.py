"""A service in Consul's catalog that no agent and no sidecar registers."""

from typing import Any, Final

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from meshwright.consul.hybrid.outside import OutsideServiceArgs, catalog_check
from meshwright.consul.labels import API_VERSION

META: Final = {"external-node": "true", "external-probe": "true"}
"""By which consul-esm knows the nodes whose checks it makes."""


def register(
    name: str,
    args: OutsideServiceArgs,
    address: pulumi.Input[str],
    *,
    in_kubernetes: bool,
    opts: pulumi.ResourceOptions,
) -> list[pulumi.Resource]:
    """Register a node of its own for the service, so that no other registration takes it along when it goes.

    Args:
        name: Begins Pulumi's names of the resources.
        args: The service.
        address: A host name or an address. Checks are made where it is plain text.
        in_kubernetes: By a Registration, which Consul's injector writes to the catalog; else by Consul's API.
        opts: Of the resources.
    """
    node = f"outside-{args['service']}"
    if not in_kubernetes:
        return _by_api(name, args, node, address, opts)
    service: dict[str, Any] = {"id": args["service"], "name": args["service"], "port": args["port"]}
    service |= {key: args[key] for key in ("tags", "meta") if key in args}
    spec: dict[str, Any] = {"node": node, "nodeMeta": META, "address": address, "service": service}
    if "check" in args:
        spec["check"] = _check(args, node, str(address))
    made: pulumi.Resource = CustomResource(
        f"{name}-registration",
        api_version=API_VERSION,
        kind="Registration",
        metadata={"name": args["service"]},
        spec=spec,
        opts=opts,
    )
    return [made]


def _check(args: OutsideServiceArgs, node: str, host: str) -> dict[str, Any]:
    return {
        "checkId": f"{args['service']}-health",
        "name": f"{args['service']} answers",
        "node": node,
        "serviceId": args["service"],
        "serviceName": args["service"],
        # Until consul-esm has looked. Without one it stays so, and the service is called.
        "status": "passing",
        "definition": catalog_check(args["check"], host, args["port"]),
    }


def _by_api(
    name: str, args: OutsideServiceArgs, node: str, address: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> list[pulumi.Resource]:
    # An extra: whoever has Consul in Kubernetes alone needs it not.
    import pulumi_consul as consul

    home = consul.Node(f"{name}-node", name=node, address=address, meta=META, opts=opts)
    checks = []
    if "check" in args:
        asked = catalog_check(args["check"], str(address), args["port"])
        # The provider knows two kinds of check.
        kind = "http" if "http" in asked else "tcp"
        checks = [
            consul.ServiceCheckArgs(
                check_id=f"{args['service']}-health",
                name=f"{args['service']} answers",
                status="passing",
                interval=asked["intervalDuration"],
                timeout=asked["timeoutDuration"],
                **{kind: asked.get(kind, asked.get("grpc"))},
            )
        ]
    service = consul.Service(
        f"{name}-service",
        name=args["service"],
        service_id=args["service"],
        node=home.name,
        port=args["port"],
        tags=args.get("tags"),
        meta=args.get("meta"),
        checks=checks,
        opts=opts,
    )
    return [home, service]
