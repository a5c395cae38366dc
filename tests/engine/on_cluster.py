"""Stacks in the simulated cluster, by the real engine and the real kubernetes provider: what all their tests share."""

import json
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshwright.engine import goyaml
from meshwright.errors import Code
from tests.engine.conftest import Pulumi
from tests.servers import programs
from tests.servers.cluster import PROGRAMS, Cluster
from tests.servers.kubernetes import Api, Identity

CHARTS = Path(os.environ.get("MESHWRIGHT_CHARTS") or programs.CHECKOUT / ".tools" / "charts")


@contextmanager
def simulated(folder: Path, chart: str, *more: str, volumes: int = 3) -> Iterator[Cluster]:
    """A cluster of the test's own; skips the test without the provider, that chart, or more programs."""
    programs.require_programs(*PROGRAMS, *more)
    if not shutil.which("pulumi-resource-kubernetes"):
        pytest.skip("not on PATH: pulumi-resource-kubernetes (pulumi.com/docs/install)")
    if not (CHARTS / chart / "Chart.yaml").is_file():
        pytest.skip(f"no chart {chart} in {CHARTS}: make conformance-tools (Istio's alone), or set MESHWRIGHT_CHARTS")
    with Cluster(folder, volumes=volumes) as running:
        yield running


def charts_before(folder: Path, chart: str, version: str) -> Path:
    """Charts of the version before: those of `MESHWRIGHT_CHARTS_BEFORE`, if it has that one.

    Without it, those at hand under that version, which show the order of the steps but no difference between charts.
    """
    given = Path(os.environ.get("MESHWRIGHT_CHARTS_BEFORE") or folder)
    if (given / chart / "Chart.yaml").is_file():
        return given
    shutil.copytree(CHARTS, folder)
    for file in folder.glob("*/Chart.yaml"):
        file.write_text(re.sub(r"(?m)^(version|appVersion): .*", rf"\1: {version}", file.read_text()))
    return folder


@contextmanager
def meanwhile(work: Callable[[], None]) -> Iterator[None]:
    """Do something again and again, as a controller would that runs in no simulated pod."""
    done = threading.Event()

    def loop() -> None:
        while not done.wait(0.3):
            work()

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def say_programmed(api: Api, *gateways: Identity) -> None:
    """Call Gateways programmed, those that are there."""
    condition = {"status": "True", "reason": "StandIn", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    status = {"conditions": [{"type": kind, **condition} for kind in ("Accepted", "Programmed")]}
    for gateway in gateways:
        if api.get(gateway) is not None:
            body = {"status": status}
            api.request("PATCH", f"{api.path(gateway)}/status", body, kind="application/merge-patch+json")


def edit(pulumi: Pulumi, **changes: Any) -> dict[str, Any]:
    """Change the mesh in the selected stack's file, and give all of it; what Pulumi wrote beside it stays."""
    path, stack = _stack_file(pulumi)
    mesh: dict[str, Any] = stack["config"]["meshwright:mesh"]
    mesh.update(changes)
    path.write_text(yaml.safe_dump(stack))
    return mesh


def rewrite(pulumi: Pulumi, mesh: dict[str, Any]) -> None:
    """Put another mesh in the selected stack's file, which is made if need be."""
    path, stack = _stack_file(pulumi)
    path.write_text(yaml.safe_dump({**stack, "config": {"meshwright:mesh": mesh}}))


def _stack_file(pulumi: Pulumi) -> tuple[Path, dict[str, Any]]:
    """Where it is and what is in it, read as Pulumi reads it: `on` is no truth value."""
    path = pulumi.project / "stacks" / f"Pulumi.{pulumi.stack}.yaml"
    return path, goyaml.load(path, Code.STACK_SETTINGS).content if path.exists() else {}


def update(pulumi: Pulumi) -> dict[str, str]:
    """Preview and update; what the preview showed: name of the resource -> what becomes of it."""
    steps = json.loads(pulumi.run("preview", "--json").stdout)["steps"]
    pulumi.run("up", "--yes", "--skip-preview")
    return {
        step["urn"].rsplit("::", 1)[1]: step["op"]
        for step in steps
        if step["op"] != "same" and not step["urn"].endswith(f"::{pulumi.stack}")
    }
