"""Every example stack of the project, run offline and rendered, as the objects and releases that a cluster would get."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshwright.engine.graph import Graph
from meshwright.engine.project import load_project
from meshwright.engine.render import REPORT, Rendering, render
from meshwright.engine.run import FailedProgramError, run_program
from meshwright.engine.stack import load_stack_settings
from meshwright.errors import Code
from tests.servers.kubernetes import MANAGER, Object
from tests.servers.programs import CHECKOUT


@dataclass(frozen=True)
class Release:
    """One Helm release as rendered: its chart's name, where it goes, and the values that it gets."""

    name: str
    chart: str
    version: str
    namespace: str
    values: dict[str, Any]


@dataclass(frozen=True)
class Stack:
    """A project and one of its stacks; `str` of it is its name in test reports."""

    project: Path
    name: str

    def __str__(self) -> str:
        return self.name if self.project == CHECKOUT else f"{self.project.name}-{self.name}"


def example_stacks() -> list[Stack]:
    """All stacks of the project itself and of `examples/`."""
    projects = [(CHECKOUT, CHECKOUT / "stacks"), *((each, each) for each in sorted((CHECKOUT / "examples").iterdir()))]
    return [
        Stack(project, file.name.removeprefix("Pulumi.").removesuffix(".yaml"))
        for project, folder in projects
        for file in sorted(folder.glob("Pulumi.*.yaml"))
    ]


@cache
def graph_of(stack: Stack) -> Graph:
    """The stack's resources; skips the test for a kind of mesh that this version does not deploy."""
    project = load_project(stack.project)
    try:
        return run_program(project, load_stack_settings(project, stack.name))
    except FailedProgramError as error:
        if any(problem.code is Code.KIND_NOT_PROVISIONED for problem in error.problems):
            pytest.skip(f"{stack}: this kind of mesh is checked, not deployed")
        raise


@cache
def rendering_of(stack: Stack) -> Rendering:
    """The stack's files."""
    return render(graph_of(stack), stack.project / ("stacks" if stack.project == CHECKOUT else ""))


def objects_of(rendering: Rendering) -> list[tuple[str, Object]]:
    """The Kubernetes objects among the files, with their paths, wave by wave; patches stand in their waves."""
    return [
        (path, each)
        for path, content in rendering.files.items()
        if path.endswith(".yaml")
        and not path.endswith(("kustomization.yaml", ".values.yaml"))
        and "charts/" not in path
        for each in yaml.safe_load_all(content)
        if each
    ]


def manager_of(rendering: Rendering, path: str) -> str:
    """The field manager that an object is applied with: for a patch, the one that the report names."""
    if path not in rendering.patches:
        return MANAGER
    command = re.search(rf"--field-manager=(\S+) -f {re.escape(path)}`", rendering.files[REPORT].decode())
    assert command, f"{REPORT} doesn't say how to apply {path}"
    return command[1]


def releases_of(rendering: Rendering) -> list[Release]:
    """The Helm releases among the files, in the order of their waves."""
    return list(_releases(rendering))


def _releases(rendering: Rendering) -> Iterator[Release]:
    for path, content in rendering.files.items():
        if path.endswith("kustomization.yaml"):
            folder = path.removesuffix("kustomization.yaml")
            for entry in yaml.safe_load(content).get("helmCharts", []):
                values = yaml.safe_load(rendering.files[folder + entry["valuesFile"]]) or {}
                yield Release(entry["releaseName"], entry["name"], entry["version"], entry["namespace"], values)
