"""Namespaces say what they should, and every pod that is asked to be in the mesh has a proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meshwright.health.objects import annotation, called, label, name_of
from meshwright.health.verdicts import Check, Doubt, Finding, Severity, SkipError
from meshwright.linkerd import labels
from meshwright.linkerd.health.installation import installed
from meshwright.linkerd.health.mesh import ON, has_proxy, is_left_alone, is_wanted, namespaces, running_pods
from meshwright.linkerd.injection import DEFAULT_POLICY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.health.snapshot import Snapshot

_CATEGORY: Final = "namespaces and injection"
_TOO_STRICT: Final = ("baseline", "restricted")


def _system(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    own = namespaces(snapshot).get(labels.NAMESPACE)
    if own is None:
        raise SkipError(f"the namespace {labels.NAMESPACE} is not in it")
    if label(own, labels.IS_CONTROL_PLANE) != "true":
        yield Finding(called(own), f"has no label {labels.IS_CONTROL_PLANE}: true, by which trust-manager finds it")
    if label(own, labels.ADMISSION_WEBHOOKS) != "disabled":
        yield Finding(called(own), f"has no label {labels.ADMISSION_WEBHOOKS}: disabled: the injector waits for itself")
    if annotation(own, labels.INJECT) in ON:
        yield Finding(called(own), f"is annotated with {labels.INJECT}, and the chart gives its pods their proxies")


def _pod_security(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    if all(each.value("cniEnabled", default=False) is True for each in installed(snapshot)):
        raise SkipError("linkerd2-cni redirects traffic, and pods need no privileges")
    for name, each in namespaces(snapshot).items():
        level = label(each, labels.POD_SECURITY)
        if level in _TOO_STRICT and (name == labels.NAMESPACE or annotation(each, labels.INJECT) in ON):
            yield Finding(called(each), f"enforces {level}, which refuses every pod with linkerd-init")


def _asked(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    asking = 0
    for each in namespaces(snapshot).values():
        if label(each, labels.INJECT):
            yield Finding(called(each), f"has a label {labels.INJECT}, and the injector reads the annotation alone")
        if annotation(each, labels.INJECT) in ON and name_of(each) != labels.NAMESPACE:
            asking += 1
            if is_left_alone(each):
                yield Finding(called(each), f"asks for proxies, and its label {labels.ADMISSION_WEBHOOKS} forbids them")
    if not asking:
        raise SkipError("no namespace asks for proxies")


def _injected(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    running, homes = running_pods(snapshot), namespaces(snapshot)
    wanted = [each for each in running if is_wanted(each, homes)]
    if not wanted:
        raise SkipError("no pod asks for a proxy")
    for each in wanted:
        if not has_proxy(each):
            yield Finding(called(each), "has no proxy: its traffic is outside of the mesh, in plaintext")


def _phases(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    if not snapshot.phases:
        raise SkipError("no stack says which phase a namespace is in")
    known = namespaces(snapshot)
    for name, phase in sorted(snapshot.phases.items()):
        if name not in known:
            if snapshot.live:
                yield Finding(f"Namespace {name}", f"is not there, and is declared as {phase}")
            continue
        said, policy = (annotation(known[name], each) for each in (labels.INJECT, labels.INBOUND_POLICY))
        if phase in DEFAULT_POLICY and (said not in ON or policy != DEFAULT_POLICY[phase]):
            is_now = f"{said or 'no proxies'}, {policy or 'the default policy'}"
            yield Finding(f"Namespace {name}", f"is declared as {phase}, and has {is_now}")
        elif phase not in DEFAULT_POLICY and said in ON:
            yield Finding(f"Namespace {name}", f"is declared as {phase}, and asks for proxies")


CHECKS: Final = (
    Check(
        "system-namespace",
        _CATEGORY,
        "the control plane's namespace has the labels that the chart leaves out under Helm",
        Severity.ERROR,
        f"label it with {labels.IS_CONTROL_PLANE}: true and {labels.ADMISSION_WEBHOOKS}: disabled",
        _system,
    ),
    Check(
        "pod-security",
        _CATEGORY,
        "Pod Security lets pods with linkerd-init start",
        Severity.ERROR,
        f"set {labels.POD_SECURITY} to privileged there, or use linkerd2-cni",
        _pod_security,
    ),
    Check(
        "injection-asked",
        _CATEGORY,
        "the injector sees every namespace that asks for proxies",
        Severity.ERROR,
        f"ask by the annotation {labels.INJECT}, and remove {labels.ADMISSION_WEBHOOKS}",
        _asked,
    ),
    Check(
        "pods-injected",
        _CATEGORY,
        "every pod that asks for a proxy has one",
        Severity.ERROR,
        "see the injector's log and the pod's events; then restart the workload",
        _injected,
    ),
    Check(
        "phases-as-declared",
        _CATEGORY,
        "every namespace is in the phase that the stack declares",
        Severity.ERROR,
        "run `meshwright up`; nobody else should annotate the namespace",
        _phases,
    ),
)
