"""Vault is sealed: what was signed goes on until its end, and what waited for Vault is brought back once it is open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meshwright.breakglass.plan import Plan, Step, refused
from meshwright.breakglass.restarts import pods_of, restarted, waited
from meshwright.consul.breakglass.looking import hours, leaf_lifetime
from meshwright.consul.labels import NAMESPACE, SERVER
from meshwright.health.objects import mapping, matches, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.consul.breakglass.looking import Look
    from meshwright.health.objects import Object

SCENARIO: Final = "vault-sealed"
_BEFORE: Final = (
    "unseal Vault: its keys are with those who hold them, and this command never asks for one",
    "run this command again: it brings back what waited",
)
_AFTER: Final = (
    "`meshwright consul check --consul-address …`: the CA is alive",
    "see why it was sealed: a restart without auto-unseal does it each time",
)


def plan(look: Look) -> Plan:
    """Once Vault is open, new pods for what waited for it.

    Raises:
        ConfigError: MW-E172: Consul keeps its secrets itself, Vault is open and nothing waits, or it can't be told.
    """
    if not look.uses_vault():
        raise refused("Consul keeps its secrets itself: no Vault is behind it", "see the other scenarios")
    sealed, waiting = look.is_sealed(), look.waiting()
    if sealed is None:
        raise refused("nothing here tells whether Vault is sealed", "name it by --vault-address")
    steps = tuple(_steps(look, waiting))
    if not sealed and not steps:
        remedy = "Consul's leader tries again by itself, every 256 seconds at the latest; see ca-uninitialised"
        raise refused("Vault is open, and no pod of Consul's waits for it", remedy)
    lifetime = leaf_lifetime(look.authority())
    return Plan(
        SCENARIO,
        "Vault is open, and every pod of Consul's has what it asked it for",
        "Vault, or OpenBao, behind Consul",
        (
            f"no downtime yet: proxies go on with the leaves that they have, of {hours(lifetime)} at most",
            "downtime comes with the first leaf that can't be renewed, and with every pod that starts: it gets none",
            "servers that restart meanwhile stay away: their agents wait for Vault, and a quorum may be lost",
            *(("what waits: " + ", ".join(sorted(name_of(each) for each in waiting)),) if waiting else ()),
        ),
        steps,
        _AFTER,
        mesh="consul",
        before=_BEFORE if sealed else (),
    )


def _steps(look: Look, waiting: list[Object]) -> Iterator[Step]:
    """New pods for each workload that has one that waits. The servers' go one by one, as their StatefulSet has it."""
    for body in look.workloads():
        selector = mapping(body, "spec", "selector")
        if any(matches(selector, mapping(pod, "metadata", "labels")) for pod in waiting):
            if name_of(body) == SERVER:
                yield from servers_restarted(body, [pod for pod in waiting if _is_of(body, pod)])
            else:
                yield from restarted(str(body["kind"]).lower(), name_of(body), NAMESPACE, pods_of(body))


def _is_of(body: Object, pod: Object) -> bool:
    return matches(mapping(body, "spec", "selector"), mapping(pod, "metadata", "labels"))


def servers_restarted(body: Object, pods: list[Object]) -> Iterator[Step]:
    """New pods for these servers alone, of which there is one at least: those that are ready keep the quorum."""
    for pod in sorted(pods, key=name_of):
        place = (name_of(pod), f"--namespace={NAMESPACE}")
        yield Step(
            f"server {name_of(pod)} gets a new pod; its volume stays",
            ("delete", "pod", *place, "--ignore-not-found"),
        )
    yield waited(f"statefulset/{SERVER}", f"--namespace={NAMESPACE}", pods_of(body))
