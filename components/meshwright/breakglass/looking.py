"""What a plan has to know of the cluster before it is made; only read."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from meshwright.breakglass.plan import refused
from meshwright.health.objects import name_of, namespace_of
from meshwright.kubernetes.reading import METADATA_ONLY, ReadError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshwright.health.kinds import Kind
    from meshwright.health.objects import Object
    from meshwright.kubernetes.reading import ClusterReader


class ClusterLook:
    """The cluster that a plan is for."""

    def __init__(self, reader: ClusterReader, kinds: Mapping[str, Kind]) -> None:
        self._reader = reader
        self._kinds = kinds

    def all(self, kind: str, namespace: str = "") -> list[Object]:
        """All objects of a kind, of one namespace or of all, by namespace and name; none where it isn't served."""
        path = self._kinds[kind].path
        try:
            found = self._reader.list(path)
        except ReadError as error:
            raise_unless_absent(error, kind)
            found = []
        bodies = [{"kind": kind, **each} for each in found]
        return sorted(
            (each for each in bodies if not namespace or namespace_of(each) == namespace),
            key=lambda each: (namespace_of(each), name_of(each)),
        )

    def one(self, kind: str, namespace: str, name: str) -> Object:
        """One object. Raises `ConfigError` (MW-E172) where there is none."""
        for each in self.all(kind, "" if kind == "Namespace" else namespace):
            if name_of(each) == name:
                return each
        place = name if kind == "Namespace" else f"{namespace}/{name}"
        raise refused(f"there is no {kind} {place}", "name one of this cluster's")

    def has_secret(self, namespace: str, name: str) -> bool:
        """Whether there is a Secret of that name; its content is not read."""
        path = f"/api/v1/namespaces/{namespace}/secrets"
        try:
            return bool(self._reader.list(path, METADATA_ONLY, fieldSelector=f"metadata.name={name}"))
        except ReadError as error:
            raise_unless_absent(error, "Secret")
            return False

    def below(self, namespace: str, plural: str, owner: Object) -> list[dict[str, Any]]:
        """The objects of ``apps/v1`` that an object owns. ``plural``: ``replicasets`` or ``controllerrevisions``."""
        try:
            found = self._reader.list(f"/apis/apps/v1/namespaces/{namespace}/{plural}")
        except ReadError as error:
            raise_unless_absent(error, plural)
            found = []
        uid = owner["metadata"].get("uid")
        return [
            each for each in found if any(one["uid"] == uid for one in each["metadata"].get("ownerReferences") or ())
        ]


def raise_unless_absent(error: ReadError, kind: str) -> None:
    """Let a kind that isn't served pass. Raises `ConfigError` (MW-E172) for what can't be read."""
    if error.status != HTTPStatus.NOT_FOUND:
        raise refused(f"{kind} can't be read: {error}", "use an account that may read it") from None
