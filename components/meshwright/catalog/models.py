"""The shapes of the catalog's facts. Every fact says where it comes from and on which day it was true."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from meshwright.versions import version_key


def _day(value: object) -> object:
    """Overlay files reach us with dates as text; anything but YYYY-MM-DD is left for pydantic to refuse."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            return value
    return value


Day = Annotated[date, BeforeValidator(_day)]
Text = Annotated[str, StringConstraints(min_length=1)]
Minor = Annotated[str, StringConstraints(pattern=r"^\d+\.\d+$")]
"""A version without its patch, as "1.31"."""
Semver = Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")]


class Entry(BaseModel):
    """What all entries are: strict, closed and frozen. Their validators are built on first use: most runs need few."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True)


class Dated(Entry):
    """An entry that states facts."""

    source: Text
    """Where the fact was read."""
    as_of: Day
    """The day on which it was true."""
    note: str = ""
    """What a reader should know: doubts, inferences, consequences."""


class KubernetesRange(Entry):
    """The Kubernetes minors that a version supports. None: not known, or no limit announced."""

    minimum: Minor | None = None
    maximum: Minor | None = None


class GatewayApiRange(Entry):
    """The bundles of Gateway API CRDs that a version accepts, ends included."""

    minimum: Semver
    maximum: Semver
    recommended: Semver
    """The bundle to take when nobody else has a say."""
    crd_minimums: Mapping[str, Semver] = Field(default_factory=dict)
    """CRD -> the bundle below which this version silently ignores the CRD's objects."""


class Advisory(Dated):
    """A security advisory, by the patch of each minor that first has the fix."""

    effect: Text
    aliases: list[Text] = Field(default_factory=list)
    fixed: Mapping[Minor, Semver | Literal["none", "unknown"]]
    """Minor -> first patch with the fix, `none` (never fixed) or `unknown` (not seen). A minor that is not named is not
    affected."""

    def affects(self, minor: str, version: str) -> bool:
        """Whether `version` is known to lack the fix. Where that is unknown, it is not known."""
        fix = self.fixed.get(minor, "unknown")
        return fix == "none" or (fix != "unknown" and version_key(version) < version_key(fix))


class ReleaseEntry(Dated):
    """One released version."""

    released: Day | None = None
    chart_version: Text | None = None
    """The version of the charts in their repository, where it differs from the version itself."""


class MinorEntry(Dated):
    """What holds for all patches of a minor."""

    end_of_life: Day | None = None
    """From this day on there are no fixes. None: no date is announced."""
    kubernetes: KubernetesRange
    gateway_api: GatewayApiRange | None = None
    helm_repository: Text | None = None
    oci_repository: Text | None = None
    """The prefix before the chart's name."""
    image_hub: Text | None = None
    charts: list[Text]
    releases: Mapping[str, ReleaseEntry] = Field(min_length=1)


class Product(Entry):
    """A product with its versions."""

    title: Text
    minors: Mapping[Minor, MinorEntry] = Field(min_length=1)
    advisories: Mapping[str, Advisory] = Field(default_factory=dict)


class BundleEntry(Dated):
    """One bundle of Gateway API CRDs, standard channel."""

    released: Day | None = None


class GatewayApi(Entry):
    """The bundles of Gateway API CRDs that exist."""

    bundles: Mapping[Semver, BundleEntry] = Field(min_length=1)


class IstioOnPlatform(Entry):
    """What Istio's charts need to know about a platform."""

    platform: str | None = None
    """The charts' value `global.platform`; None where no profile exists or none is needed."""
    agents_namespace: str | None = None
    """Where istio-cni and ztunnel have to run; None for beside istiod."""


class Platform(Dated):
    """A place where clusters run."""

    title: Text
    cloud: Literal["aws", "gcp", "azure"] | None = None
    local: bool = False
    """A cluster on a developer's machine."""
    istio: IstioOnPlatform
    nodeless: list[str] = Field(default_factory=list)
    """Compute kinds of this platform that give no node to a node agent."""
    manages_gateway_api: bool = False
    """The platform owns the Gateway API CRDs itself (OpenShift from 4.19 on)."""
    needs: list[str] = Field(default_factory=list)
    """What else has to be in place, in words."""

    @property
    def istio_platform_value(self) -> str | None:
        """The value `global.platform` of Istio's charts."""
        return self.istio.platform


class Fact(Dated):
    """One cell of the feature matrix."""

    value: Text
    """What the option offers: a support level (see LEVELS), or words where a level says nothing (licence, maturity)."""


LEVELS = ("yes", "partial", "beta", "alpha", "preview", "deprecated", "no", "unknown")
"""How well a feature is supported, best first; `unknown` is no judgement."""
