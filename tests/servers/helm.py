"""Charts, rendered by the real Helm: Istio's, which `make conformance-tools` takes from its source at the release."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.servers.kubernetes import Object
from tests.servers.programs import TOOLS, find_program

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class HelmError(Exception):
    """Helm refused; the message is what it printed."""


def istio_chart(name: str) -> Path:
    """The folder of one of Istio's charts, or of istio-csr's; skips the test without it."""
    folder = TOOLS.parent / "charts" / name
    if not folder.is_dir():
        pytest.skip(f"not installed: the chart {name}; make conformance-tools")
    return folder


def chart(name: str) -> Path:
    """The folder of a chart of any mesh; skips the test without it."""
    if not name.startswith(("linkerd", "consul")):
        return istio_chart(name)
    folder = Path(os.environ.get("MESHWRIGHT_CHARTS") or TOOLS.parent / "charts") / name
    if not folder.is_dir():
        pytest.skip(f"not at hand: the chart {name}, which is in no package registry; set MESHWRIGHT_CHARTS")
    return folder


def template(
    chart: Path,
    release: str,
    namespace: str,
    values: Mapping[str, Any],
    *,
    crds: bool = False,
    kubernetes: str = "1.36",
) -> str:
    """What a release of a chart would make, as YAML. Raises `HelmError`."""
    command = [find_program("helm"), "template", release, str(chart), "--namespace", namespace, "--values", "-"]
    command += ["--kube-version", kubernetes, *(["--include-crds"] if crds else [])]
    text = yaml.safe_dump(dict(values)).encode()
    done = subprocess.run(command, input=text, capture_output=True, check=False)
    if done.returncode:
        raise HelmError(done.stderr.decode())
    return done.stdout.decode()


def objects(text: str) -> list[Object]:
    """The objects in what Helm printed."""
    return [each for each in yaml.load_all(text, _LOADER) if each]
