"""Cilium beside ambient: what its chart must be told."""

from collections.abc import Iterator
from typing import Any

from meshwright_policy.istio import kinds
from meshwright_policy.istio.charts import Chart, chart_name
from meshwright_policy.istio.fragments import namespace, resource
from meshwright_policy.istio.mesh import AMBIENT_NAMESPACES, shows_ambient
from meshwright_policy.record import (
    Answer,
    Config,
    Example,
    Level,
    NotApplicableError,
    Rule,
    Severity,
    Undecided,
    Violation,
)
from meshwright_policy.stack import Stack
from meshwright_policy.values import UNKNOWN, at

_PAGE = "https://istio.io/latest/docs/ambient/install/platform-prerequisites/#cilium"


def _installed(stack: Stack, config: Config) -> list[Chart]:
    found = [
        Chart(subject, "cilium", at(subject.properties, "version"), at(subject.properties, "values"))
        for subject in stack.of(*kinds.HELM)
        if chart_name(subject)[0] == "cilium"
    ]
    if not found or not shows_ambient(stack, config):
        raise NotApplicableError("the stack doesn't install Cilium beside ambient")
    return found


def _is_on(value: Any) -> bool | None:
    return None if value is UNKNOWN else str(value).lower() == "true"


def _leaves_room(stack: Stack, config: Config) -> Iterator[Answer]:
    for chart in _installed(stack, config):
        exclusive, masquerade = chart.value("cni", "exclusive"), chart.value("bpf", "masquerade")
        if exclusive is None or _is_on(exclusive):
            what = "Cilium owns the CNI configuration alone (cni.exclusive)"
            yield Violation(f"{what}: it removes istio-cni, and no pod is captured", chart.subject)
        if _is_on(masquerade):
            yield Violation("Cilium masquerades by BPF (bpf.masquerade): probes of captured pods fail", chart.subject)
        if UNKNOWN in (exclusive, masquerade):
            yield Undecided("cni.exclusive or bpf.masquerade is known only at the update", chart.subject)


def _leaves_sockets(stack: Stack, config: Config) -> Iterator[Answer]:
    for chart in _installed(stack, config):
        replaces = _is_on(chart.value("kubeProxyReplacement"))
        hosts_only = _is_on(chart.value("socketLB", "hostNamespaceOnly"))
        if replaces and hosts_only is False:
            what = "Cilium replaces kube-proxy inside pods (socketLB.hostNamespaceOnly is off)"
            yield Violation(f"{what}: ztunnel sees a pod's address in place of the Service's", chart.subject)
        elif replaces is not False and hosts_only is not True:
            yield Undecided("how Cilium replaces kube-proxy is known only at the update", chart.subject)


def _cilium(values: str) -> str:
    return resource(
        "cilium",
        "helm.sh/v3:Release",
        "chart: cilium",
        "repositoryOpts: {repo: 'https://helm.cilium.io'}",
        "version: 1.18.4",
        f"values: {{{values}}}",
    )


LEAVES_ROOM = Rule(
    id="MW-IST-034",
    slug="cilium-leaves-room-for-istio-cni",
    title="Cilium leaves room for istio-cni, and its probes alone",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=kinds.HELM,
    why=(
        "By default Cilium removes every other CNI plugin's configuration from the node. istio-cni is one: pods start "
        "outside of the mesh, in plaintext and without policy. With BPF masquerading the probes of captured pods fail."
    ),
    remedy="set `cni.exclusive: false` and `bpf.masquerade: false` on Cilium's chart",
    config=AMBIENT_NAMESPACES,
    bad=Example(
        namespace() + _cilium("ipam: {mode: kubernetes}"),
        "Cilium owns the CNI configuration alone (cni.exclusive): it removes istio-cni, and no pod is captured",
    ),
    good=Example(namespace() + _cilium("cni: {exclusive: false}")),
    references=(_PAGE,),
    check_stack=_leaves_room,
)
LEAVES_SOCKETS = Rule(
    id="MW-IST-035",
    slug="cilium-leaves-pods-sockets-alone",
    title="Cilium's kube-proxy replacement leaves the sockets of pods alone",
    severity=Severity.HIGH,
    level=Level.ADVISORY,
    applies_to=kinds.HELM,
    why=(
        "Where Cilium translates a Service's address in the pod's own socket, ztunnel sees a pod's address. A waypoint "
        "for Services is passed by, and so are its policies."
    ),
    remedy="set `socketLB.hostNamespaceOnly: true` on Cilium's chart",
    config=AMBIENT_NAMESPACES,
    bad=Example(
        namespace() + _cilium("cni: {exclusive: false}, kubeProxyReplacement: true"),
        "Cilium replaces kube-proxy inside pods (socketLB.hostNamespaceOnly is off): ztunnel sees a pod's address in "
        "place of the Service's",
    ),
    good=Example(
        namespace()
        + _cilium("cni: {exclusive: false}, kubeProxyReplacement: true, socketLB: {hostNamespaceOnly: true}")
    ),
    references=(
        "https://docs.cilium.io/en/stable/network/servicemesh/istio/",
        "https://github.com/istio/istio/issues/57911",
    ),
    check_stack=_leaves_sockets,
)

RULES = (LEAVES_ROOM, LEAVES_SOCKETS)
