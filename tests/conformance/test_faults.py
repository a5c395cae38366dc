"""The command line and the cluster when something breaks: killed, out of space, read-only, run twice, cut off."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.conformance import checks
from tests.conformance.stacks import example_stacks, objects_of, rendering_of
from tests.servers.cluster import Cluster
from tests.servers.programs import CHECKOUT, find_program, require_programs

PRODUCTION = next(each for each in example_stacks() if each.name == "istio-production")
MESHWRIGHT = [str(Path(sys.executable).with_name("meshwright"))]
COMPOSE = CHECKOUT / "examples" / "compose"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A program of its own, whose `version` decides what it renders."""
    copy = tmp_path / "project"
    shutil.copytree(COMPOSE, copy, ignore=shutil.ignore_patterns("__pycache__", "out"))
    (copy / "Pulumi.yaml").write_text((copy / "Pulumi.yaml").read_text().replace("../../.venv", sys.prefix))
    return copy


def edit(project: Path, version: int) -> None:
    program = project / "__main__.py"
    head, _, rest = (COMPOSE / "__main__.py").read_text().partition('"traceSampling": 5')
    program.write_text(f'{head}"traceSampling": {version}{rest}')


def start(project: Path, target: Path, *before: str, marker: str = "") -> subprocess.Popen[str]:
    """Render the program, in a session of its own."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE")}
    command = [*before, *MESHWRIGHT, "render", "dev", "--program", str(project), "--to", str(target)]
    return subprocess.Popen(
        command,
        cwd=project,
        env={**env, "MESHWRIGHT_TEST_RUN": marker},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def render(project: Path, target: Path, *before: str) -> tuple[int, str]:
    """Exit status and output of a whole run."""
    running = start(project, target, *before)
    said, _ = running.communicate(timeout=60)
    return running.returncode, said


def contents(target: Path) -> dict[str, bytes]:
    return {str(path.relative_to(target)): path.read_bytes() for path in target.rglob("*") if path.is_file()}


@pytest.fixture
def versions(project: Path, tmp_path: Path) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """What versions 1 and 2 render to."""
    rendered = []
    for version in (1, 2):
        edit(project, version)
        assert render(project, tmp_path / f"version-{version}")[0] == 0
        rendered.append(contents(tmp_path / f"version-{version}"))
    assert rendered[0] != rendered[1]
    return rendered[0], rendered[1]


def _of_run(marker: str) -> Iterator[int]:
    """The processes that a run started, by the mark in their environment."""
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                environment = (process / "environ").read_bytes()
            except OSError:
                continue
            if f"MESHWRIGHT_TEST_RUN={marker}".encode() in environment.split(b"\0"):
                yield int(process.name)


def test_a_kill_at_any_point_leaves_one_version(
    project: Path, tmp_path: Path, versions: tuple[dict[str, bytes], dict[str, bytes]]
) -> None:
    target = tmp_path / "out"
    edit(project, 1)
    began = time.monotonic()
    assert render(project, target)[0] == 0
    whole = time.monotonic() - began
    moments = random.Random(11)  # noqa: S311
    for number in range(20):
        edit(project, 1 + number % 2)
        marker = uuid.uuid4().hex
        running = start(project, target, marker=marker)
        time.sleep(moments.uniform(0, whole))
        running.send_signal(signal.SIGKILL)
        running.communicate()
        _end(_of_run(marker))
        assert contents(target) in versions
    edit(project, 2)
    assert render(project, target)[0] == 0
    assert contents(target) == versions[1]


def test_a_kill_leaves_no_process(project: Path, tmp_path: Path) -> None:
    edit(project, 1)
    left: list[int] = []
    for tenths in range(2, 9):
        marker = uuid.uuid4().hex
        running = start(project, tmp_path / "out", marker=marker)
        while running.poll() is None and not any("pulumi.policy" in _command(each) for each in _of_run(marker)):
            time.sleep(0.01)
        time.sleep(tenths / 10)
        running.send_signal(signal.SIGKILL)
        running.communicate()
        time.sleep(1.0)
        stayed = list(_of_run(marker))
        _end(stayed)
        left += stayed
    assert left == []


def _command(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_text()
    except OSError:
        return ""


def _end(processes: Iterable[int]) -> None:
    for each in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)


def test_a_full_disk_is_said_and_leaves_the_old_files(project: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode:
        pytest.skip("user namespaces are off: no small disk can be mounted")
    edit(project, 1)
    small = 'mount -t tmpfs -o size=32k none "$0" && mkdir "$0/out" && "$@"; s=$?; ls "$0/out" | wc -l; exit $s'
    status, said = render(project, disk / "out", "unshare", "-rm", "sh", "-c", small, str(disk))
    assert status == 2
    assert "the disk is full" in said
    assert "Traceback" not in said
    assert said.splitlines()[-1] == "0"


def test_a_read_only_folder_is_said(project: Path) -> None:
    edit(project, 1)
    status, said = render(project, Path("/proc/out/dev"))
    assert status == 2
    assert "/proc/out" in said
    assert "Traceback" not in said


def test_two_runs_at_once_leave_one_whole_result(
    project: Path, tmp_path: Path, versions: tuple[dict[str, bytes], dict[str, bytes]]
) -> None:
    target = tmp_path / "out"
    runs = [start(project, target) for _ in range(2)]
    said = [run.communicate(timeout=60)[0] for run in runs]
    assert 0 in [run.returncode for run in runs]
    for run, text in zip(runs, said, strict=True):
        assert run.returncode == 0 or "another run is writing this folder" in text
    assert contents(target) == versions[1]


def test_an_api_server_that_dies_during_an_apply_is_caught_up_with(mesh_cluster: Cluster, tmp_path: Path) -> None:
    require_programs("kubectl")
    bodies = [body for _, body in objects_of(rendering_of(PRODUCTION))]
    mesh_cluster.api.apply_all(checks.namespaces(bodies))
    folder = tmp_path / "objects"
    for path, content in rendering_of(PRODUCTION).files.items():
        if path.endswith(".yaml") and "/patches/" not in path and "kustomization" not in path and "values" not in path:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
    apply = [find_program("kubectl"), f"--kubeconfig={mesh_cluster.kubeconfig}", "apply", "--server-side"]
    apply += ["--recursive", "--filename", str(folder), "--request-timeout=5s"]
    running = subprocess.Popen(apply, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.2)
    mesh_cluster.kill("kube-apiserver")
    assert running.wait(60) != 0
    mesh_cluster.restart("kube-apiserver")
    done = subprocess.run(apply, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    again = subprocess.run([*apply, "--output=name"], capture_output=True, text=True)
    assert len(again.stdout.splitlines()) == len(list(folder.rglob("*.yaml")))
