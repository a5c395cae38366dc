"""Only what a change brings: head and base of a real git repository."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from meshwright.engine.policy import Verdict
from meshwright.errors import Code, ConfigError, Problem
from meshwright.gate.changes import compare
from meshwright.gate.result import DEFAULT_FAIL_ON, Result, decided
from tests.unit.gate.results import WAIVED, finding, made


def git(folder: Path, *arguments: str) -> str:
    about = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(folder), *about, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project below the top of a repository, with a branch `main` that went on since."""
    folder = tmp_path / "repository" / "infra"
    folder.mkdir(parents=True)
    git(folder.parent, "init", "-q", "-b", "main")
    (folder / "names").write_text("legacy")
    git(folder, "add", "names")
    git(folder, "commit", "-qm", "one")
    git(folder, "checkout", "-q", "-b", "feature")
    (folder / "names").write_text("legacy new")
    git(folder, "commit", "-qam", "two")
    git(folder, "checkout", "-q", "main")
    (folder / "names").write_text("mended")
    git(folder, "commit", "-qam", "three")
    git(folder, "checkout", "-q", "feature")
    return folder


def names(folder: Path) -> Result:
    """A finding for each name in the project's file."""
    return made(*(finding(name=name) for name in (folder / "names").read_text().split()))


def test_new_findings_fail_and_old_ones_do_not(project: Path) -> None:
    found = decided(compare(names(project), project, "main", names), DEFAULT_FAIL_ON)
    assert [(item.finding.resource, item.known, item.fails) for item in found.items] == [
        ("legacy", "on main before", False),
        ("new", "", True),
    ]
    commit = git(project, "merge-base", "main", "HEAD")[:10]
    assert found.compared == f"compared with main ({commit}), judged by the same pack: 1 new, 0 gone"
    assert git(project, "worktree", "list").count("\n") == 0
    assert git(project, "status", "--porcelain") == ""


def test_what_is_not_committed_is_part_of_the_head(project: Path) -> None:
    (project / "names").write_text("other")
    found = compare(names(project), project, "HEAD", names)
    assert found.compared.endswith("1 new, 2 gone")


def test_a_waiver_that_was_taken_away_is_new(project: Path) -> None:
    found = compare(
        made(finding(name="audit", message="audit is unmeshed")),
        project,
        "main",
        lambda _: made(finding(Verdict.WAIVED, "audit", message=WAIVED)),
    )
    assert [item.known for item in found.items] == [""]


def test_a_stack_that_the_base_does_not_have(project: Path) -> None:
    found = compare(names(project), project, "main", lambda _: None)
    assert found.compared.endswith("which does not have this stack: every finding is new")
    assert not any(item.known for item in found.items)


def test_the_surroundings_of_a_hook_do_not_matter(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = project.parent / ".git/hooks/post-checkout"
    hook.write_text("#!/bin/sh\ntouch ran\n")
    hook.chmod(0o755)
    monkeypatch.setenv("GIT_DIR", "nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "nowhere")
    seen: list[bool] = []

    def look(folder: Path) -> Result:
        seen.append((folder / "ran").exists())
        return names(folder)

    assert "1 new" in compare(names(project), project, "main", look).compared
    assert seen == [False]


def test_a_base_that_cannot_be_judged(project: Path) -> None:
    def fail(folder: Path) -> Result:
        raise ConfigError(Problem(Code.NO_MESH, "there is no mesh", "add one", f"{folder}/a.yaml"))

    with pytest.raises(ConfigError) as error:
        compare(names(project), project, "main", fail)
    says = "main can't be judged: infra/a.yaml: there is no mesh; add one (MW-E028); compare with a commit that works (MW-E041)"
    assert str(error.value) == says
    assert git(project, "worktree", "list").count("\n") == 0


def test_a_revision_that_is_not_there(project: Path) -> None:
    for revision in ("origin/main", "--help", "main^{tree}"):
        with pytest.raises(ConfigError) as error:
            compare(names(project), project, revision, names)
        assert str(error.value) == (
            f'--changed-since: git knows no "{revision}"; name a branch, tag or commit that is here; '
            "CI often fetches only one: fetch it first (MW-E040)"
        )


def test_a_branch_without_a_common_commit(project: Path) -> None:
    git(project, "checkout", "-q", "--orphan", "apart")
    git(project, "commit", "-qm", "apart")
    found = compare(names(project), project, "main", names)
    assert found.compared.endswith("2 new, 1 gone")


def test_a_folder_in_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(ConfigError) as error:
        compare(made(), tmp_path, "main", names)
    assert str(error.value).startswith(
        f"{tmp_path}: is in no git repository; --changed-since needs a git repository (git"
    )
    assert str(error.value).endswith("(MW-E040)")


def test_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError) as error:
        compare(made(), tmp_path, "main", names)
    says = "git can't be run: no such file or directory; install git, or leave --changed-since out (MW-E040)"
    assert str(error.value) == says
