"""May a permissive namespace go strict? Only on evidence: traffic was seen, none of it in plaintext, for long enough.

ztunnel counts each connection to a captured pod as ``istio_tcp_connections_opened_total`` with
``reporter="destination"``; plaintext has ``connection_security_policy="unknown"``, and its source is known by address
where it is a pod of the cluster (ztunnel ``src/proxy/inbound_passthrough.rs``). A sidecar counts alike.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from meshwright.istio.readiness.prometheus import Sample

Ask = Callable[[str], list[Sample]]
"""PromQL -> the instant vector at the end of the window."""

_OPENED: Final = "istio_tcp_connections_opened_total"
_RECEIVED: Final = "istio_tcp_received_bytes_total"
_CALL: Final = "source_workload_namespace, source_workload, destination_workload"
_ZTUNNEL: Final = 'istio_build{component="ztunnel"}'
_SEEN_ENOUGH: Final = 0.95
"""The share of the window's hours in which ztunnel has to have been scraped. The rest is restarts of Prometheus."""


class Verdict(StrEnum):
    """What the evidence says."""

    READY = "ready"
    NOT_READY = "not ready"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that speaks against strict, or that isn't known."""

    verdict: Verdict
    what: str
    """A sentence without a full stop."""
    remedy: str


@dataclass(frozen=True, slots=True)
class Readiness:
    """The evidence for one namespace."""

    namespace: str
    hours: int
    """The window that was looked at."""
    connections: float
    """Connections that its workloads accepted in the window, about."""
    workloads: tuple[str, ...]
    """Its workloads that accepted one."""
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """Ready only where nothing speaks against it and nothing is unknown."""
        found = {each.verdict for each in self.findings}
        return next((each for each in (Verdict.NOT_READY, Verdict.INCONCLUSIVE) if each in found), Verdict.READY)


def judge(ask: Ask, namespace: str, hours: int, workloads: Sequence[str] = ()) -> Readiness:
    """Ask Prometheus about a window that ends now.

    Args:
        ask: Answers PromQL.
        namespace: The namespace; a DNS label.
        hours: Length of the window.
        workloads: Workloads that must have been called: without them nobody knows of one that never was.
    """
    accepted = {
        each.labels.get("destination_workload", ""): each.value
        for each in ask(f"sum by (destination_workload) ({_new(_to(namespace), hours)})")
    }
    findings = [
        *_scraped(ask, hours),
        *_called(accepted, workloads, namespace, hours),
        *_plaintext(ask, namespace, hours),
        *_open(ask, namespace),
        *_captured(ask),
    ]
    return Readiness(namespace, hours, sum(accepted.values()), tuple(sorted(filter(None, accepted))), tuple(findings))


def _to(namespace: str, plaintext: str = "") -> str:
    return f'reporter="destination", destination_workload_namespace="{namespace}"{plaintext}'


def _new(labels: str, hours: int) -> str:
    """Connections opened in the window.

    A series that began in it counts whole: ``increase`` misses its first sample, and with it a caller that came once.
    """
    series = f"{_OPENED}{{{labels}}}"
    before = f"last_over_time({series}[1h] offset {hours}h)"
    went_on = f"(increase({series}[{hours}h]) > 0) and {before}"
    began = f"(last_over_time({series}[{hours}h]) > 0) unless {before}"
    return f"({went_on}) or ({began})"


def _scraped(ask: Ask, hours: int) -> Iterator[Finding]:
    asked = f"sum_over_time((count({_ZTUNNEL}) > bool 0)[{hours}h:1h])"
    seen = sum(each.value for each in ask(asked))
    if seen < _SEEN_ENOUGH * hours:
        what = f"ztunnel was scraped in {seen:.0f} of the last {hours} hours"
        remedy = "scrape every ztunnel, keep metrics for the window, and ask again when it has passed"
        yield Finding(Verdict.INCONCLUSIVE, what, remedy)


def _called(accepted: dict[str, float], workloads: Sequence[str], namespace: str, hours: int) -> Iterator[Finding]:
    if not accepted:
        what = f"no connection to {namespace} was seen in {hours} hours"
        yield Finding(
            Verdict.INCONCLUSIVE, what, "no traffic proves nothing: look at whether it is captured and called"
        )
        return
    for name in workloads:
        if not accepted.get(name):
            what = f"{name} accepted no connection in {hours} hours"
            yield Finding(Verdict.INCONCLUSIVE, what, "wait until its callers have run, or call it")


def _plaintext(ask: Ask, namespace: str, hours: int) -> Iterator[Finding]:
    labels = _to(namespace, ', connection_security_policy!="mutual_tls"')
    for each in _by_caller(ask(f"sum by ({_CALL}) ({_new(labels, hours)})")):
        what = f"{_call(each)} in plaintext, {_times(each.value)} in {hours} hours"
        yield Finding(Verdict.NOT_READY, what, "bring the caller into the mesh: strict would cut it off")


def _open(ask: Ask, namespace: str) -> Iterator[Finding]:
    labels = _to(namespace, ', connection_security_policy!="mutual_tls"')
    for each in _by_caller(ask(f"sum by ({_CALL}) (rate({_RECEIVED}{{{labels}}}[5m])) > 0")):
        what = f"{_call(each)} over a plaintext connection that is open now"
        yield Finding(
            Verdict.NOT_READY, what, "restart the caller once it is in the mesh: its old connection stays plain"
        )


def _captured(ask: Ask) -> Iterator[Finding]:
    pending = sum(each.value for each in ask("sum(workload_manager_pending_proxy_count)"))
    if pending:
        what = f"{pending:.0f} pods of the cluster wait to be captured"
        yield Finding(Verdict.NOT_READY, what, "see `meshwright istio check`: what isn't captured speaks plaintext")


def _by_caller(samples: list[Sample]) -> list[Sample]:
    return sorted((each for each in samples if each.value > 0), key=lambda each: (-each.value, _call(each)))


def _call(sample: Sample) -> str:
    namespace, source, destination = (sample.labels.get(name, "") for name in _CALL.split(", "))
    known = source and source != "unknown"
    caller = f"{namespace}/{source}" if known else "somebody from outside of the cluster, or without a workload,"
    return f"{caller} calls {destination or 'an unknown workload'}"


def _times(value: float) -> str:
    count = max(1, round(value))
    return "once" if count == 1 else f"{count:,} times"
