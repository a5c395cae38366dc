"""Files of Kubernetes objects that somebody else publishes, such as the CRDs of the Gateway API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from meshwright.engine.render.manifests import NotRenderableError, file_stem, refuse_unwritable

if TYPE_CHECKING:
    from pathlib import Path

    from meshwright.engine.graph import Resource, Value

CONFIG_FILE = "kubernetes:yaml/v2:ConfigFile"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster, where PyYAML was built with libyaml


@dataclass(frozen=True, slots=True)
class Bundle:
    """Where the objects are: at an address, or in `content`, which goes to a file of that name."""

    file_name: str
    address: str = ""
    content: bytes = b""


def bundle(resource: Resource, base: Path) -> Bundle:
    """The bundle of a `ConfigFile`; `base` is the folder that relative paths start from.

    Raises:
        NotRenderableError: the file can't be read, or holds a Secret.
    """
    refuse_unwritable(resource.inputs)
    source = resource.inputs.get("file") or ""
    name = file_stem(resource.name) + ".yaml"
    if source.startswith(("https://", "http://")):
        return Bundle(name, address=source)
    try:
        content = (base / source).read_bytes()
        holds_secret = b"Secret" in content and any(map(_is_secret, yaml.load_all(content, _LOADER)))
    except (OSError, yaml.YAMLError) as error:
        raise NotRenderableError(f"{source} can't be read: {' '.join(str(error).split())}") from error
    if holds_secret:
        raise NotRenderableError(f"{source} holds a Secret, whose data is never written to a file")
    return Bundle(name, content=content)


def _is_secret(body: Value) -> bool:
    return isinstance(body, dict) and body.get("kind") == "Secret" and bool(body.get("data") or body.get("stringData"))
