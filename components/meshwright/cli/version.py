"""`meshwright version`: ours, and those of the Pulumi that we would work with."""

import platform
import shutil
import subprocess

from meshwright import __version__
from meshwright.cli import options
from meshwright.cli.output import columns, line, show, show_json

_PACKAGES = ("pulumi", "pulumi-kubernetes", "pulumi-policy")


def version(*, as_json: options.Json = False) -> int:
    """Show the versions of meshwright, Python and Pulumi."""
    found = {"meshwright": __version__, "python": platform.python_version()}
    found |= {name: package_version(name) for name in _PACKAGES}
    found["pulumi CLI"] = _cli()
    if as_json:
        show_json(
            {"command": "version", "versions": {name.replace(" ", "-").lower(): text for name, text in found.items()}}
        )
    else:
        show(map(line, columns([(name, text or "not installed") for name, text in found.items()])))
    return 0


def package_version(name: str) -> str:
    """The version of an installed package; empty where it is not installed."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed(name)
    except PackageNotFoundError:
        return ""


def _cli() -> str:
    """The version of the `pulumi` on PATH, as it says itself; empty without one."""
    program = shutil.which("pulumi")
    if program is None:
        return ""
    try:
        said = subprocess.run([program, "version"], capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return "does not answer"
    return said.strip().removeprefix("v")
