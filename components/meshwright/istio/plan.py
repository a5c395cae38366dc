"""What an installation of Istio ambient consists of, checked before anything is registered."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from meshwright.catalog import Platform, Release, load_catalog
from meshwright.catalog.prerequisites import unmet
from meshwright.errors import Code, ConfigError, Problem
from meshwright.istio import defaults
from meshwright.istio.extension_providers import provider_problems
from meshwright.istio.images import IMAGES, VARIANTS, Images
from meshwright.istio.trust import Trust, plan_trust
from meshwright.istio.upgrade.parts import (
    REVISION_REMEDY,
    STEPS,
    TAG_REMEDY,
    Part,
    Parts,
    is_revision,
    is_tag,
    parts,
    revision_for,
    skew,
    tag_problems,
)
from meshwright.kubernetes.chart_values import merge
from meshwright.kubernetes.charts import Chart, ChartSourceArgs, PlannedRelease, chart
from meshwright.kubernetes.errors import ComponentError, refuse

if TYPE_CHECKING:
    from meshwright.istio.ambient import IstioAmbientArgs, NodeAgentsArgs

_SHORT_NAMES = ("base", "istiod", "cni", "ztunnel")
_NODE_AGENTS = ("cni", "ztunnel")
_SECONDS_PER_NODE = 60
"""How long a node agent takes to be replaced: to pull its image, to start, and for istio-cni to end before."""
_USUAL_TIMEOUT_S = 300
"""How long the provider waits for a release by itself (pulumi-kubernetes, helm_release.go)."""


@dataclass(frozen=True, slots=True)
class IstioPlan:
    """An installation that can work."""

    version: str
    """The full version that is installed."""
    namespace: str
    """Istio's root namespace."""
    agents_namespace: str
    """Where istio-cni and ztunnel run."""
    releases: dict[str, PlannedRelease]
    """Short name (base, istiod or istiod-<revision>, cni, ztunnel) to release, in the order of installation."""
    tags: Mapping[str, str]
    """Revision tag -> revision."""
    once_istiod: str
    """The release that bore the short name ``istiod`` before releases were named after revisions; empty for none."""
    trust: Trust
    """Its certificates, and its place among other clusters."""


def plan_istio(args: "IstioAmbientArgs", label: str) -> IstioPlan:
    """The installation that the arguments ask for.

    Raises:
        ComponentError: One problem for everything that cannot work, each placed at ``label``.
    """
    platform = _platform(args, label)
    now, after = _versions(args, label)
    running = parts(now, after, _step(args, label))
    settings = _settings(args, now.release, platform, label)
    trust = plan_trust(args, settings.agents_namespace, running, label)
    releases = dict(_releases(args, running, settings, trust, label))
    problems = [
        *_placed(skew(now.release, after.release) if after else (), label),
        *_placed((problem for _, problem in tag_problems(args.get("tags") or {}, running.revisions)), label),
        *_misnamed(args.get("tags") or (), running, label),
        *_placed(_unmet(args, running, platform), label),
        *_unknown_names(args, label),
        *_unknown_images(args, label),
        *provider_problems(settings.extension_providers, label),
        *(problem for planned, _ in releases.values() for problem in planned.problems(label)),
        *(problem for planned, of in releases.values() for problem in _another_version(planned, of, label)),
    ]
    if problems:
        raise ComponentError(problems)
    return IstioPlan(
        version=now.release.version,
        namespace=settings.namespace,
        agents_namespace=settings.agents_namespace,
        releases={short: planned for short, (planned, _) in releases.items()},
        tags=args.get("tags") or {},
        once_istiod=_istiod(now) if now.revision else "",
        trust=trust,
    )


def _platform(args: "IstioAmbientArgs", label: str) -> Platform:
    catalog = load_catalog()
    if args["platform"] not in catalog.platforms:
        known = ", ".join(sorted(catalog.platforms))
        raise refuse(Code.BAD_ARGUMENT, label, f"the platform {args['platform']!r} is unknown", f"one of: {known}")
    return catalog.platforms[args["platform"]]


def _versions(args: "IstioAmbientArgs", label: str) -> tuple[Part, Part | None]:
    """What runs, and what an upgrade leads to."""
    revision, upgrade = args.get("revision", ""), args.get("upgrade")
    try:
        now = Part(load_catalog().release("istio", args["version"]), revision)
        if not upgrade:
            return now, None
        target = load_catalog().release("istio", upgrade["to"])
    except ConfigError as error:
        raise ComponentError(_placed(error.problems, label)) from None
    own = upgrade.get("revision") or (revision_for(target.version) if revision else "")
    if own and own == revision:
        remedy = "leave the upgrade's revision out, or choose another"
        raise refuse(
            Code.BAD_ARGUMENT, label, f"the old and the new control plane both have the revision {own}", remedy
        )
    return now, Part(target, own)


def _step(args: "IstioAmbientArgs", label: str) -> str:
    upgrade = args.get("upgrade")
    step = upgrade.get("step", STEPS[0]) if upgrade else STEPS[0]
    if step not in STEPS:
        raise refuse(Code.BAD_ARGUMENT, label, f"the step {step!r} is unknown", f"one of: {', '.join(STEPS)}")
    return step


def _unmet(args: "IstioAmbientArgs", running: Parts, platform: Platform) -> Iterator[Problem]:
    """What the cluster lacks for the newest version that runs, which asks for the most."""
    version, compute = args.get("kubernetes_version"), args.get("compute") or ()
    return unmet(running.base.release, platform, kubernetes_version=version, compute=compute)


def _misnamed(tags: Iterable[str], running: Parts, label: str) -> Iterator[Problem]:
    for revision in (each.revision for each in running.istiods if each.revision):
        if not is_revision(revision):
            yield Problem(Code.BAD_ARGUMENT, f"{revision!r} is no name for a revision", REVISION_REMEDY, label)
    for tag in tags:
        if not is_tag(tag):
            yield Problem(Code.BAD_ARGUMENT, f"{tag!r} is no name for a tag", TAG_REMEDY, label)


def _placed(problems: Iterable[Problem], label: str) -> list[Problem]:
    return [replace(problem, place=label) for problem in problems]


def _settings(args: "IstioAmbientArgs", istio: Release, platform: Platform, label: str) -> defaults.Settings:
    namespace = args.get("namespace", "istio-system")
    # Numbers of a hosted component arrive as floats.
    replicas = int(args.get("istiod_replicas", 2))
    if replicas < 1:
        raise refuse(Code.BAD_ARGUMENT, label, f"{replicas} replicas of istiod can't serve", "at least 1; 2 or more")
    if (logs := args.get("ztunnel_access_logs", "all")) not in defaults.ZTUNNEL_LOG_LEVELS:
        known = ", ".join(defaults.ZTUNNEL_LOG_LEVELS)
        raise refuse(Code.BAD_ARGUMENT, label, f"ztunnel_access_logs {logs!r} is unknown", f"one of: {known}")
    return defaults.Settings(
        namespace=namespace,
        agents_namespace=platform.istio.agents_namespace or namespace,
        hub=args.get("hub", istio.image_hub),
        platform=platform.istio_platform_value or "",
        revision=args.get("revision", ""),
        trust_domain=args.get("trust_domain"),
        istiod_replicas=replicas,
        extension_providers=args.get("extension_providers") or (),
        json_logs=bool(args.get("json_logs", False)),
        ztunnel_access_logs=args.get("ztunnel_access_logs", "all"),
        default_revision=(args.get("tags") or {}).get("default", ""),
        images=Images(args.get("image_variant", ""), args.get("image_pull_secrets") or ()),
        agents=_agents(args.get("node_agents") or {}, label),
        workloads=int(args.get("workloads", 0)),
    )


def _agents(args: "NodeAgentsArgs", label: str) -> defaults.Agents:
    seconds = args.get("grace_period_seconds")
    if seconds is not None and seconds < 2:
        message = f"{seconds:g} s are no grace period: ztunnel drains for a second less"
        raise refuse(Code.BAD_ARGUMENT, label, message, "at least 2")
    return defaults.Agents(
        grace_period_s=None if seconds is None else int(seconds),
        ztunnel_on_delete=bool(args.get("ztunnel_on_delete", False)),
        dns_capture=args.get("dns_capture"),
        ipv6=args.get("ipv6"),
        untaint=bool(args.get("untaint", False)),
    )


def _releases(
    args: "IstioAmbientArgs", running: Parts, mesh: defaults.Settings, trust: Trust, label: str
) -> Iterator[tuple[str, tuple[PlannedRelease, Release]]]:
    """Short name, the release, and the version that it is of."""
    root, agents = mesh.namespace, mesh.agents_namespace
    wanted: list[tuple[str, str, str, str, Part, Callable[[defaults.Settings], dict[str, Any]]]] = [
        ("base", "base", "istio-base", root, running.base, defaults.base),
        *((_istiod(each), "istiod", _istiod(each), root, each, defaults.istiod) for each in running.istiods),
        ("cni", "cni", "istio-cni", agents, running.cni, defaults.cni),
        ("ztunnel", "ztunnel", "ztunnel", agents, running.ztunnel, defaults.ztunnel),
    ]
    overrides = cast("dict[str, dict[str, Any]]", args.get("values") or {})
    adopted, upgrade = args.get("adopt_releases") or (), args.get("upgrade")
    for short, chart_name, name, namespace, part, values in wanted:
        said = cast("Mapping[str, Any]", upgrade if upgrade and part == running.base else args)
        settings = replace(
            mesh,
            # The default validator stays the old control plane's until that one goes.
            revision=running.istiods[0].revision if chart_name == "base" else part.revision,
            hub=args.get("hub", part.release.image_hub),
            version=part.release.version,
            images=replace(mesh.images, digests=said.get("image_digests") or {}),
        )
        merged = merge(merge(values(settings), trust.values(chart_name)), overrides.get(chart_name) or {})
        from_where = _chart(chart_name, part.release, said.get("charts") or args.get("charts"), label)
        adopt = chart_name in adopted and (chart_name != "istiod" or part == running.istiods[0])
        timeout_s = _rollout_s(args) if chart_name in _NODE_AGENTS else None
        planned = PlannedRelease(name, from_where, namespace, merged, adopt=adopt, timeout_s=timeout_s)
        yield short, (planned, part.release)


def _rollout_s(args: "IstioAmbientArgs") -> int | None:
    """How long it takes to replace the agent of one node after another, where that is longer than usual."""
    seconds = int(args.get("nodes", 0)) * _SECONDS_PER_NODE
    return seconds if seconds > _USUAL_TIMEOUT_S else None


def _istiod(part: Part) -> str:
    return f"istiod-{part.revision}" if part.revision else "istiod"


def _chart(name: str, istio: Release, source: ChartSourceArgs | None, label: str) -> Chart:
    return chart(
        name,
        istio.charts[name],
        source or {"source": "oci" if istio.oci_repository else "repository"},
        oci=istio.oci_repository or "",
        repository=istio.helm_repository or "",
        label=label,
    )


def _unknown_names(args: "IstioAmbientArgs", label: str) -> Iterator[Problem]:
    known = ", ".join(_SHORT_NAMES)
    for what, names in (("adopt_releases", args.get("adopt_releases")), ("values", args.get("values"))):
        for name in names or ():
            if name not in _SHORT_NAMES:
                message = f"{what} names {name!r}, which is no release"
                yield Problem(Code.BAD_ARGUMENT, message, f"one of: {known}", label)


def _unknown_images(args: "IstioAmbientArgs", label: str) -> Iterator[Problem]:
    if (variant := args.get("image_variant", "")) and variant not in VARIANTS:
        known = ", ".join(VARIANTS)
        yield Problem(Code.BAD_ARGUMENT, f"the image variant {variant!r} is unknown", f"one of: {known}", label)
    upgrade = args.get("upgrade")
    for digests in (args.get("image_digests"), upgrade.get("image_digests") if upgrade else None):
        for name in set(digests or ()) - set(IMAGES):
            message = f"image_digests names {name!r}, which is no image"
            yield Problem(Code.BAD_ARGUMENT, message, f"one of: {', '.join(IMAGES)}", label)


def _another_version(planned: PlannedRelease, istio: Release, label: str) -> Iterator[Problem]:
    """A chart at hand is of the version that was asked for: the catalog's facts hold for that one alone."""
    file = Path(planned.chart.address) / planned.chart.name / "Chart.yaml"
    if planned.chart.source != "path" or not file.is_file():
        return
    version = str((yaml.safe_load(file.read_text("utf-8")) or {}).get("version", ""))
    if not version.startswith(f"{istio.minor}."):
        yield Problem(
            Code.CHART_FOLDER,
            f"the chart {planned.chart.name} in {planned.chart.address} is {version or 'of no version'}, "
            f"not {istio.minor}",
            f"unpack the chart of {istio.version}, or ask for the version that is there",
            label,
        )
