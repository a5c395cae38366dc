"""What Istio's charts must be told for ambient to work, and to capture every pod."""

from collections.abc import Iterator
from typing import Any

from meshwright_policy.istio import kinds
from meshwright_policy.istio.charts import Chart, charts, installed
from meshwright_policy.istio.fragments import chart, resource
from meshwright_policy.istio.mesh import kind_of, name_of, pod_of
from meshwright_policy.record import (
    Answer,
    Config,
    Example,
    Level,
    NotApplicableError,
    Rule,
    Severity,
    Subject,
    Undecided,
    Violation,
)
from meshwright_policy.stack import Stack
from meshwright_policy.values import UNKNOWN, at, elements, shown

_HELM = "https://istio.io/latest/docs/ambient/install/helm/"


def _profile(stack: Stack, _: Config) -> Iterator[Answer]:
    if not installed(stack, "ztunnel") or not installed(stack, "istiod", "cni"):
        raise NotApplicableError("the stack doesn't install ztunnel together with istiod or istio-cni")
    for one in installed(stack, "istiod", "cni"):
        profile = one.value("profile")
        switch = one.setting("env", "PILOT_ENABLE_AMBIENT") if one.name == "istiod" else one.value("ambient", "enabled")
        if profile == "ambient" or str(switch).lower() == "true":
            continue
        if UNKNOWN in (profile, switch):
            yield Undecided(f"the profile of the chart {one.name} is known only at the update", one.subject)
        else:
            yield Violation(f"the chart {one.name} is not given the profile ambient: it serves no ztunnel", one.subject)


_NEEDED: dict[str, tuple[str, ...]] = {"openshift": ("istiod", "cni", "ztunnel"), "gke": ("cni", "ztunnel")}


def _platform(stack: Stack, _: Config) -> Iterator[Answer]:
    found = installed(stack, "istiod", "cni", "ztunnel")
    told = [(one, one.value("global", "platform")) for one in found]
    named = {str(platform) for _, platform in told if platform not in (None, "", UNKNOWN)}
    if not named and all(platform is not UNKNOWN for _, platform in told):
        raise NotApplicableError("no chart of Istio's in the stack is told a platform")
    for one, platform in told:
        needing = sorted(name for name in named if one.name in _NEEDED.get(name, ("cni",)))
        if platform is UNKNOWN:
            yield Undecided(f"the platform of the chart {one.name} is known only at the update", one.subject)
        elif needing and platform not in needing:
            known = shown(needing[0], "of another chart")
            yield Violation(f"the chart {one.name} is not told the platform {known}", one.subject)


def _captures(stack: Stack, _: Config) -> Iterator[Answer]:
    found = [one for one in installed(stack, "cni") if _is_ambient(one) is not False]
    if not found:
        raise NotApplicableError("the stack doesn't install istio-cni for ambient")
    for one in found:
        retry = one.value("ambient", "enableAmbientDetectionRetry")
        unchained = one.value("chained") is False or one.value("global", "platform") == "openshift"
        owned = True if unchained else one.value("istioOwnedCNIConfig")
        off = [name for name, value in ((_RETRY, retry), (_OWNED, owned)) if value is not True and value is not UNKNOWN]
        if off and _is_ambient(one):
            yield Violation(f"istio-cni may miss pods without {' and '.join(off)}", one.subject)
        elif off or UNKNOWN in (retry, owned):
            yield Undecided("how istio-cni captures pods is known only at the update", one.subject)


_RETRY, _OWNED = "ambient.enableAmbientDetectionRetry", "istioOwnedCNIConfig"


def _is_ambient(cni: Chart) -> bool | None:
    profile, enabled = cni.value("profile"), cni.value("ambient", "enabled")
    if profile == "ambient" or enabled is True:
        return True
    return None if UNKNOWN in (profile, enabled) else False


_ENDING = ("gcr.io/istio-release", "registry.istio.io", "istio-release.storage.googleapis.com")


def _hosts(stack: Stack, _: Config) -> Iterator[Answer]:
    ours = {one.subject.urn: one for releases in stack.derived(charts).values() for one in releases}
    mentions = [(subject, list(_addresses(subject, ours))) for subject in stack.of(*kinds.HELM, *kinds.WORKLOAD)]
    about_istio = [(subject, addresses) for subject, addresses in mentions if addresses]
    if not about_istio:
        raise NotApplicableError("nothing in the stack comes from an address of Istio's")
    for subject, addresses in about_istio:
        what = f"the {kind_of(subject)} {subject.name if subject.urn in ours else name_of(subject)}"
        ending = [host for host in _ENDING if any(host in str(address) for address in addresses)]
        if ending:
            yield Violation(f"{what} comes from {ending[0]}, which is being switched off", subject)
        elif UNKNOWN in addresses:
            yield Undecided(f"where {what} comes from is known only at the update", subject)


def _addresses(subject: Subject, ours: dict[str, Chart]) -> Iterator[Any]:
    one = ours.get(subject.urn)
    if one is None:
        pod = at(pod_of(subject), "spec") if subject.type in kinds.WORKLOAD else None
        images = (at(container, "image") for container in elements(at(pod, "containers")))
        yield from (image for image in images if isinstance(image, str) and "istio" in image)
        return
    yield at(subject.properties, "chart")
    yield at(subject.properties, "repositoryOpts", "repo")
    hubs = [one.value("hub"), one.value("global", "hub")]
    # 1.30 made its own registry the charts' default, and 1.31 took it back.
    default = "registry.istio.io" if one.minor == (1, 30) and one.name != "base" and hubs == [None, None] else None
    yield from (hub for hub in (*hubs, default) if hub is not None)


PROFILE = Rule(
    id="MW-IST-039",
    slug="charts-have-the-profile-ambient",
    title="The charts istiod and cni are installed with the profile ambient",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=kinds.HELM,
    why=(
        "Without the profile istiod has no configuration for ztunnel, and istio-cni captures no pod. The namespaces "
        "are labelled, everything is Ready, and all is plaintext."
    ),
    remedy="set `profile: ambient` on the charts istiod and cni",
    notes="`PILOT_ENABLE_AMBIENT` for istiod and `ambient.enabled` for istio-cni, set by hand, do as well.",
    bad=Example(
        chart("istiod", "profile: ambient") + chart("cni", "chained: true") + chart("ztunnel"),
        "the chart cni is not given the profile ambient: it serves no ztunnel",
    ),
    good=Example(chart("istiod", "profile: ambient") + chart("cni", "profile: ambient") + chart("ztunnel")),
    references=(_HELM,),
    check_stack=_profile,
)
PLATFORM = Rule(
    id="MW-IST-040",
    slug="charts-have-the-same-platform",
    title="Every chart that needs the platform is told it",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=kinds.HELM,
    why=(
        "The platform gives istio-cni the node's folders, on GKE the quota without which no node agent is scheduled, "
        "and on OpenShift the SELinux type of ztunnel and the namespace in which istiod trusts it. Told to one chart "
        "and not to the others, the agents don't start or don't capture."
    ),
    remedy="set `global.platform` to the same value on istiod, cni and ztunnel",
    notes="`openshift` is needed on all three, `gke` on cni and ztunnel, every other one on cni.",
    bad=Example(
        chart("istiod", "global: {platform: openshift}")
        + chart("cni", "global: {platform: openshift}")
        + chart("ztunnel"),
        "the chart ztunnel is not told the platform openshift",
    ),
    good=Example(
        chart("istiod", "global: {platform: openshift}")
        + chart("cni", "global: {platform: openshift}")
        + chart("ztunnel", "global: {platform: openshift}")
    ),
    references=("https://istio.io/latest/docs/ambient/install/platform-prerequisites/",),
    check_stack=_platform,
)
CAPTURES = Rule(
    id="MW-IST-041",
    slug="istio-cni-misses-no-pod",
    title="Pods that start while istio-cni does not run are captured",
    severity=Severity.HIGH,
    level=Level.ADVISORY,
    applies_to=kinds.HELM,
    why=(
        "When a node comes back, pods may start before istio-cni does, and stay outside of the mesh without a word. "
        "So does a pod of which istio-cni could not learn, for a moment, whether it is ambient. Both have a remedy "
        "that is off by default."
    ),
    remedy=f"set `{_OWNED}: true` and `{_RETRY}: true` on the chart cni",
    notes=(
        "Where istio-cni isn't chained (OpenShift's Multus), it can't own the configuration, and needn't. A taint that "
        "keeps pods off a node until istio-cni is ready closes what is left."
    ),
    bad=Example(chart("cni", "profile: ambient"), f"istio-cni may miss pods without {_RETRY} and {_OWNED}"),
    good=Example(
        chart("cni", "profile: ambient, istioOwnedCNIConfig: true, ambient: {enableAmbientDetectionRetry: true}")
    ),
    references=("https://github.com/istio/istio/issues/60882",),
    check_stack=_captures,
)
HOSTS = Rule(
    id="MW-IST-042",
    slug="istio-comes-from-a-host-that-stays",
    title="Istio's charts and images come from a host that stays",
    severity=Severity.HIGH,
    level=Level.ADVISORY,
    applies_to=(*kinds.HELM, *kinds.WORKLOAD),
    why=(
        "Istio's addresses at Google get nothing new from 1.31 on, and are switched off for hours at a time before "
        "they go. A node that comes up meanwhile can't pull ztunnel, and runs no pod of the mesh."
    ),
    remedy="take charts from oci://ghcr.io/istio/release/charts and images from docker.io/istio, or from your mirror",
    notes=(
        f"It knows {', '.join(f'`{host}`' for host in _ENDING)}. A chart of 1.30 without `hub` pulls from one of them. "
        "Images of Deployments and DaemonSets are read too, as in rendered manifests."
    ),
    bad=Example(
        resource(
            "ztunnel",
            "helm.sh/v3:Release",
            "chart: ztunnel",
            "version: 1.30.7",
            "repositoryOpts: {repo: 'https://istio-release.storage.googleapis.com/charts'}",
        ),
        "the Release ztunnel comes from registry.istio.io, which is being switched off",
    ),
    good=Example(chart("ztunnel", "hub: docker.io/istio")),
    references=("https://istio.io/latest/news/releases/1.31.x/announcing-1.31/upgrade-notes/",),
    check_stack=_hosts,
)

RULES = (PROFILE, PLATFORM, CAPTURES, HOSTS)
