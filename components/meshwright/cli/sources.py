"""What the gate judges: a program that is run, or what another tool wrote of one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from meshwright.cli import offline
from meshwright.cli.findings import judged
from meshwright.cli.places import relative
from meshwright.config.clock import today
from meshwright.engine.project import Project, load_project
from meshwright.engine.stack import StackSettings, load_stack_settings
from meshwright.errors import Code, ConfigError, Problem
from meshwright.gate.result import Result, result

if TYPE_CHECKING:
    from meshwright.engine.graph import Graph


@dataclass(frozen=True, slots=True)
class Sources:
    """What was named on the command line instead of a program; at most one."""

    events: Path | None = None
    state: Path | None = None
    manifests: Path | None = None

    def chosen(self) -> tuple[str, Path] | None:
        """The kind and the path of the one that was named. Raises `ConfigError` (MW-E096) for more than one."""
        named = [(kind, path) for kind in self.__slots__ if (path := getattr(self, kind)) is not None]
        if len(named) > 1:
            both = " and ".join(f"--{kind}" for kind, _ in named)
            raise ConfigError(Problem(Code.USAGE, f"{both} exclude each other", "name one of them"))
        return named[0] if named else None


@dataclass(frozen=True, slots=True)
class Judged:
    """What was judged, and what was found."""

    result: Result
    graph: Graph
    project: Project | None
    """The project that was run, or that a state's or preview's resources belong to."""
    settings: StackSettings
    request: offline.Request
    input: Path | None = None
    """The file or folder that was read; None where a program was run."""


def judge(request: offline.Request, sources: Sources) -> Judged:
    """Judge a program, or what stands in its place.

    Raises:
        MeshwrightError: whatever is wrong with what was given.
    """
    chosen = sources.chosen()
    if chosen is None:
        run = offline.offline(request)
        return Judged(judged(run), run.graph, run.project, run.settings, request)
    kind, path = chosen
    if request.program is not None or request.given is not None:
        other = "--program" if request.program is not None else "--with"
        raise ConfigError(Problem(Code.USAGE, f"--{kind} and {other} exclude each other", "name one of them"))
    around = _project_around()
    graph = read_graph(kind, path, around.root if around else None)
    project, settings = _settings(graph, kind, around, request.stack)
    report = offline.judge(graph, project, settings, request.pack, request.pack_config)
    found = result(graph, report, lambda urn: _place(graph, urn), source=f"{kind} {path}", as_of=str(today()))
    return Judged(found, graph, project, settings, request, path)


def read_graph(kind: str, path: Path, root: Path | None) -> Graph:
    """The graph of what another tool wrote. ``kind``: as `Sources` names it; ``root``: the project's folder."""
    if kind == "events":
        from meshwright.gate.events import read_events

        return read_events(path)
    if kind == "state":
        from meshwright.gate.state import read_state

        return read_state(path, root)
    from meshwright.gate.manifests import read_manifests

    return read_manifests(path)


def _project_around() -> Project | None:
    folder = offline.find_project(Path.cwd())
    return load_project(folder) if (folder / "Pulumi.yaml").is_file() else None


def _settings(graph: Graph, kind: str, around: Project | None, stack: str) -> tuple[Project | None, StackSettings]:
    """The stack file that has the waivers: the one of the stack that is named, or that the resources belong to."""
    if stack:
        if around is None:
            place = relative(str(Path.cwd()))
            raise ConfigError(Problem(Code.NO_STACK, f"there is no project for stack {stack!r}", "leave it out", place))
        return around, load_stack_settings(around, stack)
    if kind != "manifests" and around is not None and around.name == graph.project:
        if around.stack_file(graph.stack).is_file():
            return around, load_stack_settings(around, graph.stack)
        return around, StackSettings(graph.stack)
    return None, StackSettings(graph.stack)


def _place(graph: Graph, urn: str) -> str:
    """The line that made a resource, or the nearest one around it that has a line."""
    by_urn = {resource.urn: resource for resource in graph}
    while resource := by_urn.get(urn):
        if resource.source:
            return f"{relative(resource.source.file)}:{resource.source.line}"
        urn = resource.parent
    return ""
