"""A Kubernetes cluster on loopback: the real control plane, with nodes and pods that kwok simulates.

Real: etcd, API server (RBAC, CRDs, CEL, admission policies), controller manager, scheduler. Simulated: nodes are Ready,
pods run as soon as they are scheduled, the pods of a Job end at once. Nothing runs in a pod, so no webhook of a chart
would answer: they are not called, unless the cluster is made with `webhooks=True`. There are no ServiceAccount tokens in
pods, and no taints.
"""

import secrets
import shutil
from pathlib import Path
from types import TracebackType
from typing import Final

import urllib3.exceptions
import yaml

from tests.servers.kubernetes import Api, ApiError, Identity, Object, condition
from tests.servers.pki import Authority, rsa_key
from tests.servers.process import Server, free_ports
from tests.servers.programs import find_program

PROGRAMS: Final = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
_STAGES: Final = Path(__file__).parent / "kwok-stages.yaml"
_SERVICE_IPS, _POD_IPS = "10.96.0.0/16", "10.244.0.1/16"
_NAMES = ("127.0.0.1", "10.96.0.1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
# The control plane puts these into every namespace.
_IN_EVERY_NAMESPACE = (("ServiceAccount", "default"), ("ConfigMap", "kube-root-ca.crt"))
_GO_FIRST = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "ValidatingAdmissionPolicyBinding")
_HOLD_OTHERS = ("Namespace", "CustomResourceDefinition")


class Cluster:
    """One cluster with all its files in one folder; a context manager that starts and stops it.

    Args:
        folder: Where certificates, data and logs go; made if need be.
        nodes: How many nodes; they stand in three zones.
        volumes: How many PersistentVolumes of 10 GiB without a storage class.
        webhooks: Whether the API server calls admission webhooks.
    """

    def __init__(self, folder: Path, *, nodes: int = 3, volumes: int = 3, webhooks: bool = False) -> None:
        self.folder = folder
        self.kubeconfig = folder / "kubeconfig"
        """A file whose one context, `sim`, is a cluster administrator."""
        self.ca = folder / "pki" / "ca.crt"
        self.authority = Authority("simulated-cluster")
        etcd, peer, port = free_ports(3)
        self.url = f"https://127.0.0.1:{port}"
        self._nodes, self._volumes = nodes, volumes
        self._token = secrets.token_hex(16)
        self._servers = {
            name: Server([find_program(name), *arguments], folder / "logs" / f"{name}.log", {"GOMAXPROCS": "2"})
            for name, arguments in {
                "etcd": self._etcd(etcd, peer),
                "kube-apiserver": self._apiserver(etcd, port, webhooks),
                "kube-controller-manager": self._controller_manager(),
                "kube-scheduler": self._scheduler(),
                "kwok": self._kwok(),
            }.items()
        }
        self.api: Api
        """A client with a cluster administrator's rights; there once the cluster has started."""
        self._own: frozenset[Identity] = frozenset()

    def __enter__(self) -> "Cluster":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything, and wait until nodes are Ready and pods can be made. Raises `ServerError`."""
        self._write_files()
        self.api = Api(self.url, self.ca, self._token)
        try:
            self.restart("etcd", "kube-apiserver")
            self.restart("kube-controller-manager", "kube-scheduler", "kwok")
            self.api.apply_all([*map(_node, range(self._nodes)), *map(_volume, range(self._volumes))])
            self._servers["kwok"].wait_until(self._is_complete, "nodes are Ready")
        except BaseException:
            self.stop()
            raise
        self._own = self.api.inventory()

    def stop(self) -> None:
        """End everything, the last started first. Logs stay, data does not."""
        for server in reversed(self._servers.values()):
            server.kill()
        if hasattr(self, "api"):
            self.api.close()
        shutil.rmtree(self.folder / "etcd", ignore_errors=True)

    def kill(self, name: str) -> None:
        """Kill one component, as a crash would: `kube-apiserver`, `etcd`, ..."""
        self._servers[name].kill()

    def restart(self, *names: str) -> None:
        """Start components that don't run, on the same ports with the same data, and wait for the API server."""
        for name in names:
            self._servers[name].start()
        if "kube-apiserver" in names:
            self._servers["kube-apiserver"].wait_until(self._is_ready, "ready")

    def clean(self, keep: frozenset[Identity] = frozenset()) -> None:
        """Delete all that was made since the start, but for `keep`: first webhooks, then what holds others.

        Raises `AssertionError` where something stays.
        """
        for _ in range(10):
            made = self.made() - keep
            if not made:
                return
            next_ones = [each for each in made if each.kind in _GO_FIRST]
            next_ones = next_ones or [each for each in made if each.kind in _HOLD_OTHERS]
            self.api.delete_all(next_ones or made)
        raise AssertionError(f"not to be deleted: {sorted(self.made() - keep)}")

    def made(self) -> frozenset[Identity]:
        """What was made since the start, but for what the control plane puts into every namespace by itself."""
        now = self.api.inventory() - self._own
        return frozenset(each for each in now if (each.kind, each.name) not in _IN_EVERY_NAMESPACE)

    def _is_ready(self) -> bool:
        try:
            return self.api.request("GET", "/readyz") == {"text": "ok"}
        except (ApiError, urllib3.exceptions.HTTPError):
            return False

    def _is_complete(self) -> bool:
        ready = [node for node in self.api.list("v1", "Node") if condition(node, "Ready") == "True"]
        return len(ready) == self._nodes and bool(self.api.get(Identity("v1", "ServiceAccount", "default", "default")))

    def _write_files(self) -> None:
        pki = self.folder / "pki"
        pki.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        ca, server = self.authority.pair, self.authority.server(*_NAMES)
        files = {"ca.crt": ca.certificate, "ca.key": ca.key, "tls.crt": server.certificate, "tls.key": server.key}
        files |= {"sa.key": rsa_key(), "tokens.csv": f'{self._token},admin,admin,"system:masters"\n'.encode()}
        for name, content in files.items():
            (pki / name).write_bytes(content)
        cluster = {"server": self.url, "certificate-authority": str(self.ca)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "sim",
            "clusters": [{"name": "sim", "cluster": cluster}],
            "users": [{"name": "admin", "user": {"token": self._token}}],
            "contexts": [{"name": "sim", "context": {"cluster": "sim", "user": "admin"}}],
        }
        self.kubeconfig.write_text(yaml.safe_dump(config), encoding="utf-8")

    def _etcd(self, port: int, peer: int) -> list[str]:
        client, among_peers = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer}"
        return [
            "--name=sim",
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={among_peers}",
            f"--initial-advertise-peer-urls={among_peers}",
            f"--initial-cluster=sim={among_peers}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]

    def _apiserver(self, etcd: int, port: int, webhooks: bool) -> list[str]:
        pki = self.folder / "pki"
        off = ["ServiceAccount", "TaintNodesByCondition"]
        off += [] if webhooks else ["MutatingAdmissionWebhook", "ValidatingAdmissionWebhook"]
        return [
            f"--etcd-servers=http://127.0.0.1:{etcd}",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            f"--tls-cert-file={pki / 'tls.crt'}",
            f"--tls-private-key-file={pki / 'tls.key'}",
            f"--cert-dir={pki}",
            f"--token-auth-file={pki / 'tokens.csv'}",
            f"--client-ca-file={pki / 'ca.crt'}",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={pki / 'sa.key'}",
            f"--service-account-signing-key-file={pki / 'sa.key'}",
            f"--service-cluster-ip-range={_SERVICE_IPS}",
            f"--disable-admission-plugins={','.join(off)}",
            "--endpoint-reconciler-type=none",
            "--allow-privileged=true",
            "--shutdown-delay-duration=0s",
            "--profiling=false",
        ]

    def _controller_manager(self) -> list[str]:
        pki = self.folder / "pki"
        return [
            f"--kubeconfig={self.kubeconfig}",
            "--leader-elect=false",
            "--secure-port=0",
            # It would taint the nodes as not ready, and evict their pods.
            "--controllers=*,-node-lifecycle-controller",
            f"--service-account-private-key-file={pki / 'sa.key'}",
            f"--root-ca-file={self.ca}",
            f"--cluster-signing-cert-file={self.ca}",
            f"--cluster-signing-key-file={pki / 'ca.key'}",
            "--concurrent-gc-syncs=20",
            "--horizontal-pod-autoscaler-sync-period=1s",
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
        ]

    def _scheduler(self) -> list[str]:
        fast = ["--kube-api-qps=500", "--kube-api-burst=1000"]
        return [f"--kubeconfig={self.kubeconfig}", "--leader-elect=false", "--secure-port=0", *fast]

    def _kwok(self) -> list[str]:
        return [
            f"--kubeconfig={self.kubeconfig}",
            f"--config={_STAGES}",
            "--manage-all-nodes=true",
            "--manage-nodes-with-annotation-selector=",
            "--server-address=",
            "--node-lease-duration-seconds=0",
            f"--cidr={_POD_IPS}",
        ]


def _node(number: int) -> Object:
    name, zone = f"node-{number}", f"sim-{'abc'[number % 3]}"
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "topology.kubernetes.io/region": "sim",
        "topology.kubernetes.io/zone": zone,
    }
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}


def _volume(number: int) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"volume-{number}"},
        "spec": {
            "capacity": {"storage": "10Gi"},
            "accessModes": ["ReadWriteOnce"],
            "hostPath": {"path": f"/nowhere/{number}"},
        },
    }
