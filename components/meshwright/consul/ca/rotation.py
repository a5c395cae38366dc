"""What a step of a rotation of Consul's root needs: which root signs, and what Consul may do in Vault meanwhile.

Consul changes its root in one call: the new provider makes an intermediate below the new root, the old one cross-signs
the new root, both roots are published, and the old one is dropped when it was out for two lifetimes of a leaf
(consul 1.22 ``agent/consul/leader_connect_ca.go`` ``primaryUpdateRootCA``, ``leader_connect.go`` ``pruneCARoots``).
In Vault the cross-signing is ``<root>/root/sign-self-issued``, which signs whatever is handed to it: no root but one
that is being changed may be asked for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from meshwright.certs.rotation import CONSUL_STEPS

if TYPE_CHECKING:
    from collections.abc import Iterator

ConnectCaStep = Literal["steady", "cross-signing", "switched", "old-pruned"]
ProviderName = Literal["vault", "consul"]

STEADY, CROSS_SIGNING, SWITCHED, OLD_PRUNED = CONSUL_STEPS.names
PRUNED_AFTER_LEAVES: Final = 2
"""Consul drops a root this many lifetimes of a leaf after another took its place."""
PRUNE_INTERVAL_HOURS: Final = 1
"""How often it looks for roots to drop."""


def default_root_path(datacenter: str) -> str:
    """Where the root of a datacenter is mounted, unless it is said: as `plan_engines` has it."""
    return f"{datacenter}/connect_root"


@dataclass(frozen=True, slots=True)
class Root:
    """One generation of the root."""

    provider: ProviderName = "vault"
    """Who holds its key: Vault (or OpenBao), or Consul's servers themselves."""
    path: str = ""
    """vault: the mount, without a slash at its ends."""
    key_type: str = "ec"
    key_bits: int = 256
    namespace: str = ""
    """vault: of its mount, below the one in which Consul logs in."""

    def __str__(self) -> str:
        return f"{self.path} in Vault" if self.provider == "vault" else "Consul's own"


@dataclass(frozen=True, slots=True)
class RootStand:
    """What a step asks for."""

    signs: Root
    """Whose intermediates sign: what Consul's live configuration names."""
    installed: Root
    """What the chart is told. Consul reads that once, when its CA is made for the first time."""
    mounts: tuple[str, ...]
    """Roots in Vault that have to be there, and below which Consul makes intermediates."""
    cross_signs: tuple[str, ...]
    """Those of them that Consul may ask for ``root/sign-self-issued``."""


def root_stand(step: str, root: Root, upcoming: Root | None, *, is_forced: bool = False) -> RootStand:
    """What a step asks for.

    Both roots cross-sign from the second step to the third, for the way back is a change of the root as well.

    Args:
        step: One of `CONSUL_STEPS`.
        root: The root that the rotation began with.
        upcoming: The one that takes its place; there at every step but the first.
        is_forced: The change was made without cross-signing, so that no root is asked for it.
    """
    if upcoming is None or step == STEADY:
        return RootStand(root, root, _mounts(root), ())
    if step == OLD_PRUNED:
        return RootStand(upcoming, upcoming, _mounts(upcoming), ())
    both = (*_mounts(root), *_mounts(upcoming))
    return RootStand(upcoming if step == SWITCHED else root, root, both, () if is_forced else both)


def expected_live(step: str, before: str, root: Root, upcoming: Root | None, *, is_forced: bool = False) -> set[Root]:
    """The roots of which one has to sign when a step is applied: that of the step before, or the step's own.

    Args:
        step: One of `CONSUL_STEPS`.
        before: The step before, as it was applied; empty where that isn't recorded.
        root: As `root_stand` has it.
        upcoming: As well.
        is_forced: The change was made by hand, without cross-signing, before this step is applied.
    """
    signs = {root_stand(step, root, upcoming).signs}
    if is_forced or before not in CONSUL_STEPS.names:
        return signs
    return signs | {root_stand(before, root, upcoming).signs}


def root_mistakes(root: Root, upcoming: Root) -> Iterator[tuple[str, str]]:
    """Why one root can't take another's place: what is wrong, and what would be right."""
    if root.provider != upcoming.provider or root.path != upcoming.path:
        return
    if root.provider == "consul":
        if (root.key_type, root.key_bits) == (upcoming.key_type, upcoming.key_bits):
            yield "is Consul's own, with the same key: Consul would keep its root", "choose another key, or Vault"
        return
    if (root.key_type, root.key_bits) != (upcoming.key_type, upcoming.key_bits):
        message = f"has the path {root.path}, as the root has, and another key: Consul changes no key in its place"
    else:
        message = f"has the path {root.path}, as the root has"
    yield message, "name a mount of its own, such as by the year"


def _mounts(root: Root) -> tuple[str, ...]:
    return (root.path,) if root.provider == "vault" else ()
