"""The migration of a whole setup: the report, the new manifests and the plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshwright.errors import Code, ConfigError, Problem
from meshwright.istio.migration import attached, authorization, destinations, enrolment, others, routes
from meshwright.istio.migration.authorization import Context
from meshwright.istio.migration.changes import Changes
from meshwright.istio.migration.localise import localise
from meshwright.istio.migration.needs import find_needs
from meshwright.istio.migration.plan import Step, order, plan
from meshwright.istio.migration.report import Finding, Findings, Verdict

if TYPE_CHECKING:
    from meshwright.istio.migration.objects import Identity
    from meshwright.istio.migration.setup import Setup


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace on its way."""

    name: str
    waypoint: tuple[tuple[str, tuple[Identity, ...]], ...]
    """The Services that need a waypoint, each with the objects that ask for it; empty: ztunnel is enough."""


@dataclass(frozen=True, slots=True)
class Migration:
    """What becomes of a setup."""

    findings: tuple[Finding, ...]
    namespaces: tuple[Namespace, ...]
    """Those that move, in their order."""
    kept: tuple[str, ...]
    """Those that keep sidecars."""
    steps: tuple[Step, ...]

    @property
    def is_decided(self) -> bool:
        """Whether nothing needs a decision."""
        return all(each.verdict in (Verdict.MOVES, Verdict.TRANSLATED) for each in self.findings)


def migrate(given: Setup) -> Migration:
    """Judge and translate every object of a setup, and plan its way.

    Raises:
        ConfigError: MW-E162 where nothing has a sidecar, MW-E164 where a namespace to keep has none.
    """
    if strangers := sorted(given.keep - set(given.sidecars)):
        known = ", ".join(given.sidecars) or "none"
        raise ConfigError(
            Problem(Code.NOT_A_SIDECAR_NAMESPACE, f"{strangers[0]} has no sidecars to keep", f"with sidecars: {known}")
        )
    if not given.moving:
        what = "no namespace with sidecars is in it"
        raise ConfigError(Problem(Code.NOTHING_TO_MIGRATE, what, "give the Namespaces with their injection labels too"))
    findings = Findings()
    for each in given.objects:
        findings.begin(each.identity, each.place)
    changes = Changes()
    setup = localise(given, findings, changes)
    needs = find_needs(setup)
    names = order(needs, setup.moving)
    changes.begin(names)
    context = Context(setup, needs, findings, changes, names, given.objects)
    routes.translate(setup.of("VirtualService"), context)
    destinations.translate(setup.of("DestinationRule"), context)
    authorization.translate(setup.of("AuthorizationPolicy"), context)
    attached.attach(setup.of(*attached.KINDS), context)
    attached.telemetry(setup.of("Telemetry"), context)
    others.judge(context)
    enrolment.enrol(context)
    findings.complete()
    namespaces = tuple(
        Namespace(name, tuple((service, tuple(why)) for (home, service), why in needs.reasons.items() if home == name))
        for name in names
    )
    return Migration(findings.all(), namespaces, tuple(context.kept), plan(context))
