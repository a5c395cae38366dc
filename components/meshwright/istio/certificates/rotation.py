"""Istio's rotation of roots: what istiod is given at each step.

A proxy trusts the roots that came with its own last certificate: ztunnel takes them from the answer to its signing
request (``src/tls/certificate.rs``), which it asks for anew when half of a leaf's 24 hours are over. So a root that is
added or taken away is known everywhere a day later, and not before. The machine itself is `meshwright.certs.rotation`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from meshwright.certs import rotation
from meshwright.certs.rotation import ISTIO_STEPS

if TYPE_CHECKING:
    from meshwright.istio.certificates.authority import Authority

STEPS: Final = ISTIO_STEPS.names


@dataclass(frozen=True, slots=True)
class Stand:
    """What istiod is given at a step."""

    signs: "Authority"
    trusts: "tuple[Authority, ...]"
    """Authorities whose roots are in root-cert.pem, the signing one's first."""
    many_roots: bool
    """Whether istiod needs ISTIO_MULTIROOT_MESH: it refuses to take another root-cert.pem without."""


def stand(step: str, old: "Authority", new: "Authority | None") -> Stand:
    """What istiod is given at a step; ``new`` is there at every step but ``steady``."""
    stands = rotation.stand(step, old, new)
    return Stand(stands.signs, stands.trusts, many_roots=new is not None)


def step_mistakes(
    step: str, since: date | None, before: str | None, before_since: date | None, *, has_next: bool
) -> Iterator[tuple[str, str]]:
    """Why one of `STEPS` can't follow the one before it, as `meshwright.certs.rotation.step_mistakes` says it."""
    return rotation.step_mistakes(ISTIO_STEPS, step, since, before, before_since, has_next=has_next)
