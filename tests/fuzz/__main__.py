"""Runs every property test again and again with new seeds, until the time is over or one fails: `make fuzz`.

A failure prints the input, shrunk, and the seed. Keep the input as an `@example` of its property, or as a test.
"""

import os
import random
import subprocess
import sys
import time

EXAMPLES_A_ROUND = "300"  # of the tests in this folder; the others say theirs themselves


def main(budget_s: float) -> int:
    """Fuzz for so many seconds; the exit status of the round that failed, else 0."""
    deadline, rounds = time.monotonic() + budget_s, 0
    while (left := deadline - time.monotonic()) > 0:
        rounds += 1
        seed = random.SystemRandom().randrange(2**32)
        print(f"round {rounds}, seed {seed}, {left:.0f} s left", flush=True)
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "auto", "-m", "hypothesis"]
        command += [f"--hypothesis-seed={seed}", "--no-header", "tests/unit", "tests/fuzz"]
        status = subprocess.run(command, env={**os.environ, "FUZZ_EXAMPLES": EXAMPLES_A_ROUND}).returncode
        if status:
            return status
    print(f"{rounds} rounds, nothing found")
    return 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
