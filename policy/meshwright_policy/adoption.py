"""The order of a rollout: permissive before strict, a soak between, one namespace at a time, the whole mesh last."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from meshwright.guidance.rollout import SOAK_DAYS
from meshwright.phases import LADDERS
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
from meshwright_policy.values import UNKNOWN, at, day, listed, shown, today

NAMESPACE = "meshwright:index:AmbientNamespace"
MESH_WIDE = "meshwright:index:MeshWideMtls"
PHASES = LADDERS["istio-ambient"].phases
_MIGRATION = "https://istio.io/latest/docs/tasks/security/authentication/mtls-migration/"
_PEER_AUTHENTICATION = "https://istio.io/latest/docs/reference/config/security/peer_authentication/"


def _phase(value: Any) -> str:
    """A phase for a message. One of no known name is not repeated: it may be anything."""
    return value if value in PHASES else "in a phase of no known name"


def _name(subject: Subject) -> str:
    return shown(at(subject.properties, "namespace"), subject.name)


def _must_be_strict(subject: Subject) -> bool:
    """Whether the namespace is strict, or may be. Raises `NotApplicableError` where it isn't."""
    phase = at(subject.properties, "phase")
    if phase is not UNKNOWN and phase != "strict":
        raise NotApplicableError("the namespace is not strict")
    return phase is not UNKNOWN


def _permissive_first(subject: Subject, _: Config) -> Iterator[Answer]:
    is_strict = _must_be_strict(subject)
    before = at(subject.properties, "previous", "phase")
    if before == "permissive":
        return
    if not is_strict or before is UNKNOWN:
        yield Undecided("its phase, or the one before it, is known only at the update")
    elif before is None:
        yield Violation("the namespace is strict, but no permissive phase before it is on record")
    else:
        yield Violation(f"the namespace is strict, but was {_phase(before)} before")


PERMISSIVE_FIRST = Rule(
    id="MW-ADO-001",
    slug="strict-after-permissive",
    title="A namespace turns strict only after it was permissive",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=(NAMESPACE,),
    why=(
        "In strict mode a workload refuses every caller without mutual TLS. Only in a permissive phase do such callers "
        "show themselves without being cut off."
    ),
    remedy="set the phase to permissive first, and record it as `previous` when the namespace turns strict",
    bad=Example(
        """\
checkout:
  type: meshwright:index:AmbientNamespace
  properties: {namespace: checkout, phase: strict, since: "2026-11-16", previous: {phase: unmeshed}}
""",
        "the namespace is strict, but was unmeshed before",
    ),
    good=Example("""\
checkout:
  type: meshwright:index:AmbientNamespace
  properties:
    namespace: checkout
    phase: strict
    since: "2026-11-16"
    previous: {phase: permissive, since: "2026-11-02"}
"""),
    references=(_MIGRATION,),
    check=_permissive_first,
)


def _soak(subject: Subject, config: Config) -> Iterator[Answer]:
    is_strict = _must_be_strict(subject)
    needed = int(config["soak_days"])
    before = at(subject.properties, "previous")
    if before is not UNKNOWN and at(before, "phase") not in ("permissive", UNKNOWN):
        raise NotApplicableError("the namespace was not permissive before; MW-ADO-001 speaks about that")
    raw_begin, raw_end = at(before, "since"), at(subject.properties, "since")
    begin, end = day(raw_begin), min(day(raw_end) or today(), today())
    # An unknown last day is at best today.
    if begin is not None and (end - begin).days >= needed and raw_end is not UNKNOWN:
        return
    if not is_strict or before is UNKNOWN or raw_begin is UNKNOWN or at(before, "phase") is UNKNOWN:
        yield Undecided("how long the namespace was permissive is known only at the update")
    elif begin is None:
        yield Violation("the namespace is strict, but since when it was permissive is not on record as YYYY-MM-DD")
    elif (end - begin).days < needed:
        soaked = max(0, (end - begin).days)
        possible = begin + timedelta(days=needed)
        yield Violation(
            f"the namespace is strict after {soaked} of {needed} days in permissive; strict is possible from {possible}"
        )
    else:
        yield Undecided("the day on which the namespace turned strict is known only at the update")


SOAK = Rule(
    id="MW-ADO-002",
    slug="soak-before-strict",
    title="A namespace soaks in permissive before it turns strict",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=(NAMESPACE,),
    why=(
        "A week shows the callers that a day doesn't: nightly jobs, weekly reports, the other team's release. Each one "
        "that still speaks plaintext is cut off the moment the namespace turns strict."
    ),
    remedy="leave the phase permissive until the soak is over, and look for plaintext callers meanwhile",
    notes=(
        "Days are counted from `previous.since` to `since`, and never beyond today, so that a date in the future buys "
        "no time. Without `since`, today counts."
    ),
    config={
        "soak_days": {
            "type": "integer",
            "minimum": 0,
            "default": SOAK_DAYS,
            "description": "Least number of days in permissive.",
        }
    },
    bad=Example(
        """\
checkout:
  type: meshwright:index:AmbientNamespace
  properties:
    namespace: checkout
    phase: strict
    since: "2026-11-20"
    previous: {phase: permissive, since: "2026-11-16"}
""",
        "the namespace is strict after 4 of 7 days in permissive; strict is possible from 2026-11-23",
    ),
    good=Example("""\
checkout:
  type: meshwright:index:AmbientNamespace
  properties:
    namespace: checkout
    phase: strict
    since: "2026-11-23"
    previous: {phase: permissive, since: "2026-11-16"}
"""),
    references=(_MIGRATION,),
    check=_soak,
)


def _mesh_wide_last(subject: Subject, _: Config) -> Iterator[Answer]:
    mode, phases = at(subject.properties, "mode"), at(subject.properties, "phases")
    if mode is not UNKNOWN and mode != "STRICT":
        return
    known = phases if isinstance(phases, Mapping) else {}
    behind = [
        f"{shown(name, 'one namespace')} is {_phase(phase)}"
        for name, phase in known.items()
        if phase not in ("strict", UNKNOWN)
    ]
    if mode == "STRICT" and behind:
        yield Violation(
            f"mesh-wide mTLS is STRICT, but {listed(behind)}: callers that speak plaintext would be cut off"
        )
    elif mode == "STRICT" and phases is not UNKNOWN and not known:
        yield Violation(
            "mesh-wide mTLS is STRICT, but no namespace is listed with its phase: nobody knows who would be cut off"
        )
    elif not known or behind or UNKNOWN in known.values():
        yield Undecided("the mesh-wide mode, or the phase of a namespace, is known only at the update")


MESH_WIDE_LAST = Rule(
    id="MW-ADO-003",
    slug="mesh-wide-strict-last",
    title="Strict mTLS waits until every namespace is meshed",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=(MESH_WIDE,),
    why=(
        "A mesh-wide STRICT reaches every workload without a rule of its own. Callers in a namespace that is not "
        "meshed yet have no certificate to show and are cut off, all at once."
    ),
    remedy="keep mesh-wide permissive, and set phase: strict for the namespaces that are ready",
    notes=(
        "It reads the component's own inputs `mode` and `phases`, so that it speaks before the change, even with "
        "`--skip-preview`. At least one namespace must be listed, and all that are must be strict. Whether the list "
        "is what the stack is, and a PeerAuthentication written by hand, are MW-ADO-004's."
    ),
    bad=Example(
        """\
mesh-wide:
  type: meshwright:index:MeshWideMtls
  properties: {mode: STRICT, phases: {checkout: strict, catalog: permissive, legacy: unmeshed}}
""",
        "mesh-wide mTLS is STRICT, but catalog is permissive and legacy is unmeshed: callers that speak plaintext "
        "would be cut off",
    ),
    good=Example("""\
mesh-wide:
  type: meshwright:index:MeshWideMtls
  properties: {mode: STRICT, phases: {checkout: strict, catalog: strict}}
"""),
    references=(_PEER_AUTHENTICATION, _MIGRATION),
    check=_mesh_wide_last,
)


def _one_at_a_time(stack: Stack, config: Config) -> Iterator[Answer]:
    subjects = stack.of(NAMESPACE)
    watched_from = today() - timedelta(days=int(config["watch_days"]))
    changed: dict[date, list[Subject]] = defaultdict(list)
    unclear: list[Subject] = []
    for subject in subjects:
        began, phase, before = (at(subject.properties, *path) for path in _CHANGE)
        # A change that is not dated is made now.
        on = day(began) or today()
        if UNKNOWN in (began, phase, before):
            unclear.append(subject)
        elif on >= watched_from and (phase or "unmeshed") != (before or "unmeshed"):
            changed[on].append(subject)
    for on, together in sorted(changed.items()):
        for earlier, later in pairwise(sorted(together, key=_name)):
            message = f"the namespace changes its phase on {on}, the same day as {_name(earlier)}"
            yield Violation(message, later, (earlier,))
    if unclear and len(subjects) > 1:
        yield Undecided(
            f"when {listed([_name(subject) for subject in unclear])} changed phase is known only at the update"
        )


_CHANGE = (("since",), ("phase",), ("previous", "phase"))

ONE_AT_A_TIME = Rule(
    id="MW-ADO-007",
    slug="one-namespace-at-a-time",
    title="One namespace changes its phase at a time",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=(NAMESPACE,),
    why=(
        "When calls fail after two namespaces changed on one day, nobody can say which change it was, and both are "
        "rolled back."
    ),
    remedy="move one namespace, watch it, and move the next one on a later day",
    notes=(
        "A change is a phase that differs from `previous.phase` (unmeshed where none is recorded), on the day `since`, "
        "or today where that is no date. Two changes meet only on one and the same day; a day apart is enough. "
        "Namespaces of one day are named in pairs, by the order of their names; a waiver for either waives the pair."
    ),
    config={
        "watch_days": {
            "type": "integer",
            "minimum": 0,
            "default": 7,
            "description": "Changes that lie further back than this many days are history.",
        }
    },
    bad=Example(
        """\
checkout:
  type: meshwright:index:AmbientNamespace
  properties: {namespace: checkout, phase: permissive, since: "2026-11-20"}
catalog:
  type: meshwright:index:AmbientNamespace
  properties: {namespace: catalog, phase: permissive, since: "2026-11-20"}
""",
        "the namespace changes its phase on 2026-11-20, the same day as catalog",
    ),
    good=Example("""\
checkout:
  type: meshwright:index:AmbientNamespace
  properties: {namespace: checkout, phase: permissive, since: "2026-11-18"}
catalog:
  type: meshwright:index:AmbientNamespace
  properties: {namespace: catalog, phase: permissive, since: "2026-11-20"}
"""),
    references=(_MIGRATION,),
    check_stack=_one_at_a_time,
)

RULES = (PERMISSIVE_FIRST, SOAK, MESH_WIDE_LAST, ONE_AT_A_TIME)
