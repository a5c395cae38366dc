"""Write a rendering: a folder holds the old files or the new ones, never a mixture, and loses nothing of the user's.

All files go to a hidden folder beside the target, `.<name>.meshwright/new`, which then changes places with it in one
system call. A marker file lists what was written, by hash, so that a later run knows its own files. A run that was
killed leaves the hidden folder behind; the next one removes it.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import hashlib
import json
import os
import shutil
import sys
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from meshwright import __version__
from meshwright.errors import Code, OutputError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from meshwright.engine.render.rendering import Rendering

MARKER: Final = ".meshwright"
_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2


def write(rendering: Rendering, folder: Path) -> None:
    """Make `folder` hold exactly the rendering, and a marker; the folder and those above it are made where missing.

    Raises:
        OutputError: the folder holds files that are not an earlier rendering's, is used by another run, or can't be
            written. The folder is then as it was.
    """
    target = folder.resolve()
    if Path.cwd().is_relative_to(target):
        raise _refusal(
            Code.OUTPUT_AROUND_WORKING_FOLDER,
            folder,
            "the output folder is the current folder, or above it",
            "name a folder of its own, such as out/dev",
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _workshop(target, folder) as work:
            _refuse_others_files(target, folder)
            _write_files(work / "new", rendering)
            _swap(work, target)
    except OSError as error:
        raise _explained(error, folder) from error


@contextmanager
def _workshop(target: Path, folder: Path) -> Iterator[Path]:
    """The hidden folder beside the target, for this run alone; it is gone afterwards."""
    work = target.with_name(f".{target.name}.meshwright")
    work.mkdir(exist_ok=True)
    with ExitStack() as stack:
        try:
            lock = stack.enter_context((work / "lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(os.fstat(lock.fileno()), (work / "lock").stat()):
                raise BlockingIOError
        except (BlockingIOError, FileNotFoundError):  # held, or removed by a run that was just ending
            raise _refusal(
                Code.OUTPUT_LOCKED, folder, "another run is writing this folder", "wait for it to end, then run again"
            ) from None
        _recover(work, target)
        try:
            yield work
        finally:
            _recover(work, target)
            shutil.rmtree(work, ignore_errors=True)


def _recover(work: Path, target: Path) -> None:
    """Undo half a swap of a run that failed or was killed, and throw away what it had written."""
    if (work / "old").exists() and not target.exists():
        (work / "old").rename(target)
    for leftover in ("old", "new"):
        if (work / leftover).exists():
            shutil.rmtree(work / leftover)


def _refuse_others_files(target: Path, folder: Path) -> None:
    """Raise `OutputError` if anything in the target was not written by an earlier rendering, or was edited since."""
    if not target.exists():
        return
    if not target.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(target))
    hashes, caches = _read_marker(target, folder)
    for path in sorted(target.rglob("*")):
        name = path.relative_to(target).as_posix()
        if name == MARKER or (path.is_dir() and not path.is_symlink()) or name.startswith(caches):
            continue
        if name not in hashes:
            found = "is not a rendered file"
        elif path.is_symlink() or _digest(path.read_bytes()) != hashes[name]:
            found = "was edited since it was rendered"
        else:
            continue
        raise _refusal(Code.OUTPUT_NOT_OURS, folder / name, found, "move it away, or name another folder with --to")


def _read_marker(target: Path, folder: Path) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """The hashes of an earlier rendering's files by path, and the beginnings of paths that kustomize downloads to."""
    marker = target / MARKER
    if not marker.exists():
        return {}, ()
    try:
        content = json.loads(marker.read_text("utf-8"))
        return dict(content["files"]), tuple(f"{path}/" for path in content["caches"])
    except (ValueError, KeyError, TypeError):
        raise _refusal(
            Code.OUTPUT_NOT_OURS,
            folder / MARKER,
            "does not list the rendered files any more",
            "remove the folder, or name another with --to",
        ) from None


def _write_files(new: Path, rendering: Rendering) -> None:
    marker = {
        "version": __version__,
        "project": rendering.project,
        "stack": rendering.stack,
        "files": {path: _digest(content) for path, content in rendering.files.items()},
        "caches": list(rendering.caches),
    }
    files = {**rendering.files, MARKER: (json.dumps(marker, indent=2) + "\n").encode()}
    new.mkdir()
    for path, content in files.items():
        (new / path).parent.mkdir(parents=True, exist_ok=True)
        with (new / path).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    for folder in (new, *(path for path in new.rglob("*") if path.is_dir())):
        _sync(folder)


def _swap(work: Path, target: Path) -> None:
    """Put `new` in the target's place, in one step where the system can."""
    if not target.exists():
        (work / "new").rename(target)
    elif not _exchange(work / "new", target):
        target.rename(work / "old")
        (work / "new").rename(target)
    _sync(target.parent)


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders change places by renameat2(2); false where the system or the file system has no such call."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if sys.platform == "linux" else None
    if renameat2 is None:
        return False
    if renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.ENOSYS, errno.EINVAL):
        return False
    raise OSError(number, os.strerror(number), str(other))


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems can't sync a folder
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _refusal(code: Code, place: Path, message: str, remedy: str) -> OutputError:
    return OutputError(Problem(code, message, remedy, str(place)))


def _explained(error: OSError, folder: Path) -> OutputError:
    """One line for a failed system call: what stands in the way, and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _refusal(
            Code.OUTPUT_DISK_FULL, folder, "the disk is full", "free some space; the folder is as it was before"
        )
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return _refusal(
            Code.OUTPUT_IN_THE_WAY,
            Path(error.filename or folder),
            "a file stands where a folder is needed",
            "move it away, or name another folder with --to",
        )
    reason = (error.strerror or str(error)).lower()
    return _refusal(
        Code.OUTPUT_NOT_WRITABLE, folder, f"can't be written: {reason}", "make it writable, or name another with --to"
    )
