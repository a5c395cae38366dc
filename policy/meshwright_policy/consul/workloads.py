"""Pods of the mesh: who they are to Consul, and what goes round their proxies."""

from collections.abc import Iterator, Mapping
from typing import Any

from meshwright.consul import labels
from meshwright_policy.consul.fragments import deployment, namespace, service
from meshwright_policy.consul.objects import (
    CONSUL_NAMESPACE,
    KUBERNETES_NAMESPACE,
    SERVICE,
    WORKLOAD,
    is_injected,
    kind_of,
    name_of,
    namespace_of,
    pod_of,
    told,
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
from meshwright_policy.values import UNKNOWN, at, listed

_REASON = "meshwright.dev/skip-ports-reason"
_BYPASSES = {
    labels.EXCLUDE_INBOUND_PORTS: "takes calls past its proxy",
    labels.EXCLUDE_OUTBOUND_CIDRS: "makes calls past its proxy",
    labels.EXCLUDE_OUTBOUND_PORTS: "makes calls past its proxy",
}
_ACCOUNTS = "https://developer.hashicorp.com/consul/docs/register/service/k8s"
_TPROXY = "https://developer.hashicorp.com/consul/docs/connect/proxy/transparent-proxy"
_READ = (*KUBERNETES_NAMESPACE, CONSUL_NAMESPACE)


def _meshed(stack: Stack) -> list[tuple[Subject, bool | None]]:
    """The workloads whose pods get a proxy, or may."""
    found = [(one, is_injected(stack, one)) for one in stack.of(*WORKLOAD)]
    meshed: list[tuple[Subject, bool | None]] = [(one, state) for one, state in found if state is not False]
    if not meshed:
        raise NotApplicableError("no workload gets a proxy, as far as the stack shows")
    return meshed


def _account(workload: Subject) -> Any:
    """Its service account; the old name of the field counts as well."""
    spec = at(pod_of(workload), "spec")
    return at(spec, "serviceAccountName") or at(spec, "serviceAccount") or "default"


def _open(workload: Subject) -> Undecided:
    return Undecided("who it is in the mesh is known only at the update", workload)


def _has_an_account(stack: Stack, _: Config) -> Iterator[Answer]:
    for workload, state in _meshed(stack):
        account = _account(workload)
        if state is None or account is UNKNOWN:
            yield _open(workload)
        elif account == "default":
            what = f"the {kind_of(workload)} {name_of(workload)} has the service account default"
            yield Violation(f"{what}: its pods can't log in to Consul, and don't start", workload)


def _services(stack: Stack, workload: Subject) -> list[Subject] | None:
    """The Services that select its pods, but for those that Consul ignores; ``None`` where that is unknown."""
    marks = at(pod_of(workload), "metadata", "labels")
    found = []
    for one in stack.of(*SERVICE):
        selector = at(one.properties, "spec", "selector")
        if namespace_of(one) != namespace_of(workload):
            continue
        if UNKNOWN in (selector, marks):
            return None
        if not isinstance(selector, Mapping) or not isinstance(marks, Mapping) or not selector:
            continue
        if at(one.properties, "metadata", "labels", labels.SERVICE_IGNORE) in ("true", True):
            continue
        pairs = [(marks.get(key), value) for key, value in selector.items()]
        if all(have == want or UNKNOWN in (have, want) for have, want in pairs):
            if any(UNKNOWN in pair for pair in pairs):
                return None
            found.append(one)
    return found


def _noted(workload: Subject, key: str) -> Any:
    return at(pod_of(workload), "metadata", "annotations", key)


def _is_its_service(stack: Stack, _: Config) -> Iterator[Answer]:
    for workload, state in _meshed(stack):
        account, given = _account(workload), _noted(workload, labels.SERVICE)
        found = _services(stack, workload)
        if state is None or account is UNKNOWN or given is UNKNOWN or (given is None and found is None):
            yield _open(workload)
            continue
        names = [told(given, "")] if given is not None else [name_of(one) for one in found or ()]
        # What several Services select, or what is several services itself, another rule or nobody can tell.
        if len(names) != 1 or not names[0] or account == "default" or names[0] == account:
            continue
        what = f"the pods of {kind_of(workload)} {name_of(workload)} are the service {names[0]}"
        yield Violation(f"{what}, and have the service account {told(account, 'of another name')}", workload)


def _one_service(stack: Stack, _: Config) -> Iterator[Answer]:
    for workload, state in _meshed(stack):
        chosen, found = _noted(workload, labels.KUBERNETES_SERVICE), _services(stack, workload)
        if state is None or chosen is UNKNOWN or found is None:
            yield Undecided("which Services select its pods is known only at the update", workload)
        elif chosen is None and len(found) > 1 and _noted(workload, labels.SERVICE) is None:
            what = f"the pods of {kind_of(workload)} {name_of(workload)} are selected by the Services"
            yield Violation(f"{what} {listed(sorted(map(name_of, found)))}, and Consul takes one", workload)


def _bypasses(subject: Subject, _: Config) -> Iterator[Answer]:
    given = {key: _noted(subject, key) for key in _BYPASSES}
    off, reason = _noted(subject, labels.TRANSPARENT_PROXY), _noted(subject, _REASON)
    if not any(given.values()) and off is None:
        raise NotApplicableError("nothing goes round its proxy by annotation")
    called = f"the {kind_of(subject)} {name_of(subject)}"
    what = [f"{called} {says} ({key.rpartition('/')[2]})" for key, says in _BYPASSES.items() if given[key]]
    if str(off).lower() == "false":
        what.append(f"{called} switches off its transparent proxy")
    if reason is None and UNKNOWN not in (*given.values(), off):
        yield from (Violation(f"{each} without a reason: no mTLS, and no intention") for each in what)
    elif not reason or reason is UNKNOWN:
        yield Undecided("what goes round its proxy, or why, is known only at the update")


ACCOUNT = Rule(
    id="MW-CON-053",
    slug="pods-have-a-service-account",
    title="A workload of the mesh has a service account of its own",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=WORKLOAD,
    context=_READ,
    why="Pods log in to Consul by their service account, and `default` is refused: the init container waits for ever.",
    remedy="make a service account of the service's name, and set `serviceAccountName`",
    bad=Example(
        namespace() + deployment(""),
        "the Deployment cart has the service account default: its pods can't log in to Consul, and don't start",
    ),
    good=Example(namespace() + deployment()),
    references=(_ACCOUNTS,),
    check_stack=_has_an_account,
)
IS_ITS_SERVICE = Rule(
    id="MW-CON-054",
    slug="service-account-is-the-service",
    title="A service account has the name of its service",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=WORKLOAD,
    context=(*_READ, *SERVICE),
    why="A token of Consul's is for the service of the account's name. As any other a pod can't register: 403.",
    remedy="name service account and Service alike, or annotate the pods with consul.hashicorp.com/connect-service",
    notes="Only Services of the same stack are known.",
    bad=Example(
        namespace() + service() + deployment("shop"),
        "the pods of Deployment cart are the service cart, and have the service account shop",
    ),
    good=Example(namespace() + service() + deployment()),
    references=(_ACCOUNTS,),
    check_stack=_is_its_service,
)
ONE_SERVICE = Rule(
    id="MW-CON-055",
    slug="one-service-a-pod",
    title="One Service selects the pods of a workload of the mesh",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=WORKLOAD,
    context=(*_READ, *SERVICE),
    why="Consul registers a pod once. Of two Services one has its endpoints, and the other has none.",
    remedy=(
        "annotate the pods with consul.hashicorp.com/kubernetes-service, or label the others "
        "consul.hashicorp.com/service-ignore: 'true'"
    ),
    bad=Example(
        namespace() + service() + service("cart-admin") + deployment(),
        "the pods of Deployment cart are selected by the Services cart and cart-admin, and Consul takes one",
    ),
    good=Example(
        namespace() + service() + service("cart-admin", "consul.hashicorp.com/service-ignore: 'true'") + deployment()
    ),
    references=(_ACCOUNTS,),
    check_stack=_one_service,
)
BYPASSES = Rule(
    id="MW-CON-056",
    slug="nothing-goes-round-the-proxy",
    title="Nothing goes round a proxy without a reason",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=WORKLOAD,
    why="A port or range that is excluded has no mTLS and no intention. One annotation is enough, and nobody sees it.",
    remedy=f"remove the annotation, or say why in {_REASON}",
    bad=Example(
        deployment(annotations=f"{labels.EXCLUDE_INBOUND_PORTS}: '9000'"),
        "the Deployment cart takes calls past its proxy (transparent-proxy-exclude-inbound-ports) without a reason: "
        "no mTLS, and no intention",
    ),
    good=Example(
        deployment(annotations=f"{labels.EXCLUDE_INBOUND_PORTS}: '9000', {_REASON}: kubelet's probe of an old agent")
    ),
    references=(_TPROXY,),
    check=_bypasses,
)

RULES = (ACCOUNT, IS_ITS_SERVICE, ONE_SERVICE, BYPASSES)
