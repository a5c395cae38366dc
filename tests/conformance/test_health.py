"""`istio check` on a cluster: Istio's own control plane writes the conditions, and seeded faults are found.

kwok's pods run nothing: what istio-cni would write on a pod is written by the test.
"""

import base64
import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshwright.cli import main
from meshwright.health.snapshot import Snapshot
from meshwright.health.verdicts import ask_all
from meshwright.istio.health import from_graph
from meshwright.istio.health.catalogue import CHECKS
from meshwright.kubernetes.reading import open_cluster
from tests.conformance.stacks import Stack, example_stacks, graph_of, releases_of, rendering_of
from tests.servers import helm
from tests.servers.cluster import Cluster
from tests.servers.istiod import Istiod
from tests.servers.kubernetes import Identity, Object, condition
from tests.servers.programs import TOOLS, require_programs
from tests.unit.istio.health.scenes import pem

VERSION = "1.31.1"
CHARTS: dict[str, dict[str, Any]] = {
    "istiod": {
        "profile": "ambient",
        "autoscaleMin": 2,
        "taint": {"enabled": True},
        "base": {"validationFailurePolicy": "Fail"},
        "global": {"hub": "docker.io/istio", "tag": VERSION},
    },
    "cni": {
        "profile": "ambient",
        "istioOwnedCNIConfig": True,
        "ambient": {"enableAmbientDetectionRetry": True},
        "global": {"hub": "docker.io/istio", "tag": VERSION},
    },
    "ztunnel": {"hub": "docker.io/istio", "tag": VERSION, "resourceName": "ztunnel"},
}
HEALTHY = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient, istio.io/use-waypoint: waypoint}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: waypoint, namespace: shop}
data:
  horizontalPodAutoscaler: "spec: {minReplicas: 2, maxReplicas: 3}"
  podDisruptionBudget: "spec: {maxUnavailable: 1}"
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: waypoint, namespace: shop, labels: {istio.io/waypoint-for: service}}
spec:
  gatewayClassName: istio-waypoint
  infrastructure: {parametersRef: {group: "", kind: ConfigMap, name: waypoint}}
  listeners: [{name: mesh, port: 15008, protocol: HBONE}]
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {ports: [{name: http, port: 80}], selector: {app: cart}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: cart}}
  template:
    metadata: {labels: {app: cart}, annotations: {ambient.istio.io/redirection: enabled}}
    spec: {containers: [{name: cart, image: cart}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: cart, namespace: shop}
spec:
  podSelector: {matchLabels: {app: cart}}
  ingress: [{from: [{podSelector: {}}], ports: [{port: 80}, {port: 15008}]}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: callers, namespace: shop}
spec:
  selector: {matchLabels: {app: cart}}
  rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/waypoint]}}]}]
"""
FAULTS = """\
apiVersion: v1
kind: Namespace
metadata: {name: old, labels: {istio.io/dataplane-mode: ambient, istio-injection: enabled}}
---
apiVersion: v1
kind: Pod
metadata: {name: forgotten, namespace: old}
spec: {containers: [{name: one, image: one}]}
---
apiVersion: v1
kind: Pod
metadata: {name: sidecar, namespace: old, annotations: {sidecar.istio.io/status: "{}"}}
spec: {containers: [{name: one, image: one}]}
---
apiVersion: v1
kind: Service
metadata: {name: lost, namespace: old, labels: {istio.io/use-waypoint: nowhere}}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: no-delete, namespace: shop}
spec: {action: DENY, rules: [{to: [{operation: {methods: [DELETE]}}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec: {podSelector: {}, ingress: [{from: [{namespaceSelector: {}}], ports: [{port: 8080}]}]}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: shop}
spec: {mtls: {mode: DISABLE}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cart, namespace: shop}
spec: {host: cart, subsets: [{name: v1, labels: {version: v1}}]}
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: default, namespace: shop}
spec: {egress: [{hosts: ["./*"]}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: single, namespace: shop}
spec: {gatewayClassName: istio-waypoint, listeners: [{name: mesh, port: 15008, protocol: HBONE}]}
"""
EXPIRED = pem("root", datetime.date(2026, 11, 1))
SECRET: Object = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "cacerts", "namespace": "istio-system"},
    "data": {
        "root-cert.pem": base64.b64encode(EXPIRED.encode()).decode(),
        "ca-key.pem": base64.b64encode(b"a private key").decode(),
    },
}
FOUND = {
    "version-supported", "version-safe", "version-skew", "cni-ready", "pods-captured", "cni-owns-config", "policies-allow-hbone",
    "policies-accepted", "policies-at-their-layer", "waypoints-exist", "waypoints-replicas", "mtls-never-disabled",
    "labels-not-mixed", "ca-certificate", "no-sidecars", "no-sidecar-objects", "no-subsets",
}  # fmt: skip


OF_CHARTS = ("istiod-replicas", "cni-owns-config", "cni-detection-retry", "node-taint", "labels-not-mixed")


@pytest.mark.parametrize("stack", example_stacks(), ids=str)
def test_no_example_has_an_error(stack: Stack) -> None:
    errors = [
        each for each in ask_all(CHECKS, from_graph.snapshot_of(graph_of(stack))) if each.check.severity == "error"
    ]
    assert {each.check.id: each.findings for each in errors if each.findings or each.doubts} == {}


@pytest.mark.parametrize("name", ["istio-production", "istio-upgrade"])
def test_values_of_a_release_are_read_as_its_objects_are(name: str) -> None:
    require_programs("helm")
    stack = next(each for each in example_stacks() if each.name == name)
    by_values = from_graph.snapshot_of(graph_of(stack))
    objects = {kind: list(bodies) for kind, bodies in by_values.objects.items()}
    for release in releases_of(rendering_of(stack)):
        rendered = helm.template(helm.istio_chart(release.chart), release.name, release.namespace, release.values)
        for body in helm.objects(rendered):
            objects.setdefault(body["kind"], []).append(body)
    by_objects = Snapshot({kind: tuple(bodies) for kind, bodies in objects.items()}, live=False)
    of_values, of_objects = (
        {each.check.id: each.verdict for each in ask_all(CHECKS, snapshot)} for snapshot in (by_values, by_objects)
    )
    assert [of_objects[each] for each in OF_CHARTS] == [of_values[each] for each in OF_CHARTS]


def charts() -> dict[str, list[Object]]:
    return {
        name: helm.objects(helm.template(helm.istio_chart(name), name, "istio-system", values))
        for name, values in CHARTS.items()
    }


@pytest.fixture
def istiod(mesh_cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Istiod]:
    """A healthy mesh."""
    require_programs("pilot-discovery", "helm", "kubectl")
    monkeypatch.setenv("PATH", str(TOOLS), prepend=":")
    objects = charts()
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "istio-system"}}
    mesh_cluster.api.apply_all([namespace, *(body for bodies in objects.values() for body in bodies)])
    deployment = next(each for each in objects["istiod"] if each["kind"] == "Deployment")
    with Istiod(mesh_cluster, tmp_path / "istiod", deployment) as started:
        mesh_cluster.api.apply_all(bodies(HEALTHY))
        yield started


def bodies(text: str) -> list[Object]:
    return list(yaml.safe_load_all(text))


def check(cluster: Cluster, capsys: pytest.CaptureFixture[str], kubeconfig: Path | None = None) -> tuple[int, Any]:
    status = main(["istio", "check", "--kubeconfig", str(kubeconfig or cluster.kubeconfig), "--json"])
    out = capsys.readouterr().out
    assert "a private key" not in out
    assert SECRET["data"]["ca-key.pem"] not in out
    return status, json.loads(out)


def verdicts(report: Any, verdict: str) -> dict[str, Any]:
    return {each["id"]: each for each in report["checks"] if each["verdict"] == verdict}


def assert_healthy(status: int, report: Any) -> None:
    said = [(each["id"], one) for each in report["checks"] for one in (*each["unknown"], *map(str, each["findings"]))]
    assert said == []
    assert status == 0


def settled(cluster: Cluster) -> None:
    """Wait until Istio and Kubernetes have acted on what was applied."""
    api = cluster.api
    gateway, service = (
        Identity("gateway.networking.k8s.io/v1", "Gateway", "shop", "waypoint"),
        ("v1", "Service", "shop", "cart"),
    )
    api.wait(lambda: condition(api.get(gateway) or {}, "Programmed") == "True", "the waypoint is programmed", 60)
    bound = "istio.io/WaypointBound"
    api.wait(lambda: condition(api.get(Identity(*service)) or {}, bound) == "True", "its service uses it", 60)
    webhooks = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
    api.wait(
        lambda: all(
            each["clientConfig"].get("caBundle")
            for kind in webhooks
            for body in api.list("admissionregistration.k8s.io/v1", kind)
            for each in body["webhooks"]
        ),
        "istiod has written its webhooks' caBundle",
    )
    api.wait(lambda: all(condition(pod, "Ready") == "True" for pod in api.list("v1", "Pod")), "all pods are ready")


def test_seeded_faults_are_found_and_a_mended_cluster_passes(
    istiod: Istiod, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster, api = istiod.cluster, istiod.cluster.api
    settled(cluster)
    status, report = check(cluster, capsys)
    assert_healthy(status, report)
    assert len(verdicts(report, "passed")) >= 24

    parts = {
        body["metadata"]["name"]: body
        for name in CHARTS
        for body in charts()[name]
        if body["kind"] in ("DaemonSet", "ConfigMap")
    }
    faulty = json.loads(json.dumps(parts))
    faulty["ztunnel"]["spec"]["template"]["spec"]["containers"][0]["image"] = "docker.io/istio/ztunnel:1.29.1"
    faulty["istio-cni-node"]["spec"]["template"]["spec"]["nodeSelector"] = {"kubernetes.io/hostname": "node-0"}
    faulty["istio-cni-config"]["data"]["ISTIO_OWNED_CNI_CONFIG"] = "false"
    seeded = [*bodies(FAULTS), SECRET]
    api.apply_all([*seeded, *(faulty[name] for name in ("ztunnel", "istio-cni-node", "istio-cni-config"))])
    denied = Identity("security.istio.io/v1", "AuthorizationPolicy", "shop", "no-delete")
    api.wait(lambda: condition(api.get(denied) or {}, "ZtunnelAccepted"), "istiod judges the policy", 60)
    single = Identity("gateway.networking.k8s.io/v1", "Gateway", "shop", "single")
    api.wait(lambda: condition(api.get(single) or {}, "Programmed") == "True", "istiod makes the other waypoint", 60)
    api.wait(lambda: len(_of(api, "istio-cni-node")) == 1, "istio-cni leaves two nodes", 60)
    status, report = check(cluster, capsys)
    failed = verdicts(report, "failed")
    assert status == 1
    assert set(failed) >= FOUND
    assert set(failed) - FOUND <= {"waypoints-bound"}

    api.delete_all([Identity.of(each) for each in seeded])
    api.apply_all(parts.values())
    api.wait(lambda: len(_of(api, "istio-cni-node")) == 3, "istio-cni is back", 60)
    api.wait(lambda: not api.get(Identity("apps/v1", "Deployment", "shop", "single")), "the other waypoint goes", 60)
    settled(cluster)
    status, report = check(cluster, capsys)
    assert_healthy(status, report)


def _of(api: Any, name: str) -> list[Object]:
    pods = api.list("v1", "Pod", "istio-system", labelSelector=f"k8s-app={name}")
    return [each for each in pods if condition(each, "Ready") == "True" and "deletionTimestamp" not in each["metadata"]]


def test_a_reader_without_rights_is_told_what_it_cannot_see(
    cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    require_programs("kubectl")
    monkeypatch.setenv("PATH", str(TOOLS), prepend=":")
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    config["users"][0]["user"]["as"] = "nobody"
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config))
    status, report = check(cluster, capsys, kubeconfig)
    assert status == 3
    assert not verdicts(report, "failed")
    (said,) = verdicts(report, "unknown")["pods-captured"]["unknown"]
    assert said.startswith('Namespace: namespaces is forbidden: User "nobody" cannot list')


def test_nothing_can_be_written_through_it(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    require_programs("kubectl")
    monkeypatch.setenv("PATH", str(TOOLS), prepend=":")
    with open_cluster("sim", str(cluster.kubeconfig)) as reader:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            reader._connection.request(method, "/api/v1/namespaces", body="{}")
            answer = reader._connection.getresponse()
            assert (answer.status, answer.read().strip()) == (403, b"Forbidden")


def test_an_exec_plugin_logs_in_and_is_asked_once(
    cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    require_programs("kubectl")
    monkeypatch.setenv("PATH", str(TOOLS), prepend=":")
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    version = "client.authentication.k8s.io/v1"
    token = {"token": config["users"][0]["user"]["token"]}
    answer = json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": token})
    plugin, asked = tmp_path / "get-token", tmp_path / "asked"
    plugin.write_text(f"#!/bin/sh\necho asked >> {asked}\ncat <<'END'\n{answer}\nEND\n")
    plugin.chmod(0o700)
    config["users"][0]["user"] = {"exec": {"apiVersion": version, "command": str(plugin), "interactiveMode": "Never"}}
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config))
    status, report = check(cluster, capsys, kubeconfig)
    assert status != 2
    assert all("forbidden" not in said for each in report["checks"] for said in each["unknown"])
    assert asked.read_text() == "asked\n"
