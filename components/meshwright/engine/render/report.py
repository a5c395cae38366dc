"""NOT-RENDERED.md: what a rendered folder leaves out, where it differs from a deployment, what is applied by hand."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from meshwright.engine.graph import Graph

REPORT = "NOT-RENDERED.md"
APPLY_PATCH = "kubectl apply --server-side --field-manager=meshwright"


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to know about one resource; `text` is half a sentence."""

    urn: str
    type: str
    name: str
    text: str


def report(
    graph: Graph,
    left_out: Sequence[Remark],
    differences: Sequence[Remark],
    patches: Sequence[str],
    first_steps: Sequence[str] = (),
) -> bytes:
    """The file's text, in UTF-8; `first_steps` is a title, a sentence, and commands."""
    lines = [
        f"# What these files of {graph.project}/{graph.stack} leave to you",
        "",
        "`pulumi up` does all of this itself.",
        *(
            _section(first_steps[0], [f"- `{command}`" for command in first_steps[2:]], first_steps[1])
            if first_steps
            else ()
        ),
        *_section("Not rendered", _remarks(left_out)),
        *_section("Rendered, with a difference", _remarks(differences)),
        *_section(
            "Patches",
            [f"- `{command}`" for command in _commands(patches)],
            "These change objects that exist already. kustomize can't patch what it does not render, so they are in no",
            "kustomization: apply each after the waves before its own.",
        ),
    ]
    return ("\n".join(lines) + "\n").encode()


def _commands(patches: Sequence[str]) -> Iterator[str]:
    """How each patch is applied: of one object, each by a manager of its own, or the later would undo the earlier."""
    seen: Counter[tuple[str, str]] = Counter()
    for path in patches:
        patched = path.partition("wave-")[0], path.rpartition("/")[2]
        seen[patched] += 1
        yield f"{APPLY_PATCH}{f'-{seen[patched]}' if seen[patched] > 1 else ''} -f {path}"


def _remarks(remarks: Iterable[Remark]) -> list[str]:
    return [f"- `{remark.name}` ({remark.type}): {remark.text}" for remark in remarks]


def _section(title: str, lines: Sequence[str], *introduction: str) -> Iterator[str]:
    if lines:
        yield from ("", f"## {title}", "", *introduction, *([""] if introduction else []), *lines)
