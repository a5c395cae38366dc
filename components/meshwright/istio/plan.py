"""What an installation of Istio ambient consists of, checked before anything is registered."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from meshwright.catalog import Platform, Release, load_catalog
from meshwright.catalog.prerequisites import unmet
from meshwright.errors import Code, ConfigError, Problem
from meshwright.istio import defaults
from meshwright.istio.extension_providers import provider_problems
from meshwright.kubernetes.chart_values import merge
from meshwright.kubernetes.charts import ChartSourceArgs, PlannedRelease, chart
from meshwright.kubernetes.errors import ComponentError, refuse

if TYPE_CHECKING:
    from meshwright.istio.ambient import IstioAmbientArgs

_SHORT_NAMES = ("base", "istiod", "cni", "ztunnel")


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
    """Short name (base, istiod, cni, ztunnel) to release, in the order of installation."""


def plan_istio(args: "IstioAmbientArgs", label: str) -> IstioPlan:
    """The installation that the arguments ask for.

    Raises:
        ComponentError: One problem for everything that cannot work, each placed at ``label``.
    """
    istio, platform = _facts(args, label)
    settings = _settings(args, istio, platform, label)
    releases = dict(_releases(args, istio, settings, label))
    problems = [
        *(
            replace(problem, place=label)
            for problem in unmet(
                istio, platform, kubernetes_version=args.get("kubernetes_version"), compute=args.get("compute") or ()
            )
        ),
        *_unknown_names(args, label),
        *provider_problems(settings.extension_providers, label),
        *(problem for planned in releases.values() for problem in planned.problems(label)),
        *(problem for planned in releases.values() for problem in _another_version(planned, istio, label)),
    ]
    if problems:
        raise ComponentError(problems)
    return IstioPlan(istio.version, settings.namespace, settings.agents_namespace, releases)


def _facts(args: "IstioAmbientArgs", label: str) -> tuple[Release, Platform]:
    catalog = load_catalog()
    if args["platform"] not in catalog.platforms:
        known = ", ".join(sorted(catalog.platforms))
        raise refuse(Code.BAD_ARGUMENT, label, f"the platform {args['platform']!r} is unknown", f"one of: {known}")
    try:
        return catalog.release("istio", args["version"]), catalog.platforms[args["platform"]]
    except ConfigError as error:
        raise ComponentError(replace(problem, place=label) for problem in error.problems) from None


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
    )


def _releases(
    args: "IstioAmbientArgs", istio: Release, settings: defaults.Settings, label: str
) -> Iterator[tuple[str, PlannedRelease]]:
    source: ChartSourceArgs = args.get("charts") or {"source": "oci" if istio.oci_repository else "repository"}
    overrides = cast("dict[str, dict[str, Any]]", args.get("values") or {})
    adopted = args.get("adopt_releases") or ()
    istiod = f"istiod-{settings.revision}" if settings.revision else "istiod"
    ours = {
        "base": ("istio-base", settings.namespace, defaults.base(settings)),
        "istiod": (istiod, settings.namespace, defaults.istiod(settings)),
        "cni": ("istio-cni", settings.agents_namespace, defaults.cni(settings)),
        "ztunnel": ("ztunnel", settings.agents_namespace, defaults.ztunnel(settings)),
    }
    for short, (name, namespace, values) in ours.items():
        from_where = chart(
            short,
            istio.charts[short],
            source,
            oci=istio.oci_repository or "",
            repository=istio.helm_repository or "",
            label=label,
        )
        merged = merge(values, overrides.get(short) or {})
        yield short, PlannedRelease(name, from_where, namespace, merged, adopt=short in adopted)


def _unknown_names(args: "IstioAmbientArgs", label: str) -> Iterator[Problem]:
    known = ", ".join(_SHORT_NAMES)
    for what, names in (("adopt_releases", args.get("adopt_releases")), ("values", args.get("values"))):
        for name in names or ():
            if name not in _SHORT_NAMES:
                message = f"{what} names {name!r}, which is no release"
                yield Problem(Code.BAD_ARGUMENT, message, f"one of: {known}", label)


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
