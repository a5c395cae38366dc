"""Pods of an ambient namespace that stay out of the mesh, or could leave it."""

from collections.abc import Iterator
from typing import Any

from meshwright.istio.labels import DATAPLANE_MODE
from meshwright_policy.istio import kinds
from meshwright_policy.istio.fragments import namespace, resource
from meshwright_policy.istio.mesh import (
    AMBIENT_NAMESPACES,
    in_ambient,
    kind_of,
    labels_of,
    name_of,
    pod_of,
)
from meshwright_policy.record import (
    Answer,
    Config,
    Example,
    Level,
    Requirement,
    Rule,
    Severity,
    Subject,
    Undecided,
    Violation,
)
from meshwright_policy.stack import Stack
from meshwright_policy.values import UNKNOWN, at, elements, listed

_BYPASS = "ambient.istio.io/bypass-inbound-capture"
_POWERS = ("NET_ADMIN", "NET_RAW", "SYS_ADMIN", "ALL")


def _captured(stack: Stack, config: Config) -> Iterator[Answer]:
    for workload, is_known in in_ambient(stack, config, *kinds.WORKLOAD):
        outs = _ways_out(workload)
        what = f"the {kind_of(workload)} {name_of(workload)}"
        if True in outs.values() and is_known:
            ways = [way for way, answer in outs.items() if answer]
            yield Violation(f"{what} is in an ambient namespace but stays out by {listed(ways)}", workload)
        elif True in outs.values() or None in outs.values():
            yield Undecided(f"whether {what} is captured is known only at the update", workload)


def _ways_out(workload: Subject) -> dict[str, bool | None]:
    pod = pod_of(workload)
    mode, host, bypass = (
        at(labels_of(workload), DATAPLANE_MODE),
        at(pod, "spec", "hostNetwork"),
        at(pod, "metadata", "annotations", _BYPASS),
    )
    return {
        "its label": None if mode is UNKNOWN else mode == "none",
        "the host's network": None if host is UNKNOWN else host is True,
        f"{_BYPASS}": None if bypass is UNKNOWN else bypass == "true",
    }


def _powerless(stack: Stack, config: Config) -> Iterator[Answer]:
    for workload, is_known in in_ambient(stack, config, *kinds.WORKLOAD):
        found = list(_powers(pod_of(workload)))
        known = sorted({power for power in found if power is not UNKNOWN})
        what = f"the {kind_of(workload)} {name_of(workload)}"
        if known and is_known:
            yield Violation(f"{what} may undo its redirection into the mesh: it has {listed(known)}", workload)
        elif found:
            yield Undecided(f"whether {what} may undo its redirection is known only at the update", workload)


def _powers(pod: Any) -> Iterator[Any]:
    spec = at(pod, "spec")
    for key in ("containers", "initContainers", "ephemeralContainers"):
        for container in elements(at(spec, key)):
            security = at(container, "securityContext")
            if at(security, "privileged") in (True, UNKNOWN):
                yield "privileged containers" if at(security, "privileged") is True else UNKNOWN
            added = elements(at(security, "capabilities", "add"))
            # Kubernetes takes the names with and without the kernel's prefix.
            names = [name if name is UNKNOWN else str(name).upper().removeprefix("CAP_") for name in added]
            yield from (name for name in names if name is UNKNOWN or name in _POWERS)


def _deployment(pod: str, metadata: str = "{labels: {app: cart}}") -> str:
    return resource(
        "cart",
        "apps/v1:Deployment",
        "metadata: {name: cart, namespace: shop}",
        f"spec: {{selector: {{matchLabels: {{app: cart}}}}, template: {{metadata: {metadata}, spec: {pod}}}}}",
    )


_PLAIN = "{containers: [{name: cart, image: cart}]}"

CAPTURED = Rule(
    id="MW-IST-026",
    slug="pods-of-an-ambient-namespace-are-captured",
    title="The pods of an ambient namespace are captured",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=kinds.WORKLOAD,
    why=(
        "A pod that stays out has no identity and meets no policy: it speaks plaintext, strict namespaces refuse it, "
        "and whoever reaches it is let in."
    ),
    remedy="let it be captured, or move it to a namespace that is not ambient",
    notes=(
        f"Out is `{DATAPLANE_MODE}: none` on the pods, `hostNetwork: true`, which can't be captured, and the "
        f"annotation `{_BYPASS}`. It is Kyverno's prevent-disabling-injection-pods for ambient, which also reads "
        "the templates of Deployments, StatefulSets, DaemonSets, Jobs and CronJobs."
    ),
    config=AMBIENT_NAMESPACES,
    bad=Example(
        namespace() + _deployment(_PLAIN, "{labels: {app: cart, istio.io/dataplane-mode: none}}"),
        "the Deployment cart is in an ambient namespace but stays out by its label",
    ),
    good=Example(namespace() + _deployment(_PLAIN)),
    references=("https://istio.io/latest/docs/ambient/usage/add-workloads/",),
    check_stack=_captured,
)
POWERLESS = Rule(
    id="MW-IST-027",
    slug="pods-cannot-undo-their-redirection",
    title="No pod of an ambient namespace may undo its redirection into the mesh",
    severity=Severity.HIGH,
    level=Level.ADVISORY,
    applies_to=kinds.WORKLOAD,
    why=(
        "The rules that send a pod's traffic to ztunnel are in the pod's own network namespace. A container that may "
        "administer it can remove them, and leave the mesh with everything that policy would have kept it from."
    ),
    remedy="drop the capability: in ambient no container of a pod needs it for the mesh",
    notes=(
        f"It looks for {', '.join(f'`{power}`' for power in _POWERS)} and for privileged containers, among init and "
        "ephemeral ones too. Kyverno's service-mesh-disallow-capabilities excepts images by a name that anybody can "
        "give to an image; ambient needs no exception."
    ),
    config=AMBIENT_NAMESPACES,
    bad=Example(
        namespace()
        + _deployment("{containers: [{name: cart, image: cart, securityContext: {capabilities: {add: [NET_ADMIN]}}}]}"),
        "the Deployment cart may undo its redirection into the mesh: it has NET_ADMIN",
    ),
    good=Example(
        namespace()
        + _deployment("{containers: [{name: cart, image: cart, securityContext: {capabilities: {drop: [ALL]}}}]}")
    ),
    references=(
        "https://istio.io/latest/docs/ambient/architecture/traffic-redirection/",
        "https://kyverno.io/policies/istio/service-mesh-disallow-capabilities/service-mesh-disallow-capabilities/",
    ),
    frameworks=(
        Requirement(
            "CIS Kubernetes Benchmark",
            "1.0.0 for Kubernetes 1.24",
            "5.2.9",
            "no containers with added capabilities are admitted; for those that reach the pod's network, in ambient "
            "namespaces",
            "https://www.tenable.com/audits/items/CIS_Kubernetes_v1.24_v1.0.0_Level_1_Master.audit:bb0ce4471ab21050eff53e5cc66f8b0b",
        ),
    ),
    check_stack=_powerless,
)

RULES = (CAPTURED, POWERLESS)
