"""What a cluster has of Istio, as a snapshot: only what the checks look at, by GET alone."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from meshwright.health.from_cluster import ABSENT, Reading, certificates_alone
from meshwright.health.kinds import CONFIG_MAPS
from meshwright.health.snapshot import Snapshot
from meshwright.health.verdicts import NotKnownError
from meshwright.istio.health.certificates import CA_SECRETS, PUBLIC_KEYS, ROOT_CONFIG_MAP
from meshwright.istio.health.installation import CNI_CONFIG_MAP, root_namespace
from meshwright.istio.health.kinds import KINDS
from meshwright.kubernetes.reading import ReadError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshwright.kubernetes.reading import ClusterReader

_SECRETS: Final = "/api/v1/namespaces/{}/secrets/{}"


def snapshot_of(reader: ClusterReader, phases: Mapping[str, str]) -> Snapshot:
    """The snapshot of a cluster.

    A kind that the server does not know has no objects; one that we may not read, or that fails, is a gap.

    Args:
        reader: The cluster.
        phases: Namespace -> phase that a stack declares; empty without a stack.
    """
    reading = Reading(reader)
    reading.read_all(KINDS)
    reading.read("ConfigMap", partial(_config_maps, reader))
    so_far = Snapshot(reading.objects, live=True, gaps=reading.gaps)
    try:
        root = root_namespace(so_far)
    except NotKnownError as gap:
        reading.gaps["Secret"] = str(gap)
    else:
        reading.read("Secret", partial(_secrets, reader, root))
    return Snapshot(reading.objects, live=True, gaps=reading.gaps, phases=phases)


def _config_maps(reader: ClusterReader) -> list[dict[str, Any]]:
    names = (ROOT_CONFIG_MAP, CNI_CONFIG_MAP)
    return [each for name in names for each in reader.list(CONFIG_MAPS.path, fieldSelector=f"metadata.name={name}")]


def _secrets(reader: ClusterReader, root: str) -> list[dict[str, Any]]:
    found = []
    for name in CA_SECRETS:
        try:
            found.append(certificates_alone(reader.get(_SECRETS.format(root, name)), PUBLIC_KEYS))
        except ReadError as error:
            if error.status != ABSENT:
                raise
    return found
