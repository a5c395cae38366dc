"""What can't work in the arguments of Consul's components."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from meshwright.catalog import Release, load_catalog
from meshwright.errors import Code, Problem
from meshwright.versions import version_key

if TYPE_CHECKING:
    from meshwright.consul.consul import ConsulArgs

REQUEST_LIMITS = ("disabled", "permissive", "enforce")
SERVICE_TYPES = ("LoadBalancer", "NodePort", "ClusterIP")


def even_servers(servers: int) -> str | None:
    """Why so many servers win nothing over one less; None where they do."""
    if servers % 2:
        return None
    quorum = servers // 2 + 1
    return f"{servers} servers need {quorum} of them to agree, and bear the loss of {servers - quorum}: as one less do"


def argument_problems(args: "ConsulArgs", consul: Release, label: str) -> Iterator[Problem]:
    """Everything that can't work, apart from the chart itself."""
    yield from _platform(args, consul, label)
    servers = args.get("servers", 3)
    if servers < 1:
        yield Problem(Code.CONSUL_SERVERS, f"{servers} servers keep nothing", "use 3 or 5", label)
    elif message := even_servers(servers):
        yield Problem(Code.CONSUL_SERVERS, message, f"use {servers - 1 or 1} or {servers + 1}", label)
    if args.get("injectors", 1) < 1:
        yield Problem(Code.BAD_ARGUMENT, "no injector gives pods no proxies", "use 3", label)
    limits = args.get("request_limits", "permissive")
    if limits not in REQUEST_LIMITS:
        message = f"the request limits {limits!r} are unknown"
        yield Problem(Code.BAD_ARGUMENT, message, f"one of: {', '.join(REQUEST_LIMITS)}", label)
    yield from _gateways(args, label)
    yield from _external(args, label)


def _platform(args: "ConsulArgs", consul: Release, label: str) -> Iterator[Problem]:
    platforms = load_catalog().platforms
    if args["platform"] not in platforms:
        known = ", ".join(sorted(platforms))
        yield Problem(Code.BAD_ARGUMENT, f"the platform {args['platform']!r} is unknown", f"one of: {known}", label)
    elif args.get("cni"):
        for kind in args.get("compute") or ():
            if kind in platforms[args["platform"]].nodeless:
                message = f"consul-cni runs on every node, and {kind} has none to run it on"
                remedy = "leave cni out, or run the meshed workloads on nodes"
                yield Problem(Code.NO_NODE_AGENTS, message, remedy, label)
    version, oldest = args.get("kubernetes_version"), consul.kubernetes.minimum
    if version and oldest and version_key(version)[:2] < version_key(oldest):
        yield Problem(
            Code.KUBERNETES_TOO_OLD,
            f"consul {consul.version} does not run on Kubernetes {version}",
            f"upgrade the cluster to {oldest} or newer, or choose an older version of the mesh",
            label,
        )


def _gateways(args: "ConsulArgs", label: str) -> Iterator[Problem]:
    mesh, api = args.get("mesh_gateway"), args.get("api_gateway")
    for name, kind in (
        ("mesh_gateway", mesh and mesh.get("service_type")),
        ("api_gateway", api and api.get("service_type")),
    ):
        if kind and kind not in SERVICE_TYPES:
            message = f"{name} has the service type {kind!r}, which is unknown"
            yield Problem(Code.BAD_ARGUMENT, message, f"one of: {', '.join(SERVICE_TYPES)}", label)
    if mesh and mesh.get("service_type") == "NodePort" and not ("node_port" in mesh or "address" in mesh):
        message = "the mesh gateway is a NodePort without a port, and can't tell others where it is"
        yield Problem(Code.CONSUL_VALUES, message, "add node_port", label)
    if args.get("peering") and mesh is None:
        message = "peering needs the mesh gateway, which its traffic goes through"
        yield Problem(Code.CONSUL_VALUES, message, "add mesh_gateway", label)
    names = [each["name"] for each in args.get("terminating_gateways") or ()]
    for name, times in Counter(names).items():
        if not name:
            yield Problem(Code.CONSUL_VALUES, "a terminating gateway has no name", "name it", label)
        elif times > 1:
            message = f"the terminating gateway {name} is there {times} times"
            yield Problem(Code.CONSUL_VALUES, message, "name each once", label)


def _external(args: "ConsulArgs", label: str) -> Iterator[Problem]:
    if "external_servers" not in args:
        return
    if not args["external_servers"]["hosts"]:
        message = "external_servers names no hosts"
        yield Problem(Code.CONSUL_VALUES, message, "name them, or leave external_servers out", label)
    for key in ("servers", "storage", "server_size", "server_config"):
        if key in args:
            message = f"{key} is for servers in the cluster, and external_servers has them elsewhere"
            yield Problem(Code.CONSUL_VALUES, message, "keep one of the two", label)
