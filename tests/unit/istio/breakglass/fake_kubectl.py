"""A kubectl that notes how it was called, and fails where it is told to."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest

PROGRAM = f"""#!{sys.executable} -SE
import json, os, sys
folder = os.path.dirname(__file__)
text = sys.stdin.read() if "--filename=-" in sys.argv else ""
with open(folder + "/calls", "a") as calls:
    calls.write(json.dumps([sys.argv[1:], text]) + "\\n")
failing = json.load(open(folder + "/failing"))
for part, says in failing.items():
    if part in " ".join(sys.argv):
        sys.exit(print(says, file=sys.stderr) or 1)
print("patched")
"""


class FakeKubectl:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fail({})

    def fail(self, failing: dict[str, str]) -> None:
        """Fail at commands that contain a text, saying something."""
        (self.folder / "failing").write_text(json.dumps(failing))

    def calls(self) -> list[tuple[list[str], str]]:
        """The arguments of all calls since the last time, and what was on standard input."""
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return [(argv, text) for argv, text in map(json.loads, lines)]

    def commands(self) -> list[str]:
        return [" ".join(argv) for argv, _ in self.calls()]


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeKubectl:
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "kubectl"
    program.write_text(PROGRAM)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder))
    return FakeKubectl(folder)
