"""A mesh-wide STRICT PeerAuthentication that was written by hand, judged against the namespaces of its stack."""

from collections.abc import Iterator
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
PEER_AUTHENTICATION = tuple(f"kubernetes:security.istio.io/{v}:PeerAuthentication" for v in ("v1", "v1beta1"))
KUBERNETES_NAMESPACE = ("kubernetes:core/v1:Namespace", "kubernetes:core/v1:NamespacePatch")
_SYSTEM = {"kube-system", "kube-public", "kube-node-lease"}


def _left_behind(stack: Stack, config: Config) -> Iterator[Answer]:
    istio = [at(subject.properties, "namespace") for subject in stack.of(ISTIO)]
    roots = {config["root_namespace"], *(name for name in istio if isinstance(name, str))}
    peers = [subject for subject in stack.of(*PEER_AUTHENTICATION) if _is_by_hand(subject)]
    by_hand = [(subject, _is_mesh_wide_strict(subject, roots)) for subject in peers]
    if not any(answer is not False for _, answer in by_hand):
        raise NotApplicableError("no mesh-wide STRICT PeerAuthentication was written by hand")
    standing = {name: state for name, state in stack.derived(_standing).items() if name not in roots | _SYSTEM}
    behind = sorted(f"{name} is {state}" for name, state in standing.items() if state not in ("ready", "unknown"))
    for subject, answer in by_hand:
        if answer is True and behind:
            yield Violation(
                f"{subject.name} is STRICT for the whole mesh, but {listed(behind)}: callers that speak plaintext "
                "would be cut off",
                subject,
            )
        elif answer is not False and not standing:
            yield Undecided(f"the stack holds no namespace by which to judge {subject.name}", subject)
        elif answer is not False and (behind or "unknown" in standing.values()):
            yield Undecided(f"{subject.name}, or the labels of a namespace, are known only at the update", subject)


def _is_by_hand(subject: Subject) -> bool:
    return f"${MESH_WIDE}$" not in f"${_types(subject.urn)}"


def _types(urn: str) -> str:
    """The types of a resource and its parents, as its URN has them."""
    parts = urn.split("::")
    return parts[2] if len(parts) > 2 else ""


def _is_mesh_wide_strict(subject: Subject, roots: set[str]) -> bool | None:
    """Whether a PeerAuthentication is STRICT for the whole mesh; ``None`` where an unknown value leaves it open."""
    namespace, selector, mode = (at(subject.properties, *path) for path in _SHAPE)
    known = (
        namespace is UNKNOWN or namespace in roots,
        selector is UNKNOWN or not selector,
        mode in ("STRICT", UNKNOWN),
    )
    if not all(known):
        return False
    return None if UNKNOWN in (namespace, selector, mode) else True


_SHAPE = (("metadata", "namespace"), ("spec", "selector"), ("spec", "mtls", "mode"))


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
    slug="hand-written-strict-last",
    title="A mesh-wide STRICT policy written by hand leaves no namespace of its stack behind",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=(*PEER_AUTHENTICATION, *KUBERNETES_NAMESPACE, NAMESPACE, ISTIO),
    why=(
        "A PeerAuthentication without selector in Istio's root namespace holds for the whole mesh. Where it is STRICT, "
        "callers in namespaces that are not meshed yet are cut off."
    ),
    remedy="keep it PERMISSIVE until every namespace is meshed and strict, or use the component MeshWideMtls",
    notes=(
        "One resource cannot know the others, so this is a stack rule: it speaks in a preview, and at the end of an "
        "update that skipped it. A namespace counts as meshed by its labels (`istio.io/dataplane-mode: ambient`, "
        "`istio-injection: enabled` or `istio.io/rev`), one of our component's by its phase, which must be strict. "
        "Namespaces of other stacks are not seen; in a stack without any, the rule is undecided."
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
        "strict is STRICT for the whole mesh, but shop is unmeshed: callers that speak plaintext would be cut off",
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
