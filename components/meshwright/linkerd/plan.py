"""What an installation of Linkerd consists of, checked before anything is registered."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from meshwright.catalog import Release, load_catalog
from meshwright.errors import Code, ConfigError, Problem
from meshwright.kubernetes.chart_values import merge
from meshwright.kubernetes.charts import ChartSourceArgs, PlannedRelease, chart
from meshwright.kubernetes.errors import ComponentError, refuse
from meshwright.linkerd import defaults
from meshwright.linkerd.checks import argument_problems

if TYPE_CHECKING:
    from meshwright.linkerd.linkerd import LinkerdArgs


@dataclass(frozen=True, slots=True)
class LinkerdPlan:
    """An installation that can work."""

    version: str
    """The release that is installed, such as ``edge-26.8.3``."""
    releases: Mapping[str, PlannedRelease]
    """Short name (crds, control-plane) -> release, in the order of installation."""


def plan_linkerd(args: "LinkerdArgs", label: str) -> LinkerdPlan:
    """The installation that the arguments ask for.

    Raises:
        ComponentError: One problem for everything that cannot work, each placed at ``label``.
    """
    linkerd = release_of(args.get("channel", "edge"), args.get("version"), label)
    problems = list(argument_problems(args, linkerd, label))
    if problems:
        raise ComponentError(problems)
    mesh, given = _settings(args), args.get("values") or {}
    wanted = {
        "crds": (defaults.crds(mesh), given.get("crds")),
        "control-plane": (defaults.control_plane(mesh), given.get("control_plane")),
    }
    releases = {
        short: planned(linkerd, short, mesh.namespace, merge(values, own or {}), args.get("charts"), label)
        for short, (values, own) in wanted.items()
    }
    if problems := [problem for each in releases.values() for problem in each.problems(label)]:
        raise ComponentError(problems)
    return LinkerdPlan(linkerd.version, releases)


def release_of(channel: str, version: str | None, label: str) -> Release:
    """The release of a channel: a version (``2.20``), a release (``edge-26.8.3``), or None for the newest.

    Raises:
        ComponentError: MW-E181 for the stable channel, MW-E050 for an unknown one, and the catalog's codes.
    """
    if channel == "stable":
        message = "the open-source stable channel ended in February 2024, and gets no fixes"
        raise refuse(Code.LINKERD_STABLE, label, message, "choose edge, or enterprise with a licence")
    if channel not in ("edge", "enterprise"):
        raise refuse(Code.BAD_ARGUMENT, label, f"the channel {channel!r} is unknown", "one of: edge, enterprise")
    catalog, product = load_catalog(), f"linkerd-{channel}"
    try:
        return catalog.release(product, version) if version else catalog.newest(product)
    except ConfigError as error:
        placed = (Problem(each.code, each.message, each.remedy, label) for each in error.problems)
        raise ComponentError(placed) from None


def planned(
    linkerd: Release,
    short: str,
    namespace: str,
    values: Mapping[str, Any],
    charts: ChartSourceArgs | None,
    label: str,
) -> PlannedRelease:
    """A Helm release of one of Linkerd's charts, ``crds`` and ``control-plane`` by the channel's name for it.

    Raises:
        ComponentError: MW-E183 for a chart that the channel doesn't publish, MW-E053 for a source that can't be.
    """
    names = (f"linkerd-{short}", f"linkerd-enterprise-{short}", f"linkerd2-{short}")
    published = next((name for name in names if name in linkerd.charts), None)
    if published is None:
        message = f"{linkerd.product} {linkerd.version} has no chart linkerd-{short} in the catalog"
        raise refuse(Code.LINKERD_CHART, label, message, "use the channel edge, or leave this part out")
    from_where = chart(
        published,
        linkerd.charts[published],
        charts or {"source": "repository"},
        oci=linkerd.oci_repository or "",
        repository=linkerd.helm_repository or "",
        label=label,
    )
    return PlannedRelease(published, from_where, namespace, values)


def _settings(args: "LinkerdArgs") -> defaults.Settings:
    highly_available = args.get("high_availability", True)
    identity = args.get("identity") or {}
    return defaults.Settings(
        platform=args["platform"],
        highly_available=highly_available,
        # An injector that nobody knows to be spread must not stop pods from starting.
        fail_closed=highly_available and "nodes" in args,
        namespace=args.get("namespace", "linkerd"),
        trust_domain=args.get("trust_domain", "cluster.local"),
        cluster_domain=args.get("cluster_domain", "cluster.local"),
        cluster_networks=args.get("cluster_networks") or (),
        inbound_policy=args.get("inbound_policy", "audit"),
        native_sidecars=args.get("native_sidecars", True),
        ipv6=args.get("ipv6", False),
        cni=args.get("cni", False),
        opaque_ports=args.get("opaque_ports") or (),
        probe_networks=args.get("probe_networks") or (),
        heartbeat=args.get("heartbeat", defaults.HEARTBEAT),
        validator_address=args.get("validator_address", ""),
        hub=args.get("hub", ""),
        pull_secrets=args.get("pull_secrets") or (),
        prometheus_url=args.get("prometheus_url", ""),
        managed_webhooks=args.get("managed_webhooks", True),
        licence=args.get("licence"),
        external_ca=identity.get("external_ca", True),
        scheme=identity.get("scheme", "kubernetes.io/tls"),
        anchors=identity.get("anchors"),
        marker=identity.get("marker"),
    )
