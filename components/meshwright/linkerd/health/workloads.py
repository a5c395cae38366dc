"""What workloads and Services say to their proxies: jobs end, no default gets lost, and nothing is said in vain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meshwright.health.objects import annotation, at, called, items, mapping, name_of, namespace_of
from meshwright.health.verdicts import Check, Doubt, Finding, Severity, SkipError
from meshwright.linkerd import labels
from meshwright.linkerd.health.installation import installed
from meshwright.linkerd.health.mesh import from_template, is_wanted, namespaces, pods
from meshwright.linkerd.health.versions import planes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.health.objects import Object
    from meshwright.health.snapshot import Snapshot

_CATEGORY: Final = "workloads and Services"
_TEMPLATES: Final = {"Job": ("spec", "template"), "CronJob": ("spec", "jobTemplate", "spec", "template")}
_NATIVE_SINCE: Final = (26, 6, 3)
"""The edge with which 2.20 began: native sidecars are the chart's default since."""
_OVERRIDDEN: Final = (
    labels.RETRY_HTTP,
    labels.RETRY_GRPC,
    labels.TIMEOUT_REQUEST,
    labels.TIMEOUT_RESPONSE,
    labels.TIMEOUT_IDLE,
    labels.FAILURE_ACCRUAL,
)


def _jobs(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    homes = namespaces(snapshot)
    found = [
        (each, from_template(each, *path))
        for kind, path in _TEMPLATES.items()
        for each in snapshot.of(kind)
        if not items(each, "metadata", "ownerReferences") and not at(each, "status", "completionTime")
    ]
    meshed = [(each, pod) for each, pod in found if is_wanted(pod, homes)]
    if not meshed:
        raise SkipError("no job is in the mesh")
    for each, pod in meshed:
        native = _said(pod, homes.get(namespace_of(each), {}))
        native = _default(snapshot) if native is None else native
        if native is False:
            yield Finding(called(each), "has a proxy that is no native sidecar: it never ends")
        elif native is None:
            yield Doubt(called(each), "the control plane is not in it, whose default its proxy has")


def _said(pod: Object, home: Object) -> bool | None:
    """What annotations say of native sidecars: the pod's own first; None for nothing."""
    for body in (pod, home):
        for key in (labels.NATIVE_SIDECAR, *labels.NATIVE_SIDECAR_OLD):
            if body and (value := annotation(body, key)):
                return value == "true"
    return None


def _default(snapshot: Snapshot) -> bool | None:
    try:
        plane = installed(snapshot)[0]
    except SkipError:
        return None
    value = plane.value("proxy", "nativeSidecar")
    if value is None:
        edges = [each for each in planes(snapshot).values() if each]
        return max(edges) >= _NATIVE_SINCE if edges else None
    return bool(value)


def _opaque(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    spoken = False
    for each, ports in _speakers(snapshot):
        text = annotation(each, labels.OPAQUE_PORTS)
        if not text:
            continue
        spoken = True
        lost = [port for port in labels.OPAQUE_DEFAULTS if port in ports and not _has(text, port)]
        if lost:
            yield Finding(called(each), f"replaces the default list, and loses {', '.join(map(str, lost))}")
    if not spoken:
        raise SkipError(f"nothing is annotated with {labels.OPAQUE_PORTS}")


def _speakers(snapshot: Snapshot) -> Iterator[tuple[Object, frozenset[int]]]:
    """All that can name opaque ports, with the ports for which it speaks."""
    for each in snapshot.of("Namespace"):
        yield each, frozenset(labels.OPAQUE_DEFAULTS)
    for each in snapshot.of("Service"):
        numbers = [at(port, key) for port in items(each, "spec", "ports") for key in ("port", "targetPort")]
        yield each, frozenset(number for number in numbers if isinstance(number, int))
    for each in pods(snapshot):
        own = [port for container in items(each, "spec", "containers") for port in items(container, "ports")]
        yield each, frozenset(int(at(port, "containerPort") or 0) for port in own)


def _has(text: str, port: int) -> bool:
    """Whether a list of ports and ranges has a port; names of ports are of no default."""
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if first.isdecimal() and int(first) <= port <= int(last if last.isdecimal() else first):
            return True
    return False


def _profiles(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    profiles = snapshot.of("ServiceProfile")
    if not profiles:
        raise SkipError("no ServiceProfile is in it")
    services: dict[str, Object] = {f"{name_of(each)}.{namespace_of(each)}": each for each in snapshot.of("Service")}
    for each in profiles:
        service = services.get(".".join(name_of(each).split(".")[:2]))
        said = mapping(service, "metadata", "annotations") if service else {}
        if service and (lost := [key for key in _OVERRIDDEN if key in said]):
            yield Finding(called(each), f"disables {', '.join(lost)} of {called(service)}")


CHECKS: Final = (
    Check(
        "jobs-end",
        _CATEGORY,
        "the proxies of jobs are native sidecars, which end with them",
        Severity.WARNING,
        f"remove the annotation {labels.NATIVE_SIDECAR}, or set proxy.nativeSidecar to true on the chart",
        _jobs,
    ),
    Check(
        "opaque-defaults-kept",
        _CATEGORY,
        "who names opaque ports names the default ones that it has, too",
        Severity.WARNING,
        "add them to the annotation: the proxy waits ten seconds for a protocol in which the server speaks first",
        _opaque,
    ),
    Check(
        "profiles-disable-nothing",
        _CATEGORY,
        "no ServiceProfile disables the retries, timeouts or circuit breaking of its Service",
        Severity.WARNING,
        "remove the ServiceProfile; routes of the Gateway API do what it does",
        _profiles,
    ),
)
