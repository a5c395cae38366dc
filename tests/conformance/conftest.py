"""Fixtures of the conformance tests."""

from pathlib import Path

import pytest

from tests.servers.cluster import Cluster
from tests.servers.kubernetes import Identity, manifests
from tests.servers.programs import data_file

CRDS = (
    "gateway-api-1.6.1-standard.yaml",
    "istio-1.31.yaml",
    "prometheus-operator-0.93.0.yaml",
    "cert-manager-1.21.1.yaml",
    "trust-manager-0.24.0.yaml",
    "linkerd-edge-26.8.3.yaml",
    "consul-k8s-2.0.3.yaml",
)


@pytest.fixture(scope="session")
def crd_files() -> list[Path]:
    """The CRDs of Istio, Linkerd, Consul, the Gateway API, the Prometheus operator, cert-manager and trust-manager."""
    return [data_file("crds", name) for name in CRDS]


@pytest.fixture
def mesh_cluster(crd_files: list[Path], cluster: Cluster) -> Cluster:
    """The shared cluster with those CRDs, and with nothing else that a test made."""
    wanted = manifests(*crd_files)
    keep = frozenset(map(Identity.of, wanted))
    cluster.clean(keep)
    if not keep <= cluster.made():
        cluster.api.apply_all(wanted)
    return cluster
