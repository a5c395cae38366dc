"""Vault's policies as paths with capabilities, from HCL or JSON."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from meshwright_policy.consul.objects import read

WRITES: Final = frozenset({"create", "update", "delete", "patch", "sudo", "root"})
_COMMENT: Final = re.compile(r"^\s*(?:(?:#|//)[^\n]*|/\*[\s\S]*?\*/)", re.MULTILINE)
_BLOCK: Final = re.compile(r'\bpath\s+"([^"]*)"\s*\{')
_LIST: Final = re.compile(r"\bcapabilities\s*=\s*\[([^\]]*)\]")
_OLD: Final = re.compile(r'\bpolicy\s*=\s*"(\w+)"')
_OLD_MEANS: Final[Mapping[str, frozenset[str]]] = {
    "read": frozenset({"read", "list"}),
    "write": frozenset({"create", "read", "update", "delete", "list"}),
    "sudo": frozenset({"create", "read", "update", "delete", "list", "sudo"}),
}
_SHOWN: Final = re.compile(r"[A-Za-z0-9_./*+-]{1,120}")


@dataclass(frozen=True, slots=True)
class Grant:
    """What a policy allows at a path."""

    path: str
    """Without the slash that some begin with."""
    capabilities: frozenset[str]

    @property
    def writes(self) -> bool:
        """Whether it allows more than to look."""
        return bool(self.capabilities & WRITES)

    @property
    def shown(self) -> str:
        """The path, where it can't be anything but a path."""
        return self.path if _SHOWN.fullmatch(self.path) else "a path"

    def covers(self, target: str) -> bool:
        """Whether a call of this path is one that it is about: ``*`` at the end, ``+`` for one part."""
        stem = self.path.removesuffix("*")
        pattern = "/".join("[^/]+" if part == "+" else re.escape(part) for part in stem.split("/"))
        return re.fullmatch(pattern + (".*" if stem != self.path else ""), target) is not None


def grants(text: Any) -> tuple[Grant, ...]:
    """What a policy allows; nothing where it is no policy."""
    if not isinstance(text, str):
        return ()
    if isinstance(written := read(text), Mapping):
        paths = written.get("path")
        blocks = paths.items() if isinstance(paths, Mapping) else ()
        found = ((str(path), _listed(block)) for path, block in blocks)
    else:
        bare = _COMMENT.sub("", text)
        marks = [*_BLOCK.finditer(bare)]
        ends = [*(mark.start() for mark in marks), len(bare)][1:]
        found = ((mark[1], _told(bare[mark.end() : end])) for mark, end in zip(marks, ends, strict=True))
    given = (Grant(path.lstrip("/"), capabilities) for path, capabilities in found)
    return tuple(grant for grant in given if grant.capabilities and "deny" not in grant.capabilities)


def _listed(block: Any) -> frozenset[str]:
    given = block.get("capabilities") if isinstance(block, Mapping) else None
    return frozenset(map(str, given)) if isinstance(given, list) else frozenset()


def _told(body: str) -> frozenset[str]:
    if listed := _LIST.search(body):
        return frozenset(re.findall(r'"(\w+)"', listed[1]))
    old = _OLD.search(body)
    return _OLD_MEANS.get(old[1], frozenset()) if old else frozenset()
