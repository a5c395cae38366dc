"""A spinner on a terminal, after a second, and silence everywhere else."""

from __future__ import annotations

import io
import sys
import time

import pytest

from meshwright.cli import progress


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_what_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(progress, "AFTER_S", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    with progress.working("running the program"):
        deadline = time.monotonic() + 10
        while "running the program" not in terminal.getvalue() and time.monotonic() < deadline:
            time.sleep(0.01)
    assert "running the program" in terminal.getvalue()
    assert terminal.getvalue().endswith("\x1b[2K")  # the line is cleared: nothing is left of it


def test_what_is_quick_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with pytest.raises(KeyError), progress.working("running the program"):
        raise KeyError
    assert terminal.getvalue() == ""


@pytest.mark.parametrize(("stream", "term"), [(io.StringIO, "xterm"), (_Terminal, "dumb")])
def test_what_is_no_terminal_shows_nothing(
    monkeypatch: pytest.MonkeyPatch, stream: type[io.StringIO], term: str
) -> None:
    written = stream()
    monkeypatch.setattr(sys, "stderr", written)
    monkeypatch.setattr(progress, "AFTER_S", 0.0)
    monkeypatch.setenv("TERM", term)
    with progress.working("running the program"):
        time.sleep(0.05)
    assert written.getvalue() == ""
