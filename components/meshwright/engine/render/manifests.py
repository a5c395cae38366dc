"""Kubernetes resources of a graph as manifests, and why some of them can't be."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshwright.engine.graph import UNKNOWN, Asset, Resource, ResourceReference, Secret, Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OBJECT = re.compile(r"kubernetes:(?P<group>[^:/]+)/(?P<version>[^:/]+):(?P<kind>[A-Za-z0-9]+)")
_NOT_OBJECTS = frozenset({"helm.sh", "yaml", "kustomize"})
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.:]*[a-z0-9])?")
_PATHS_NAMED = 3
_WAIT_FOR = "pulumi.com/waitFor"


@dataclass(frozen=True, slots=True)
class Manifest:
    """A Kubernetes object as it will be written."""

    body: Mapping[str, Value]
    is_patch: bool = False
    """Only some fields of an object that exists already: for server-side apply, not for kustomize."""
    remarks: tuple[str, ...] = ()
    """In what applying the manifest differs from what Pulumi would do."""

    @property
    def file_name(self) -> str:
        """`kind-namespace-name.yaml`; unique within a wave unless two objects differ in their API group alone."""
        metadata = self.body["metadata"]
        parts = (self.body["kind"], metadata.get("namespace"), metadata["name"])
        return file_stem("-".join(part for part in parts if part)) + ".yaml"


class NotRenderableError(Exception):
    """A resource that can't be written as a file; the message is the reason, as half a sentence."""


def is_object(resource: Resource) -> bool:
    """Whether the resource is one Kubernetes object (or a patch of one), and not a chart or a bundle of files."""
    match = _OBJECT.fullmatch(resource.type)
    return match is not None and resource.custom and match["group"] not in _NOT_OBJECTS


def manifest(resource: Resource) -> Manifest:
    """The manifest of a resource for which `is_object` holds.

    An object without a name gets its Pulumi name, without the random suffix that Pulumi would add: files must be the
    same each time, and other objects can't refer to a suffix that nobody knows.

    Raises:
        NotRenderableError: it holds a secret, or a value that is known only after the deployment.
    """
    refuse_unwritable(resource.inputs)
    group, version, kind = _OBJECT.fullmatch(resource.type).groups()  # type: ignore[union-attr]
    inputs = dict(resource.inputs)
    stated = inputs.get("kind") or kind.removesuffix("Patch")
    is_patch = kind == f"{stated}Patch"
    body: dict[str, Value] = (
        {"apiVersion": version if group == "core" else f"{group}/{version}"} | inputs | {"kind": stated}
    )
    if stated == "Secret" and (body.get("data") or body.get("stringData")):
        raise NotRenderableError("a Secret's data is never written to a file")
    if "items" in body and stated.endswith("List"):
        raise NotRenderableError("a list of objects in one resource: give each object a resource of its own")
    metadata = dict(body.get("metadata") or {})
    remarks = []
    if not metadata.get("name"):
        if metadata.get("generateName"):
            raise NotRenderableError("metadata.generateName works with `kubectl create` alone: give it a name")
        if is_patch or not _NAME.fullmatch(resource.name):
            raise NotRenderableError(f"it has no metadata.name, and {resource.name!r} can't be one")
        metadata["name"] = resource.name
        remarks.append(f"named {resource.name} here; Pulumi would add a random suffix, since metadata.name is not set")
    if ignored := ", ".join(resource.options.ignore_changes):
        remarks.append(f"Pulumi would leave later changes of {ignored} alone (ignoreChanges); this file undoes them")
    body["metadata"] = metadata
    if condition := (metadata.get("annotations") or {}).get(_WAIT_FOR):
        remarks.append(f"Pulumi waits before it goes on, kubectl does not: `{_wait_command(body, condition)}`")
    return Manifest(body, is_patch, tuple(remarks))


def _wait_command(body: Mapping[str, Value], condition: Value) -> str:
    """The kubectl command that waits as the annotation asks. Its JSON list of alternatives is shown as it is."""
    group, _, _ = body["apiVersion"].rpartition("/")
    what = f"{body['kind'].lower()}{'.' if group else ''}{group}/{body['metadata']['name']}"
    namespace = body["metadata"].get("namespace")
    where = f" --namespace {namespace}" if namespace else ""
    return f"kubectl wait --for={condition} {what}{where}"


def refuse_unwritable(value: Value) -> None:
    """Find what must not or can't be written, anywhere in a value.

    Raises:
        NotRenderableError: a secret, an unknown, an asset or a resource is in it; the message names the paths.
    """
    found: dict[str, list[str]] = {}
    for path, reason in _unwritable(value, ""):
        found.setdefault(reason, []).append(path or "the value")
    for reason in sorted(found):
        more = len(found[reason]) - _PATHS_NAMED
        named = ", ".join(found[reason][:_PATHS_NAMED]) + (f" and {more} more" if more > 0 else "")
        raise NotRenderableError(f"{reason}: {named}")


def _unwritable(value: Value, path: str) -> Iterator[tuple[str, str]]:
    match value:
        case Secret():
            yield path, "a secret is never written to a file"
        case _ if value is UNKNOWN:
            yield path, "known only after the deployment"
        case Asset() | ResourceReference():
            yield path, "no YAML for an asset or a resource"
        case dict():
            for key in sorted(value):
                step = f".{key}" if re.fullmatch(r"[\w-]+", key) else f'["{key}"]'
                yield from _unwritable(value[key], (path + step).removeprefix("."))
        case list() | tuple():
            for index, item in enumerate(value):
                yield from _unwritable(item, f"{path}[{index}]")


def file_stem(text: str) -> str:
    """A file name of lower-case letters, digits, dots and hyphens; over 200 characters it ends in a hash instead."""
    stem = re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")
    return stem if len(stem) <= 200 else f"{stem[:191]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
