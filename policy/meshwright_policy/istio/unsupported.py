"""What ambient can't be combined with: nodes of nobody's, SPIRE at ztunnel, a control plane elsewhere."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from meshwright_policy.istio import kinds
from meshwright_policy.istio.charts import installed
from meshwright_policy.istio.fragments import chart, namespace, resource
from meshwright_policy.istio.mesh import (
    AMBIENT_NAMESPACES,
    kind_of,
    labels_of,
    name_of,
    namespace_of,
    pod_of,
    seen,
    shows_ambient,
)
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
from meshwright_policy.values import UNKNOWN, at, elements

_PREREQUISITES = "https://istio.io/latest/docs/ambient/install/platform-prerequisites/"
_NODELESS = {"eks.amazonaws.com/compute-type": "fargate", "type": "virtual-kubelet"}


def _on_nodes(stack: Stack, config: Config) -> Iterator[Answer]:
    if not shows_ambient(stack, config):
        raise NotApplicableError("nothing in the stack is ambient")
    mesh = stack.derived(seen)
    for workload in stack.of(*kinds.WORKLOAD):
        is_nodeless, is_ambient = _is_nodeless(workload), mesh.is_ambient(namespace_of(workload), config)
        if is_nodeless and is_ambient:
            what = f"the {kind_of(workload)} {name_of(workload)} is ambient, and runs where there is no node agent"
            yield Violation(f"{what}: nothing captures it", workload)
        elif is_nodeless is not False and is_ambient is not False:
            yield Undecided("where its pods run, or whether they are ambient, the stack doesn't show", workload)
    ambient = sorted(name for name in mesh.spaces if mesh.is_ambient(name, config))
    for profile in stack.of(*kinds.FARGATE):
        yield from _on_fargate(profile, ambient)
    for cluster in stack.of(*kinds.AUTOPILOT):
        autopilot = at(cluster.properties, "enableAutopilot")
        if autopilot is True:
            yield Violation("the cluster is GKE Autopilot, whose nodes admit neither ztunnel nor istio-cni", cluster)
        elif autopilot is UNKNOWN:
            yield Undecided("whether the cluster is GKE Autopilot is known only at the update", cluster)


def _on_fargate(profile: Subject, ambient: list[str]) -> Iterator[Answer]:
    globs = [at(selector, "namespace") for selector in elements(at(profile.properties, "selectors"))]
    taken = [name for name in ambient for glob in globs if isinstance(glob, str) and fnmatchcase(name, glob)]
    if taken:
        what = f"the namespace {taken[0]} is ambient, and its pods may run on Fargate, without a node agent"
        yield Violation(f"{what}: nothing captures them", profile)
    elif UNKNOWN in globs:
        yield Undecided("which namespaces run on Fargate is known only at the update", profile)


def _is_nodeless(workload: Subject) -> bool | None:
    selector = at(pod_of(workload), "spec", "nodeSelector")
    profile = at(labels_of(workload), "eks.amazonaws.com/fargate-profile")
    given = [at(selector, key) for key in _NODELESS]
    if profile not in (None, UNKNOWN) or any(
        value == wanted for value, wanted in zip(given, _NODELESS.values(), strict=True)
    ):
        return True
    return None if UNKNOWN in (profile, *given) else False


_SPIRE = ("csi.spiffe.io", "spire", "spiffe_endpoint_socket", "workload-spiffe-uds")


def _own_identities(stack: Stack, _: Config) -> Iterator[Answer]:
    found = installed(stack, "ztunnel")
    if not found:
        raise NotApplicableError("the stack doesn't install ztunnel")
    for ztunnel in found:
        texts = list(_texts(ztunnel.values))
        if any(mark in text.lower() for mark in _SPIRE for text in texts if isinstance(text, str)):
            yield Violation("ztunnel is told to take its certificates from SPIRE, which it can't", ztunnel.subject)
        elif UNKNOWN in texts or at(ztunnel.subject.properties, "valueYamlFiles"):
            yield Undecided("a value of ztunnel's chart is known only at the update", ztunnel.subject)


def _texts(value: Any) -> Iterator[Any]:
    """All keys and values of a tree that are text or unknown."""
    if isinstance(value, Mapping):
        for key, element in value.items():
            yield key
            yield from _texts(element)
    elif isinstance(value, list):
        for element in value:
            yield from _texts(element)
    elif value is UNKNOWN or isinstance(value, str):
        yield value


def _own_istiod(stack: Stack, config: Config) -> Iterator[Answer]:
    found = installed(stack, "istiod")
    if not found or not shows_ambient(stack, config):
        raise NotApplicableError("the stack doesn't install istiod beside ambient")
    for istiod in found:
        profile, remote, address = (istiod.value(*path) for path in _REMOTE)
        if profile == "remote" or remote is True or (isinstance(address, str) and address):
            what = "istiod of another cluster serves this one (primary-remote)"
            yield Violation(f"{what}: ambient has no such mode, and ztunnel gets nothing", istiod.subject)
        elif UNKNOWN in (profile, remote, address):
            yield Undecided("whether istiod runs in this cluster is known only at the update", istiod.subject)


_REMOTE = (("profile",), ("istiodRemote", "enabled"), ("global", "remotePilotAddress"))


def _deployment(pod: str) -> str:
    spec = (
        f"{{selector: {{matchLabels: {{app: cart}}}}, template: {{metadata: {{labels: {{app: cart}}}}, spec: {pod}}}}}"
    )
    return resource("cart", "apps/v1:Deployment", "metadata: {name: cart, namespace: shop}", f"spec: {spec}")


ON_NODES = Rule(
    id="MW-IST-046",
    slug="ambient-pods-run-on-nodes",
    title="Ambient pods run on nodes that have ztunnel and istio-cni",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=(*kinds.WORKLOAD, *kinds.FARGATE, *kinds.AUTOPILOT),
    why=(
        "istio-cni and ztunnel run on the node, with rights that Fargate, virtual nodes and GKE Autopilot don't give. "
        "Pods there are not captured: they speak plaintext, and no policy holds for them."
    ),
    remedy="run ambient workloads on nodes, or leave the namespace out of the mesh",
    notes=(
        "It looks at node selectors and labels of workloads for Fargate and virtual-kubelet, at `aws` Fargate profiles "
        "by their namespaces, and at `gcp` clusters with `enableAutopilot`."
    ),
    config=AMBIENT_NAMESPACES,
    bad=Example(
        namespace() + _deployment("{nodeSelector: {eks.amazonaws.com/compute-type: fargate}, containers: []}"),
        "the Deployment cart is ambient, and runs where there is no node agent: nothing captures it",
    ),
    good=Example(namespace() + _deployment("{nodeSelector: {kubernetes.io/os: linux}, containers: []}")),
    references=(_PREREQUISITES, "https://github.com/istio/istio/issues/58997"),
    check_stack=_on_nodes,
)
OWN_IDENTITIES = Rule(
    id="MW-IST-047",
    slug="ztunnel-without-spire",
    title="A CA that ztunnel can ask issues its certificates",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=kinds.HELM,
    why=(
        "ztunnel asks for the certificates of all pods on its node, which SPIRE's workload API doesn't give. It "
        "ignores the socket, or gets no certificate at all, and traffic stops."
    ),
    remedy="have istiod, or istio-csr, issue the certificates, and keep SPIRE for sidecars and gateways",
    notes="It looks for SPIRE's socket, driver and address among the values of ztunnel's chart.",
    bad=Example(
        chart("ztunnel", "volumes: [{name: workload-socket, csi: {driver: csi.spiffe.io, readOnly: true}}]"),
        "ztunnel is told to take its certificates from SPIRE, which it can't",
    ),
    good=Example(chart("ztunnel", "caAddress: 'cert-manager-istio-csr.cert-manager.svc:443'")),
    references=("https://github.com/istio/istio/issues/42339",),
    check_stack=_own_identities,
)
OWN_ISTIOD = Rule(
    id="MW-IST-048",
    slug="istiod-in-the-cluster",
    title="An ambient cluster has an istiod of its own",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=kinds.HELM,
    why="Ambient supports several primaries, each with its istiod. Its east-west gateway can't expose istiod.",
    remedy="install istiod in every cluster, and connect them as primaries of one mesh",
    config=AMBIENT_NAMESPACES,
    bad=Example(
        chart("istiod", "profile: remote, global: {remotePilotAddress: 10.0.0.7}") + chart("ztunnel"),
        "istiod of another cluster serves this one (primary-remote): ambient has no such mode, and ztunnel gets "
        "nothing",
    ),
    good=Example(chart("istiod", "profile: ambient") + chart("ztunnel")),
    references=("https://istio.io/latest/docs/ambient/install/multicluster/",),
    check_stack=_own_istiod,
)

RULES = (ON_NODES, OWN_IDENTITIES, OWN_ISTIOD)
