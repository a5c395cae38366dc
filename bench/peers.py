"""Peers that not every machine has: cdk8s and the Pulumi CLI. What is missing is named."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version as version_of
from pathlib import Path

from bench.measure import ROOT

_CDK8S = ROOT / ".tools" / "cdk8s" / "bin" / "python"


def cdk8s(namespaces: int, out: Path) -> tuple[str, ...] | None:
    """The command that synthesises so many namespaces; None where cdk8s or node is missing."""
    if not (_CDK8S.exists() and shutil.which("node")):
        print(
            "cdk8s: not compared; it needs node, and: python3 -m venv .tools/cdk8s && "
            ".tools/cdk8s/bin/pip install cdk8s constructs"
        )
        return None
    return (str(_CDK8S), "bench/cdk8s_synth.py", str(namespaces), str(out))


@contextmanager
def pulumi(program: str, namespaces: int) -> Iterator[tuple[str, ...] | None]:
    """The command that previews a program with the CLI on PATH, a backend in a folder and stub providers.

    None where the CLI or its language host is missing.
    """
    if not (shutil.which("pulumi") and shutil.which("pulumi-language-python")):
        print("pulumi: not compared; not on PATH (https://www.pulumi.com/docs/install/)")
        yield None
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project = Path(shutil.copytree(ROOT / program, folder / "project"))
        manifest = (project / "Pulumi.yaml").read_text().replace("../../../.venv", sys.prefix)
        (project / "Pulumi.yaml").write_text(manifest)
        settings = _settings(folder)
        begin = ("env", "-C", str(project), f"BENCH_NAMESPACES={namespaces}", *settings, "pulumi")
        subprocess.run([*begin, "stack", "init", "dev"], check=True, capture_output=True)
        yield (*begin, "preview", "--non-interactive")


def version(command: str) -> str:
    """What a program on PATH says of its version."""
    return subprocess.run([command, "version"], check=True, capture_output=True, text=True).stdout.strip()


def _settings(folder: Path) -> list[str]:
    (folder / "state").mkdir()
    stub = folder / "bin" / "pulumi-resource-kubernetes"
    stub.parent.mkdir()
    provider = ROOT / "tests" / "engine" / "stub_provider.py"
    stub.write_text(f"#!/bin/sh\nexec {sys.executable} {provider} {version_of('pulumi-kubernetes')}\n")
    stub.chmod(0o755)
    return [
        f"PATH={stub.parent}{os.pathsep}{os.environ['PATH']}",
        f"PULUMI_HOME={folder / 'home'}",
        f"PULUMI_BACKEND_URL=file://{folder / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE=bench",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true",
        "PULUMI_SKIP_UPDATE_CHECK=true",
    ]
