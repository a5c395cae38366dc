"""Speed and memory against named peers, all in one run: ``make bench``. Nothing fails on it; see docs/benchmarks.md.

``make bench ARGS=--quick``: one round, up to 1,000 namespaces, without the ninety rules. ``ARGS=--growth``: only that.
"""

import argparse
import platform
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from bench import growth, peers
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
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--quick", action="store_true", help="one round, at most 1,000 namespaces, no policy bench")
    parser.add_argument("--growth", action="store_true", help="only how time grows with namespaces")
    asked = parser.parse_args()
    packages = (f"{name} {version(name)}" for name in ("pulumi", "pulumi-kubernetes", "pulumi-policy"))
    print(f"Python {platform.python_version()}, {platform.machine()}, {platform.system()}; {', '.join(packages)}\n")
    print(f"{'':34} {'median':>8} {'spread':>15} {'peak':>9}   {'ratio':>5}  peer")
    if not asked.growth:
        _compare(COMPARISONS, asked.quick)
        _compare_with_others(asked.quick)
    growth.main(growth.SIZES[:3] if asked.quick else growth.SIZES, rounds=1 if asked.quick else 3)
    if not (asked.quick or asked.growth):
        from bench import policy  # last: a process starts out with its parent's resident set, and this one is large

        policy.main()


def _compare(comparisons: Iterable[Comparison], quick: bool) -> None:
    for comparison in comparisons:
        commands = {"ours": comparison.ours, "peer": comparison.peer}
        runs = in_turns(commands, 1 if quick else comparison.rounds)
        print(_line(comparison, runs["ours"], runs["peer"]), flush=True)


def _compare_with_others(quick: bool) -> None:
    """100 namespaces: the same program by the real CLI, the same objects by cdk8s."""
    program = f"{PROGRAMS}/components"
    ours = (MESHWRIGHT, "preview", "dev", "--program", program)
    with peers.pulumi(program, 100) as preview:
        if preview:
            title = f"pulumi {peers.version('pulumi')}, stub providers"
            _compare([Comparison("meshwright preview, 702 resources", ours, title, preview, 3)], quick)
    with tempfile.TemporaryDirectory() as name:
        render = (MESHWRIGHT, "render", "dev", "--program", program, "--to", f"{name}/ours")
        if synth := peers.cdk8s(100, Path(name) / "cdk8s"):
            _compare([Comparison("meshwright render, 400 objects", render, "cdk8s, the same objects", synth, 3)], quick)
    gate = (MESHWRIGHT, "gate", "dev", "--program", program, "--fail-on", "none")
    floor = (PYTHON, "-m", "bench.offline", program)
    _compare([Comparison("meshwright gate, 702 resources", gate, "the same without a policy", floor, 3)], quick)


def _line(comparison: Comparison, ours: Runs, peer: Runs) -> str:
    spread = f"{min(ours.seconds):.2f}-{max(ours.seconds):.2f} s"
    ratio = ours.median / peer.median
    other = f"{comparison.peer_title} ({peer.median:.2f} s)"
    return f"{comparison.title:34} {ours.median:6.2f} s {spread:>15} {ours.peak_mib:5.0f} MiB   {ratio:5.2f}  {other}"


main()
