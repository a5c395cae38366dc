"""Versions that fit each other: node agents to istiod, Gateway API CRDs to istiod, a dry run to ztunnel."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from meshwright_policy.istio import kinds
from meshwright_policy.istio.charts import Chart, installed, istiod_env
from meshwright_policy.istio.fragments import chart, namespace, resource
from meshwright_policy.istio.mesh import name_of
from meshwright_policy.istio.policies import DRY_RUN_FLAG, is_dry_run, targets
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
from meshwright_policy.values import UNKNOWN, at, listed
from meshwright_policy.versions import known

_CRDS = "meshwright:index:GatewayApiCrds"
_BUNDLE = "gateway.networking.k8s.io/bundle-version"
_IN_URL = re.compile(r"gateway-api/releases/download/v(\d+\.\d+\.\d+)/")
_NUMBERS = re.compile(r"v?(\d+)\.(\d+)\.(\d+).*")
_KINDS = {
    kind.lower() + "s": tuple(f"kubernetes:gateway.networking.k8s.io/{v}:{kind}" for v in ("v1", "v1beta1", "v1alpha2"))
    for kind in ("GRPCRoute", "TLSRoute", "TCPRoute", "BackendTLSPolicy")
}
_KINDS["backendtlspolicies"] = _KINDS.pop("backendtlspolicys")


def _shown(minor: tuple[int, int]) -> str:
    return ".".join(map(str, minor))


def _skew(stack: Stack, _: Config) -> Iterator[Answer]:
    planes, agents = installed(stack, "istiod"), installed(stack, "cni", "ztunnel")
    if not planes or not agents:
        raise NotApplicableError("the stack doesn't install istiod together with istio-cni or ztunnel")
    served = [plane.minor for plane in planes]
    for agent in agents:
        mine = agent.minor
        if mine is None or (None in served and not any(_fits(mine, plane) for plane in served)):
            yield Undecided(f"the version of istiod or of the chart {agent.name} is not known", agent.subject)
        elif not any(_fits(mine, plane) for plane in served):
            planes_ = listed(sorted({_shown(plane) for plane in served if plane}))
            what = f"the chart {agent.name} is {_shown(mine)}, and istiod {planes_}"
            yield Violation(f"{what}: it may be as new as istiod, or one minor older", agent.subject)


def _fits(agent: tuple[int, int], plane: tuple[int, int] | None) -> bool:
    return plane is not None and agent[0] == plane[0] and 0 <= plane[1] - agent[1] <= 1


def _bundles(stack: Stack) -> tuple[tuple[Subject, Any], ...]:
    """Each resource that brings Gateway API CRDs, and their version; it may be unknown."""
    of_files = [(one, _IN_URL.search(str(at(one.properties, "file")))) for one in stack.of(*kinds.CONFIG_FILE)]
    of_crds = [
        (crd, at(crd.properties, "metadata", "annotations", _BUNDLE))
        for crd in stack.of(*kinds.CRD)
        if str(at(crd.properties, "spec", "group")).startswith("gateway.networking")
    ]
    return (
        *((component, at(component.properties, "version")) for component in stack.of(_CRDS)),
        *((file, match[1]) for file, match in of_files if match),
        *((crd, version) for crd, version in of_crds if version is not None),
    )


def _gateway_api(stack: Stack, _: Config) -> Iterator[Answer]:
    bundles = stack.derived(_bundles)
    planes = installed(stack, "istiod")
    if not bundles or not planes:
        raise NotApplicableError("the stack doesn't bring the Gateway API's CRDs together with istiod")
    for subject, version in bundles:
        numbers = _numbers(version)
        for plane in planes:
            needed = _needed(plane)
            if numbers is None or needed is None:
                yield Undecided("the version of istiod or of the CRDs is not known", subject)
                continue
            least, by_kind = needed
            ignored = sorted(
                crd for crd, minimum in by_kind.items() if numbers < minimum and stack.holds(*_KINDS.get(crd, ()))
            )
            if numbers < least:
                what = f"the Gateway API's CRDs are {'.'.join(map(str, numbers))}, and istiod needs"
                yield Violation(f"{what} {'.'.join(map(str, least))}", subject)
            elif ignored:
                what = f"the Gateway API's CRDs are {'.'.join(map(str, numbers))}, too old for istiod"
                yield Violation(f"{what}: it ignores the stack's {listed(ignored)}", subject)


def _numbers(version: Any) -> tuple[int, ...] | None:
    match = _NUMBERS.fullmatch(version) if isinstance(version, str) else None
    return tuple(map(int, match.groups())) if match else None


def _needed(plane: Chart) -> tuple[tuple[int, ...], Mapping[str, tuple[int, ...]]] | None:
    """What a version of istiod needs at least, and for each CRD of which it asks more."""
    version = plane.version.removeprefix("v") if isinstance(plane.version, str) else ""
    ranges = [release.gateway_api for release in known().get("istiod", {}).get(version, [])]
    if not ranges or ranges[0] is None:
        return None
    needs = {crd: _numbers(least) for crd, least in ranges[0].crd_minimums.items()}
    return _numbers(ranges[0].minimum) or (), {crd: numbers for crd, numbers in needs.items() if numbers}


def _dry_runs(stack: Stack, _: Config) -> Iterator[Answer]:
    trials = [policy for policy in stack.of(*kinds.AUTHORIZATION_POLICY) if is_dry_run(policy) and not targets(policy)]
    if not trials:
        raise NotApplicableError("no dry run of the stack is for ztunnel")
    flag, agents = istiod_env(stack, DRY_RUN_FLAG), installed(stack, "ztunnel")
    minors = [agent.minor for agent in agents]
    is_old = any(minor is not None and minor < (1, 29) for minor in minors)
    for policy in trials:
        if flag == "true" and is_old:
            what = f"the dry run {name_of(policy)} is sent to a ztunnel before 1.29"
            yield Violation(f"{what}, which enforces it", policy)
        elif not installed(stack, "istiod") or flag is UNKNOWN or (flag == "true" and (not agents or None in minors)):
            yield Undecided(
                f"whether istiod has {DRY_RUN_FLAG}, and how old ztunnel is, the stack doesn't show", policy
            )


def _bundle(version: str) -> str:
    url = f"https://github.com/kubernetes-sigs/gateway-api/releases/download/v{version}/experimental-install.yaml"
    return f"crds:\n  type: kubernetes:yaml/v2:ConfigFile\n  properties: {{file: '{url}'}}\n"


_TCP = resource(
    "db",
    "gateway.networking.k8s.io/v1alpha2:TCPRoute",
    "metadata: {name: db, namespace: shop}",
    "spec: {parentRefs: [{kind: Service, group: '', name: db}], rules: [{backendRefs: [{name: db, port: 5432}]}]}",
)
_TRIAL = resource(
    "trial",
    "security.istio.io/v1:AuthorizationPolicy",
    "metadata: {name: trial, namespace: shop, annotations: {istio.io/dry-run: 'true'}}",
    "spec: {action: DENY, rules: [{from: [{source: {namespaces: [till]}}]}]}",
)
_SENT = chart("istiod", f"profile: ambient, env: {{{DRY_RUN_FLAG}: 'true'}}", "1.29.9")

SKEW = Rule(
    id="MW-IST-043",
    slug="node-agents-fit-istiod",
    title="The node agents are as new as istiod, or one minor older",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=kinds.HELM,
    why=(
        "Istio tests istio-cni and ztunnel with an istiod of their own minor and of the next. Beyond that they may not "
        "understand what istiod sends, policies included."
    ),
    remedy="upgrade istiod first, then cni, then ztunnel, one minor at a time",
    notes="With several revisions of istiod one that fits is enough. It reads the charts' versions.",
    bad=Example(
        chart("istiod", version="1.30.7") + chart("ztunnel"),
        "the chart ztunnel is 1.31, and istiod 1.30: it may be as new as istiod, or one minor older",
    ),
    good=Example(chart("istiod") + chart("ztunnel", version="1.30.7")),
    references=("https://istio.io/latest/docs/ambient/upgrade/helm/",),
    check_stack=_skew,
)
GATEWAY_API = Rule(
    id="MW-IST-044",
    slug="gateway-api-new-enough",
    title="The Gateway API's CRDs are new enough for istiod",
    severity=Severity.HIGH,
    level=Level.ADVISORY,
    applies_to=(_CRDS, *kinds.CONFIG_FILE, *kinds.CRD),
    why=(
        "istiod leaves out the objects of a CRD that is older than it needs. Only a line in its log, and IST0176, say "
        "that a route is not there."
    ),
    remedy="install the bundle that the catalog recommends for this istiod",
    notes=(
        "It reads the component GatewayApiCrds, the address of a manifest, and the CRDs' annotation "
        f"`{_BUNDLE}`. A minimum for one kind counts where the stack has objects of the kind."
    ),
    bad=Example(
        chart("istiod") + _bundle("1.5.1") + _TCP,
        "the Gateway API's CRDs are 1.5.1, too old for istiod: it ignores the stack's tcproutes",
    ),
    good=Example(chart("istiod") + _bundle("1.6.1") + _TCP),
    references=(
        "https://github.com/istio/istio/blob/master/pkg/config/schema/gatewayapi/minimumversions.go",
        "https://istio.io/latest/docs/reference/config/analysis/ist0176/",
    ),
    check_stack=_gateway_api,
)
DRY_RUNS = Rule(
    id="MW-IST-045",
    slug="dry-run-is-one",
    title="A dry run at ztunnel is none that is enforced",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=kinds.AUTHORIZATION_POLICY,
    why=(
        "istiod sends a dry run to ztunnel where a flag says so. A ztunnel before 1.29 doesn't know dry runs, and "
        "enforces the policy that should only be tried."
    ),
    remedy=f"upgrade ztunnel to 1.29 or later before istiod is given {DRY_RUN_FLAG}",
    notes="Without the flag istiod doesn't send it, and nothing is tried: MW-IST-005 speaks about that.",
    bad=Example(
        namespace() + _SENT + chart("ztunnel", version="1.28.10") + _TRIAL,
        "the dry run trial is sent to a ztunnel before 1.29, which enforces it",
    ),
    good=Example(namespace() + _SENT + chart("ztunnel", version="1.29.9") + _TRIAL),
    references=("https://istio.io/latest/docs/reference/config/annotations/",),
    check_stack=_dry_runs,
)

RULES = (SKEW, GATEWAY_API, DRY_RUNS)
