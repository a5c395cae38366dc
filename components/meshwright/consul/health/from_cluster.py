"""What a cluster has of Consul, as a snapshot: only what the checks look at, by GET alone."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from meshwright.consul import labels
from meshwright.consul.health.kinds import KINDS
from meshwright.health.from_cluster import ABSENT, Reading, certificates_alone
from meshwright.health.kinds import CONFIG_MAPS, SECRETS
from meshwright.health.objects import name_of
from meshwright.health.snapshot import Snapshot
from meshwright.kubernetes.reading import METADATA_ONLY, ReadError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from meshwright.consul.health.apis import Shown
    from meshwright.health.objects import Object
    from meshwright.kubernetes.reading import ClusterReader

CERTIFICATES: Final = ("tls.crt",)
"""The key of a Secret that is kept; its private key is dropped as soon as the answer is there."""
WITH_CERTIFICATES: Final = (labels.CA_SECRET, labels.SERVER_CERTIFICATE_SECRET, labels.WEBHOOK_CERTIFICATE_SECRET)


def snapshot_of(
    reader: ClusterReader, declared: Mapping[str, tuple[Object, ...]], shown: Iterable[Shown] = ()
) -> Snapshot:
    """The snapshot of a cluster.

    A kind that the server does not know has no objects; one that we may not read, or that fails, is a gap.

    Args:
        reader: The cluster.
        declared: What a stack declares, as `from_graph.declared` tells it; empty without a stack.
        shown: What the APIs of Consul and Vault answered.
    """
    reading = Reading(reader)
    reading.read_all(KINDS)
    reading.read("ConfigMap", partial(_each, reader, CONFIG_MAPS.plural, (labels.SERVER_CONFIG,)))
    reading.read("Secret", partial(_secrets, reader))
    objects: dict[str, tuple[Any, ...]] = {**reading.objects, **declared}
    gaps = dict(reading.gaps)
    for each in shown:
        objects |= each.objects
        gaps |= each.gaps
    return Snapshot(objects, live=True, gaps=gaps, phases=phases(declared))


def phases(declared: Mapping[str, tuple[Object, ...]]) -> dict[str, str]:
    """The phase of every namespace that a stack declares."""
    found = declared.get("ConsulNamespace", ())
    return {str(each["namespace"]): str(each["phase"]) for each in found if isinstance(each.get("phase"), str)}


def _each(reader: ClusterReader, plural: str, names: tuple[str, ...]) -> list[dict[str, Any]]:
    found = []
    for name in names:
        try:
            found.append(reader.get(f"/api/v1/namespaces/{labels.NAMESPACE}/{plural}/{name}"))
        except ReadError as error:
            if error.status != ABSENT:
                raise
    return found


def _secrets(reader: ClusterReader) -> list[dict[str, Any]]:
    """The certificates, and of the bootstrap token's Secret its name alone."""
    found = [certificates_alone(each, CERTIFICATES) for each in _each(reader, SECRETS.plural, WITH_CERTIFICATES)]
    path = f"/api/v1/namespaces/{labels.NAMESPACE}/{SECRETS.plural}"
    tokens = reader.list(path, METADATA_ONLY, fieldSelector=f"metadata.name={labels.BOOTSTRAP_SECRET}")
    return found + [{"metadata": {"name": name_of(each), "namespace": labels.NAMESPACE}} for each in tokens]
