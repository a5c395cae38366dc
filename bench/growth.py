"""How time and memory grow with namespaces: ``python -m bench.growth``.

Each namespace is an `AmbientNamespace` with a waypoint: seven resources. The exponent is the slope of log(seconds) over
log(namespaces), of the seconds that an empty program doesn't take: 1 is linear. Sizes that take hardly longer than the
empty program tell nothing of growth and are left out of it.
"""

import math
import statistics
import sys
from collections.abc import Mapping, Sequence

from bench.measure import Runs, in_turns

PROGRAM = "bench/programs/components"
SIZES = (10, 100, 1_000, 5_000)


def offline(namespaces: int) -> tuple[str, ...]:
    """The command that runs the program once."""
    return ("env", f"BENCH_NAMESPACES={namespaces}", sys.executable, "-m", "bench.offline", PROGRAM)


def exponent(seconds: Mapping[int, float], empty: float) -> float:
    """Least-squares slope in the log-log plane, from the sizes that take 1.5 times the empty program and more."""
    own = {size: took - empty for size, took in seconds.items() if took >= 1.5 * empty}
    return statistics.linear_regression([math.log(n) for n in own], [math.log(took) for took in own.values()]).slope


def main(sizes: Sequence[int] = SIZES, rounds: int = 3) -> None:
    """Measure and print a line for each size, and the exponent; the sizes from 5,000 on are measured once."""
    empty = in_turns({"0": offline(0)}, rounds)["0"].median
    medians = {}
    for size in sizes:
        big = size >= 5_000
        runs = in_turns({"it": offline(size)}, 1 if big else rounds, warm_up=not big)["it"]
        medians[size] = runs.median
        print(_line(size, runs, runs.median / medians[sizes[0]]), flush=True)
    print(f"growth: seconds beyond those of an empty program ({empty:.2f} s) ~ n^{exponent(medians, empty):.2f}")


def _line(size: int, runs: Runs, ratio: float) -> str:
    spread = f"{min(runs.seconds):.2f}-{max(runs.seconds):.2f} s"
    title = f"offline preview, {size:,} namespaces"
    return f"{title:34} {runs.median:6.2f} s {spread:>15} {runs.peak_mib:5.0f} MiB   {ratio:5.1f}  the first of these"


if __name__ == "__main__":
    main()
