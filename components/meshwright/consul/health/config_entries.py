"""What is written in Kubernetes is what Consul has: phases, intentions, and nothing that waits for ever."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

from meshwright.config.clock import today
from meshwright.consul import labels
from meshwright.consul.health.kinds import ENTRIES, INTENTIONS_DECLARED, NAMESPACE_DECLARED
from meshwright.consul.health.mesh import is_meshed, require_running
from meshwright.health.objects import annotation, at, called, condition, items, mapping, name_of, namespace_of
from meshwright.health.verdicts import Check, Doubt, Finding, NotKnownError, Severity, SkipError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from meshwright.health.objects import Object
    from meshwright.health.snapshot import Snapshot

CATEGORY: Final = "config entries"
PERMISSIVE: Final = "permissive"
_ANY: Final = "*"
_FINALIZED: Final = (*ENTRIES, "Gateway", "HTTPRoute")


def _synced(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    require_running(snapshot)
    found = [each for kind in ENTRIES for each in snapshot.of(kind)]
    if not found:
        raise SkipError("there is no config entry")
    for each in found:
        synced = condition(each, "Synced")
        said = " ".join(str(at(synced, key) or "") for key in ("reason", "message")).strip()
        if at(synced, "status") == "False":
            yield Finding(called(each), f"is not in Consul: {said}")
        elif at(synced, "status") != "True":
            yield Doubt(called(each), said or "the injector doesn't say whether Consul has it")


def _released(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    require_running(snapshot)
    for kind in _FINALIZED:
        for each in snapshot.of(kind):
            holds = [one for one in items(each, "metadata", "finalizers") if labels.GROUP in str(one)]
            if at(each, "metadata", "deletionTimestamp") and holds:
                yield Finding(called(each), f"is being deleted, and waits for {', '.join(map(str, holds))}")


def _intentions(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    found = snapshot.of("ServiceIntentions")
    if not found:
        raise SkipError("there is no intention")
    known = _services(snapshot)
    for each in found:
        wanted = at(each, "spec", "destination", "name")
        if wanted not in known:
            yield Finding(called(each), f"is for {wanted}, and no service is called so")
        for source in items(each, "spec", "sources"):
            name = at(source, "name")
            if name not in known and not at(source, "peer"):
                yield Finding(called(each), f"names {name} as a caller, and no service is called so")


def _services(snapshot: Snapshot) -> set[str]:
    """The names of all services that can be in Consul, as Kubernetes and a stack tell them."""
    named = {name_of(each) for kind in ("Service", "ServiceDefaults", "Gateway") for each in snapshot.of(kind)}
    named |= {str(at(each, "spec", "service", "name")) for each in snapshot.of("Registration")}
    named |= {name_of(each) for each in snapshot.of("TerminatingGateway")}
    if snapshot.live:
        told = (annotation(each, labels.SERVICE) for each in snapshot.of("Pod"))
        named |= {part.strip() for text in told for part in text.split(",")}
    for each in snapshot.of(NAMESPACE_DECLARED):
        named |= set(mapping(each, "services"))
    for each in snapshot.of(INTENTIONS_DECLARED):
        named |= set(map(str, mapping(each, "services"))) | set(map(str, items(each, "callers")))
    return {_ANY, *named}


def _permissive(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    told = {str(at(each, "namespace")): each for each in snapshot.of(NAMESPACE_DECLARED)}
    found = [each for each in snapshot.of("ServiceDefaults") if at(each, "spec", "mutualTLSMode") == PERMISSIVE]
    for each in snapshot.of("ProxyDefaults"):
        if at(each, "spec", "mutualTLSMode") == PERMISSIVE:
            yield Finding(called(each), "makes every service permissive: no intention holds for plaintext")
    if not found and not snapshot.of("ProxyDefaults"):
        raise SkipError("no service is permissive")
    for each in found:
        yield from _in_time(each, told, is_live=snapshot.live)


def _in_time(entry: Object, told: dict[str, Object], *, is_live: bool) -> Iterator[Finding | Doubt]:
    home = namespace_of(entry)
    deadline = at(told[home], "deadline") if home in told else None
    if deadline is None:
        if home in told and at(told[home], "phase") == "unmeshed" and at(told[home], "previous", "phase") == PERMISSIVE:
            message = "stays permissive for proxies that still run: take `previous` away once all pods were made anew"
            yield Doubt(called(entry), message)
        elif told or not is_live:
            yield Finding(called(entry), "is permissive, and no stack says until when")
        else:
            yield Doubt(called(entry), "is permissive; name the STACK that says until when")
        return
    try:
        last = date.fromisoformat(str(deadline))
    except ValueError:
        raise NotKnownError(f"until when {home} is permissive: {deadline} is no day") from None
    if last < today():
        yield Finding(called(entry), f"is permissive, and was to be strict after {last}")


def _phases(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    if not snapshot.phases:
        raise SkipError("no stack says which phase a namespace is in")
    known = {name_of(each): each for each in snapshot.of("Namespace")}
    modes = {(namespace_of(each), name_of(each)): each for each in snapshot.of("ServiceDefaults")}
    for name, phase in sorted(snapshot.phases.items()):
        if name not in known:
            if snapshot.live:
                yield Finding(f"Namespace {name}", f"is not there, and is declared as {phase}")
            continue
        if (phase != "unmeshed") != is_meshed(known[name]):
            has = "has" if is_meshed(known[name]) else "lacks"
            label = f"{labels.MESH_NAMESPACE}: {labels.ENABLED}"
            yield Finding(f"Namespace {name}", f"is declared as {phase}, and {has} the label {label}")
        for (home, _), each in sorted(modes.items()):
            mode = str(at(each, "spec", "mutualTLSMode") or "strict")
            if home == name and phase != "unmeshed" and mode != phase:
                yield Finding(called(each), f"is {mode}, and its namespace is declared as {phase}")
    if snapshot.live:
        yield from _missing(snapshot, modes)


def _missing(snapshot: Snapshot, there: Mapping[tuple[str, str], Object]) -> Iterator[Finding]:
    """Services that a stack lists and that say nothing: they are as the mesh's defaults have them."""
    for body in snapshot.of(NAMESPACE_DECLARED):
        home, phase = str(at(body, "namespace")), str(at(body, "phase"))
        for service in sorted(mapping(body, "services")):
            if phase != "unmeshed" and (home, service) not in there:
                message = f"is not there, and its namespace is declared as {phase}"
                yield Finding(f"ServiceDefaults {home}/{service}", message)


CHECKS: Final = (
    Check(
        "entries-synced",
        CATEGORY,
        "Consul has every config entry that is written in Kubernetes",
        Severity.ERROR,
        "see the reason: what Consul refuses has to be mended; what somebody else wrote into Consul, deleted there",
        _synced,
    ),
    Check(
        "entries-released",
        CATEGORY,
        "nothing that is being deleted waits for Consul's injector",
        Severity.ERROR,
        "bring an injector back; see `meshwright consul uninstall` for the order",
        _released,
    ),
    Check(
        "intentions-known",
        CATEGORY,
        "every intention is for services that exist",
        Severity.WARNING,
        "mend the name, or remove the intention: one for nobody hides a mistake in another's name",
        _intentions,
    ),
    Check(
        "permissive-in-time",
        CATEGORY,
        "what is permissive has a last day that is not over",
        Severity.ERROR,
        "make the namespace strict; see who still calls in plaintext by the alert ConsulPlaintextTaken",
        _permissive,
    ),
    Check(
        "phases-as-declared",
        CATEGORY,
        "every namespace is in the phase that the stack declares",
        Severity.ERROR,
        "run `meshwright up`; nobody else should label the namespace, nor change its ServiceDefaults",
        _phases,
    ),
)
