"""Whether a rotation of Consul's root may take its next step: from what Consul's API shows, and from nothing else.

Two sentences are all there is to it. The live configuration is what signs, whatever Helm's values say; and a root is
done with when Consul publishes it no more. What can't be told is never taken for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from meshwright.certs.checks import Check, Verdict
from meshwright.certs.consul_seen import ROOTS_ANSWER
from meshwright.certs.pem import called, is_signed_by, is_valid, lifetime
from meshwright.consul.ca.rotation import (
    CROSS_SIGNING,
    OLD_PRUNED,
    PRUNE_INTERVAL_HOURS,
    PRUNED_AFTER_LEAVES,
    STEADY,
    SWITCHED,
    Root,
    root_stand,
)
from meshwright.consul.ca.settings import LEAF_MOST_H, live_root

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from meshwright.certs.consul_seen import ConsulRoot, ConsulSeen

_BREAK_GLASS: Final = "see docs/consul/break-glass.md: a sealed Vault, or an expired login, is the usual cause"
_INERT: Final = (
    "run `meshwright up`; Helm's values, and the servers' files, are read once, when the CA is made, and change nothing"
)


@dataclass(frozen=True, slots=True)
class ConsulTold:
    """What a stack file says of its roots."""

    root: Root
    upcoming: Root | None = None
    leaf_h: int = LEAF_MOST_H
    is_forced: bool = False
    """Whether the change was made without cross-signing, with a recorded reason."""
    datacenter: str = ""
    """The stack's; empty where it isn't known."""

    @property
    def pruned_after(self) -> timedelta:
        """How long Consul publishes a root after another took its place, at most."""
        return timedelta(hours=PRUNED_AFTER_LEAVES * self.leaf_h + PRUNE_INTERVAL_HOURS)


def consul_gate(
    seen: Sequence[ConsulSeen],
    told: Sequence[ConsulTold],
    step: str,
    to: str,
    now: datetime,
    *,
    is_behind: bool = False,
) -> tuple[Check, ...]:
    """The conditions of a step, in every datacenter of a trust domain that takes it.

    Args:
        seen: The datacenters.
        told: Of each, what its stack file says.
        step: Where they stand.
        to: The step that is to come.
        now: The moment at which they were seen.
        is_behind: Whether others have taken the step already: the root, which is everybody's, may have changed by it.
    """
    checks = [
        check
        for each, known in zip(seen, told, strict=True)
        for check in _of_one(each, known, step, to, now, is_behind=is_behind)
    ]
    return (*checks, *_together(seen))


def standing(seen: ConsulSeen, told: ConsulTold | None, step: str, now: datetime) -> Iterator[Check]:
    """What has to hold whatever comes next: Consul has a CA, it is valid, and it is what the stack says.

    Args:
        seen: A datacenter.
        told: What its stack file says; None to ask of the datacenter alone.
        step: Where the stack stands.
        now: The moment at which it was seen.
    """
    for what, why in seen.gaps.items():
        yield Check(seen.name, f"{what} can be read", Verdict.UNKNOWN, (why,), "let this token read it")
    active = seen.active
    if active is None:
        if ROOTS_ANSWER not in seen.gaps:
            none = ("Consul publishes no root that signs: its CA is uninitialised",)
            yield Check(seen.name, "Consul's CA is initialised", Verdict.FAILED, none, _BREAK_GLASS)
        return
    if told is not None:
        yield from differences(seen, told, step)
    yield _valid(seen, active, now)


def differences(seen: ConsulSeen, told: ConsulTold, step: str) -> Iterator[Check]:
    """Whether what is live is what the stack says: the root that signs, and its key."""
    if seen.provider is not None:
        yield _live(seen, told, step)
    if seen.active is not None:
        yield _key(seen, told, step, seen.active)


def _of_one(
    seen: ConsulSeen, told: ConsulTold, step: str, to: str, now: datetime, *, is_behind: bool
) -> Iterator[Check]:
    is_changed = is_behind and to == SWITCHED
    yield from standing(seen, None if is_changed else told, step, now)
    active = seen.active
    if active is None:
        return
    if is_changed:
        if seen.provider is not None:
            yield _live(seen, told, step)
        return
    title = {
        (STEADY, CROSS_SIGNING): "no earlier rotation is under way",
        (CROSS_SIGNING, SWITCHED): "the old root alone is published",
        (SWITCHED, OLD_PRUNED): "Consul has dropped the old root",
    }.get((step, to))
    if title:
        yield _alone(seen, active, title, told)
    if (step, to) == (SWITCHED, CROSS_SIGNING):
        yield _still_there(seen)


def _live(seen: ConsulSeen, told: ConsulTold, step: str) -> Check:
    wanted = root_stand(step, told.root, told.upcoming).signs
    title = f"the live configuration is that of {step}: {wanted}"
    found = live_root(seen.provider or "", seen.config)
    if found == live_root(wanted.provider, {"RootPKIPath": wanted.path}):
        return Check(seen.name, title, Verdict.PASSED)
    named = f"{found[1]} in Vault" if found[0] == "vault" else f"the provider {found[0]}"
    return Check(seen.name, title, Verdict.FAILED, (f"Consul's live root is {named}",), _INERT)


def _key(seen: ConsulSeen, told: ConsulTold, step: str, active: ConsulRoot) -> Check:
    wanted = root_stand(step, told.root, told.upcoming).signs
    title = f"the root's key is {wanted.key_type} of {wanted.key_bits} bits, as the stack says"
    if active.key == (wanted.key_type, wanted.key_bits):
        return Check(seen.name, title, Verdict.PASSED)
    why = (f"it is {active.key[0]} of {active.key[1]} bits: Consul changes no key without another root",)
    return Check(seen.name, title, Verdict.FAILED, why, "write down the key that it has; another comes by a rotation")


def _valid(seen: ConsulSeen, active: ConsulRoot, now: datetime) -> Check:
    title = "the root, and what signs the leaves, are valid"
    ended = [each for each in (active.certificate, *active.intermediates[-1:]) if not is_valid(each, now)]
    if not ended:
        return Check(seen.name, title, Verdict.PASSED)
    why = tuple(f"{called(each)} ended on {each.not_valid_after_utc:%Y-%m-%d %H:%M}" for each in ended)
    return Check(seen.name, title, Verdict.FAILED, why, _BREAK_GLASS)


def _alone(seen: ConsulSeen, active: ConsulRoot, title: str, told: ConsulTold) -> Check:
    others = tuple(
        f"{called(each.certificate)} is published still, valid until {each.certificate.not_valid_after_utc:%Y-%m-%d}"
        for each in seen.roots
        if each is not active
    )
    if not others:
        return Check(seen.name, title, Verdict.PASSED)
    hours = told.pruned_after / timedelta(hours=1)
    remedy = f"wait: Consul drops a root within {hours:g} hours after another took its place"
    return Check(seen.name, title, Verdict.FAILED, others, remedy)


def _still_there(seen: ConsulSeen) -> Check:
    title = "the old root is published still"
    if len(seen.roots) > 1:
        return Check(seen.name, title, Verdict.PASSED)
    why = ("Consul has dropped it: proxies that start now don't know it",)
    return Check(seen.name, title, Verdict.FAILED, why, "go on to old-pruned; back leads another rotation")


def is_cross_signed(root: ConsulRoot, others: Sequence[ConsulRoot]) -> bool:
    """Whether leaves below a root carry what another root signed of it.

    After the leader's next election they don't any more (``primaryInitialize`` makes the chain anew, without it): by
    then the proxies know the new root itself.
    """
    return any(
        each.subject == root.certificate.subject
        and each.public_key() == root.certificate.public_key()
        and is_signed_by(each, other.certificate)
        for each in root.intermediates
        for other in others
        if other is not root
    )


def _together(seen: Sequence[ConsulSeen]) -> Iterator[Check]:
    title = "every datacenter has the same roots"
    first, *others = seen
    for other in others:
        if {each.certificate for each in other.roots} != {each.certificate for each in first.roots}:
            why = (f"{first.name} and {other.name} publish different ones",)
            remedy = "see that the secondary datacenter reaches the primary: it replicates the roots"
            yield Check(other.name, title, Verdict.FAILED, why, remedy)


def signing(root: ConsulRoot) -> timedelta:
    """How long before its end Consul renews what signs the leaves below a root: when half of its life is over."""
    return lifetime(root.intermediates[-1]) / 2
