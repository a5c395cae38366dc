"""Allow lists that leave nobody out: of a namespace that authorises its callers, every workload does."""

from collections.abc import Iterator
from typing import Any

from meshwright_policy.istio import dataplane, kinds
from meshwright_policy.istio.fragments import namespace, resource
from meshwright_policy.istio.mesh import AMBIENT_NAMESPACES, in_ambient, name_of, namespace_of
from meshwright_policy.istio.policies import action, targets
from meshwright_policy.record import (
    Answer,
    Config,
    Example,
    Level,
    NotApplicableError,
    Requirement,
    Rule,
    Severity,
    Subject,
    Undecided,
    Violation,
)
from meshwright_policy.stack import Stack
from meshwright_policy.values import UNKNOWN, at


def _complete(stack: Stack, config: Config) -> Iterator[Answer]:
    listing: dict[Any, list[tuple[Subject, bool]]] = {}
    for policy, is_known in in_ambient(stack, config, *kinds.AUTHORIZATION_POLICY):
        if action(policy) in ("ALLOW", UNKNOWN) and not targets(policy):
            listing.setdefault(namespace_of(policy), []).append((policy, is_known))
    if not listing:
        raise NotApplicableError("no ambient namespace of the stack has an ALLOW policy at ztunnel")
    roots = stack.derived(dataplane.seen).roots
    mesh_wide = [
        _is_for_all(policy)
        for policy in stack.of(*kinds.AUTHORIZATION_POLICY)
        if namespace_of(policy) in roots and action(policy) == "ALLOW" and not targets(policy)
    ]
    for where, policies in listing.items():
        answers = [*mesh_wide, *(_is_for_all(policy) for policy, _ in policies)]
        first, is_known = policies[0]
        if True in answers:
            continue
        if None in answers or not is_known or where is UNKNOWN:
            yield Undecided("which workloads its namespace's policies select is known only at the update", first)
        else:
            what = f"{where} has the ALLOW policy {name_of(first)} for some workloads and none for all"
            yield Violation(f"{what}: anybody may call the others", first, tuple(policy for policy, _ in policies[1:]))


def _is_for_all(policy: Subject) -> bool | None:
    if action(policy) is UNKNOWN:
        return None
    labels = at(policy.properties, "spec", "selector", "matchLabels")
    return None if labels is UNKNOWN else not labels


def _policy(name: str, spec: str) -> str:
    head = f"metadata: {{name: {name}, namespace: shop}}"
    return resource(name, "security.istio.io/v1:AuthorizationPolicy", head, f"spec: {spec}")


_SOME = _policy(
    "cart",
    "{selector: {matchLabels: {app: cart}}, rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}]}]}",
)

COMPLETE = Rule(
    id="MW-IST-054",
    slug="allow-list-leaves-nobody-out",
    title="A namespace that lists who may call lists it for every workload",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=kinds.AUTHORIZATION_POLICY,
    why=(
        "A workload that no ALLOW policy selects may be called by anybody. In a namespace with allow lists that is "
        "most often one that was forgotten, or came later."
    ),
    remedy="add an ALLOW policy without selector and rules, which allows nothing by itself",
    notes=(
        "One in Istio's root namespace does for all. Kyverno's require-authorizationpolicy is content with any policy "
        "in the namespace, one that allows everything or selects one workload included. A namespace without any "
        "ALLOW policy is left alone."
    ),
    config=AMBIENT_NAMESPACES,
    bad=Example(
        namespace() + _SOME,
        "shop has the ALLOW policy cart for some workloads and none for all: anybody may call the others",
    ),
    good=Example(namespace() + _SOME + _policy("nothing", "{}")),
    references=(
        "https://istio.io/latest/docs/ops/best-practices/security/#use-default-deny-patterns",
        "https://kyverno.io/policies/istio/require-authorizationpolicy/require-authorizationpolicy/",
    ),
    frameworks=(
        Requirement(
            "PCI DSS",
            "4.0.1",
            "7.3.3",
            "access control denies all by default; for calls to workloads of a namespace that lists callers",
            "https://www.pcisecuritystandards.org/document_library/",
        ),
    ),
    check_stack=_complete,
)

RULES = (COMPLETE,)
