"""Where a person has to look: the line of the stack file, or of the program, that made a resource."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from meshwright.errors import ConfigError

if TYPE_CHECKING:
    from meshwright.cli.offline import Offline
    from meshwright.config.document import KeyPath
    from meshwright.engine.graph import Resource

_MESH: KeyPath = ("config", "meshwright:mesh")


def place(urn: str, run: Offline) -> str:
    """`file:line` for a resource; empty where neither file is known, as for the stack as a whole.

    A namespace's entry in the stack file says more than the line of the program that loops over all of them. Other
    resources are found by the component around them.
    """
    by_urn = {resource.urn: resource for resource in run.graph}
    around = []
    while resource := by_urn.get(urn):
        around.append(resource)
        urn = resource.parent
    if run.config is not None and run.settings.path is not None:
        for resource in around:
            if key := _key(resource, run):
                return _line_of(run.settings.path, key)
    return next((relative(one.source.file) + f":{one.source.line}" for one in around if one.source), "")


def _key(resource: Resource, run: Offline) -> KeyPath:
    """The key path in the stack file that a component of ours was made from; empty for other resources."""
    kind = resource.type.removeprefix("meshwright:index:")
    if kind == "AmbientNamespace":
        namespaces = getattr(run.config.mesh, "namespaces", ()) if run.config else ()
        names = [each.name for each in namespaces]
        wanted = resource.inputs.get("namespace")
        return (*_MESH, "namespaces", names.index(wanted)) if wanted in names else ()
    keys = {
        "IstioAmbient": "version",
        "RevisionTag": "tags",
        "MeshWideMtls": "mtls",
        "GatewayApiCrds": "gateway_api",
        "EksMeshFirewall": "eks",
        "GkeMeshFirewall": "gke",
    }
    return (*_MESH, keys[kind]) if kind in keys else ()


def _line_of(path: Path, key: KeyPath) -> str:
    from meshwright.config.document import read_document

    try:
        return read_document(path, name=relative(str(path))).place(key)
    except ConfigError:
        return relative(str(path))


def relative(file: str) -> str:
    """A path as short as it gets: relative to the current folder where it is below."""
    path = Path(file)
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
