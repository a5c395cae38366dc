"""Speed and memory against named peers, all in one run: ``make bench``. Nothing fails on it; see docs/benchmarks.md."""

import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import policy
from bench.measure import Runs, in_turns

PYTHON = sys.executable
MESHWRIGHT = str(Path(PYTHON).with_name("meshwright"))
PROGRAMS = "bench/programs"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One thing that we do, beside a peer that does the same."""

    title: str
    ours: Sequence[str]
    peer_title: str
    peer: Sequence[str]
    rounds: int = 5


COMPARISONS = (
    Comparison(
        "offline preview, 1,005 resources",
        (PYTHON, "-m", "bench.offline", f"{PROGRAMS}/thousand"),
        "the SDK's set_mocks",
        (PYTHON, "-m", "bench.mocks", f"{PROGRAMS}/thousand"),
        rounds=7,
    ),
    Comparison(
        "our components, 702 resources",
        (PYTHON, "-m", "bench.offline", f"{PROGRAMS}/components"),
        "written by hand",
        (PYTHON, "-m", "bench.offline", f"{PROGRAMS}/handwritten"),
        rounds=7,
    ),
    Comparison("meshwright --help", (MESHWRIGHT, "--help"), "python -c 'import typer'", (PYTHON, "-c", "import typer")),
    Comparison(
        "meshwright schema", (MESHWRIGHT, "schema"), "python -c 'import pydantic'", (PYTHON, "-c", "import pydantic")
    ),
    Comparison(
        "preview quickstart, with policy",
        (MESHWRIGHT, "preview", "quickstart"),
        "importing the SDKs it needs",
        (PYTHON, "-c", "import pulumi, pulumi_kubernetes.core.v1, pulumi_kubernetes.helm.v3, pulumi_policy"),
    ),
    Comparison(
        "make quickstart, set up",
        ("make", "--no-print-directory", "quickstart"),
        "meshwright preview quickstart",
        (MESHWRIGHT, "preview", "quickstart"),
    ),
)


def main() -> None:
    """Measure everything and print the table."""
    print(f"Python {platform.python_version()}, {platform.machine()}, {platform.system()}\n")
    print(f"{'':34} {'median':>8} {'spread':>15} {'peak':>9}   {'ratio':>5}  peer")
    for comparison in COMPARISONS:
        runs = in_turns({"ours": comparison.ours, "peer": comparison.peer}, comparison.rounds)
        print(_line(comparison, runs["ours"], runs["peer"]), flush=True)
    policy.main()


def _line(comparison: Comparison, ours: Runs, peer: Runs) -> str:
    spread = f"{min(ours.seconds):.2f}-{max(ours.seconds):.2f} s"
    ratio = ours.median / peer.median
    other = f"{comparison.peer_title} ({peer.median:.2f} s)"
    return f"{comparison.title:34} {ours.median:6.2f} s {spread:>15} {ours.peak_mib:5.0f} MiB   {ratio:5.2f}  {other}"


main()
