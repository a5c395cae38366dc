"""Chart versions: pinned, and known to be supported and safe."""

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from meshwright_policy.record import (
    Answer,
    Config,
    Example,
    Level,
    NotApplicableError,
    Requirement,
    Rule,
    Severity,
    Subject,
    Undecided,
    Violation,
)
from meshwright_policy.values import UNKNOWN, at, listed, today

if TYPE_CHECKING:
    from meshwright.catalog import Release

HELM = ("kubernetes:helm.sh/v3:Release", "kubernetes:helm.sh/v4:Chart")
_PINNED = re.compile(r"v?\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?")
# Charts whose names say nothing: whose they are shows in the reference or the repository.
_COMMON_NAMES = {"base": "istio", "cni": "istio", "gateway": "istio", "consul": "hashicorp"}


@cache
def known() -> dict[str, dict[str, list["Release"]]]:
    """Chart -> version of the chart, without a v -> the releases that it installs."""
    from meshwright.catalog import load_catalog

    catalog = load_catalog()
    charts: dict[str, dict[str, list[Release]]] = {}
    for product in catalog.products:
        for version in catalog.versions(product):
            release = catalog.release(product, version)
            for chart, chart_version in release.charts.items():
                charts.setdefault(chart, {}).setdefault(chart_version.removeprefix("v"), []).append(release)
    return charts


def _chart(subject: Subject) -> str:
    """The name of a mesh's chart. Raises `NotApplicableError` for any other one, and for a folder or an archive."""
    reference, repository = at(subject.properties, "chart"), at(subject.properties, "repositoryOpts", "repo")
    if not isinstance(reference, str):
        raise NotApplicableError("it names no chart")
    is_path = reference.startswith((".", "/")) or reference.endswith(".tgz")
    if is_path or (repository is None and "://" not in reference):
        raise NotApplicableError("its chart is a local one, which has no version to choose")
    name, _, _ = _last_part(reference)
    mark = _COMMON_NAMES.get(name, "")
    if name not in known() or mark not in f"{reference} {repository}".lower():
        raise NotApplicableError("its chart is none of a mesh's")
    return name


def _last_part(reference: str) -> tuple[str, str, str]:
    """Name, tag and digest at the end of a reference; what isn't there is empty."""
    rest, _, digest = reference.rstrip("/").rsplit("/", 1)[-1].partition("@")
    name, _, tag = rest.partition(":")
    return name, tag, digest


def _version(subject: Subject) -> Any:
    """The version that is asked for: a range or one version, in the property or in an OCI reference."""
    reference, version = str(at(subject.properties, "chart")), at(subject.properties, "version")
    if version is None and reference.startswith("oci://"):
        return _last_part(reference)[1] or None
    return version


def _has_digest(subject: Subject) -> bool:
    reference = str(at(subject.properties, "chart"))
    return reference.startswith("oci://") and bool(_last_part(reference)[2])


def _open_chart(subject: Subject) -> Undecided | None:
    if at(subject.properties, "chart") is UNKNOWN:
        return Undecided("which chart it installs is known only at the update")
    return None


def _pinned(subject: Subject, _: Config) -> Iterator[Answer]:
    version = _version(subject)
    if open_chart := _open_chart(subject):
        if not (isinstance(version, str) and _PINNED.fullmatch(version)):
            yield open_chart
        return
    chart = _chart(subject)
    if _has_digest(subject):
        return
    if version is UNKNOWN:
        yield Undecided(f"the version of the chart {chart} is known only at the update")
    elif not version:
        yield Violation(f"it installs the chart {chart} without a version: the newest one of the day")
    elif not (isinstance(version, str) and _PINNED.fullmatch(version)):
        yield Violation(f"it installs the chart {chart} in a range of versions: the newest one of the day")


def _supported(subject: Subject, _: Config) -> Iterator[Answer]:
    if open_chart := _open_chart(subject):
        yield open_chart
        return
    chart, version = _chart(subject), _version(subject)
    if version is UNKNOWN:
        yield Undecided(f"the version of the chart {chart} is known only at the update")
        return
    if not version and _has_digest(subject):
        yield Undecided(f"the chart {chart} is pinned by a digest, which doesn't say its version")
        return
    if not (isinstance(version, str) and _PINNED.fullmatch(version)):
        raise NotApplicableError("its version is not pinned; MW-VER-001 speaks about that")
    version = version.removeprefix("v")
    releases = known()[chart].get(version, [])
    if not releases:
        yield Undecided(f"the catalog knows nothing about {chart} {version}")
    for release in releases:
        product = f"{release.product} {release.version}"
        if release.is_past_end_of_life(today()):
            yield Violation(f"it installs {product}, which has had no fixes since {release.end_of_life}")
        if release.insecure:
            yield Violation(f"it installs {product}, which is open to {listed(sorted(release.advisories))}")


_ISTIOD = """\
istiod:
  type: kubernetes:helm.sh/v3:Release
  properties: {{chart: "oci://ghcr.io/istio/release/charts/istiod"{version}}}
"""

PINNED = Rule(
    id="MW-VER-001",
    slug="chart-version-pinned",
    title="The chart of a mesh is pinned to one version",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=HELM,
    why=(
        "Without a version Helm takes the newest chart of the day: two runs of one program install two meshes, and an "
        "upgrade happens when nobody meant one."
    ),
    remedy="set `version` to one full version, such as the catalog's",
    notes=(
        "It looks at charts that the catalog knows. A full version is three numbers; `1.31`, `^1.31.0` and `1.31.x` "
        "are ranges to Helm. An OCI reference with a digest is pinned. A chart without a scheme and without "
        "`repositoryOpts.repo` is a folder beside the program, which has no version to choose."
    ),
    bad=Example(
        _ISTIOD.format(version=""),
        "it installs the chart istiod without a version: the newest one of the day",
    ),
    good=Example(_ISTIOD.format(version=", version: 1.31.1")),
    references=("https://helm.sh/docs/helm/helm_install/",),
    check=_pinned,
)
SUPPORTED = Rule(
    id="MW-VER-002",
    slug="chart-version-supported",
    title="The chart of a mesh installs a version that is supported and safe",
    severity=Severity.HIGH,
    level=Level.ADVISORY,
    applies_to=HELM,
    why=(
        "A version past its end of life gets no fixes. Several of Istio's advisories let callers past an "
        "AuthorizationPolicy: a mesh below the fix does not enforce what it is told."
    ),
    remedy="upgrade to the newest patch of a supported minor",
    notes=(
        "It judges by the catalog's dates and advisories, on the day of `--as-of` or today. A version that the "
        "catalog doesn't know is undecided; an overlay of the catalog can add it. An advisory counts where the "
        "catalog knows that the version lacks the fix; of some advisories it isn't known which patch has it."
    ),
    bad=Example(
        _ISTIOD.format(version=", version: 1.29.9"),
        "it installs istio 1.29.9, which has had no fixes since 2026-10-15",
    ),
    good=Example(_ISTIOD.format(version=", version: 1.31.1")),
    references=("https://istio.io/latest/docs/releases/supported-releases/", "https://istio.io/latest/news/security/"),
    frameworks=(
        Requirement(
            "PCI DSS",
            "4.0.1",
            "6.3.3",
            "components are protected from known vulnerabilities by installing security updates; for the mesh itself",
            "https://www.pcisecuritystandards.org/document_library/",
        ),
    ),
    check=_supported,
)

RULES = (PINNED, SUPPORTED)
