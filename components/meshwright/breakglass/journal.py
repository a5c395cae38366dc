"""What was done, by whom and why: a file of JSON lines, each written and flushed before the next command runs.

A line that a crash has torn counts as not written: its step is then one that began, and may be run again.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from meshwright.breakglass.plan import Plan, Step
from meshwright.errors import Code, ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

DONE, BEGUN, UNDOING, UNDONE = "done", "begun", "undoing", "undone"
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Order:
    """Who wants what done where, and why."""

    context: str
    kubeconfig: str
    reason: str
    hours: float
    """After how long the change is to be taken back."""

    @property
    def cluster(self) -> tuple[str, ...]:
        """Kubectl's arguments that name the cluster."""
        return (f"--context={self.context}", *([f"--kubeconfig={self.kubeconfig}"] if self.kubeconfig else []))


@dataclass(frozen=True, slots=True)
class Record:
    """A journal, read."""

    plan: Plan
    order: Order
    expires: datetime
    states: tuple[str, ...]
    """Of each step: empty, begun, done, undoing or undone."""


class Journal:
    """A journal that is being written; it belongs to one run at a time."""

    def __init__(self, file: int, path: Path) -> None:
        self._file = file
        self.path = path

    def write(self, entry: str, **more: Any) -> None:
        """Add a line, and see it on the disk."""
        line = {"entry": entry, "time": _now().isoformat(timespec="seconds"), "who": _who(), **more}
        os.write(self._file, (json.dumps(line, ensure_ascii=False) + "\n").encode())
        os.fsync(self._file)


@contextmanager
def begin(path: Path, plan: Plan, order: Order) -> Iterator[Journal]:
    """A new journal, with the plan in it. Raises `ConfigError` (MW-E174) where there is a file already."""
    with _opened(path, os.O_CREAT | os.O_EXCL) as journal:
        expires = _now() + timedelta(hours=order.hours)
        about = {"format": _FORMAT, "expires": expires.isoformat(timespec="seconds")}
        journal.write("plan", **about, order=asdict(order), plan=asdict(plan))
        yield journal


@contextmanager
def go_on(path: Path) -> Iterator[tuple[Journal, Record]]:
    """A journal that is there, with what it says. Raises `ConfigError` (MW-E174)."""
    with _opened(path, 0) as journal:
        text = path.read_text("utf-8", "replace")
        if not text.endswith("\n"):
            os.write(journal._file, b"\n")  # so that a torn line stays one
        yield journal, _record(path, text.splitlines())


def _record(path: Path, lines: Sequence[str]) -> Record:
    entries = [entry for entry in map(_entry, lines) if entry]
    try:
        first = entries[0]
        steps = tuple(Step(**_frozen(each)) for each in first["plan"]["steps"])
        plan = Plan(**{**_frozen(first["plan"]), "steps": steps})
        states = [""] * len(plan.steps)
        for entry in entries[1:]:
            if "step" in entry:
                states[entry["step"]] = entry["state"]
        return Record(plan, Order(**first["order"]), datetime.fromisoformat(first["expires"]), tuple(states))
    except (KeyError, IndexError, TypeError, ValueError):
        raise unreadable(path, "is no journal of a break-glass", "name the file that it told of") from None


def _entry(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}


def _frozen(content: dict[str, Any]) -> dict[str, Any]:
    """JSON's lists as tuples."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in content.items()}


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[Journal]:
    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND | flags, 0o600)
    except FileExistsError:
        raise unreadable(path, "is there already", "name a new file by --journal, or go on with `resume`") from None
    except OSError as error:
        raise unreadable(path, f"can't be opened: {(error.strerror or '').lower()}", "name another file") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield Journal(file, path)
    except BlockingIOError:
        raise unreadable(path, "is in use by another run", "wait for its end") from None
    finally:
        os.close(file)


def unreadable(path: Path, what: str, remedy: str) -> ConfigError:
    """The error for a journal that can't be used."""
    return ConfigError(Problem(Code.BREAK_GLASS_JOURNAL, what, remedy, str(path)))


def _who() -> str:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        name = f"uid {os.getuid()}"
    return f"{name}@{socket.gethostname()}"


def _now() -> datetime:
    return datetime.now(UTC)
