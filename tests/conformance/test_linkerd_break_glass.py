"""`linkerd break-glass` with the real kubectl and API server: a webhook that refuses pods is relaxed, and strict again.

kwok's pods run nothing: the injector here is a Deployment of its name, behind the webhook that the chart makes.
"""

import datetime
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshwright.cli import main
from tests.conformance.test_certs import bundle, deployment, issuer_secret
from tests.servers.cluster import PROGRAMS, Cluster
from tests.servers.kubernetes import ApiError, Identity, Object
from tests.servers.pki import signer
from tests.servers.programs import TOOLS, require_programs

RunOn = Callable[..., int]
OBJECTS = """\
apiVersion: v1
kind: Namespace
metadata: {name: linkerd, labels: {config.linkerd.io/admission-webhooks: disabled}}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop, annotations: {linkerd.io/inject: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: linkerd-proxy-injector, namespace: linkerd, labels: {linkerd.io/control-plane-component: proxy-injector}}
spec:
  replicas: 0
  selector: {matchLabels: {app: injector}}
  template: {metadata: {labels: {app: injector}}, spec: {containers: [{name: proxy-injector, image: x}]}}
"""
WEBHOOK = """\
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: linkerd-proxy-injector-webhook-config}
webhooks:
- name: linkerd-proxy-injector.linkerd.io
  namespaceSelector:
    matchExpressions:
    - {key: config.linkerd.io/admission-webhooks, operator: NotIn, values: [disabled]}
    - {key: kubernetes.io/metadata.name, operator: NotIn, values: [kube-system, cert-manager]}
  clientConfig: {service: {name: linkerd-proxy-injector, namespace: linkerd, path: /}}
  failurePolicy: Fail
  admissionReviewVersions: [v1, v1beta1]
  rules: [{operations: [CREATE], apiGroups: [""], apiVersions: [v1], resources: [pods, services], scope: Namespaced}]
  sideEffects: None
  timeoutSeconds: 1
"""
CONFIGURATION = Identity(
    "admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "", "linkerd-proxy-injector-webhook-config"
)
INJECTOR = Identity("apps/v1", "Deployment", "linkerd", "linkerd-proxy-injector")
CART, WEB = (Identity("apps/v1", "Deployment", "shop", name) for name in ("cart", "web"))


@pytest.fixture(scope="module")
def hooked(server_folder: Callable[[str], Path]) -> Iterator[Cluster]:
    """A cluster that calls webhooks; the tests' shared one doesn't."""
    require_programs(*PROGRAMS, "kubectl")
    with Cluster(server_folder("hooked"), nodes=1, webhooks=True) as started:
        yield started


@pytest.fixture
def run_on(hooked: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunOn:
    """Run a scenario on the cluster, in a folder of its own."""
    monkeypatch.setenv("PATH", str(TOOLS), prepend=":")
    monkeypatch.chdir(tmp_path)

    def run(scenario: str, *options: str) -> int:
        where = ["--context", "sim", "--kubeconfig", str(hooked.kubeconfig)]
        done = ["--apply", "--reason", "a test", "--yes"]
        return main(["linkerd", "break-glass", scenario, *where, *done, *options])

    return run


def pod(name: str) -> Object:
    spec = {"containers": [{"name": "app", "image": "x"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop"}, "spec": spec}


def body(cluster: Cluster, wanted: Identity) -> Any:
    return cluster.api.get(wanted) or {}


def policy(cluster: Cluster) -> str:
    (webhook,) = body(cluster, CONFIGURATION)["webhooks"]
    return str(webhook["failurePolicy"])


def is_made(cluster: Cluster, name: str) -> bool:
    try:
        cluster.api.apply(pod(name))
    except ApiError as error:
        assert "linkerd-proxy-injector" in str(error)  # noqa: PT017 - the webhook's refusal, and no other
        return False
    return True


def test_pods_are_made_while_the_injector_is_away_and_refused_after_undo(
    hooked: Cluster, run_on: RunOn, capsys: pytest.CaptureFixture[str]
) -> None:
    api = hooked.api
    api.apply_all([*yaml.safe_load_all(OBJECTS), yaml.safe_load(WEBHOOK)])
    api.wait(lambda: not is_made(hooked, f"probe-{time.monotonic_ns()}"), "pods are refused")
    assert run_on("injector-down", "--relax-webhook", "--journal", "away") == 0
    assert "new pods of shop start without a proxy" in capsys.readouterr().out
    assert policy(hooked) == "Ignore"
    assert body(hooked, INJECTOR)["spec"]["replicas"] == 2
    api.wait(lambda: is_made(hooked, "cart-1"), "a pod is made")

    _the_unmeshed_are_restarted(hooked, run_on, capsys)

    assert main(["linkerd", "break-glass", "undo", "away", "--yes"]) == 0
    assert policy(hooked) == "Fail"
    assert body(hooked, INJECTOR)["spec"]["replicas"] == 0
    api.wait(lambda: not is_made(hooked, f"probe-{time.monotonic_ns()}"), "pods are refused again")
    api.apply(yaml.safe_load(WEBHOOK), manager="pulumi-kubernetes")  # no conflict is left


def _the_unmeshed_are_restarted(cluster: Cluster, run_on: RunOn, capsys: pytest.CaptureFixture[str]) -> None:
    plain = deployment("cart", "shop")
    template = plain["spec"]["template"]
    template["metadata"]["labels"] = {"app": "cart"}
    template["spec"]["containers"] = [{"name": "app", "image": "x"}]
    cluster.api.apply(plain)
    cluster.api.wait(lambda: bool((body(cluster, CART).get("status") or {}).get("availableReplicas")), "cart runs")
    assert run_on("injector-down", "--journal", "caught-up") == 0
    told = capsys.readouterr().out
    assert "shop/cart-1" in told
    assert "pod/cart-1 in shop: kubectl can't restart it" in told
    annotations = body(cluster, CART)["spec"]["template"]["metadata"]["annotations"]
    assert "kubectl.kubernetes.io/restartedAt" in annotations


def test_an_expired_anchor_waits_for_another_and_then_all_is_restarted(
    hooked: Cluster, run_on: RunOn, capsys: pytest.CaptureFixture[str]
) -> None:
    api = hooked.api
    api.delete_all([CONFIGURATION])
    old, new = signer("old", last=datetime.date(2026, 1, 2)), signer("new", first=datetime.date(2026, 1, 2))
    identity = deployment("linkerd-identity", "linkerd")
    identity["metadata"]["labels"] = {"linkerd.io/control-plane-component": "identity"}
    api.apply_all([*yaml.safe_load_all(OBJECTS), issuer_secret(old), bundle(old), identity], force=True)
    api.apply(deployment("web", "shop", old))
    api.wait(lambda: (body(hooked, WEB).get("status") or {}).get("availableReplicas"), "web runs")
    assert run_on("anchor-expired") == 2
    told = capsys.readouterr()
    assert "expired on 2026-01-02 00:00 UTC" in told.out
    assert "no certificate is valid since 2026-01-03 00:00 UTC" in told.out
    assert "MW-E225" in told.err
    assert not list(Path().glob("*.jsonl"))

    api.apply_all([issuer_secret(new), bundle(new)])  # as `up` does
    assert run_on("issuer-expired") == 2
    assert "(MW-E172)" in capsys.readouterr().err
    assert run_on("anchor-expired", "--journal", "anchor") == 0
    for each in (WEB, Identity("apps/v1", "Deployment", "linkerd", "linkerd-identity")):
        assert "restartedAt" in str(body(hooked, each)["spec"]["template"]["metadata"]["annotations"])
    journal = Path("anchor").read_text()
    ran = [json.loads(line) for line in journal.splitlines()]
    assert [each["command"][2] for each in ran if each["entry"] == "begin" and each["command"][1] == "restart"] == [
        "deployment/linkerd-identity",
        "deployment/linkerd-proxy-injector",
        "deployment/web",
    ]
    assert "PRIVATE" not in journal
    assert "BEGIN" not in journal
