"""Fetches the test data that tests read, from its public addresses: `make testdata`.

CRDs, chart values and the schema of SARIF go into the folder that MESHWRIGHT_TESTDATA names, `../shared` beside the
checkout by default. What is there already is left alone.
"""

import os
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import yaml

TARGET = Path(os.environ.get("MESHWRIGHT_TESTDATA") or Path(__file__).parents[2] / "shared")
_GITHUB, _RAW = "https://github.com", "https://raw.githubusercontent.com"
_GATEWAY_API = f"{_GITHUB}/kubernetes-sigs/gateway-api/releases/download"
_ISTIO = f"{_RAW}/istio/istio/release-1.31/manifests/charts"
SOURCES = {
    "crds/gateway-api-1.5.1-standard.yaml": f"{_GATEWAY_API}/v1.5.1/standard-install.yaml",
    "crds/gateway-api-1.6.1-standard.yaml": f"{_GATEWAY_API}/v1.6.1/standard-install.yaml",
    "crds/istio-1.31.yaml": f"{_ISTIO}/base/files/crd-all.gen.yaml",
    "crds/cert-manager-1.21.1.yaml": (
        f"{_GITHUB}/cert-manager/cert-manager/releases/download/v1.21.1/cert-manager.crds.yaml"
    ),
    "crds/trust-manager-0.24.0.yaml": (
        f"{_RAW}/cert-manager/trust-manager/v0.24.0/deploy/crds/trust.cert-manager.io_bundles.yaml"
    ),
    "schemas/sarif-schema-2.1.0.json": (
        "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
    ),
    "chart-values/cert-manager/values.yaml": (
        f"{_RAW}/cert-manager/cert-manager/v1.21.1/deploy/charts/cert-manager/values.yaml"
    ),
    "chart-values/trust-manager/values.yaml": (
        f"{_RAW}/cert-manager/trust-manager/v0.24.0/deploy/charts/trust-manager/values.yaml"
    ),
    "chart-values/istio-1.31/base/values.yaml": f"{_ISTIO}/base/values.yaml",
    "chart-values/istio-1.31/istiod/values.yaml": f"{_ISTIO}/istio-control/istio-discovery/values.yaml",
    "chart-values/istio-1.31/cni/values.yaml": f"{_ISTIO}/istio-cni/values.yaml",
    "chart-values/istio-1.31/ztunnel/values.yaml": f"{_ISTIO}/ztunnel/values.yaml",
    "chart-values/istio-1.31/gateway/values.yaml": f"{_ISTIO}/gateway/values.yaml",
    "chart-values/istio-1.31/gateway/values.schema.json": f"{_ISTIO}/gateway/values.schema.json",
}


def fetch(target: Path, download: Callable[[str], bytes]) -> list[str]:
    """Fetch what is missing. Returns a line for each file that could not be had; nothing is written for that."""
    failed = []
    for name, address in SOURCES.items():
        file = target / name
        if file.exists():
            continue
        try:
            content = download(address)
            list(yaml.safe_load_all(content))
        except (OSError, yaml.YAMLError) as error:
            failed.append(f"{name}: {address}: {error}")
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(f".{file.name}.partial")
        partial.write_bytes(content)
        partial.replace(file)
        print(f"{file}: fetched")
    return failed


def _download(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=60) as answer:  # noqa: S310  (the addresses are the ones above)
        return bytes(answer.read())


if __name__ == "__main__":
    failures = fetch(TARGET, _download)
    print(f"{TARGET} is complete" if not failures else "\n".join(failures))
    sys.exit(1 if failures else 0)
