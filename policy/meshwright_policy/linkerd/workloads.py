"""Workloads: jobs that never end, pods without a proxy, and proxies that keep nodes from being removed."""

from collections.abc import Iterator

from meshwright.linkerd import labels
from meshwright_policy.linkerd.fragments import deployment, namespace
from meshwright_policy.linkerd.objects import (
    HELM,
    KUBERNETES_NAMESPACE,
    LINKERD_NAMESPACE,
    POD,
    WORKLOAD,
    annotation,
    injected,
    installed,
    is_injected,
    kind_of,
    name_of,
    namespace_of,
    pod_of,
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
from meshwright_policy.values import UNKNOWN, at

_JOBS = tuple(f"kubernetes:batch/v1:{kind}" for kind in ("Job", "CronJob"))
_SPACES = (*KUBERNETES_NAMESPACE, LINKERD_NAMESPACE)
_INJECTION = "https://linkerd.io/2/features/proxy-injection/"


def _meshed(stack: Stack, *tokens: str) -> Iterator[tuple[Subject, bool | None]]:
    """Workloads whose pods get a proxy, or may get one. Raises `NotApplicableError` where there is none."""
    found = [(one, is_injected(stack, one)) for one in stack.of(*tokens)]
    if all(answer is False for _, answer in found):
        raise NotApplicableError("none of them gets a proxy, as far as the stack shows")
    return ((one, answer) for one, answer in found if answer is not False)


def _jobs(stack: Stack, _: Config) -> Iterator[Answer]:
    for job, answer in _meshed(stack, *_JOBS):
        given = annotation(job, labels.NATIVE_SIDECAR)
        if given in ("false", "disabled") and answer:
            what = f"the {kind_of(job)} {name_of(job)} never ends"
            yield Violation(f"{what}: its proxy is no native sidecar, and goes on when the job is done", job)
        elif given is UNKNOWN or (answer is None and given is not None):
            yield Undecided("whether its proxy is a native sidecar is known only at the update", job)


def _host(stack: Stack, _: Config) -> Iterator[Answer]:
    for one, answer in _meshed(stack, *WORKLOAD):
        given = at(pod_of(one), "spec", "hostNetwork")
        if given is True and answer:
            what = f"the {kind_of(one)} {name_of(one)} is on the host's network"
            yield Violation(f"{what}: it gets no proxy, though its namespace or annotation asks for one", one)
        elif given is UNKNOWN or (given is True and answer is None):
            yield Undecided("whether it is on the host's network and gets a proxy is known only at the update", one)


def _out(stack: Stack, _: Config) -> Iterator[Answer]:
    spaces = stack.derived(injected)
    workloads = [one for one in stack.of(*WORKLOAD) if spaces.get(namespace_of(one), False) is not False]
    if not workloads:
        raise NotApplicableError("no workload is in a namespace that the stack shows to inject")
    for one in workloads:
        given = annotation(one, labels.INJECT)
        is_host = at(pod_of(one), "spec", "hostNetwork") is True
        if given == "disabled" and spaces[namespace_of(one)] and not is_host:
            yield Violation(f"the {kind_of(one)} {name_of(one)} stays out of the mesh by its annotation", one)
        elif given is UNKNOWN:
            yield Undecided("whether it stays out of the mesh is known only at the update", one)


def _evictable(stack: Stack, _: Config) -> Iterator[Answer]:
    if not list(installed(stack, "cluster-autoscaler")):
        raise NotApplicableError("the stack installs no cluster autoscaler")
    owned = [token for token in WORKLOAD if token not in (*_JOBS, *POD) and not token.endswith(":DaemonSet")]
    for one, answer in _meshed(stack, *owned):
        given = annotation(one, labels.SAFE_TO_EVICT)
        if given is None and answer:
            what = f"the pods of the {kind_of(one)} {name_of(one)} keep their nodes from being removed"
            yield Violation(f"{what}: a proxy has an emptyDir", one)
        elif given is UNKNOWN or (given is None and answer is None):
            yield Undecided("whether its pods may be moved is known only at the update", one)


def _said(subject: Subject, _: Config) -> Iterator[Answer]:
    inject, policy = (annotation(subject, key) for key in (labels.INJECT, labels.INBOUND_POLICY))
    if inject is None or LINKERD_NAMESPACE in subject.urn:
        raise NotApplicableError("it doesn't inject, or LinkerdNamespace writes it")
    if policy is UNKNOWN or inject is UNKNOWN:
        yield Undecided("its annotations are known only at the update")
    elif policy not in labels.INBOUND_POLICIES and inject in ("enabled", "ingress"):
        what = (
            "names no default inbound policy" if policy is None else "names a default inbound policy that there isn't"
        )
        yield Violation(f"the namespace {name_of(subject)} {what}")


_SHOP = namespace()
_AUTOSCALER = (
    "autoscaler:\n  type: kubernetes:helm.sh/v3:Release\n"
    "  properties: {chart: cluster-autoscaler, version: 9.50.1, repositoryOpts: {repo: 'https://example.com'}}\n"
)
_JOB = "batch/v1:Job"

JOBS = Rule(
    id="MW-LNK-031",
    slug="jobs-end",
    title="Jobs in the mesh have a proxy that ends with them",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=_JOBS,
    context=_SPACES,
    why=(
        "A proxy that isn't a native sidecar goes on when the job is done: the pod never completes, and the next waits."
    ),
    remedy=f"remove {labels.NATIVE_SIDECAR}: native sidecars are the default since 2.20",
    bad=Example(
        _SHOP + deployment(annotations=f"{labels.NATIVE_SIDECAR}: 'false'", kind=_JOB),
        "the Job cart never ends: its proxy is no native sidecar, and goes on when the job is done",
    ),
    good=Example(_SHOP + deployment(kind=_JOB)),
    references=("https://github.com/linkerd/linkerd2/issues/8006",),
    check_stack=_jobs,
)
HOST = Rule(
    id="MW-LNK-032",
    slug="host-network-is-said-to-be-out",
    title="Pods on the host's network are said to be out of the mesh",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=WORKLOAD,
    context=_SPACES,
    why="Linkerd leaves pods on the host's network alone, without a word: they speak plaintext, and no policy holds.",
    remedy=f"leave the host's network, or annotate {labels.INJECT}: disabled, so that everybody can see it",
    bad=Example(
        _SHOP + deployment("{hostNetwork: true}"),
        "the Deployment cart is on the host's network: it gets no proxy, though its namespace or annotation asks "
        "for one",
    ),
    good=Example(_SHOP + deployment("{hostNetwork: true}", f"{labels.INJECT}: disabled") + deployment(name="web")),
    references=(_INJECTION,),
    check_stack=_host,
)
OUT = Rule(
    id="MW-LNK-033",
    slug="pods-stay-in-the-mesh",
    title="No workload leaves the mesh of its namespace by an annotation",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=WORKLOAD,
    context=_SPACES,
    why="Its traffic is plaintext, and policies of the namespace don't hold for it.",
    remedy="remove the annotation, or run the workload in a namespace that is not in the mesh",
    bad=Example(
        _SHOP + deployment(annotations=f"{labels.INJECT}: disabled"),
        "the Deployment cart stays out of the mesh by its annotation",
    ),
    good=Example(_SHOP + deployment()),
    references=("https://kyverno.io/policies/linkerd/prevent-linkerd-pod-injection-override/",),
    check_stack=_out,
)
EVICTABLE = Rule(
    id="MW-LNK-034",
    slug="nodes-can-be-removed",
    title="The cluster autoscaler may move pods that have a proxy",
    severity=Severity.LOW,
    level=Level.ADVISORY,
    applies_to=WORKLOAD,
    context=(*_SPACES, *HELM),
    why="The proxy keeps its key in an emptyDir. The autoscaler doesn't remove a node whose pods have one.",
    remedy=f"annotate the pods {labels.SAFE_TO_EVICT}: 'true'",
    notes="It speaks where the stack installs the chart cluster-autoscaler.",
    bad=Example(
        _AUTOSCALER + _SHOP + deployment(),
        "the pods of the Deployment cart keep their nodes from being removed: a proxy has an emptyDir",
    ),
    good=Example(_AUTOSCALER + _SHOP + deployment(annotations=f"{labels.SAFE_TO_EVICT}: 'true'")),
    references=("https://linkerd.io/2/features/ha/",),
    check_stack=_evictable,
)
SAID = Rule(
    id="MW-LNK-035",
    slug="namespace-names-its-policy",
    title="A namespace that injects names its default inbound policy",
    severity=Severity.LOW,
    level=Level.ADVISORY,
    applies_to=KUBERNETES_NAMESPACE,
    why="Without one the control plane's default holds, which lets everybody in, and which a change elsewhere changes.",
    remedy=f"annotate {labels.INBOUND_POLICY}, as LinkerdNamespace does by its phase",
    bad=Example(_SHOP, "the namespace shop names no default inbound policy"),
    good=Example(namespace(annotations=f"{labels.INJECT}: enabled, {labels.INBOUND_POLICY}: audit")),
    references=("https://kyverno.io/policies/linkerd/require-linkerd-server/",),
    check=_said,
)

RULES = (JOBS, HOST, OUT, EVICTABLE, SAID)
