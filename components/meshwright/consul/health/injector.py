"""The injector is there when pods start, and every pod that should have a proxy has one, under its own name."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final

from meshwright.certs.pem import called as certificate_called
from meshwright.certs.pem import certificates_in, is_signed_by, is_valid
from meshwright.consul import labels
from meshwright.consul.budgets import blocked_drain
from meshwright.consul.health.certificates import certificates_of, now
from meshwright.consul.health.mesh import (
    drains,
    has_proxy,
    injectors,
    meshed,
    releases,
    require_running,
    running_pods,
    selecting,
)
from meshwright.health.objects import annotation, at, called, items, label, name_of, namespace_of
from meshwright.health.verdicts import Check, Doubt, Finding, Severity, SkipError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.health.objects import Object
    from meshwright.health.snapshot import Snapshot

CATEGORY: Final = "injector and pods"
_TOO_STRICT: Final = ("baseline", "restricted")
_ENOUGH: Final = 2


def _ready(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    require_running(snapshot)
    found = injectors(snapshot)
    if not found:
        yield Finding(f"Deployment {labels.NAMESPACE}/{labels.INJECTOR}", "is not there")
    for each in found:
        if not at(each, "status", "availableReplicas"):
            yield Finding(called(each), "has no available replica: no pod of the mesh's namespaces can start")


def _drains(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    charts, found = releases(snapshot), injectors(snapshot)
    if not charts and not found:
        raise SkipError("the injector is not in it")
    for chart in charts:
        replicas = int(chart.value("connectInject", "replicas", default=1))
        yield from _number(chart.name, replicas)
        if message := blocked_drain(replicas, chart.value("connectInject", "disruptionBudget", default={})):
            yield Finding(chart.name, f"can't be drained: {message}")
    for each in found:
        yield from _number(called(each), int(at(each, "spec", "replicas") or 0))
        yield from drains(snapshot, each)


def _number(subject: str, replicas: int) -> Iterator[Finding]:
    if replicas < _ENOUGH:
        yield Finding(subject, f"has {replicas} injector: while it restarts, no pod of the mesh's namespaces can start")


def _trusted(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    require_running(snapshot)
    found = [each for each in snapshot.of("MutatingWebhookConfiguration") if name_of(each) == labels.INJECTOR]
    if not found:
        yield Finding(f"MutatingWebhookConfiguration {labels.INJECTOR}", "is not there: no pod gets a proxy")
    served = certificates_of(snapshot, labels.WEBHOOK_CERTIFICATE_SECRET)
    moment = now()
    for configuration in found:
        webhooks = {str(at(each, "clientConfig", "caBundle") or "") for each in items(configuration, "webhooks")}
        for text in sorted(webhooks):
            try:
                trusted = certificates_in(base64.b64decode(text, validate=True).decode())
            except (binascii.Error, ValueError):
                trusted = ()
            if not trusted:
                yield Finding(called(configuration), "has no caBundle: the API server can't trust the injector")
            elif ended := [each for each in trusted if not is_valid(each, moment)]:
                yield Finding(called(configuration), f"trusts {certificate_called(ended[0])}, which is not valid now")
            elif served and not any(each == served[0] or is_signed_by(served[0], each) for each in trusted):
                yield Finding(called(configuration), "has a caBundle that did not sign the certificate that is served")


def _cni(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    require_running(snapshot)
    found = [each for each in snapshot.of("DaemonSet") if name_of(each) == labels.CNI]
    if not found:
        raise SkipError("consul-cni is not in it")
    for each in found:
        wanted, ready = (int(at(each, "status", key) or 0) for key in ("desiredNumberScheduled", "numberReady"))
        if ready < wanted:
            yield Finding(called(each), f"is ready on {ready} of {wanted} nodes: on the others pods aren't redirected")


def _security(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    charts = releases(snapshot)
    privileged = [each for each in charts if each.value("connectInject", "cni", "enabled", default=False) is not True]
    if snapshot.live:
        require_running(snapshot)
        if any(name_of(each) == labels.CNI for each in snapshot.of("DaemonSet")):
            raise SkipError("consul-cni redirects traffic, and pods need no privileges")
    elif not charts:
        raise SkipError("Consul is not in it")
    elif not privileged:
        raise SkipError("consul-cni redirects traffic, and pods need no privileges")
    for each in meshed(snapshot).values():
        level = label(each, labels.POD_SECURITY)
        if level in _TOO_STRICT and annotation_or_label(each, labels.TRANSPARENT_PROXY) != "false":
            yield Finding(called(each), f"enforces {level}, which refuses every pod whose traffic is redirected")


def annotation_or_label(body: Object, key: str) -> str:
    """Some keys of Consul's are a pod's annotation and a namespace's label."""
    return annotation(body, key) or label(body, key)


def _injected(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    homes = meshed(snapshot)
    wanted = [each for each in running_pods(snapshot) if namespace_of(each) in homes and _asks(each)]
    if not wanted:
        raise SkipError("no pod asks for a proxy")
    for each in wanted:
        if not has_proxy(each):
            yield Finding(called(each), "has no proxy: its traffic is outside of the mesh, in plaintext")


def _asks(pod: Object) -> bool:
    return annotation(pod, labels.INJECT) != "false" and at(pod, "spec", "hostNetwork") is not True


def _is_consuls(pod: Object) -> bool:
    """Whether it is a gateway, which is registered in another way: by the chart, or by the gateway controller."""
    return label(pod, "app") == "consul" or label(pod, "component") == "api-gateway"


def _identities(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    proxied = [each for each in running_pods(snapshot) if has_proxy(each) and not _is_consuls(each)]
    if not proxied:
        raise SkipError("no pod has a proxy")
    for pod in proxied:
        account = str(at(pod, "spec", "serviceAccountName") or "default")
        services = [name_of(each) for each in selecting(snapshot, pod)]
        named = annotation(pod, labels.SERVICE) or annotation(pod, labels.KUBERNETES_SERVICE)
        if not services:
            yield Finding(called(pod), "is selected by no Service: its proxy waits for one, and doesn't start")
        elif len(services) > 1 and not annotation(pod, labels.KUBERNETES_SERVICE):
            yield Finding(called(pod), f"is selected by {' and '.join(sorted(services))}: Consul registers it for one")
        elif account == "default":
            yield Finding(called(pod), "has the service account default, by which Consul lets no pod log in")
        elif "," not in named and account != (wanted := named or services[0]):
            yield Finding(called(pod), f"is {account} by its service account, and {wanted} by its Service")


CHECKS: Final = (
    Check(
        "injector-ready",
        CATEGORY,
        "an injector is available",
        Severity.ERROR,
        "see why its pods don't start: it fails closed, and pods of the mesh's namespaces wait for it",
        _ready,
    ),
    Check(
        "injector-drains",
        CATEGORY,
        "there are two injectors or more, and one of them may be away",
        Severity.ERROR,
        "use 3 injectors, or allow one to be away: connectInject.disruptionBudget.maxUnavailable: 1",
        _drains,
    ),
    Check(
        "webhook-trusted",
        CATEGORY,
        "the API server trusts the certificate of the injector's webhook",
        Severity.ERROR,
        "restart consul-webhook-cert-manager, or with Vault the injector: each writes the caBundle when it starts",
        _trusted,
    ),
    Check(
        "cni-ready",
        CATEGORY,
        "consul-cni is ready on every node",
        Severity.ERROR,
        "see why its pods don't start: another plugin may have written the node's configuration",
        _cni,
    ),
    Check(
        "pod-security",
        CATEGORY,
        "Pod Security lets pods start whose traffic is redirected",
        Severity.ERROR,
        "use consul-cni (`cni: {}`), which takes the init container with NET_ADMIN away",
        _security,
    ),
    Check(
        "pods-injected",
        CATEGORY,
        "every pod of the mesh's namespaces has a proxy",
        Severity.ERROR,
        f'restart its workload; where it should have none, annotate its pods with {labels.INJECT}: "false"',
        _injected,
    ),
    Check(
        "identities-match",
        CATEGORY,
        "every pod with a proxy has one Service, and a service account of its name",
        Severity.ERROR,
        "give the pods a service account with the Service's name: with ACLs Consul registers no other",
        _identities,
    ),
)
