"""istiod runs, twice or more, and every part of Istio is of a version that is safe and suits the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from meshwright.catalog import load_catalog
from meshwright.config.clock import today
from meshwright.errors import ConfigError
from meshwright.health.objects import at, called
from meshwright.health.replicas import ENOUGH, too_few
from meshwright.health.verdicts import Check, Doubt, Finding, Severity, SkipError
from meshwright.istio import labels
from meshwright.istio.health.installation import ISTIOD, is_true, istiod_releases, parts, workloads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.catalog import Release
    from meshwright.health.snapshot import Snapshot
    from meshwright.istio.health.installation import Part

_CATEGORY: Final = "control plane"


def _ready(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    snapshot.seen("Deployment")
    deployments = workloads(snapshot, ISTIOD)
    if not deployments:
        yield Doubt("istiod", "it does not run in this cluster; whether it does elsewhere can't be seen")
    for each in deployments:
        if not at(each, "status", "availableReplicas"):
            yield Finding(called(each), "has no available replica: proxies get no changes and no certificates")


def _replicas(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    releases = istiod_releases(snapshot)
    for each in releases:
        is_scaled = is_true(_or(at(each, "values", "autoscaleEnabled"), True))
        least = int(_or(at(each, "values", "autoscaleMin" if is_scaled else "replicaCount"), 1))
        if least < ENOUGH:
            yield Finding(called(each), f"asks for {least} replica, and the chart makes no disruption budget then")
    deployments = workloads(snapshot, ISTIOD)
    if not deployments and not releases:
        raise SkipError("istiod is not in it")
    for each in deployments:
        yield from too_few(snapshot, each)


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


def _supported(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    for part, release in _known(snapshot):
        if isinstance(release, Doubt):
            yield release
        elif release.is_past_end_of_life(today()):
            yield Finding(part.name, f"is {part.version}, which gets no fixes since {release.end_of_life}")


def _safe(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    for part, release in _known(snapshot):
        if isinstance(release, Doubt):
            yield release
        elif release.advisories:
            yield Finding(part.name, f"is {part.version}, which {', '.join(sorted(release.advisories))} affects")


def _known(snapshot: Snapshot) -> Iterator[tuple[Part, Release | Doubt]]:
    """Each part with what the catalog knows of its version."""
    for part in parts(snapshot):
        if not part.version:
            yield part, _no_version(part)
            continue
        if part.version.count(".") < 2:  # of a minor the catalog would name the newest patch, which this may not be
            yield part, Doubt(part.name, f"{part.version} does not tell its patch")
            continue
        try:
            yield part, load_catalog().release("istio", part.version)
        except ConfigError:
            yield part, Doubt(part.name, f"the catalog does not know {part.version}")


def _skew(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    found = parts(snapshot)
    versions = [part for part in found if part.version]
    planes = [part.minor for part in versions if part.component == ISTIOD]
    if not any(part.component == ISTIOD for part in found):
        raise SkipError("istiod is not in it")
    newest = max(planes, default=None)
    yield from (_no_version(part) for part in found if not part.version)
    if newest is None:
        return
    for part in versions:
        behind = newest[1] - part.minor[1]
        if part.minor > newest or newest[0] != part.minor[0]:
            yield Finding(part.name, f"is {part.version}, ahead of istiod {newest[0]}.{newest[1]}")
        elif behind > 1:
            yield Finding(part.name, f"is {part.version}, {behind} minors behind istiod {newest[0]}.{newest[1]}")


def _no_version(part: Part) -> Doubt:
    return Doubt(part.name, "neither the image's tag nor a label tells its version")


def _hosts(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    for part in parts(snapshot):
        for source in part.sources:
            host = source.partition("://")[2] or source
            if host.startswith(labels.RETIRED_HOSTS):
                yield Finding(part.name, f"comes from {source}: that host is being switched off")


CHECKS: Final = (
    Check(
        "istiod-ready",
        _CATEGORY,
        "istiod is available in every revision",
        Severity.ERROR,
        "see why its pods don't start; `meshwright istio break-glass istiod-lost` has the steps",
        _ready,
    ),
    Check(
        "istiod-replicas",
        _CATEGORY,
        "istiod has two replicas or more, and a disruption budget",
        Severity.WARNING,
        "set autoscaleMin to 2 or more; the chart makes the budget then",
        _replicas,
    ),
    Check(
        "version-supported",
        _CATEGORY,
        "every part of Istio is of a version that gets fixes",
        Severity.WARNING,
        "upgrade to a supported minor, one minor at a time",
        _supported,
    ),
    Check(
        "version-safe",
        _CATEGORY,
        "no advisory is known against the versions of Istio's parts",
        Severity.ERROR,
        "upgrade to the newest patch of the minor",
        _safe,
    ),
    Check(
        "version-skew",
        _CATEGORY,
        "istio-cni, ztunnel and waypoints are at most one minor behind istiod, and never ahead",
        Severity.ERROR,
        "upgrade istiod first, then istio-cni, then ztunnel, then the waypoints",
        _skew,
    ),
    Check(
        "artifact-hosts",
        _CATEGORY,
        "images and charts come from hosts that stay",
        Severity.WARNING,
        "set the hub to docker.io/istio or a mirror of yours, and take charts from oci://ghcr.io/istio/release/charts",
        _hosts,
    ),
)
