"""Only what a change brings: the findings of the head that its base does not have.

The base is checked out beside the work tree, and its program is run and judged by the head's pack, on the same day and
with the same interpreter. So a finding is new because the program or the stack file changed, and for no other reason.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from meshwright.errors import Code, ConfigError, MeshwrightError, Problem
from meshwright.gate.result import Result, known

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_TIMEOUT_S = 120.0
_OF_A_HOOK = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"})
"""What git sets for its hooks, and what would lead a worktree of ours astray."""


def compare(head: Result, root: Path, revision: str, judge_base: Callable[[Path], Result | None]) -> Result:
    """The head's result with all marked as known that the base has too.

    Args:
        head: What was found in the work tree, uncommitted changes included.
        root: Folder of the project.
        revision: The branch, tag or commit to compare with; the base is where the head parted from it.
        judge_base: Judges the project in a folder; None where there is no such stack in it.

    Raises:
        ConfigError: MW-E040 there is no such revision, or no git; MW-E041 the base can't be judged.
    """
    top = Path(_git(root, "rev-parse", "--show-toplevel", what="is in no git repository"))
    commit = _base(root, revision)
    with _checked_out(root, commit) as folder:
        try:
            base = judge_base(folder / root.resolve().relative_to(top.resolve()))
        except MeshwrightError as error:
            said = str(error.problems[0]).replace(f"{folder}{os.sep}", "")
            message = f"{revision} can't be judged: {said}"
            raise ConfigError(Problem(Code.BASE_FAILED, message, "compare with a commit that works")) from None
    name = f"{revision} ({commit[:10]})"
    if base is None:
        return replace(head, compared=f"compared with {name}, which does not have this stack: every finding is new")
    had = {item.fingerprint for item in base.items if not item.waived}
    marked = known(head, dict.fromkeys(had, f"on {revision} before"))
    has = {item.fingerprint for item in head.items}
    solved = sum(item.fingerprint not in has for item in base.items if not item.waived)
    new = sum(not item.known and not item.waived for item in marked.items)
    what = f"compared with {name}, judged by the same pack: {new} new, {solved} gone"
    return replace(marked, compared=what)


def _base(root: Path, revision: str) -> str:
    commit = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", what="")
    if not commit:
        remedy = "name a branch, tag or commit that is here; CI often fetches only one: fetch it first"
        raise ConfigError(Problem(Code.NO_BASE, f'--changed-since: git knows no "{revision}"', remedy))
    return _git(root, "merge-base", commit, "HEAD", what="") or commit


@contextmanager
def _checked_out(root: Path, commit: str) -> Iterator[Path]:
    """A work tree of a commit, in a temporary folder, for as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="meshwright-base-") as name:
        folder = Path(name) / "base"
        _git(root, "worktree", "add", "--detach", "--quiet", str(folder), commit, what="can't be checked out")
        try:
            yield folder
        finally:
            _git(root, "worktree", "remove", "--force", str(folder), what="")


def _git(root: Path, *arguments: str, what: str) -> str:
    """What git prints; empty where it fails, unless ``what`` says how that is reported."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "-c", f"core.hooksPath={os.devnull}", *arguments],
            env={name: value for name, value in os.environ.items() if name not in _OF_A_HOOK},
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = getattr(error, "strerror", None) or "it takes too long"
        raise ConfigError(
            Problem(Code.NO_BASE, f"git can't be run: {reason.lower()}", "install git, or leave --changed-since out")
        ) from None
    if done.returncode and what:
        last = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        remedy = f"--changed-since needs a git repository (git says: {last[0].removeprefix('fatal: ')})"
        raise ConfigError(Problem(Code.NO_BASE, what, remedy, str(root)))
    return "" if done.returncode else done.stdout.strip()
