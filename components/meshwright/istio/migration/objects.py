"""Kubernetes objects as a migration reads and writes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Body: TypeAlias = "dict[str, Any]"
"""A manifest: plain values, never changed in place."""

_OF_THE_SERVER = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")


class Identity(NamedTuple):
    """What an object is, whatever its API version and content."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object of the setup that is migrated, with the place where it stands."""

    body: Body
    place: str = ""
    """``file:line``, or empty for an object of a live cluster."""

    @property
    def kind(self) -> str:
        """Its kind."""
        return str(self.body["kind"])

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.body["metadata"].get("name", ""))

    @property
    def namespace(self) -> str:
        """Its namespace; empty for an object of the cluster."""
        return identity(self.body).namespace

    @property
    def spec(self) -> Body:
        """Its spec; empty where it has none."""
        return self.body.get("spec") or {}

    @property
    def identity(self) -> Identity:
        """What it is."""
        return identity(self.body)


_OF_THE_CLUSTER = frozenset({"Namespace", "GatewayClass", "ClusterRole", "ClusterRoleBinding"})


def identity(body: Mapping[str, Any]) -> Identity:
    """What a body is. An object that names no namespace is in ``default``, as for kubectl."""
    group = str(body["apiVersion"]).rpartition("/")[0]
    metadata, kind = body["metadata"], str(body["kind"])
    namespace = "" if kind in _OF_THE_CLUSTER else str(metadata.get("namespace") or "default")
    return Identity(group, kind, namespace, str(metadata.get("name", "")))


def new(api_version: str, kind: str, namespace: str, name: str, spec: Mapping[str, Any], **metadata: Any) -> Body:
    """A new object."""
    said = {key: value for key, value in metadata.items() if value}
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, **said},
        "spec": dict(spec),
    }


def with_spec(body: Body, spec: Mapping[str, Any]) -> Body:
    """The object with another spec."""
    return {**cleaned(body), "spec": dict(spec)}


def with_labels(body: Body, add: Mapping[str, str], remove: Sequence[str] = ()) -> Body:
    """The object with other labels."""
    metadata = cleaned(body)["metadata"]
    kept = {key: value for key, value in (metadata.get("labels") or {}).items() if key not in remove}
    rest = {key: value for key, value in metadata.items() if key != "labels"}
    labels = {**kept, **add}
    return {**cleaned(body), "metadata": {**rest, **({"labels": labels} if labels else {})}}


def cleaned(body: Body) -> Body:
    """The object without what only a server writes: it can be applied again."""
    metadata = {key: value for key, value in body["metadata"].items() if key not in _OF_THE_SERVER}
    notes = metadata.get("annotations") or {}
    kept = {key: value for key, value in notes.items() if key != "kubectl.kubernetes.io/last-applied-configuration"}
    if notes:
        metadata = {key: value for key, value in metadata.items() if key != "annotations"}
        metadata |= {"annotations": kept} if kept else {}
    return {key: value for key, value in body.items() if key != "status"} | {"metadata": metadata}


def listed(value: Any) -> list[Any]:
    """A list of an API object, which may be left out or null."""
    return value if isinstance(value, list) else []


def mapped(value: Any) -> dict[str, Any]:
    """A mapping of an API object, which may be left out or null."""
    return value if isinstance(value, dict) else {}
