"""Linkerd by the real engine and provider: installed, upgraded, its anchor rotated, taken away.

cert-manager and trust-manager run; nothing runs in the simulated pods. The charts are in no package registry: they are
those of `MESHWRIGHT_CHARTS`, and of `MESHWRIGHT_CHARTS_BEFORE` for the version before (without it, the same under that
version, which shows the order of the steps but no difference between the charts).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from meshwright.linkerd import labels
from tests.engine.conftest import ROOT, Projects, Pulumi
from tests.engine.on_cluster import CHARTS, charts_before, rewrite, simulated, update
from tests.servers import programs
from tests.servers.certmanager import NAMESPACE, CertManager
from tests.servers.cluster import Cluster
from tests.servers.kubernetes import Api, Identity, manifests

OLD, NEW = "edge-26.6.3", "edge-26.8.3"
CONTROL_PLANE = ("linkerd-destination", "linkerd-identity", "linkerd-proxy-injector")
STEADY = {"step": "steady", "since": "2026-11-01"}
BOTH = {"step": "both-trusted", "since": "2026-11-10"}
SWITCHED = {"step": "issuer-switched", "since": "2026-11-15"}
REMOVED = {"step": "old-removed", "since": "2026-11-20"}
FIRST, SECOND = {"name": "first"}, {"name": "second"}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with simulated(tmp_path / "cluster", "linkerd-control-plane", "cert-manager", "trust-manager") as running:
        for name in ("cert-manager-1.21.1.yaml", "trust-manager-0.24.0.yaml"):
            running.api.apply_all(manifests(programs.data_file("crds", name)))
        running.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        with CertManager(running, tmp_path / "cert-manager"):
            yield running


class Stack:
    """A Linkerd stack on the simulated cluster."""

    def __init__(self, pulumi: Pulumi, cluster: Cluster) -> None:
        self.pulumi = pulumi
        self._mesh: dict[str, Any] = {
            "kind": "linkerd",
            "cluster": {"kubeconfig": str(cluster.kubeconfig), "context": "sim", "platform": "kind"},
            "nodes": 3,
            "gateway_api": {
                "version": "1.5.1",
                "path": str(programs.data_file("crds", "gateway-api-1.5.1-standard.yaml")),
            },
        }

    def up(self, version: str, charts: Path, trust: dict[str, Any]) -> dict[str, str]:
        """Preview and update; what the preview shows: name of the resource -> what becomes of it."""
        mesh = {**self._mesh, "version": version, "charts": {"source": "path", "path": str(charts)}, "trust": trust}
        rewrite(self.pulumi, mesh)
        changed = update(self.pulumi)
        self.pulumi.run("preview", "--expect-no-changes")
        return changed


@pytest.fixture
def stack(real: Projects, cluster: Cluster) -> Stack:
    pulumi = real.project(ROOT)
    pulumi.stack = "linkerd-run"
    rewrite(pulumi, {})
    pulumi.select("linkerd-run")
    return Stack(pulumi, cluster)


def bundle(api: Api) -> list[x509.Certificate]:
    """What a pod that starts now trusts."""
    found = api.get(Identity("v1", "ConfigMap", labels.NAMESPACE, labels.TRUST_ROOTS))
    assert found is not None
    return x509.load_pem_x509_certificates(found["data"][labels.TRUST_ROOTS_KEY].encode())


def markers(api: Api) -> set[str]:
    """What the control plane's pods are annotated with: another value means that they were restarted."""
    found = [api.get(Identity("apps/v1", "Deployment", labels.NAMESPACE, name)) for name in CONTROL_PLANE]
    return {each["spec"]["template"]["metadata"]["annotations"]["meshwright.dev/trust"] for each in found if each}


def signer(api: Api) -> str:
    """Name of the issuer that signed what the identity controller signs with."""
    found = api.get(Identity("v1", "Secret", labels.NAMESPACE, labels.ISSUER_SECRET))
    assert found is not None
    return str(found["metadata"]["annotations"]["cert-manager.io/issuer-name"])


def test_install_upgrade_rotate_destroy(stack: Stack, cluster: Cluster, tmp_path: Path) -> None:
    api = cluster.api
    before = cluster.made()
    first = {"anchor": FIRST}
    stack.up(OLD, charts_before(tmp_path / "charts-before", "linkerd-control-plane", OLD.replace("edge-", "20")), first)
    for name in CONTROL_PLANE:
        found = api.get(Identity("apps/v1", "Deployment", labels.NAMESPACE, name))
        assert found is not None
        assert found["status"]["readyReplicas"] == 3, name
    (old,) = bundle(api)
    assert len(markers(api)) == 1

    changed = stack.up(NEW, CHARTS, first)
    assert set(changed.values()) == {"update"}
    assert {"mesh-crds", "mesh-control-plane"} <= set(changed)

    trust: dict[str, Any] = {"anchor": FIRST, "rotation": {**BOTH, "previous": STEADY, "next": SECOND}}
    marked = markers(api)
    signed = signer(api)
    changed = stack.up(NEW, CHARTS, trust)
    assert "delete" not in changed.values(), changed
    assert "replace" not in changed.values(), changed
    both = bundle(api)
    assert len(both) == 2
    assert old in both
    (new,) = (each for each in both if each != old)
    assert markers(api) != marked, "the control plane reads the bundle when it starts"
    assert signer(api) == signed

    marked = markers(api)
    trust["rotation"] = {**SWITCHED, "previous": BOTH, "next": SECOND}
    changed = stack.up(NEW, CHARTS, trust)
    assert set(changed.values()) == {"update"}, changed
    api.wait(lambda: signer(api) != signed, "the issuer signed by the new anchor")
    assert set(bundle(api)) == {old, new}
    assert markers(api) == marked, "nothing to read anew"

    trust["rotation"] = {**REMOVED, "previous": SWITCHED, "next": SECOND}
    stack.up(NEW, CHARTS, trust)
    assert bundle(api) == [new]
    assert markers(api) != marked

    # The new anchor takes the old one's place in the file, and nothing changes in the cluster.
    changed = stack.up(NEW, CHARTS, {"anchor": SECOND})
    assert {name for name, op in changed.items() if op != "update"} == set()
    assert bundle(api) == [new]

    stack.pulumi.run("destroy", "--yes", "--skip-preview")
    assert stack.pulumi.state() == []
    left = {(each.kind, each.name) for each in cluster.made() - before if each.kind != "CustomResourceDefinition"}
    # cert-manager keeps Secrets: after a `destroy` by mistake, the next `up` has the same anchor again.
    assert left == {("Secret", "linkerd-trust-first"), ("Secret", "linkerd-trust-second")}
