"""Where the programs are that `make conformance-tools` builds, and the word for a test that misses one."""

import os
import shutil
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
TOOLS = CHECKOUT / ".tools" / "bin"
TESTDATA = Path(os.environ.get("MESHWRIGHT_TESTDATA") or CHECKOUT.parent / "shared").resolve()


class MissingProgramError(Exception):
    """A program is not installed; the message says how to get it."""


def find_program(name: str) -> str:
    """The path of a program: the one built for this checkout, else one beside Python, else one on PATH.

    Raises:
        MissingProgramError: it is in neither.
    """
    places = [str(TOOLS), str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        raise MissingProgramError(f"{name} is not installed: make conformance-tools")
    return found


def require_programs(*names: str) -> None:
    """Skip the test, with the missing programs' names, unless all of them are installed."""
    missing = []
    for name in names:
        try:
            find_program(name)
        except MissingProgramError:
            missing.append(name)
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}; make conformance-tools")


def data_file(*parts: str) -> Path:
    """A file or folder of the test data (`crds/istio-1.31.yaml`); skips the test where there is none.

    The schema of SARIF also comes with `make conformance-tools`.
    """
    places = [root.joinpath(*parts) for root in (TESTDATA, TOOLS.parent)]
    for path in places:
        if path.exists():
            return path
    pytest.skip(f"no test data at {places[0]}: set MESHWRIGHT_TESTDATA, or run `make testdata`")
