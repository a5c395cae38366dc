"""Vault, or OpenBao: it is open, and its injector gave an agent to each of Consul's pods that asks for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meshwright.consul import labels
from meshwright.consul.health.kinds import VAULT_SEEN
from meshwright.consul.health.mesh import containers, require_running, running_pods, uses_vault
from meshwright.health.objects import annotation, at, called, items, label, name_of, namespace_of
from meshwright.health.verdicts import Check, Doubt, Finding, Severity, SkipError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.health.snapshot import Snapshot

CATEGORY: Final = "Vault"
SEALED: Final = ("vault-sealed", "openbao-sealed")
"""Labels that a server puts on its own pod (``service_registration "kubernetes"``)."""
_AGENTS: Final = ("vault-agent", "vault-agent-init")
_OPENBAO_ANNOTATION: Final = "openbao.org/agent-inject"


def _open(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    require_running(snapshot)
    if not uses_vault(snapshot):
        raise SkipError("Consul keeps its secrets itself")
    told = False
    for pod in running_pods(snapshot):
        for key in SEALED:
            if value := label(pod, key):
                told = True
                if value == "true":
                    yield Finding(called(pod), "is sealed: it signs nothing, and nobody logs in")
    for body in snapshot.of(VAULT_SEEN):
        told = True
        if at(body, "initialized") is False:
            yield Finding(name_of(body), "is not initialised")
        elif at(body, "sealed") is not False:
            yield Finding(name_of(body), "is sealed: it signs nothing, and nobody logs in")
    if not told:
        raise SkipError("Vault's API shows it (--vault-address)")


def _agents(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    require_running(snapshot)
    if not uses_vault(snapshot):
        raise SkipError("Consul keeps its secrets itself")
    hooks = [
        str(at(webhook, "name") or "")
        for each in snapshot.of("MutatingWebhookConfiguration")
        for webhook in items(each, "webhooks")
    ]
    flavour = "; the injector here is openbao-k8s, which reads other annotations" if _only_openbao(hooks) else ""
    for pod in running_pods(snapshot):
        if namespace_of(pod) != labels.NAMESPACE:
            continue
        if annotation(pod, labels.VAULT_INJECT) == "true" and not set(containers(pod)) & set(_AGENTS):
            yield Finding(called(pod), f"asks for an agent of Vault's, and has none{flavour}")
        if annotation(pod, _OPENBAO_ANNOTATION):
            yield Finding(called(pod), f"has {_OPENBAO_ANNOTATION}, which hashicorp/vault-k8s doesn't read")


def _only_openbao(hooks: list[str]) -> bool:
    return any("openbao" in each for each in hooks) and not any("vault" in each for each in hooks)


CHECKS: Final = (
    Check(
        "vault-open",
        CATEGORY,
        "Vault is initialised and open",
        Severity.ERROR,
        "unseal it; then `meshwright consul break-glass vault-sealed` brings back what waited for it",
        _open,
    ),
    Check(
        "vault-agents",
        CATEGORY,
        "each of Consul's pods that asks for an agent of Vault's has one",
        Severity.ERROR,
        "use the injector hashicorp/vault-k8s, with OpenBao too: the chart knows its annotations alone",
        _agents,
    ),
)
