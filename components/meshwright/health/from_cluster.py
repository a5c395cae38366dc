"""What a cluster has, by GET alone: a kind that it doesn't serve has no objects, and what can't be read is a gap."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from meshwright.health.kinds import CRDS
from meshwright.kubernetes.reading import METADATA_ONLY, ReadError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from meshwright.health.kinds import Kind
    from meshwright.kubernetes.reading import ClusterReader

ABSENT: Final = HTTPStatus.NOT_FOUND


class Reading:
    """What has been read of a cluster so far."""

    def __init__(self, reader: ClusterReader) -> None:
        self._reader = reader
        self.objects: dict[str, tuple[dict[str, Any], ...]] = {}
        self.gaps: dict[str, str] = {}

    def read(self, kind: str, ask: Callable[[], list[dict[str, Any]]]) -> None:
        """Read the objects of one kind; one that we may not read, or that fails, is a gap."""
        try:
            self.objects[kind] = tuple({"kind": kind, **each} for each in ask())
        except ReadError as error:
            if error.status != ABSENT:
                self.gaps[kind] = str(error)

    def read_all(self, kinds: Mapping[str, Kind]) -> None:
        """Read the CRDs' names, and then all objects of these kinds."""
        self.read("CustomResourceDefinition", partial(self._reader.list, CRDS.path, METADATA_ONLY))
        defined = {each["metadata"]["name"] for each in self.objects.get("CustomResourceDefinition", ())}
        for kind, place in kinds.items():
            self.read(kind, partial(self._reader.list, place.path))
            # A server that lacks a kind answers "forbidden", not "absent", to who has no right to it.
            if kind in self.gaps and defined and place.crd and place.crd not in defined:
                del self.gaps[kind]


def certificates_alone(secret: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """A Secret with these keys alone, none of which holds a private key; without annotations, which may hold all."""
    metadata = {key: secret["metadata"][key] for key in ("name", "namespace")}
    data = {key: value for key, value in (secret.get("data") or {}).items() if key in keys}
    return {"metadata": metadata, "data": data}
