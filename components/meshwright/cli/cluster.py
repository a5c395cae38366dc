"""Whether a stack's cluster can be reached: asked of its kubeconfig and its TCP port, without kubectl."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

_WAIT_S = 1.0


def unreachable(context: str | None, kubeconfig: str | None) -> str:
    """Why a cluster can't be reached, as half a sentence; empty if something answers at its address.

    Args:
        context: Name of a context; None for the kubeconfig's current one.
        kubeconfig: Path of the kubeconfig; None for those of KUBECONFIG, or ~/.kube/config.
    """
    contents = list(_contents(kubeconfig))
    if not contents:
        return "there is no kubeconfig"
    name = context or next((each["current-context"] for each in contents if each.get("current-context")), "")
    cluster = _named(contents, "contexts", name).get("context", {}).get("cluster", "")
    server = _named(contents, "clusters", cluster).get("cluster", {}).get("server", "")
    if not server:
        return f"the kubeconfig has no context {name!r}" if name else "the kubeconfig has no current context"
    address = urlsplit(server)
    try:
        port = address.port or (80 if address.scheme == "http" else 443)
        with socket.create_connection((address.hostname or "", port), timeout=_WAIT_S):
            return ""
    except (OSError, ValueError):
        return f"nothing answers at {server}"


def _contents(kubeconfig: str | None) -> Iterator[dict[str, Any]]:
    """The kubeconfigs that exist and can be read, in kubectl's order: the first that has a name wins."""
    paths = kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
    for path in paths.split(os.pathsep):
        try:
            content = yaml.safe_load(Path(path).expanduser().read_bytes())
        except (OSError, yaml.YAMLError):
            continue
        if isinstance(content, dict):
            yield content


def _named(contents: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    entries = (entry for content in contents for entry in content.get(kind) or [])
    return next((entry for entry in entries if entry.get("name") == name), {})
