"""The files of a migration: the report, the plan, and each step's manifests with those that take it back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from meshwright.engine.render import folder
from meshwright.engine.render.rendering import Rendering
from meshwright.engine.render.yaml_text import document
from meshwright.errors import Code, OutputError, Problem
from meshwright.istio.migration.objects import Identity, cleaned, identity

if TYPE_CHECKING:
    from pathlib import Path

    from meshwright.istio.migration.migrate import Migration
    from meshwright.istio.migration.plan import Step


def files_of(migration: Migration) -> dict[str, bytes]:
    """All files, by path."""
    from meshwright.istio.migration import as_json, markdown

    found = {
        "REPORT.md": markdown.report(migration).encode(),
        "PLAN.md": markdown.plan(migration).encode(),
        "report.json": _json(as_json.report(migration)),
        "plan.json": _json(as_json.plan(migration)),
    }
    for step in migration.steps:
        found |= _manifests(step)
    return dict(sorted(found.items()))


def path_of(found: Identity) -> str:
    """The name of an object's file: kind, group, namespace and name, as none but it has."""
    parts = (found.kind.lower(), found.group.partition(".")[0], found.namespace, found.name)
    return "-".join(part for part in parts if part) + ".yaml"


def write(migration: Migration, path: Path, *, force: bool) -> None:
    """Write all files into a folder of their own: all of them, or none.

    Raises:
        OutputError: MW-E163 there is something already and `force` is not given; MW-E09x it can't be written, or has
            files that are none of an earlier migration.
    """
    if not force and path.exists() and (not path.is_dir() or any(path.iterdir())):
        remedy = "name another with --to, or give --force to write an earlier migration anew"
        raise OutputError(Problem(Code.MIGRATION_EXISTS, "is there already", remedy, str(path)))
    folder.write(
        Rendering(
            project="migration",
            stack="ambient",
            files=files_of(migration),
            objects=sum(len(step.new) + len(step.changed) for step in migration.steps),
            releases=0,
            bundles=0,
            waves=0,
            patches=(),
            not_rendered=(),
            differences=(),
            caches=(),
        ),
        path,
    )


def _manifests(step: Step) -> dict[str, bytes]:
    there = {identity(body) for body in step.changed}
    found = {f"apply/{path_of(identity(body))}": body for body in step.new}
    found |= {f"replace/{path_of(identity(body))}": body for body in step.changed}
    for body in step.former:
        how = "replace" if identity(body) in there else "apply"
        found[f"rollback/{how}/{path_of(identity(body))}"] = body
    return {f"{step.folder}/{path}": document(cleaned(body)) for path, body in found.items()}


def _json(content: object) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()
