"""What becomes of each object, and in what the mesh will behave otherwise."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meshwright.istio.migration.objects import Identity

GUIDE: Final = "https://istio.io/latest/docs/ambient/migrate/"
POLICIES: Final = "https://istio.io/latest/docs/ambient/migrate/migrate-policies/"
WAYPOINTS: Final = "https://istio.io/latest/docs/ambient/usage/waypoint/"
L7: Final = "https://istio.io/latest/docs/ambient/usage/l7-features/"
L4: Final = "https://istio.io/latest/docs/ambient/usage/l4-policy/"
LABELS: Final = "https://istio.io/latest/docs/reference/config/labels/"


class Verdict(StrEnum):
    """What becomes of an object; the worse come later."""

    MOVES = "moves as is"
    TRANSLATED = "translated"
    DECISION = "needs a decision"
    UNSUPPORTED = "unsupported"


ORDER: Final = tuple(Verdict)


class Topic(StrEnum):
    """In what the mesh behaves otherwise than it did with sidecars. Each difference that can be has one."""

    POD_ADDRESS = "pod-address"
    """Calls that go past the waypoint, to pods by their address or through a Service without it, are denied."""
    OUTSIDE = "outside-the-mesh"
    """Callers without mutual TLS can't use the waypoint, and are denied."""
    STILL_SIDECAR = "callers-with-sidecars"
    """Callers with sidecars go past the waypoint: their namespaces are let through until the exceptions end."""
    INGRESS = "ingress"
    """What a gateway sends is routed by the waypoint too, after the gateway has routed it."""
    PREFIX = "path-prefix"
    """A prefix of a path matches whole segments: ``/api`` no longer ``/apis``, and ``/api/`` now ``/api`` too."""
    PART_OF_SERVICE = "part-of-a-service"
    """A policy for some pods of a Service holds for the whole Service at its waypoint."""
    NO_SERVICE = "no-service"
    """Pods without a Service have no waypoint: what needs HTTP there is denied."""
    KEPT = "kept-namespace"
    """A namespace that stays with sidecars: callers in ambient aren't routed by its VirtualServices."""
    NOT_ROUTED = "not-routed"
    """A route that no supported API of ambient can say is left to the VirtualService, or lost."""
    ANSWER = "answers"
    """What the caller's sidecar answered by itself, such as a redirect, comes after the waypoint's policies."""
    ELSEWHERE = "other-service"
    """A waypoint routes to another Service, whose policies see the waypoint and not the caller."""
    AUDIT = "other-identity"
    """What is told of the caller (ipBlocks, destination.ip, headers) differs at a waypoint."""
    MTLS = "mutual-tls"
    """mTLS mode DISABLE has no counterpart."""
    EVERYWHERE = "all-callers"
    """What held for some callers holds for all callers at a waypoint."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference, and for what it holds."""

    topic: Topic
    namespace: str
    service: str
    """Name of the Service, or of the workload where it has none; empty for all of the namespace."""
    effect: str
    """``allowed``, ``denied`` or ``routed``: what happens now that didn't."""
    text: str
    """One sentence."""


@dataclass(slots=True)
class Finding:
    """What becomes of one object."""

    identity: Identity
    place: str
    verdict: Verdict = Verdict.MOVES
    reason: str = ""
    hint: str = GUIDE
    """An address to read more at."""
    differences: list[Difference] = field(default_factory=list)
    becomes: list[Identity] = field(default_factory=list)
    """The objects that it is translated to."""


class Findings:
    """The findings of all objects, by identity."""

    def __init__(self) -> None:
        self._all: dict[Identity, Finding] = {}
        self._same: dict[Identity, Identity] = {}

    def begin(self, identity: Identity, place: str) -> None:
        """An object of the setup: it moves as is, until something else is said of it."""
        self._all[identity] = Finding(identity, place)

    def follow(self, copy: Identity, original: Identity) -> None:
        """What is said of a copy is said of its original."""
        self._same[copy] = original

    def say(self, identity: Identity, verdict: Verdict, reason: str, hint: str = GUIDE) -> None:
        """Say what becomes of an object. The worst verdict stays, and all reasons do."""
        found = self._all[self._same.get(identity, identity)]
        if reason not in found.reason:
            found.reason = f"{found.reason}; {reason}" if found.reason else reason
        if ORDER.index(verdict) >= ORDER.index(found.verdict):
            found.verdict, found.hint = verdict, hint

    def differs(self, identity: Identity, difference: Difference) -> None:
        """Say in what the mesh behaves otherwise because of an object."""
        if difference not in (found := self._all[self._same.get(identity, identity)]).differences:
            found.differences.append(difference)

    def becomes(self, identity: Identity, *made: Identity) -> None:
        """Say what an object is translated to."""
        found = self._all[self._same.get(identity, identity)]
        found.becomes += [each for each in made if each not in found.becomes]

    def complete(self) -> None:
        """Give a reason to those that nothing was said of."""
        for found in self._all.values():
            found.reason = found.reason or "ambient changes nothing in it"

    def all(self) -> tuple[Finding, ...]:
        """All findings, in the order of the objects."""
        return tuple(self._all.values())


def differences(findings: Iterable[Finding]) -> list[tuple[Difference, list[Identity]]]:
    """Every difference once, with the objects that it comes from."""
    causes: dict[Difference, list[Identity]] = {}
    for each in findings:
        for one in each.differences:
            causes.setdefault(one, []).append(each.identity)
    return list(causes.items())
