"""Writing a folder: the old files or the new ones, and nothing of the user's is lost."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from meshwright import __version__
from meshwright.engine.render import Rendering, folder, render, write
from meshwright.errors import OutputError
from tests.unit.render.graphs import graph, kubernetes

if TYPE_CHECKING:
    from collections.abc import Callable


def _rendering(version: str, count: int = 3) -> Rendering:
    items = [kubernetes("v1", "ConfigMap", f"{version}-{n}", body={"data": {"v": version}}) for n in range(count)]
    return render(graph(*items), Path.cwd())


OLD, NEW = _rendering("old"), _rendering("new")


def _files(target: Path) -> dict[str, bytes]:
    found = {path.relative_to(target).as_posix(): path.read_bytes() for path in target.rglob("*") if path.is_file()}
    found.pop(".meshwright", None)
    return found


def _refused(rendering: Rendering, target: Path) -> str:
    with pytest.raises(OutputError) as caught:
        write(rendering, target)
    return str(caught.value)


def test_a_folder_is_made_with_a_marker_and_then_replaced(tmp_path: Path) -> None:
    target = tmp_path / "out" / "dev"
    write(OLD, target)
    write(NEW, target)
    assert _files(target) == NEW.files
    marker = json.loads((target / ".meshwright").read_text())
    assert marker.keys() == {"version", "project", "stack", "files", "caches"}
    assert (marker["version"], marker["project"], marker["stack"]) == (__version__, "shop", "dev")
    assert marker["files"].keys() == NEW.files.keys()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["dev"]


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    write(NEW, tmp_path / "dev")
    assert _files(tmp_path / "dev") == NEW.files


def _edit(target: Path) -> str:
    (target / "wave-01" / "configmap-old-1.yaml").write_text("mine")
    return "wave-01/configmap-old-1.yaml: was edited since it was rendered"


def _add(target: Path) -> str:
    (target / "notes.txt").write_text("mine")
    return "notes.txt: is not a rendered file"


def _link(target: Path) -> str:
    path = target / "wave-01" / "configmap-old-1.yaml"
    path.rename(target.parent / "elsewhere")
    path.symlink_to(target.parent / "elsewhere")
    return "wave-01/configmap-old-1.yaml: was edited since it was rendered"


@pytest.mark.parametrize("change", [_edit, _add, _link])
def test_what_the_user_changed_is_kept(tmp_path: Path, change: Callable[[Path], str]) -> None:
    target = tmp_path / "dev"
    write(OLD, target)
    said = change(target)
    before = _files(target)
    assert _refused(NEW, target) == f"{target}/{said}; move it away, or name another folder with --to (MW-E090)"
    assert _files(target) == before


@pytest.mark.parametrize("marker", ["", "[]", '{"files": {}}', '{"files": 1, "caches": []}'])
def test_a_folder_whose_marker_is_broken_is_refused(tmp_path: Path, marker: str) -> None:
    write(OLD, tmp_path / "dev")
    (tmp_path / "dev" / ".meshwright").write_text(marker)
    assert _refused(NEW, tmp_path / "dev") == (
        f"{tmp_path}/dev/.meshwright: does not list the rendered files any more; "
        "remove the folder, or name another with --to (MW-E090)"
    )


def test_a_removed_file_and_what_kustomize_downloaded_are_no_loss(tmp_path: Path) -> None:
    from tests.unit.render.graphs import release

    target = tmp_path / "dev"
    write(render(graph(release("istiod")), tmp_path), target)
    cache = target / "wave-01" / "charts" / "istiod-1.31.1"
    cache.mkdir(parents=True)
    (cache / "Chart.yaml").write_text("name: istiod")
    (target / "kustomization.yaml").unlink()
    write(NEW, target)
    assert _files(target) == NEW.files


def test_the_current_folder_and_those_above_it_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    for target in (Path(), Path("..")):
        assert _refused(NEW, target) == (
            f"{target}: the output folder is the current folder, or above it; "
            "name a folder of its own, such as out/dev (MW-E095)"
        )


@pytest.mark.parametrize("path", ["file", "file/dev"])
def test_a_file_in_the_way(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_text("mine")
    assert _refused(NEW, tmp_path / path) == (
        f"{tmp_path}/{path.partition('/')[0]}: a file stands where a folder is needed; "
        "move it away, or name another folder with --to (MW-E093)"
    )
    assert (tmp_path / "file").read_text() == "mine"


def test_two_runs_at_once(tmp_path: Path) -> None:
    work = tmp_path / ".dev.meshwright"
    work.mkdir()
    with (work / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert _refused(NEW, tmp_path / "dev") == (
            f"{tmp_path}/dev: another run is writing this folder; wait for it to end, then run again (MW-E094)"
        )
    write(NEW, tmp_path / "dev")
    assert _files(tmp_path / "dev") == NEW.files


def test_a_run_that_ends_between_open_and_lock_counts_as_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "flock", lambda *_: (tmp_path / ".dev.meshwright" / "lock").unlink())
    assert _refused(NEW, tmp_path / "dev").endswith("(MW-E094)")


def test_a_lock_of_another_run_that_took_the_name_counts_as_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replaced(*_: object) -> None:
        lock = tmp_path / ".dev.meshwright" / "lock"
        lock.rename(lock.with_name("gone"))
        lock.touch()

    monkeypatch.setattr(fcntl, "flock", replaced)
    assert _refused(NEW, tmp_path / "dev").endswith("(MW-E094)")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "the disk is full; free some space; the folder is as it was before (MW-E092)"),
        (errno.EDQUOT, "the disk is full; free some space; the folder is as it was before (MW-E092)"),
        (errno.EROFS, "can't be written: read-only file system; make it writable, or name another with --to (MW-E091)"),
        (errno.EACCES, "can't be written: permission denied; make it writable, or name another with --to (MW-E091)"),
    ],
)
def test_a_disk_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str) -> None:
    def fail(_: int) -> None:
        raise OSError(number, os.strerror(number))

    target = tmp_path / "dev"
    write(OLD, target)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        assert _refused(NEW, target) == f"{target}: {said}"
    assert _files(target) == OLD.files
    assert [path.name for path in tmp_path.iterdir()] == ["dev"]


class _Libc:
    """A C library whose renameat2 fails with a given number."""

    def __init__(self, number: int) -> None:
        self.number = number

    def renameat2(self, *_: object) -> int:
        ctypes.set_errno(self.number)
        return -1


def test_two_renames_where_the_file_system_cannot_exchange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: _Libc(errno.EINVAL))
    write(OLD, tmp_path / "dev")
    write(NEW, tmp_path / "dev")
    assert _files(tmp_path / "dev") == NEW.files
    assert [path.name for path in tmp_path.iterdir()] == ["dev"]


def test_two_renames_on_other_systems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    write(OLD, tmp_path / "dev")
    write(NEW, tmp_path / "dev")
    assert _files(tmp_path / "dev") == NEW.files


def test_an_exchange_that_fails_leaves_the_old_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(OLD, tmp_path / "dev")
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: _Libc(errno.EPERM))
    assert _refused(NEW, tmp_path / "dev").startswith(f"{tmp_path}/dev: can't be written: operation not permitted")
    assert _files(tmp_path / "dev") == OLD.files


def test_a_second_rename_that_fails_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(OLD, tmp_path / "dev")
    rename = Path.rename

    def fail(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise PermissionError(errno.EACCES, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(folder, "_exchange", lambda *_: False)
    monkeypatch.setattr(Path, "rename", fail)
    _refused(NEW, tmp_path / "dev")
    assert _files(tmp_path / "dev") == OLD.files


def _killed_while_writing(target: Path, after_s: float, exchange: bool) -> None:
    """Write NEW in a process of its own, and kill that after a while."""
    child = os.fork()
    if child == 0:
        if not exchange:
            folder._exchange = lambda *_: False
        while True:  # pragma: no cover (the child is killed)
            write(NEW, target)
            write(OLD, target)
    time.sleep(after_s)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


@pytest.mark.parametrize("exchange", [True, False])
def test_a_kill_at_any_moment_leaves_the_old_files_or_the_new(tmp_path: Path, exchange: bool) -> None:
    moments = random.Random(7)  # noqa: S311
    target = tmp_path / "dev"
    for _ in range(8):
        write(OLD, target)
        _killed_while_writing(target, moments.uniform(0.001, 0.03), exchange)
        if exchange or target.exists():
            assert _files(target) in (OLD.files, NEW.files)
        write(OLD, target)
        assert _files(target) == OLD.files
        assert [path.name for path in tmp_path.iterdir()] == ["dev"]


def test_half_a_swap_is_undone_by_the_next_run(tmp_path: Path) -> None:
    target, work = tmp_path / "dev", tmp_path / ".dev.meshwright"
    write(OLD, target)
    _edit(target)
    work.mkdir()
    target.rename(work / "old")
    assert "was edited since" in _refused(NEW, target)
    assert _files(target) != OLD.files


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on PATH: kustomize can't be asked")
def test_kustomize_builds_what_was_written(tmp_path: Path) -> None:
    import subprocess

    write(NEW, tmp_path / "dev")
    command: list[Any] = ["kubectl", "kustomize", tmp_path / "dev"]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    assert built.stdout.count("kind: ConfigMap") == 3
