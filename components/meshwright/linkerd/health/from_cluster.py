"""What a cluster has of Linkerd, as a snapshot: only what the checks look at, by GET alone."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from meshwright.certs.from_cluster import SERVED
from meshwright.certs.observed import EVENT_REASONS
from meshwright.health.from_cluster import ABSENT, Reading, certificates_alone
from meshwright.health.kinds import API_SERVICES
from meshwright.health.objects import name_of
from meshwright.health.snapshot import Snapshot
from meshwright.kubernetes.reading import ReadError
from meshwright.linkerd import labels
from meshwright.linkerd.health.kinds import KINDS, SECOND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshwright.kubernetes.reading import ClusterReader

CONFIG_MAPS: Final = tuple((labels.NAMESPACE, each) for each in (labels.CONFIG, labels.TRUST_ROOTS))
_OWN: Final = ((labels.NAMESPACE, labels.ISSUER_SECRET), *((home, name) for name, home in SERVED.items()))
_OF_CONTROL_PLANE: Final = tuple(each for each in _OWN if each[0] == labels.NAMESPACE)
CERTIFICATES: Final = ("tls.crt", "crt.pem")
"""The keys of a Secret that are kept; its private key is dropped as soon as the answer is there."""


def snapshot_of(reader: ClusterReader, phases: Mapping[str, str]) -> Snapshot:
    """The snapshot of a cluster.

    A kind that the server does not know has no objects; one that we may not read, or that fails, is a gap.

    Args:
        reader: The cluster.
        phases: Namespace -> phase that a stack declares; empty without a stack.
    """
    reading = Reading(reader)
    reading.read_all(KINDS)
    for kind, place in SECOND.items():
        first = reading.objects.get(kind, ())
        reading.objects.pop(kind, None)
        reading.read(kind, partial(reader.list, place.path))
        reading.objects[kind] = first + reading.objects.get(kind, ())
    reading.read("ConfigMap", partial(_each, reader, "configmaps", CONFIG_MAPS))
    hooks = reading.objects.get("MutatingWebhookConfiguration", ())
    has_viz = any(name_of(each) == labels.TAP_WEBHOOK for each in hooks)
    reading.read("Secret", partial(_secrets, reader, _OWN if has_viz else _OF_CONTROL_PLANE))
    if has_viz:
        reading.read("APIService", lambda: [reader.get(f"{API_SERVICES.path}/{labels.TAP_API}")])
    reading.read("Event", partial(_events, reader))
    return Snapshot(reading.objects, live=True, gaps=reading.gaps, phases=phases)


def _each(reader: ClusterReader, plural: str, names: tuple[tuple[str, str], ...]) -> list[dict[str, Any]]:
    found = []
    for namespace, name in names:
        try:
            found.append(reader.get(f"/api/v1/namespaces/{namespace}/{plural}/{name}"))
        except ReadError as error:
            if error.status != ABSENT:
                raise
    return found


def _secrets(reader: ClusterReader, names: tuple[tuple[str, str], ...]) -> list[dict[str, Any]]:
    return [certificates_alone(each, CERTIFICATES) for each in _each(reader, "secrets", names)]


def _events(reader: ClusterReader) -> list[dict[str, Any]]:
    found = reader.list(f"/api/v1/namespaces/{labels.NAMESPACE}/events")
    return [each for each in found if each.get("reason") in EVENT_REASONS]
