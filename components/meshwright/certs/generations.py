"""Which certificate of a bundle is which anchor of a rotation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshwright.certs.pem import fingerprint, has_unit, is_same_authority
from meshwright.certs.rotation import LINKERD_STEPS, Stand, stand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography import x509


@dataclass(frozen=True, slots=True)
class Generation:
    """What an anchor is known by: the name of its generation, which is its organizational unit, or itself."""

    name: str = ""
    certificates: frozenset[x509.Certificate] = frozenset()

    def is_of(self, certificate: x509.Certificate) -> bool:
        """Whether a certificate is this generation's; signed anew with the old key it still is."""
        if self.certificates:
            return any(is_same_authority(certificate, each) for each in self.certificates)
        return has_unit(certificate, self.name)


@dataclass(frozen=True, slots=True)
class Told:
    """What a stack file says of a cluster and its anchors."""

    old: Generation | None = None
    new: Generation | None = None
    """None for either where nothing tells what it looks like."""
    others: bool = False
    """Whether anchors of other clusters are in the bundle, too."""
    cluster: str = ""
    """The name by which other clusters link it; empty where nothing tells."""


def standing(bundle: Sequence[x509.Certificate], step: str, told: Told | None = None) -> Stand[x509.Certificate] | None:
    """What signs and what is trusted at a step, of the anchors in a bundle.

    Where nothing tells what they look like, the older is the old one. An anchor that was signed anew is young, and one
    that a company has had for long is old: what is told counts more.

    None where a bundle can't be that of the step: it has too many anchors for it, or too few, or others.
    """
    told = told or Told()
    anchors = sorted(set(bundle), key=lambda each: each.not_valid_before_utc)
    if told.old and (told.new or step == LINKERD_STEPS.names[0]):
        return _as_told(anchors, step, told)
    if not anchors or told.others:
        return None
    stands = stand(step, anchors[0], anchors[-1])
    return stands if sorted(map(fingerprint, stands.trusts)) == sorted(map(fingerprint, anchors)) else None


def _as_told(anchors: Sequence[x509.Certificate], step: str, told: Told) -> Stand[x509.Certificate] | None:
    generations = {"old": told.old, "new": told.new}
    found = {
        role: [each for each in anchors if generation and generation.is_of(each)]
        for role, generation in generations.items()
    }
    wanted = stand(step, "old", "new")
    if any(len(each) != (role in wanted.trusts) for role, each in found.items()):
        return None
    if len(anchors) > len(wanted.trusts) and not told.others:
        return None
    return Stand(found[wanted.signs][0], tuple(found[role][0] for role in wanted.trusts))
