"""`istio break-glass` with the real kubectl and API server: it does what it says, and undo leaves nothing of it.

The control plane here is the charts' objects alone: kwok's pods run nothing.
"""

import json
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshwright.cli import main
from tests.servers import helm
from tests.servers.cluster import Cluster
from tests.servers.kubernetes import ApiError, Identity, Object, condition
from tests.servers.programs import TOOLS, require_programs
from tests.unit.istio.health.scenes import pem

PULUMI = "pulumi-kubernetes"
OLD, NEW = "1.30.5", "1.31.1"
RunOn = Callable[..., int]
OBJECTS = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient, istio.io/use-waypoint: waypoint}}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: shop}
spec: {mtls: {mode: STRICT}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: waypoint, namespace: shop}
spec: {gatewayClassName: istio-waypoint, listeners: [{name: mesh, port: 15008, protocol: HBONE}]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: guard, namespace: shop}
spec: {action: DENY, rules: [{from: [{source: {notPrincipals: [cluster.local/ns/shop/sa/waypoint]}}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: waypoint, namespace: shop, labels: {gateway.networking.k8s.io/gateway-class-name: istio-waypoint}}
spec:
  selector: {matchLabels: {app: waypoint}}
  template: {metadata: {labels: {app: waypoint}}, spec: {containers: [{name: istio-proxy, image: istio/proxyv2}]}}
"""
PEER = Identity("security.istio.io/v1", "PeerAuthentication", "shop", "default")
GUARD = Identity("security.istio.io/v1", "AuthorizationPolicy", "shop", "guard")
SHOP = Identity("v1", "Namespace", "", "shop")


@pytest.fixture
def run_on(mesh_cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunOn:
    """Run a scenario on the cluster, in a folder of its own; the journal is `journal`."""
    require_programs("kubectl")
    monkeypatch.setenv("PATH", str(TOOLS), prepend=":")
    monkeypatch.chdir(tmp_path)

    def run(scenario: str, *options: str, kubeconfig: Path = mesh_cluster.kubeconfig) -> int:
        where = ["--context", "sim", "--kubeconfig", str(kubeconfig)]
        done = ["--apply", "--reason", "a test", "--yes", "--journal", "journal"]
        return main(["istio", "break-glass", scenario, *where, *done, *options])

    return run


def put(cluster: Cluster, *bodies: Object) -> None:
    """As Pulumi applies them: by server-side apply, without force."""
    for body in bodies:
        cluster.api.apply(body, manager=PULUMI)


def named(wanted: Identity) -> Object:
    return next(each for each in yaml.safe_load_all(OBJECTS) if Identity.of(each) == wanted)


def spec_of(cluster: Cluster, wanted: Identity) -> Any:
    body = cluster.api.get(wanted) or {}
    return body.get("spec")


def take_back(journal: str = "journal") -> int:
    return main(["istio", "break-glass", "undo", journal, "--yes"])


def test_a_namespaces_scenarios_do_what_they_say_and_undo_leaves_nothing(mesh_cluster: Cluster, run_on: RunOn) -> None:
    put(mesh_cluster, *yaml.safe_load_all(OBJECTS))
    _opened_and_closed_without_a_conflict(mesh_cluster, run_on)
    _opened_by_a_policy_of_its_own(mesh_cluster, run_on)
    _past_its_waypoint_and_through_it_again(mesh_cluster, run_on)
    assert run_on("waypoint-down", "--namespace", "shop", "--journal", "restart") == 0
    template = spec_of(mesh_cluster, Identity("apps/v1", "Deployment", "shop", "waypoint"))["template"]
    assert "kubectl.kubernetes.io/restartedAt" in template["metadata"]["annotations"]


def _opened_and_closed_without_a_conflict(cluster: Cluster, run_on: RunOn) -> None:
    assert run_on("strict-strands-caller", "--namespace", "shop", "--journal", "open") == 0
    assert spec_of(cluster, PEER) == {"mtls": {"mode": "PERMISSIVE"}}
    with pytest.raises(ApiError, match='conflict with "kubectl-patch"'):
        put(cluster, named(PEER))
    assert take_back("open") == 0
    assert spec_of(cluster, PEER) == {"mtls": {"mode": "STRICT"}}
    put(cluster, named(PEER))


def _opened_by_a_policy_of_its_own(cluster: Cluster, run_on: RunOn) -> None:
    options = ("--namespace", "shop", "--workload", "app=cart", "--journal", "made")
    assert run_on("strict-strands-caller", *options) == 0
    made = Identity("security.istio.io/v1", "PeerAuthentication", "shop", "break-glass-cart")
    assert spec_of(cluster, made) == {"mtls": {"mode": "PERMISSIVE"}, "selector": {"matchLabels": {"app": "cart"}}}
    assert take_back("made") == 0
    assert cluster.api.get(made) is None


def _past_its_waypoint_and_through_it_again(cluster: Cluster, run_on: RunOn) -> None:
    assert run_on("waypoint-down", "--namespace", "shop", "--bypass", "--journal", "past") == 0
    namespace = cluster.api.get(SHOP) or {}
    assert namespace["metadata"]["labels"]["istio.io/use-waypoint"] == "none"
    (rule,) = spec_of(cluster, GUARD)["rules"]
    assert rule["from"][0]["source"]["notPrincipals"] == ["*"]
    assert take_back("past") == 0
    put(cluster, *map(named, (SHOP, GUARD)))


def charts(version: str, *names: str) -> list[Object]:
    shared = {"global": {"hub": "docker.io/istio", "tag": version}, "hub": "docker.io/istio", "tag": version}
    values = {"profile": "ambient", "base": {"validationFailurePolicy": "Fail"}, **shared}
    return [
        body
        for name in names
        for body in helm.objects(helm.template(helm.istio_chart(name), name, "istio-system", values))
    ]


def images(cluster: Cluster) -> dict[str, str]:
    found = [*cluster.api.list("apps/v1", "DaemonSet"), *cluster.api.list("apps/v1", "Deployment")]
    images = {each["metadata"]["name"]: each["spec"]["template"]["spec"]["containers"][0]["image"] for each in found}
    return {name: image.rpartition(":")[2].removesuffix("-distroless") for name, image in images.items()}


def installed(cluster: Cluster) -> None:
    require_programs("helm")
    put(cluster, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "istio-system"}})
    put(cluster, *charts(OLD, "istiod", "cni", "ztunnel"))
    _ready(cluster)


def _ready(cluster: Cluster) -> None:
    cluster.api.wait(
        lambda: all(condition(pod, "Ready") == "True" for pod in cluster.api.list("v1", "Pod", "istio-system")) and (
            len(cluster.api.list("v1", "Pod", "istio-system")) >= 7
        ),
        "its pods are ready",
    )  # fmt: skip


def test_the_control_planes_scenarios_do_what_they_say(mesh_cluster: Cluster, run_on: RunOn) -> None:
    installed(mesh_cluster)
    put(mesh_cluster, *charts(NEW, "istiod", "cni"))
    assert images(mesh_cluster) == {"istiod": NEW, "istio-cni-node": NEW, "ztunnel": OLD}
    assert run_on("half-done-upgrade") == 0
    assert images(mesh_cluster) == {"istiod": OLD, "istio-cni-node": OLD, "ztunnel": OLD}
    assert main(["istio", "break-glass", "resume", "journal", "--yes"]) == 0
    assert take_back() == 0
    assert images(mesh_cluster) == {"istiod": NEW, "istio-cni-node": NEW, "ztunnel": OLD}
    _webhooks_are_relaxed(mesh_cluster, run_on)
    _the_root_is_made_anew(mesh_cluster, run_on)


def _webhooks_are_relaxed(cluster: Cluster, run_on: RunOn) -> None:
    webhook = Identity(
        "admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "", "istio-validator-istio-system"
    )

    def policies() -> list[str]:
        return [each["failurePolicy"] for each in (cluster.api.get(webhook) or {})["webhooks"]]

    assert run_on("istiod-lost", "--relax-webhooks", "--journal", "lost") == 0
    assert policies() == ["Ignore"]
    assert take_back("lost") == 0
    assert policies() == ["Fail"]


def _the_root_is_made_anew(cluster: Cluster, run_on: RunOn) -> None:
    secret: Object = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "istio-ca-secret", "namespace": "istio-system"},
        "stringData": {"ca-cert.pem": pem("root", date(2036, 1, 1))},
    }
    put(cluster, secret)
    assert run_on("root-expired", "--journal", "root") == 2
    assert not Path("root").exists()
    put(cluster, {**secret, "stringData": {"ca-cert.pem": pem("root", date(2026, 1, 1))}})
    time.sleep(1.1)  # kubectl refuses to restart a Deployment twice within a second, and the scenario before did so
    assert run_on("root-expired", "--journal", "root") == 0
    assert cluster.api.get(Identity.of(secret)) is None
    said = [json.loads(line) for line in Path("root").read_text().splitlines()]
    assert [each["state"] for each in said if each["entry"] == "end"] == ["done"] * 5


def test_it_stops_where_a_right_is_missing_and_goes_on_once_it_is_there(
    mesh_cluster: Cluster, run_on: RunOn, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(mesh_cluster, *yaml.safe_load_all(OBJECTS))
    group, reads = (
        "rbac.authorization.k8s.io/v1",
        [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}],
    )
    patches = {"apiGroups": ["security.istio.io"], "resources": ["*"], "verbs": ["patch"]}
    role: Object = {
        "apiVersion": group,
        "kind": "ClusterRole",
        "metadata": {"name": "on-call"},
        "rules": [*reads, patches],
    }
    binding: Object = {
        "apiVersion": group,
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "on-call"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "on-call"},
        "subjects": [{"kind": "User", "name": "on-call", "apiGroup": "rbac.authorization.k8s.io"}],
    }
    mesh_cluster.api.apply_all([role, binding])
    config = yaml.safe_load(mesh_cluster.kubeconfig.read_text())
    config["users"][0]["user"]["as"] = "on-call"
    kubeconfig = tmp_path / "on-call"
    kubeconfig.write_text(yaml.safe_dump(config))
    assert run_on("waypoint-down", "--namespace", "shop", "--bypass", kubeconfig=kubeconfig) == 2
    assert 'step 2 failed: Error from server (Forbidden): namespaces "shop" is forbidden' in capsys.readouterr().err

    mesh_cluster.api.apply({**role, "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]})
    mesh_cluster.api.wait(
        lambda: main(["istio", "break-glass", "resume", "journal", "--yes"]) == 0, "the right is there"
    )
    assert (mesh_cluster.api.get(SHOP) or {})["metadata"]["labels"]["istio.io/use-waypoint"] == "none"
    assert take_back() == 0
    put(mesh_cluster, *map(named, (SHOP, GUARD)))
