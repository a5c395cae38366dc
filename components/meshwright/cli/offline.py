"""One offline run: the program's graph, and what the policy pack says of it."""

from __future__ import annotations

import json
import os
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from meshwright.cli.places import relative
from meshwright.cli.progress import working
from meshwright.config import StackConfig, load_stack
from meshwright.engine import goyaml
from meshwright.engine.given import load_given
from meshwright.engine.policy import PolicyPack, PolicyReport
from meshwright.engine.project import Project, load_project
from meshwright.engine.redact import Redact, secrets_in
from meshwright.engine.run import run_program
from meshwright.engine.stack import UNKNOWN_TEXT, StackSettings, load_stack_settings
from meshwright.errors import Code, ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from meshwright.engine.graph import Graph

_MESH = "meshwright:mesh"


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asked for on the command line."""

    stack: str = ""
    program: Path | None = None
    pack: Path | None = None
    given: Path | None = None
    timeout_s: float = 120.0
    pack_config: Path | None = None
    """Levels and options of the pack's rules."""
    python: Path | None = None
    """Another interpreter than the project's."""


@dataclass(frozen=True, slots=True)
class Offline:
    """What an offline run found."""

    project: Project
    settings: StackSettings
    config: StackConfig | None
    """The mesh in the stack file; None for a program that takes none."""
    graph: Graph
    report: PolicyReport
    seconds: float
    """Wall time of the program and the pack together."""

    @property
    def program_folder(self) -> Path:
        """The folder that the program ran in."""
        program = self.project.program
        return program.parent if program.is_file() else program


def offline(request: Request) -> Offline:
    """Run a program and its policy pack, both at once.

    Raises:
        MeshwrightError: whatever is wrong with the stack file, the program or the pack.
    """
    began = time.monotonic()
    project, settings, config = _chosen(request)
    given = load_given(request.given) if request.given else None
    rules = pack_rules(request.pack_config)
    with (
        working("running the program and its policies"),
        pack_folder(project, request.pack) as folder,
        _pack(folder, project.name, settings, rules, given.secrets() if given else ()) as pack,
    ):
        graph = run_program(project, settings, given, request.timeout_s)
        report = pack.evaluate(graph)
    return Offline(project, settings, config, graph, report, time.monotonic() - began)


def graph_of(request: Request) -> tuple[Graph, StackConfig | None]:
    """Run a program alone, without a policy pack: its graph, and the mesh of its stack file.

    Raises:
        MeshwrightError: whatever is wrong with the stack file or the program.
    """
    project, settings, config = _chosen(request)
    given = load_given(request.given) if request.given else None
    with working("running the program"):
        return run_program(project, settings, given, request.timeout_s), config


def _chosen(request: Request) -> tuple[Project, StackSettings, StackConfig | None]:
    project = load_project(request.program) if request.program else load_project(find_project(Path.cwd()))
    project = replace(project, python=request.python) if request.python else project
    stack = choose_stack(project, request.stack, program_given=request.program is not None)
    config = _mesh_config(project, stack)
    return project, load_stack_settings(project, stack, must_exist=request.program is None), config


def judge(
    graph: Graph,
    project: Project | None,
    settings: StackSettings,
    chosen: Path | None,
    pack_config: Path | None = None,
) -> PolicyReport:
    """What a pack says of a graph that is at hand.

    Args:
        graph: The graph.
        project: The project around, for its pack; None without one.
        settings: Of the graph's stack: the pack gets its config, and so the waivers.
        chosen: Folder of another pack.
        pack_config: Levels and options of the pack's rules.

    Raises:
        PolicyPackError: whatever is wrong with the pack.
    """
    rules = pack_rules(pack_config)
    secrets = (text for resource in graph for value in resource.inputs.values() for text in secrets_in(value))
    with (
        working("asking the policies"),
        pack_folder(project, chosen) as folder,
        _pack(folder, graph.project, settings, rules, secrets) as pack,
    ):
        return pack.evaluate(graph)


def pack_rules(path: Path | None) -> Mapping[str, Any]:
    """What a file for --policy-pack-config says: JSON as Pulumi's, or the same as YAML. Empty without a file.

    Raises:
        ConfigError: it can't be read, or is no mapping of rules (MW-E084).
    """
    if path is None:
        return {}
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        content = goyaml.load(path, Code.PACK_CONFIG).content
    if isinstance(content, dict):
        return content
    remedy = 'write `{"RULE": {"enforcementLevel": "advisory"}}`'
    raise ConfigError(Problem(Code.PACK_CONFIG, "is not a mapping of rules to levels and options", remedy, str(path)))


def _pack(
    folder: Path, project: str, settings: StackSettings, rules: Mapping[str, Any], secrets: Iterable[str]
) -> PolicyPack:
    return PolicyPack(
        folder,
        project=project,
        stack=settings.name,
        organization=settings.organization,
        config={key: value for key, value in settings.config.items() if UNKNOWN_TEXT not in value},
        secret_keys=settings.secret_keys,
        rules=rules,
        redact=Redact([*settings.secrets, *secrets]),
    )


def find_project(start: Path) -> Path:
    """The nearest folder with a Pulumi.yaml, from `start` upwards; `start` itself where there is none."""
    return next((folder for folder in (start, *start.parents) if (folder / "Pulumi.yaml").is_file()), start)


def choose_stack(project: Project, name: str, *, program_given: bool = False) -> str:
    """The stack to run: the one named, else PULUMI_STACK, else the only one that has a file.

    A program of which only the folder was given may have no stack file at all: its stack is then `dev`.
    """
    stacks = project.stacks()
    if chosen := name or os.environ.get("PULUMI_STACK", ""):
        return chosen
    if len(stacks) == 1:
        return stacks[0]
    if not stacks and program_given:
        return "dev"
    remedy = f"name one of: {', '.join(stacks)}" if stacks else f"create {project.stack_file('dev').name}"
    raise ConfigError(Problem(Code.STACK_NOT_CHOSEN, "no stack was named", remedy, relative(str(project.stack_dir))))


def _mesh_config(project: Project, stack: str) -> StackConfig | None:
    """The mesh of a stack file that has one, or should: checked here, so that every mistake gets its line."""
    path = project.stack_file(stack.rpartition("/")[2])
    if not path.is_file():
        return None
    if _MESH in project.config or _MESH.encode() in path.read_bytes():
        return load_stack(path)
    return None


def users_pack(project: Project | None, chosen: Path | None) -> Path | None:
    """The folder of the user's own pack; None without one."""
    own = project.root / "policy" if project else None
    return chosen or (own if own is not None and (own / "PulumiPolicy.yaml").is_file() else None)


@contextmanager
def pack_folder(project: Project | None, chosen: Path | None) -> Iterator[Path]:
    """The folder of the pack to ask: the one chosen, else the project's `policy`, else meshwright's own."""
    if (folder := users_pack(project, chosen)) is not None:
        yield folder
        return
    # An installed meshwright has the rules as a package; a pack is a folder that serves them.
    assert find_spec("meshwright_policy"), "the rules are installed with meshwright"  # noqa: S101
    with tempfile.TemporaryDirectory(prefix="meshwright-") as name:
        folder = Path(name)
        (folder / "PulumiPolicy.yaml").write_text("name: meshwright\nruntime: python\n")
        (folder / "__main__.py").write_text("from meshwright_policy.pack import serve\n\nserve()\n")
        yield folder
