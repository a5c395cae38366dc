"""Whole processes, measured in turns, so that what else the machine does falls on all of them alike."""

import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Runs:
    """What one command took."""

    seconds: tuple[float, ...]
    peak_mib: float
    """The largest resident set of the command and of the processes that it waited for."""

    @property
    def median(self) -> float:
        """Median wall time in seconds."""
        return statistics.median(self.seconds)


def in_turns(commands: Mapping[str, Sequence[str]], rounds: int, *, warm_up: bool = True) -> dict[str, Runs]:
    """Run each command once a round, after one round that isn't counted.

    Args:
        commands: Name to command line.
        rounds: How often each is measured.
        warm_up: Whether there is the round that isn't counted.

    Raises:
        RuntimeError: A command failed; the message has what it printed.
    """
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    peaks = dict.fromkeys(commands, 0.0)
    for turn in range(rounds + warm_up):
        for name, command in commands.items():
            took, peak = _run(command)
            if turn >= warm_up:
                seconds[name].append(took)
                peaks[name] = max(peaks[name], peak)
    return {name: Runs(tuple(seconds[name]), peaks[name]) for name in commands}


def _run(command: Sequence[str]) -> tuple[float, float]:
    environment = {**os.environ, "MESHWRIGHT_AS_OF": "2026-11-22"}
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    printed = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.stdout:
        process.stdout.close()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} exited with {process.returncode}\n{printed}")
    return took, usage.ru_maxrss / 1024
