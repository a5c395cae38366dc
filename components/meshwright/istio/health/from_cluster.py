"""What a cluster has, as a snapshot: only what the checks look at, by GET alone."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from meshwright.istio.health.certificates import CA_SECRETS, PUBLIC_KEYS, ROOT_CONFIG_MAP
from meshwright.istio.health.installation import CNI_CONFIG_MAP, root_namespace
from meshwright.istio.health.kinds import CONFIG_MAPS, CRDS, KINDS
from meshwright.istio.health.snapshot import Snapshot
from meshwright.istio.health.verdicts import NotKnownError
from meshwright.kubernetes.reading import METADATA_ONLY, ReadError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from meshwright.kubernetes.reading import ClusterReader

_Objects = tuple[dict[str, Any], ...]
_ABSENT: Final = HTTPStatus.NOT_FOUND
_SECRETS: Final = "/api/v1/namespaces/{}/secrets/{}"


def snapshot_of(reader: ClusterReader, phases: Mapping[str, str]) -> Snapshot:
    """The snapshot of a cluster.

    A kind that the server does not know has no objects; one that we may not read, or that fails, is a gap.

    Args:
        reader: The cluster.
        phases: Namespace -> phase that a stack declares; empty without a stack.
    """
    objects: dict[str, _Objects] = {}
    gaps: dict[str, str] = {}

    def read(kind: str, ask: Callable[[], list[dict[str, Any]]]) -> None:
        try:
            objects[kind] = tuple({"kind": kind, **each} for each in ask())
        except ReadError as error:
            if error.status != _ABSENT:
                gaps[kind] = str(error)

    read("CustomResourceDefinition", partial(reader.list, CRDS.path, METADATA_ONLY))
    defined = {each["metadata"]["name"] for each in objects.get("CustomResourceDefinition", ())}
    for kind, place in KINDS.items():
        read(kind, partial(reader.list, place.path))
        # A server that lacks a kind answers "forbidden", not "absent", to who has no right to it.
        if kind in gaps and defined and place.crd and place.crd not in defined:
            del gaps[kind]
    read("ConfigMap", partial(_config_maps, reader))
    so_far = Snapshot(objects, live=True, gaps=gaps)
    try:
        root = root_namespace(so_far)
    except NotKnownError as gap:
        gaps["Secret"] = str(gap)
    else:
        read("Secret", partial(_secrets, reader, root))
    return Snapshot(objects, live=True, gaps=gaps, phases=phases)


def _config_maps(reader: ClusterReader) -> list[dict[str, Any]]:
    names = (ROOT_CONFIG_MAP, CNI_CONFIG_MAP)
    return [each for name in names for each in reader.list(CONFIG_MAPS.path, fieldSelector=f"metadata.name={name}")]


def _secrets(reader: ClusterReader, root: str) -> list[dict[str, Any]]:
    found = []
    for name in CA_SECRETS:
        try:
            found.append(_public(reader.get(_SECRETS.format(root, name))))
        except ReadError as error:
            if error.status != _ABSENT:
                raise
    return found


def _public(secret: dict[str, Any]) -> dict[str, Any]:
    """A Secret with its certificates alone."""
    metadata = {key: secret["metadata"][key] for key in ("name", "namespace")}
    data = {key: value for key, value in (secret.get("data") or {}).items() if key in PUBLIC_KEYS}
    return {"metadata": metadata, "data": data}
