"""The proxy injector is down: with failurePolicy Fail no pod can be made, with Ignore pods start without a proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meshwright.breakglass.plan import DRIFT, Plan, Step, as_json, refused
from meshwright.breakglass.restarts import brought_back
from meshwright.certs.from_cluster import workload_of
from meshwright.certs.observed import Proxy
from meshwright.certs.pem import is_signed_by, is_valid
from meshwright.health.objects import annotation, at, called, items, label, mapping, matches, name_of, namespace_of
from meshwright.linkerd import labels
from meshwright.linkerd.breakglass.restarting import workloads
from meshwright.linkerd.breakglass.trust import moment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.health.objects import Object
    from meshwright.linkerd.breakglass.looking import Look

SCENARIO = "injector-down"
_SECRET: Final = f"{labels.INJECTOR}-k8s-tls"
_SERVED: Final = f"Secret {labels.NAMESPACE}/{_SECRET}"
_TRUSTED: Final = f"mutatingwebhookconfigurations/{labels.INJECTOR_WEBHOOK}, caBundle"
_INJECTS: Final = ("enabled", "ingress")
_SHOWN: Final = 20


def plan(look: Look, *, relax_webhook: bool = False) -> Plan:
    """Bring the injector back; let pods be made meanwhile, if that is asked for; later restart those without a proxy.

    Args:
        look: The cluster.
        relax_webhook: Whether pods are to be made without a proxy while the injector doesn't answer.

    Raises:
        ConfigError: MW-E172: the injector works and no pod lacks a proxy, what is asked for would not help, or it
            can't be told.
    """
    deployment = look.one("Deployment", labels.NAMESPACE, labels.INJECTOR)
    configuration = look.one("MutatingWebhookConfiguration", "", labels.INJECTOR_WEBHOOK)
    refuses = list(_relaxed(configuration))
    broken = _broken_certificate(look)
    is_away = not at(deployment, "status", "availableReplicas")
    unmeshed = list(_unmeshed(look))
    if not is_away and not broken:
        return _caught_up(look, unmeshed, refuses_pods=bool(refuses))
    if relax_webhook and not refuses:
        raise refused(f"{called(configuration)} is Ignore already: pods are made", "leave out --relax-webhook")
    if is_away and refuses and not relax_webhook and _guards_itself(look, configuration):
        raise refused(
            f"{called(configuration)} refuses the injector's own pods: Namespace {labels.NAMESPACE} isn't left out",
            "add --relax-webhook; then label it, or bring it back by `meshwright up`",
        )
    is_open = relax_webhook or not refuses
    renewal = f"renew {broken}: by cert-manager, else by `meshwright up STACK`; kubectl makes no certificate"
    # A certificate that can't be renewed at once must not keep pods from being made.
    restarts = brought_back(deployment) if is_away or not relax_webhook else ()
    return Plan(
        SCENARIO,
        "the injector is available again" if restarts else "pods can be made again, without a proxy",
        called(deployment),
        tuple(_risks(look, unmeshed, is_open=is_open, why=broken)),
        (*(refuses if relax_webhook else ()), *restarts),
        (
            *((renewal,) if broken and relax_webhook else ()),
            *(
                ("undo as soon as the injector is available: until then every new pod starts without a proxy",)
                if relax_webhook
                else ()
            ),
            "run this command once more then: it names the pods without a proxy, and restarts their workloads",
            "see why it was lost: its log, its node, its certificate; three replicas outlive a node",
            DRIFT,
        ),
        mesh="linkerd",
        before=(renewal, "run this command again") if broken and not relax_webhook else (),
    )


def _caught_up(look: Look, unmeshed: list[Proxy], *, refuses_pods: bool) -> Plan:
    if not unmeshed:
        raise refused("the injector is available, and no pod lacks its proxy", "see why pods can't be made elsewhere")
    found = workloads(look, unmeshed, at_once=False)
    return Plan(
        SCENARIO,
        "every pod that is to have a proxy has one",
        ", ".join(sorted({f"{each.workload} in {each.namespace}" for each in unmeshed})),
        (
            _names(
                "pods that started without a proxy: their calls are in plaintext, and without an identity", unmeshed
            ),
            *(() if refuses_pods else ("the webhook is Ignore: a new pod may start without a proxy once more",)),
            *found.by_hand,
            "no downtime but that of a rolling restart",
        ),
        found.steps,
        (
            *(() if refuses_pods else ("undo what relaxed the webhook, or `meshwright up STACK`",)),
            "run this command once more: it is refused when no pod lacks its proxy",
        ),
        mesh="linkerd",
    )


def _relaxed(configuration: Object) -> Iterator[Step]:
    """A step for each webhook that refuses what it can't ask for; absent, the policy is Fail."""
    for index, webhook in enumerate(items(configuration, "webhooks")):
        if at(webhook, "failurePolicy") in ("Fail", None):
            name = str(at(webhook, "name"))
            place = ("patch", "mutatingwebhookconfiguration", name_of(configuration), "--type=json")
            yield Step(
                f"{called(configuration)}, {name}: Fail becomes Ignore",
                (*place, f"--patch={_policy(index, name, 'Ignore')}"),
                (*place, f"--patch={_policy(index, name, 'Fail')}"),
            )


def _policy(index: int, name: str, policy: str) -> str:
    path = f"/webhooks/{index}"
    return as_json(
        [
            {"op": "test", "path": f"{path}/name", "value": name},
            {"op": "add", "path": f"{path}/failurePolicy", "value": policy},
        ]
    )


def _guards_itself(look: Look, configuration: Object) -> bool:
    """Whether the webhook is asked about pods of the namespace that the injector runs in."""
    home = look.one("Namespace", "", labels.NAMESPACE)
    named = {"kubernetes.io/metadata.name": labels.NAMESPACE, **mapping(home, "metadata", "labels")}
    return any(matches(mapping(each, "namespaceSelector"), named) for each in items(configuration, "webhooks"))


def _broken_certificate(look: Look) -> str:
    """What is wrong with the certificate that the API server asks for; empty where nothing is."""
    seen = look.certificates()
    for what, why in {**seen.gaps, **seen.asides}.items():
        if what.startswith((f"Secret {_SECRET}", _SECRET, _TRUSTED.partition(",")[0])):
            raise refused(f"it can't be told: {what} can't be read: {why}", "use an account that may read it")
    served = [each.certificate for each in seen.served if each.place == _SERVED]
    trusted = [each.certificate for each in seen.served if each.place == _TRUSTED]
    for each in served:
        if not is_valid(each, look.now):
            return f"the certificate of {_SERVED}, which ended on {moment(each.not_valid_after_utc)}"
        if trusted and not any(each == one or is_signed_by(each, one) for one in trusted):
            return f"the caBundle of {labels.INJECTOR_WEBHOOK}, which doesn't lead to the certificate of {_SERVED}"
    return ""


def _unmeshed(look: Look) -> Iterator[Proxy]:
    """Pods that are to have a proxy, and have none."""
    inject = {name_of(each): annotation(each, labels.INJECT) for each in look.all("Namespace")}
    for pod in look.all("Pod"):
        wanted = annotation(pod, labels.INJECT) or inject.get(namespace_of(pod), "")
        is_over = at(pod, "status", "phase") in ("Succeeded", "Failed")
        if wanted in _INJECTS and not is_over and not at(pod, "spec", "hostNetwork") and not _has_proxy(pod):
            yield Proxy(f"{namespace_of(pod)}/{name_of(pod)}", workload_of(pod), None, None)


def _has_proxy(pod: Object) -> bool:
    containers = [*items(pod, "spec", "containers"), *items(pod, "spec", "initContainers")]
    return bool(label(pod, labels.CONTROL_PLANE_NAMESPACE)) or any(
        at(each, "name") == labels.PROXY_CONTAINER for each in containers
    )


def _risks(look: Look, unmeshed: list[Proxy], *, is_open: bool, why: str) -> Iterator[str]:
    if why:
        yield f"the API server can't ask the injector: the reason is {why}"
    if not is_open:
        yield "until it is back no pod and no Service can be made, wherever the webhook is asked; those that run go on"
    else:
        namespaces = [name_of(each) for each in look.all("Namespace") if annotation(each, labels.INJECT) in _INJECTS]
        where = f"new pods of {_listed(namespaces)}" if namespaces else "new pods that ask for one"
        yield f"{where} start without a proxy: in plaintext, and refused where a caller has to be authenticated"
    if unmeshed:
        yield _names("pods that have no proxy already", unmeshed)
    yield "pods that run keep their proxies and certificates: nothing of it ends while the injector is away"


def _names(what: str, pods: list[Proxy]) -> str:
    return f"{what}: {_listed([each.name for each in pods])}"


def _listed(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
