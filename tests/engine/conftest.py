"""The real Pulumi engine, on a copy of the project, with a backend in a folder.

Skipped, by name, where `pulumi` is not on PATH: no package registry has it. See https://www.pulumi.com/docs/install/.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi_kubernetes
import pytest

ROOT = Path(__file__).parents[2]
PROVIDER_VERSION = pulumi_kubernetes._utilities.get_version()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    missing = [name for name in ("pulumi", "pulumi-language-python") if not shutil.which(name)]
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.engine)
            if missing:
                item.add_marker(pytest.mark.skip(reason=f"not on PATH: {', '.join(missing)} (pulumi.com/docs/install)"))


@dataclass
class Pulumi:
    """The CLI in one project folder."""

    project: Path
    env: dict[str, str]
    stack: str = "dev"

    def run(self, *args: str, check: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a command; where ``check`` is on, a failure shows what it printed."""
        done = subprocess.run(
            ["pulumi", *args, "--non-interactive"],
            cwd=self.project,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            timeout=300,
        )
        if check and done.returncode:
            pytest.fail(f"pulumi {' '.join(args)} exited with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def select(self, stack: str) -> None:
        """Make a stack, or go back to it."""
        self.run("stack", "select", "--create", stack)
        self.stack = stack

    def plan(self) -> dict[str, dict[str, Any]]:
        """URN to planned state, as ``pulumi preview`` gives it."""
        printed = self.run("preview", "--json").stdout
        steps = json.loads(printed)["steps"]
        return {step["urn"]: step["newState"] for step in steps}

    def state(self) -> list[dict[str, Any]]:
        """The resources in the stack's state."""
        exported = json.loads(self.run("stack", "export").stdout)
        return list(exported["deployment"].get("resources", []))


def _copy_of(project: Path, to: Path) -> Path:
    """A copy that Pulumi may write in: it adds a salt to stack files. The environment is the one that runs the tests."""
    shutil.copytree(project, to, ignore=shutil.ignore_patterns(".*", "out", "tests", "docs", "bench", "__pycache__"))
    (to / ".venv").symlink_to(Path(sys.prefix))
    manifest = (to / "Pulumi.yaml").read_text().replace("../../.venv", ".venv")
    (to / "Pulumi.yaml").write_text(manifest)
    return to


def _environment(tmp_path: Path, path: str, extra: Mapping[str, str]) -> dict[str, str]:
    (tmp_path / "state").mkdir()
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "COVERAGE_PROCESS_START") if name in os.environ}
    return {
        **kept,
        "PATH": path,
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "correct horse",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_EXPERIMENTAL": "true",
        "PULUMI_SKIP_CHECKPOINTS": "true",
        "MESHWRIGHT_AS_OF": "2026-11-22",
        **extra,
    }


@dataclass
class Projects:
    """Makes a copy of a project with a CLI for it."""

    folder: Path
    path: str

    def project(self, source: Path, **extra: str) -> Pulumi:
        return Pulumi(_copy_of(source, self.folder / "project"), _environment(self.folder, self.path, extra))


@pytest.fixture
def stubbed(tmp_path: Path) -> Projects:
    """Projects under the real engine, with stub providers."""
    binaries = tmp_path / "bin"
    binaries.mkdir()
    stub = binaries / "pulumi-resource-kubernetes"
    stub.write_text(f"#!/bin/sh\nexec {sys.executable} {Path(__file__).parent}/stub_provider.py {PROVIDER_VERSION}\n")
    stub.chmod(0o755)
    return Projects(tmp_path, f"{binaries}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def real(tmp_path: Path) -> Projects:
    """Projects under the real engine, with the real providers."""
    return Projects(tmp_path, os.environ["PATH"])
