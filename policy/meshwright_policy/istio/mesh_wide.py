"""A mesh-wide STRICT, by hand or by our component, judged against the namespaces of its stack."""

from collections.abc import Iterator, Mapping
from typing import Any

from meshwright_policy.adoption import MESH_WIDE, NAMESPACE
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
from meshwright_policy.values import UNKNOWN, at, listed, shown

ISTIO = "meshwright:index:IstioAmbient"
PEER_AUTHENTICATION = tuple(
    f"kubernetes:security.istio.io/{v}:PeerAuthentication{kind}" for kind in ("", "Patch") for v in ("v1", "v1beta1")
)
KUBERNETES_NAMESPACE = ("kubernetes:core/v1:Namespace", "kubernetes:core/v1:NamespacePatch")
SYSTEM = {"kube-system", "kube-public", "kube-node-lease"}


def _left_behind(stack: Stack, config: Config) -> Iterator[Answer]:
    istio = [at(subject.properties, "namespace") for subject in stack.of(ISTIO)]
    roots = {config["root_namespace"], *(name for name in istio if isinstance(name, str))}
    peers = [subject for subject in stack.of(*PEER_AUTHENTICATION) if _is_by_hand(subject)]
    by_hand = [(subject, _is_mesh_wide_strict(subject, roots)) for subject in peers]
    ours = [subject for subject in stack.of(MESH_WIDE) if at(subject.properties, "mode") in ("STRICT", UNKNOWN)]
    if not ours and all(answer is False for _, answer in by_hand):
        raise NotApplicableError("nothing is STRICT for the whole mesh")
    standing = {name: state for name, state in stack.derived(_standing).items() if name not in roots | SYSTEM}
    for subject, answer in by_hand:
        if answer is not False:
            yield from _by_hand(subject, standing, is_known=answer is True)
    for subject in ours:
        yield from _by_component(subject, standing, stack.derived(_meshed))


def _by_hand(subject: Subject, standing: Mapping[str, str], *, is_known: bool) -> Iterator[Answer]:
    behind = sorted(f"{name} is {state}" for name, state in standing.items() if state not in ("ready", "unknown"))
    if is_known and behind:
        yield Violation(
            f"mTLS is STRICT for the whole mesh, but {listed(behind)}: callers that speak plaintext would be cut off",
            subject,
        )
    elif not standing:
        yield Undecided("the stack holds no namespace by which to judge it", subject)
    elif behind or "unknown" in standing.values():
        yield Undecided("it, or the labels of a namespace, are known only at the update", subject)


def _by_component(subject: Subject, standing: Mapping[str, str], meshed: frozenset[str]) -> Iterator[Answer]:
    """Where `phases` is not what the stack is. Phases that are not strict are MW-ADO-003's."""
    mode, phases = at(subject.properties, "mode"), at(subject.properties, "phases")
    of_phases = phases if isinstance(phases, Mapping) else {}
    claimed = {name: of_phases.get(name) for name in standing}
    wrong = sorted(
        f"{name} is not listed" if state in ("ready", "unknown") else f"{name} is {state}"
        for name, state in standing.items()
        if (claimed[name] == "strict" and state not in ("ready", "unknown"))
        or (claimed[name] is None and name in meshed)
    )
    is_open = mode is UNKNOWN or phases is UNKNOWN
    if wrong and not is_open:
        yield Violation(f"mesh-wide mTLS is STRICT, but {listed(wrong)}: `phases` doesn't match the stack", subject)
    elif wrong or any(claimed[name] == "strict" and state == "unknown" for name, state in standing.items()):
        yield Undecided("whether `phases` is what the stack is, is known only at the update", subject)


def _meshed(stack: Stack) -> frozenset[str]:
    """Namespaces that `phases` must list: those of our component, and those that are labelled ambient."""
    labelled = [
        shown(at(subject.properties, "metadata", "name"), subject.name)
        for subject in stack.of(*KUBERNETES_NAMESPACE)
        if at(subject.properties, "metadata", "labels", "istio.io/dataplane-mode") == "ambient"
    ]
    ours = [shown(at(subject.properties, "namespace"), subject.name) for subject in stack.of(NAMESPACE)]
    return frozenset((*labelled, *ours))


def _is_by_hand(subject: Subject) -> bool:
    return f"${MESH_WIDE}$" not in f"${_types(subject.urn)}"


def _types(urn: str) -> str:
    """The types of a resource and its parents, as its URN has them."""
    parts = urn.split("::")
    return parts[2] if len(parts) > 2 else ""


def _is_mesh_wide_strict(subject: Subject, roots: set[str]) -> bool | None:
    """Whether a PeerAuthentication is STRICT for the whole mesh; ``None`` where an unknown value leaves it open."""
    namespace, labels, mode = (at(subject.properties, *path) for path in _SHAPE)
    known = (
        namespace is UNKNOWN or namespace in roots,
        # istiod takes an empty selector for none.
        labels is UNKNOWN or not labels,
        mode in ("STRICT", UNKNOWN),
    )
    if not all(known):
        return False
    return None if UNKNOWN in (namespace, labels, mode) else True


_SHAPE = (("metadata", "namespace"), ("spec", "selector", "matchLabels"), ("spec", "mtls", "mode"))


def _standing(stack: Stack) -> dict[str, str]:
    """Namespace -> ``ready``, ``unknown`` or what it is instead. Where our component speaks, its phase counts."""
    by_label: dict[str, str] = {}
    by_phase: dict[str, str] = {}
    for subject in stack.of(*KUBERNETES_NAMESPACE):
        name = shown(at(subject.properties, "metadata", "name"), subject.name)
        state = _by_label(at(subject.properties, "metadata", "labels"))
        # A NamespacePatch adds to what another resource says of the same namespace.
        by_label[name] = state if by_label.get(name) != "ready" else "ready"
    for subject in stack.of(NAMESPACE):
        name = shown(at(subject.properties, "namespace"), subject.name)
        by_phase[name] = _by_phase(at(subject.properties, "phase"))
    return {**by_label, **by_phase}


def _by_phase(phase: Any) -> str:
    known = {"strict": "ready", "permissive": "permissive", "unmeshed": "unmeshed"}
    return known.get(phase, "unknown") if isinstance(phase, str) else "unknown"


def _by_label(labels: Any) -> str:
    if labels is UNKNOWN:
        return "unknown"
    mode, injection, revision = (at(labels, key) for key in _MESH_LABELS)
    if mode == "ambient" or injection == "enabled" or (isinstance(revision, str) and revision):
        return "ready"
    return "unknown" if UNKNOWN in (mode, injection, revision) else "unmeshed"


_MESH_LABELS = ("istio.io/dataplane-mode", "istio-injection", "istio.io/rev")

NOBODY_LEFT_BEHIND = Rule(
    id="MW-ADO-004",
    slug="mesh-wide-strict-leaves-nobody-behind",
    title="A mesh-wide STRICT leaves no namespace of its stack behind",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=(*PEER_AUTHENTICATION, *KUBERNETES_NAMESPACE, NAMESPACE, ISTIO, MESH_WIDE),
    why=(
        "A PeerAuthentication without selector in Istio's root namespace holds for the whole mesh. Where it is STRICT, "
        "callers in namespaces that are not meshed yet are cut off."
    ),
    remedy="keep it PERMISSIVE until every namespace is meshed and strict, and listed so in `phases`",
    notes=(
        "One resource cannot know the others, so this is a stack rule: it speaks in a preview, and at the end of an "
        "update that skipped it. A namespace counts as meshed by its labels (`istio.io/dataplane-mode: ambient`, "
        "`istio-injection: enabled` or `istio.io/rev`), one of our component's by its phase, which must be strict. "
        "Namespaces of other stacks are not seen; in a stack without any, the rule is undecided about a policy "
        "written by hand. Of the component MeshWideMtls it compares `phases` with the stack: each namespace of our "
        "component, or labelled ambient, must be listed, and one that is listed as strict must be it. What `phases` "
        "itself says is MW-ADO-003's."
    ),
    config={
        "root_namespace": {
            "type": "string",
            "default": "istio-system",
            "description": "Istio's root namespace, besides those of IstioAmbient components in the stack.",
        }
    },
    bad=Example(
        """\
shop:
  type: kubernetes:core/v1:Namespace
  properties: {metadata: {name: shop}}
strict:
  type: kubernetes:security.istio.io/v1:PeerAuthentication
  properties: {metadata: {name: default, namespace: istio-system}, spec: {mtls: {mode: STRICT}}}
""",
        "mTLS is STRICT for the whole mesh, but shop is unmeshed: callers that speak plaintext would be cut off",
    ),
    good=Example("""\
shop:
  type: kubernetes:core/v1:Namespace
  properties: {metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}}
strict:
  type: kubernetes:security.istio.io/v1:PeerAuthentication
  properties: {metadata: {name: default, namespace: istio-system}, spec: {mtls: {mode: STRICT}}}
"""),
    references=("https://istio.io/latest/docs/reference/config/security/peer_authentication/",),
    check_stack=_left_behind,
)

RULES = (NOBODY_LEFT_BEHIND,)
