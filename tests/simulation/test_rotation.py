"""Rotations with interruptions, driven by the functions that `meshwright certs advance` uses."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from meshwright.certs.checks import Check, Move, Verdict, verdict_of
from meshwright.certs.gates import gate
from meshwright.certs.generations import Generation, Told
from meshwright.certs.lockstep import Recorded, Turn, refuse, turn
from meshwright.certs.observed import Observed
from meshwright.certs.pem import is_same_authority
from meshwright.certs.rotation import LINKERD_STEPS, stand
from meshwright.errors import ConfigError
from tests.simulation.world import HOUR, START, Authority, Cluster, anchor, signed_anew, strangers

ROTATIONS = 200
LONGEST = timedelta(days=90)
Gate = Callable[[list[Observed], Move, datetime, list[Told]], tuple[Check, ...]]


class Operator:
    """Somebody who rotates: looks now and then, advances where the gate holds, and is often interrupted.

    Args:
        seed: Of all that is left to chance.
        judge: The gate.
        patient: Whether the days that a step has to last are waited for.
        renews: cert-manager signs the anchors anew with their old keys while the rotation is under way.
        partner: A cluster of another anchor is linked; each trusts the other's (`also_trusted`).
    """

    def __init__(
        self, seed: int, judge: Gate = gate, *, patient: bool = True, renews: bool = False, partner: bool = False
    ) -> None:
        self.random = random.Random(seed)  # noqa: S311 - a simulation
        self.now = START
        self._judge, self._patient = judge, patient
        self.old, self.new = anchor("old", START - timedelta(days=3000)), anchor("new", START - timedelta(days=1))
        self._renewals = sorted(self.random.sample(range(1, 500), 4)) if renews else []
        others = (anchor("partner", START - timedelta(days=700)),) if partner else ()
        self._others = others
        count = self.random.randint(1, 5)
        self.clusters = [
            Cluster(
                f"c{n}",
                self.old,
                START,
                pods=self.random.randint(1, 3),
                controllers=self.random.choice((1, 3)),
                also_trusted=others,
            )
            for n in range(count)
        ]
        self.partners = [
            Cluster("partner", each, START, pods=2, controllers=1, also_trusted=(self.old, self.new)) for each in others
        ]
        self.files = {each.name: Recorded(each.name, "steady", has_next=True) for each in self.clusters}
        self.applied = dict.fromkeys(self.files, ("steady", "done"))
        self.broken: list[str] = []
        self._promptness = self.random.choice((0.5, 0.02))

    def run(self) -> None:
        """Until the rotation is complete; what broke on the way is in `broken`."""
        while not self._is_complete():
            assert self.now - START < LONGEST, f"stuck at {self.files}"
            self.now += HOUR
            self._renew_anchors()
            for each in self.partners:
                each.tick(self.now)
            for each in self.clusters:
                each.tick(self.now, watch_dies=self.random.random() < 0.05)
                if each.oldest_issuer_ends() - self.now <= each.issuer_renew_before:
                    each.restart_controllers(self.now)  # the alert on issuer_cert_ttl_seconds
                self._up(each)
                self._restart(each)
            self._advance()
            self.broken += strangers([*self.clusters, *self.partners], self.now)

    def _is_complete(self) -> bool:
        last = ("old-removed", "done")
        wanted = (self.new, *self._others)
        return all(done == last for done in self.applied.values()) and all(
            len(pod.anchors) == len(wanted)
            and all(any(is_same_authority(one, each.certificate) for one in pod.anchors) for each in wanted)
            for cluster in self.clusters
            for pod in cluster.pods
        )

    def _renew_anchors(self) -> None:
        """Now and then cert-manager signs one of them anew; trust-manager brings it to every cluster by itself."""
        if self._renewals and self.now - START >= self._renewals[0] * HOUR:
            self._renewals.pop(0)
            was = {"old": self.old, "new": self.new}[which := self.random.choice(("old", "new"))]
            now = signed_anew(was, self.now)
            self.old, self.new = (now, self.new) if which == "old" else (self.old, now)
            for each in [*self.clusters, *self.partners]:
                each.take_bundle(tuple(now if one == was else one for one in each.bundle), self.now)
                if each.signs == was:
                    each.take_signer(now, self.now)

    def _advance(self) -> None:
        """`meshwright certs advance` over all stacks; a crash between two files leaves the rest for the next time."""
        if self.random.random() < 0.3:
            return
        next_turn = turn(tuple(self.files.values()), LINKERD_STEPS)
        if next_turn is None:
            return
        try:
            refuse(next_turn, LINKERD_STEPS, self.now.date())
        except ConfigError:
            if self._patient:
                return
        checks = self._checks(next_turn)
        if verdict_of(checks) is not Verdict.PASSED:
            self._help(checks)
            return
        for each in next_turn.stacks:
            self.files[each.name] = replace(
                each, step=next_turn.to, since=self.now.date(), before=each.step, before_since=each.since
            )
            if self.random.random() < 0.15:
                return

    def _checks(self, next_turn: Turn) -> tuple[Check, ...]:
        moving = {each.name for each in next_turn.stacks}
        seen = [each.observed() for each in self.clusters if each.name in moving]
        told = self._told(next_turn.step)
        move = Move(next_turn.step, next_turn.to, next_turn.stacks[0].since)
        return self._judge(seen, move, self.now, [told] * len(seen))

    def _told(self, step: str) -> Told:
        """What the stack files say: whose anchors are which, where age alone would not tell."""
        if not self._others and self.old.certificate.not_valid_before_utc < self.new.certificate.not_valid_before_utc:
            return Told()
        old, new = (Generation(certificates=frozenset({each.certificate})) for each in (self.old, self.new))
        return Told(old, None if step == "steady" else new, others=bool(self._others))

    def _help(self, checks: tuple[Check, ...]) -> None:
        """Do what a check says, some day."""
        asked = {check.cluster for check in checks if "linkerd-identity" in check.remedy}
        for each in self.clusters:
            if each.name in asked and self.random.random() < 0.2:
                each.restart_controllers(self.now)

    def _up(self, cluster: Cluster) -> None:
        """`meshwright up`, late, and sometimes broken off between the bundle, the issuer and the restart."""
        step = self.files[cluster.name].step
        done = self.applied[cluster.name]
        if done == (step, "done") or self.random.random() > self._promptness:
            return
        stands = stand(step, self.old, self.new)
        if done[0] != step or done[1] == "begun":
            cluster.take_bundle((*_bundle(stands.trusts), *self._others), self.now)
            self.applied[cluster.name] = (step, "bundle")
            if self.random.random() < 0.2:
                return
        cluster.take_signer(stands.signs, self.now)
        self.applied[cluster.name] = (step, "issuer")
        if self.random.random() < 0.2:
            return
        self.applied[cluster.name] = (step, "done")

    def _restart(self, cluster: Cluster) -> None:
        """Deployments get new pods at any time, one after the other; some only days after they should have."""
        for number in range(len(cluster.pods)):
            if self.random.random() < 0.04:
                cluster.restart(number, self.now)
        if self.random.random() < 0.02:
            cluster.restart_controllers(self.now)


def _bundle(anchors: tuple[Authority, ...]) -> tuple[Authority, ...]:
    return tuple(sorted(anchors, key=lambda each: each.certificate.subject.rfc4514_string()))


@pytest.mark.parametrize("part", range(8))
def test_no_proxy_is_ever_a_stranger(part: int) -> None:
    each = ROTATIONS // 8
    for seed in range(part * each, (part + 1) * each):
        operator = Operator(seed)
        operator.run()
        assert operator.broken[:1] == [], f"seed {seed}"


@pytest.mark.parametrize("seed", range(12))
def test_no_proxy_is_ever_a_stranger_while_anchors_are_signed_anew_or_others_are_trusted_too(seed: int) -> None:
    operator = Operator(1000 + seed, renews=seed % 3 != 1, partner=seed % 3 != 0)
    operator.run()
    assert operator.broken[:1] == []


def test_a_seed_says_it_all() -> None:
    first, again = Operator(7), Operator(7)
    first.run()
    again.run()
    assert (first.now, first.files) == (again.now, again.files)


def without(title: str) -> Gate:
    """The gate with one of its checks left out, and those that speak of the same thing."""

    def judge(seen: list[Observed], move: Move, now: datetime, told: list[Told]) -> tuple[Check, ...]:
        return tuple(check for check in gate(seen, move, now, told) if title not in check.title)

    return judge


@pytest.mark.parametrize("left_out", ["every proxy was started", "has a new certificate"])
def test_without_one_of_the_checks_the_mesh_breaks(left_out: str) -> None:
    def broken(seed: int) -> bool:
        operator = Operator(seed, without(left_out), patient=False)
        operator.run()
        return bool(operator.broken)

    assert any(map(broken, range(40)))


def test_the_documentations_timings_break_the_mesh_unattended() -> None:
    """``duration: 8760h, renewBefore: 7320h, rotationPolicy: Always``, issuer 48h/25h, as linkerd.io's guide has it."""
    duration, renew_before = 8760 * HOUR, 7320 * HOUR
    first = anchor("docs", START, duration)
    cluster = Cluster("docs", first, START, pods=3, controllers=1)
    now, renewed = START, None
    broken: list[str] = []
    while not broken and now < START + duration:
        now += HOUR
        if renewed is None and now >= START + duration - renew_before:
            renewed = now
            # cert-manager makes another key; trust-manager adds it to the one that was copied by hand.
            second = anchor("docs", now, duration)
            cluster.take_bundle((first, second), now)
            cluster.signs = second
        cluster.tick(now)
        broken = list(strangers([cluster], now))
    assert renewed == START + timedelta(days=60)
    assert broken
    assert now - renewed < timedelta(days=3)
