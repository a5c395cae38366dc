"""cert-manager and trust-manager as processes beside the cluster: Certificates are issued, Bundles are synced."""

from pathlib import Path

import urllib3

from tests.servers.cluster import Cluster
from tests.servers.process import Server, free_ports
from tests.servers.programs import find_program

NAMESPACE = "cert-manager"


class CertManager:
    """Both controllers; a context manager. The cluster must hold their CRDs, and the namespace `cert-manager`."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        ready, metrics, webhook = free_ports(3)
        self._ready = f"http://127.0.0.1:{ready}/readyz"
        pair = cluster.authority.server("127.0.0.1")
        (folder / "tls.crt").write_bytes(pair.certificate)
        (folder / "tls.key").write_bytes(pair.key)
        issuing = [find_program("cert-manager"), f"--kubeconfig={cluster.kubeconfig}"]
        trusting = [
            find_program("trust-manager"),
            f"--kubeconfig={cluster.kubeconfig}",
            f"--trust-namespace={NAMESPACE}",
            "--leader-elect=false",
            f"--readiness-probe-port={ready}",
            f"--metrics-port={metrics}",
            f"--webhook-port={webhook}",
            "--webhook-host=127.0.0.1",
            f"--webhook-certificate-dir={folder}",
        ]
        self._issuer = Server([*issuing, f"--cluster-resource-namespace={NAMESPACE}"], folder / "cert-manager.log")
        self._truster = Server(trusting, folder / "trust-manager.log")

    def __enter__(self) -> "CertManager":
        self._issuer.start()
        self._truster.start()
        self._truster.wait_until(self._is_ready, "ready")
        return self

    def __exit__(self, *_: object) -> None:
        self._issuer.kill()
        self._truster.kill()

    def _is_ready(self) -> bool:
        try:
            return urllib3.request("GET", self._ready, retries=False, timeout=2.0).status == 200
        except urllib3.exceptions.HTTPError:
            return False
