"""Source and result held against each other: every difference, and whether the report has it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from meshwright.istio.migration.migrate import Migration
from meshwright.istio.migration.report import Difference
from tests.migration.replay import State, states
from tests.migration.requests import requests
from tests.semantics.calls import End, Outcome, Pods, Request
from tests.semantics.path import outcome
from tests.semantics.world import GATEWAY, OUTSIDE, SIDECAR, Object, World, key


@dataclass(frozen=True)
class Found:
    """A request that ends otherwise than before."""

    state: str
    request: Request
    effect: str
    """``allowed``, ``denied`` or ``routed``."""
    before: Outcome
    after: Outcome

    def __str__(self) -> str:
        return f"{self.state}: {self.request}\n  {self.effect}: {_shown(self.before)}\n  now: {_shown(self.after)}"


@dataclass(frozen=True)
class Comparison:
    """All differences of one migration, found once: which of them are reported is asked anew for each report."""

    before: World
    found: tuple[tuple[Found, State, World], ...]

    def unreported(self, migration: Migration) -> list[Found]:
        """The differences that no finding of the report tells of."""
        said = {difference for finding in migration.findings for difference in finding.differences}
        return [
            found
            for found, state, world in self.found
            if not any(_covers(each, found, self.before, world, state) for each in said)
        ]


def compare(before: World, migration: Migration, every: int = 7) -> Comparison:
    """All differences: in the end state for all requests, on the way for each n-th of them, another set in each step."""
    return Comparison(before, tuple(_differences(before, migration, every)))


def _differences(before: World, migration: Migration, every: int) -> Iterator[tuple[Found, State, World]]:
    asked = requests(before)
    known = {request: outcome(before, request) for request in asked}
    for number, state in enumerate(states(before, migration)):
        for request in asked if state.is_last else asked[number % every :: every]:
            for world in _moments(state, request):
                now = outcome(world, request)
                if now != known[request]:
                    for effect in _effects(known[request], now):
                        yield Found(state.title, request, effect, known[request], now), state, world


def _moments(state: State, request: Request) -> Iterator[World]:
    """The cluster in a step; where pods are being replaced, also with a caller that is ahead, or behind."""
    yield state.world
    if state.former is not None and request.caller.namespace == state.restarting:
        yield from state.halfway(request.caller)


def _effects(before: Outcome, after: Outcome) -> list[str]:
    gained = _allowed(after) - _allowed(before)
    if gained:
        return ["allowed" if gained > 0 else "denied"]
    if _asked(before) != _asked(after):  # nobody is asked any more, or somebody more who may deny
        return ["allowed" if _asked(before) - _asked(after) else "denied"]
    return ["routed"]


def _asked(found: Outcome) -> set[str]:
    return {change for end in found for change in end.changes if change.startswith(("CUSTOM", "AUDIT"))}


def _allowed(found: Outcome) -> Fraction:
    return sum((share for end, share in found.items() if end.allowed), Fraction(0))


def _covers(said: Difference, found: Found, before: World, now: World, state: State) -> bool:
    """Whether a difference of the report is about a request. What each topic may be an excuse for is said here."""
    request = found.request
    if said.effect != found.effect or said.namespace != request.namespace:
        return (
            said.effect == found.effect
            and said.topic == "all-callers"
            and not said.service
            and _is_new(request, before)
        )
    if said.service and said.service not in _targets(before, request):
        return False
    match said.topic:
        case "pod-address":
            return _goes_past(request, now)
        case "outside-the-mesh":
            return before.mode(request.caller) == OUTSIDE
        case "callers-with-sidecars":
            return now.mode(request.caller) == SIDECAR or not state.is_last
        case "ingress":
            return now.mode(request.caller) == GATEWAY
        case "answers":
            return any(end.allowed and end.pods is None for end in found.before)
        case "path-prefix":
            return request.http is not None and _is_at_the_edge(request.http.path, before, request)
        case "no-service":
            return not request.service or _is_headless(before, request)
        case _:
            return True


def _is_new(request: Request, before: World) -> bool:
    return request.namespace not in {key(each).namespace for each in before.objects}


def _targets(world: World, request: Request) -> set[str]:
    """The names under which the target may be reported: the Service, or the pods and their Services."""
    if request.service:
        pods = world.behind(world.services[Pods(request.namespace, request.service)])
    else:
        pods = [Pods(request.namespace, request.pods)]
    services = {key(each).name for each in world.services.values() if set(pods) & set(world.behind(each))}
    return {request.service, *services, *(each.name for each in pods)} - {""}


def _goes_past(request: Request, now: World) -> bool:
    return not request.service or now.waypoint(now.services[Pods(request.namespace, request.service)]) is None


def _is_headless(world: World, request: Request) -> bool:
    return bool(world.services[Pods(request.namespace, request.service)]["spec"].get("clusterIP") == "None")


def _is_at_the_edge(path: str, before: World, request: Request) -> bool:
    """Whether text and segments disagree on a prefix that a VirtualService of the Service has."""
    for prefix, is_rewritten in _prefixes(before.of("VirtualService")):
        short = prefix.rstrip("/")
        if path.startswith(prefix) != (path == short or path.startswith(f"{short}/")):
            return True
        if path.startswith(prefix) and is_rewritten:
            return True  # the rest of the path is joined in another way
    return False


def _prefixes(objects: Iterable[Object]) -> Iterator[tuple[str, bool]]:
    for each in objects:
        for rule in each["spec"].get("http") or []:
            for match in rule.get("match") or []:
                prefix = (match.get("uri") or {}).get("prefix")
                if prefix not in (None, "/"):
                    yield prefix, "rewrite" in rule


def _shown(found: Outcome) -> str:
    return "; ".join(f"{share} {_end(end)}" for end, share in sorted(found.items(), key=str))


def _end(end: End) -> str:
    return f"{'ok' if end.allowed else 'denied'} {end.pods.name if end.pods else ''} {' '.join(end.changes)}".strip()
