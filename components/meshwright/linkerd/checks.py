"""What can't work in the arguments of Linkerd's components."""

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from meshwright.catalog import Release, load_catalog
from meshwright.errors import Code, Problem
from meshwright.linkerd.defaults import REPLICAS
from meshwright.linkerd.labels import INBOUND_POLICIES
from meshwright.versions import version_key

if TYPE_CHECKING:
    from meshwright.kubernetes.charts import ChartSourceArgs
    from meshwright.linkerd.linkerd import LinkerdArgs

_STABLE = re.compile(r"helm\.linkerd\.io/stable\b", re.IGNORECASE)
_CRON = re.compile(r"off|[-*/,\d]+( [-*/,\d]+){4}", re.ASCII)


def stable_address(address: str | None) -> bool:
    """Whether charts would come from the repository that got its last chart in February 2024."""
    return bool(address and _STABLE.search(address))


def too_few_nodes(nodes: int | None) -> str | None:
    """Why a highly available control plane can't stand on so many nodes; None where it can, or may."""
    if nodes is None or nodes >= REPLICAS:
        return None
    return f"{REPLICAS} replicas of each controller on nodes of their own need {REPLICAS} nodes, and there are {nodes}"


def source_problems(charts: "ChartSourceArgs | None", label: str) -> Iterator[Problem]:
    """The frozen repository, named as a mirror."""
    if charts and stable_address(charts.get("address")):
        message = "helm.linkerd.io/stable has had no chart since February 2024"
        yield Problem(Code.LINKERD_STABLE, message, "use https://helm.linkerd.io/edge, or a mirror of it", label)


def argument_problems(args: "LinkerdArgs", linkerd: Release, label: str) -> Iterator[Problem]:
    """Everything that can't work, apart from the charts themselves."""
    yield from source_problems(args.get("charts"), label)
    yield from _platform(args, linkerd, label)
    if args.get("high_availability", True) and (message := too_few_nodes(args.get("nodes"))):
        yield Problem(Code.LINKERD_NODES, message, "add nodes, or set high_availability to false", label)
    yield from _licence(args, label)
    for key in ("cluster_networks", "probe_networks"):
        yield from _networks(args, key, label)
    policy = args.get("inbound_policy", "audit")
    if policy not in INBOUND_POLICIES:
        known = ", ".join(INBOUND_POLICIES)
        yield Problem(Code.BAD_ARGUMENT, f"the inbound policy {policy!r} is unknown", f"one of: {known}", label)
    if not _CRON.fullmatch(heartbeat := args.get("heartbeat", "off")):
        message = f"the heartbeat {heartbeat!r} is no schedule"
        yield Problem(Code.BAD_ARGUMENT, message, 'write it as cron has it, "20 4 * * *", or "off"', label)
    for port in args.get("opaque_ports") or ():
        if not 1 <= port <= 65535:
            yield Problem(Code.BAD_ARGUMENT, f"opaque_ports has {port}, which is no port", "1 to 65535", label)
    for key in set(args.get("values") or ()) - {"crds", "control_plane"}:
        message = f"values names {key!r}, which is no chart of this component"
        yield Problem(Code.BAD_ARGUMENT, message, "one of: crds, control_plane", label)


def _platform(args: "LinkerdArgs", linkerd: Release, label: str) -> Iterator[Problem]:
    platforms = load_catalog().platforms
    if args["platform"] not in platforms:
        known = ", ".join(sorted(platforms))
        yield Problem(Code.BAD_ARGUMENT, f"the platform {args['platform']!r} is unknown", f"one of: {known}", label)
    version, oldest = args.get("kubernetes_version"), linkerd.kubernetes.minimum
    if version and oldest and version_key(version)[:2] < version_key(oldest):
        yield Problem(
            Code.KUBERNETES_TOO_OLD,
            f"{linkerd.product} {linkerd.version} does not run on Kubernetes {version}",
            f"upgrade the cluster to {oldest} or newer, or choose an older version of the mesh",
            label,
        )


def _licence(args: "LinkerdArgs", label: str) -> Iterator[Problem]:
    enterprise, given = args.get("channel", "edge") == "enterprise", "licence" in args
    if enterprise and not given:
        message = "the channel enterprise needs a licence key"
        yield Problem(Code.LINKERD_LICENCE, message, "give it as a secret, or choose edge", label)
    if given and not enterprise:
        message = "the channel edge takes no licence key"
        yield Problem(Code.LINKERD_LICENCE, message, "remove it, or choose enterprise", label)


def _networks(args: Mapping[str, Any], key: str, label: str) -> Iterator[Problem]:
    for network in args.get(key) or ():
        try:
            ip_network(network)
        except ValueError:
            message = f"{key} has {network!r}, which is no network"
            yield Problem(Code.BAD_ARGUMENT, message, 'write it as "10.0.0.0/16"', label)
