"""Istio's own opinion of manifests, without a cluster."""

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

import yaml

from tests.servers.kubernetes import Object
from tests.servers.programs import find_program


def validate(bodies: Iterable[Object], folder: Path) -> list[str]:
    """The lines that `istioctl validate` complains with."""
    done = _run(["validate", "-f", str(_written(bodies, folder))])
    return [] if done.returncode == 0 else (done.stdout + done.stderr).splitlines()


def analyze(bodies: Iterable[Object], folder: Path) -> list[str]:
    """The codes and messages that `istioctl analyze` has, of all levels, for objects that are all there is."""
    command = ["analyze", "--use-kube=false", "--all-namespaces", "--output=json", str(_written(bodies, folder))]
    done = _run(command)
    found = json.loads(done.stdout or "[]")
    return [f"{each['code']} {each['message']}" for each in found]


def _written(bodies: Iterable[Object], folder: Path) -> Path:
    file = folder / "objects.yaml"
    file.write_text(yaml.safe_dump_all(list(bodies)))
    return file


def _run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([find_program("istioctl"), *arguments], capture_output=True, text=True, check=False)
