"""`meshwright istio migrate`: from sidecars to ambient, as a report, new manifests and a plan. It changes nothing."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meshwright.cli import options
from meshwright.cli.output import columns, line, plural, show, show_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.cli.output import Line
    from meshwright.istio.migration.migrate import Migration
    from meshwright.istio.migration.objects import Manifest

_STYLES = {"needs a decision": "yellow", "unsupported": "bold red", "translated": "cyan", "moves as is": "green"}


def migrate(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="FOLDER", show_default=False, help="Manifests of the mesh: a folder or a file."),
    ] = None,
    *,
    context: Annotated[
        str, typer.Option(metavar="NAME", show_default=False, help="Read the cluster of this context instead.")
    ] = "",
    kubeconfig: Annotated[
        Path | None,
        typer.Option(metavar="FILE", show_default=False, help="The kubeconfig that has it. Default: kubectl's choice."),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to", metavar="DIR", show_default=False, help="A new folder for the manifests, the report and the plan."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write an earlier migration in that folder anew.")] = False,
    keep: Annotated[
        list[str] | None,
        typer.Option(metavar="NAMESPACE", show_default=False, help="A namespace that keeps its sidecars. Repeatable."),
    ] = None,
    root_namespace: Annotated[str, typer.Option(metavar="NAME", help="Istio's root namespace.")] = "istio-system",
    trust_domain: Annotated[str, typer.Option(metavar="DOMAIN", help="The mesh's trust domain.")] = "cluster.local",
    as_json: options.Json = False,
) -> int:
    """Say what becomes of every object of a mesh with sidecars in ambient, and plan the way. Nothing is changed.

    Exit status 0: all of it moves or is translated; 1: something needs a decision; 2: a mistake in what was given.
    """
    from meshwright.istio.migration import as_json as plain
    from meshwright.istio.migration.files import write
    from meshwright.istio.migration.migrate import migrate as migrated
    from meshwright.istio.migration.setup import Setup

    objects = _objects(folder, context, kubeconfig)
    migration = migrated(Setup(objects, root_namespace, trust_domain, frozenset(keep or ())))
    if to is not None:
        write(migration, to, force=force)
    if as_json:
        content = {"report": plain.report(migration), "plan": plain.plan(migration)}
        show_json({"command": "istio migrate", "folder": str(to) if to else "", **content})
    else:
        show(_summary(migration, to))
    return 0 if migration.is_decided else 1


def _objects(folder: Path | None, context: str, kubeconfig: Path | None) -> "tuple[Manifest, ...]":
    from meshwright.istio.migration.read import read_cluster, read_folder
    from meshwright.kubernetes.reading import open_cluster

    if (folder is None) == (not context):
        from meshwright.errors import Code, ConfigError, Problem

        what = "a folder of manifests or the context of a cluster is needed, and not both"
        raise ConfigError(Problem(Code.USAGE, what, "name FOLDER, or --context NAME"))
    if folder is not None:
        return read_folder(folder)
    with open_cluster(context, str(kubeconfig) if kubeconfig else None) as reader:
        return read_cluster(reader)


def _summary(migration: "Migration", to: Path | None) -> "Iterator[Line]":
    from meshwright.istio.migration.report import ORDER, differences

    for verdict in reversed(ORDER):
        found = [each for each in migration.findings if each.verdict is verdict]
        if found:
            yield line((f"{verdict}  {len(found)}", _STYLES[verdict.value]))
        for each in found if verdict is not ORDER[0] else ():
            place = f"{each.place}: " if each.place else ""
            yield line(f"  {place}{each.identity}")
            yield line(f"    {each.reason}")
    if found_differences := differences(migration.findings):
        yield line()
        yield line(("in what the mesh will differ", "bold"))
    yield from (line(f"  {one.effect}: {one.text}") for one, _ in found_differences)
    yield line()
    rows = [
        (each.name, "waypoint" if each.waypoint else "ztunnel", ", ".join(service for service, _ in each.waypoint))
        for each in migration.namespaces
    ]
    yield from (line(row) for row in columns([*rows, *((name, "sidecars", "kept") for name in migration.kept)]))
    yield line()
    where = f"written to {to}; next: read {to}/PLAN.md" if to else "nothing was written; next: add --to DIR"
    yield line(f"{plural(len(migration.steps), 'step')}, {where}")
