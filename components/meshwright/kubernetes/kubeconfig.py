"""What a kubeconfig says, found as kubectl would find it. Nothing in it is run, and a broken one says nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

USUAL = "~/.kube/config"
"""Where kubectl looks when nothing is said."""

# Everything is text to it, so that no value of a strange type is built. libyaml's is ten times as fast.
_Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class Target(NamedTuple):
    """What a context leads to. What the kubeconfig doesn't say is empty."""

    context: str
    """The context's name: the one that was asked for, or the current one."""
    cluster: str
    """The name of the context's cluster."""
    server: str
    """The API server's address."""
    plugin: tuple[str, ...]
    """The command that logs in, with its arguments."""


def read_kubeconfigs(kubeconfig: str | None, folder: Path = Path()) -> list[dict[str, Any]]:
    """The kubeconfigs that exist and can be read, in kubectl's order.

    Args:
        kubeconfig: Path of the kubeconfig; None for those of KUBECONFIG, or ~/.kube/config.
        folder: Where a relative `kubeconfig` begins. Default: the current folder.
    """
    ambient = (os.environ.get("KUBECONFIG") or USUAL).split(os.pathsep)
    paths = [Path(path) for path in ([kubeconfig] if kubeconfig else ambient)]
    contents = (_content(path, folder if kubeconfig else Path()) for path in paths)
    return [content for content in contents if isinstance(content, dict)]


def find_target(contents: Iterable[Mapping[str, Any]], context: str | None) -> Target:
    """What a context leads to; the first kubeconfig that has a name wins.

    Args:
        contents: The kubeconfigs' data, of any shape.
        context: Name of a context; None for the current one.
    """
    files = list(contents)
    name = context or next(filter(None, (_text(each.get("current-context")) for each in files)), "")
    found = _named(files, "context", name)
    cluster = _text(found.get("cluster"))
    login = _mapping(_named(files, "user", _text(found.get("user"))).get("exec"))
    arguments = login.get("args")
    words = [login.get("command"), *(arguments if isinstance(arguments, list) else ())]
    server = _text(_named(files, "cluster", cluster).get("server"))
    return Target(name, cluster, server, tuple(word for word in map(_text, words) if word))


def _content(path: Path, folder: Path) -> object:
    try:
        file = folder / path.expanduser()
        # A pipe, such as a shell's <(...), can be read only once: it is left to who comes for the cluster itself.
        return yaml.load(file.read_bytes(), Loader=_Loader) if file.is_file() else None  # noqa: S506  it builds text
    except (OSError, ValueError, RuntimeError, yaml.YAMLError):  # RuntimeError: no home, or nested without an end
        return None


def _named(files: list[Mapping[str, Any]], kind: str, name: str) -> Mapping[str, Any]:
    """What the first `context`, `cluster` or `user` of a name holds; empty where there is none."""
    for file in files:
        entries = file.get(f"{kind}s")
        for entry in entries if name and isinstance(entries, list) else ():
            if isinstance(entry, dict) and entry.get("name") == name:
                return _mapping(entry.get(kind))
    return {}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
