"""Istio's control plane as a process beside the cluster: it reads what the chart `istiod` put there, and acts on it.

It serves no proxies and answers no webhooks here. What it does is real: it makes deployments for Gateways, writes
conditions, and refuses what it can't render.
"""

from pathlib import Path
from typing import Any

import urllib3

from tests.servers.cluster import Cluster
from tests.servers.kubernetes import Object
from tests.servers.process import Server, free_ports
from tests.servers.programs import find_program


class Istiod:
    """`pilot-discovery` with the environment that the chart gives its container.

    Args:
        cluster: Where it acts; it must hold Istio's CRDs and the objects of the chart.
        folder: Its working directory and log.
        deployment: The Deployment `istiod` of the chart.
    """

    def __init__(self, cluster: Cluster, folder: Path, deployment: Object) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.cluster = cluster
        self.log = folder / "istiod.log"
        http, https, grpc, secure, monitoring, debug = free_ports(6)
        self.url = f"http://127.0.0.1:{http}"
        self.metrics_url = f"http://127.0.0.1:{monitoring}/metrics"
        namespace = deployment["metadata"]["namespace"]
        env = {each["name"]: each["value"] for each in _container(deployment)["env"] if "value" in each}
        env |= {"POD_NAME": "istiod-outside", "POD_NAMESPACE": namespace, "REVISION": env.get("REVISION", "default")}
        self._server = Server(
            [
                *("env", f"--chdir={folder}", find_program("pilot-discovery"), "discovery"),
                f"--kubeconfig={cluster.kubeconfig}",
                f"--namespace={namespace}",
                f"--httpAddr=127.0.0.1:{http}",
                f"--httpsAddr=127.0.0.1:{https}",
                f"--grpcAddr=127.0.0.1:{grpc}",
                f"--secureGRPCAddr=127.0.0.1:{secure}",
                f"--monitoringAddr=127.0.0.1:{monitoring}",
                f"--ctrlz_port={debug}",
                f"--clusterID={env.get('CLUSTER_ID', 'Kubernetes')}",
            ],
            self.log,
            env,
        )

    def __enter__(self) -> "Istiod":
        self._server.start()
        self._server.wait_until(self._is_ready, "ready", timeout_s=60.0)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.kill()

    def _is_ready(self) -> bool:
        try:
            return urllib3.request("GET", f"{self.url}/ready", retries=False, timeout=2.0).status == 200
        except urllib3.exceptions.HTTPError:
            return False


def _container(deployment: Object) -> dict[str, Any]:
    containers = deployment["spec"]["template"]["spec"]["containers"]
    return next(dict(each) for each in containers if each["name"] == "discovery")
