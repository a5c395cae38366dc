"""NOT-RENDERED.md: what a rendered folder leaves out, where it differs from a deployment, what is applied by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from meshwright.engine.graph import Graph

REPORT = "NOT-RENDERED.md"
APPLY_PATCH = "kubectl apply --server-side --field-manager=meshwright -f"


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to know about one resource; `text` is half a sentence."""

    urn: str
    type: str
    name: str
    text: str


def report(graph: Graph, left_out: Sequence[Remark], differences: Sequence[Remark], patches: Sequence[str]) -> bytes:
    """The file's text, in UTF-8."""
    lines = [
        f"# What these files of {graph.project}/{graph.stack} leave to you",
        "",
        "`pulumi up` does all of this itself.",
        *_section("Not rendered", _remarks(left_out)),
        *_section("Rendered, with a difference", _remarks(differences)),
        *_section(
            "Patches",
            [f"- `{APPLY_PATCH} {path}`" for path in patches],
            "These change objects that exist already. kustomize can't patch what it does not render, so they are in no",
            "kustomization: apply each after the waves before its own.",
        ),
    ]
    return ("\n".join(lines) + "\n").encode()


def _remarks(remarks: Iterable[Remark]) -> list[str]:
    return [f"- `{remark.name}` ({remark.type}): {remark.text}" for remark in remarks]


def _section(title: str, lines: Sequence[str], *introduction: str) -> Iterator[str]:
    if lines:
        yield from ("", f"## {title}", "", *introduction, *([""] if introduction else []), *lines)
