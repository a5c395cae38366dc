"""`consul check` on a cluster: with the objects of Consul's own chart it passes, and seeded faults are found.

kwok's pods run nothing: what the injector would write on a pod or a config entry is written by the test.
"""

import base64
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshwright.cli import main
from meshwright.consul import labels
from meshwright.consul.health import from_graph
from meshwright.consul.health.catalogue import CHECKS
from meshwright.consul.plan import plan_consul
from meshwright.health.verdicts import ask_all
from tests.conformance.stacks import Stack, example_stacks, graph_of
from tests.conformance.test_linkerd_health import BUNDLE_VERSION, verdicts
from tests.servers import helm
from tests.servers.cluster import Cluster
from tests.servers.kubernetes import Api, Identity, Object
from tests.servers.programs import TOOLS, require_programs
from tests.unit.linkerd.health.scenes import pem

PRIVATE = base64.b64encode(b"a private key").decode()
GATEWAY_API = [
    Identity("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", f"{each}.gateway.networking.k8s.io")
    for each in ("gatewayclasses", "gateways", "httproutes")
]
SPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "consul"}}
SHOP = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {connect-inject: enabled}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: web, namespace: shop}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {ports: [{port: 80}], selector: {app: web}}
---
apiVersion: consul.hashicorp.com/v1alpha1
kind: ServiceDefaults
metadata: {name: web, namespace: shop}
spec: {protocol: http}
---
apiVersion: consul.hashicorp.com/v1alpha1
kind: ServiceIntentions
metadata: {name: web, namespace: shop}
spec: {destination: {name: web}, sources: [{name: "*", action: deny}]}
"""
FAULTS = """\
apiVersion: v1
kind: Pod
metadata: {name: forgotten, namespace: shop}
spec: {containers: [{name: one, image: one}]}
---
apiVersion: consul.hashicorp.com/v1alpha1
kind: ServiceIntentions
metadata: {name: typo, namespace: shop}
spec: {destination: {name: wbe}, sources: [{name: web, action: allow}]}
---
apiVersion: consul.hashicorp.com/v1alpha1
kind: ProxyDefaults
metadata: {name: global, namespace: shop}
spec: {mutualTLSMode: permissive}
"""
FOUND = {
    "acls-deny", "bootstrap-token-kept", "entries-released", "entries-synced", "gateway-api-bundle", "identities-match", "injector-drains",
    "intentions-known", "permissive-in-time", "pods-injected", "server-certificates", "webhook-trusted",
}  # fmt: skip


@pytest.mark.parametrize("stack", [each for each in example_stacks() if "consul" in each.name], ids=str)
def test_no_example_has_an_error(stack: Stack) -> None:
    errors = [
        each for each in ask_all(CHECKS, from_graph.snapshot_of(graph_of(stack))) if each.check.severity == "error"
    ]
    assert {each.check.id: each.findings for each in errors if each.findings} == {}


def secret(name: str, certificate: str = "") -> Object:
    data = {"tls.crt": base64.b64encode(certificate.encode()).decode(), "tls.key": PRIVATE}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "consul"}, "data": data}


def certificates(ca: str = "ca") -> list[Object]:
    return [
        secret(labels.CA_SECRET, pem(ca)),
        secret(labels.SERVER_CERTIFICATE_SECRET, pem("server", by=ca)),
        secret(labels.WEBHOOK_CERTIFICATE_SECRET, pem("webhook", by=ca)),
        secret(labels.BOOTSTRAP_SECRET),
    ]


def chart() -> list[Object]:
    """What the chart makes of our values, without its hooks, and with what the injector writes when it starts."""
    planned = plan_consul({"platform": "eks", "cni": True}, "Consul mesh").release
    found = []
    for body in helm.objects(helm.template(helm.chart("consul"), "consul", "consul", planned.values)):
        metadata = body["metadata"]
        if body["kind"] == "CustomResourceDefinition" or "helm.sh/hook" in (metadata.get("annotations") or {}):
            continue
        if body["kind"].endswith("WebhookConfiguration"):
            metadata.pop("namespace", None)
            for webhook in body["webhooks"]:
                webhook["clientConfig"]["caBundle"] = base64.b64encode(pem("ca").encode()).decode()
        if body["kind"] == "PodDisruptionBudget":
            body["apiVersion"] = "policy/v1"  # of an API server that Helm asks; without one it renders v1beta1
        found.append(body)
    return found


def web(account: str = "web") -> Object:
    """A workload as it is after injection."""
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {
            "serviceAccountName": account,
            "containers": [{"name": "web", "image": "web"}, {"name": labels.DATAPLANE_CONTAINER, "image": "dataplane"}],
        },
    }
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": spec,
    }


def bundled(api: Api, version: str) -> None:
    for each in GATEWAY_API:
        metadata = {"name": each.name, "annotations": {BUNDLE_VERSION: version}}
        body = {"apiVersion": each.api_version, "kind": each.kind, "metadata": metadata}
        api.apply(body, manager="test-of-health", force=True)


def synced(api: Api, kind: str, name: str, status: str, **more: str) -> None:
    """What the injector writes on a config entry."""
    path = api.path(Identity(labels.API_VERSION, kind, "shop", name))
    condition = {"type": "Synced", "status": status, "lastTransitionTime": "2026-11-23T00:00:00Z", **more}
    api.request("PATCH", f"{path}/status", {"status": {"conditions": [condition]}}, kind="application/merge-patch+json")


@pytest.fixture
def consul(mesh_cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A healthy mesh."""
    require_programs("helm", "kubectl")
    objects = chart()
    monkeypatch.setenv("PATH", str(TOOLS), prepend=":")
    api = mesh_cluster.api
    before = [api.get(each) for each in GATEWAY_API]
    api.apply_all([SPACE, *certificates(), *objects, *yaml.safe_load_all(SHOP), web()])
    bundled(api, "v1.5.1")
    for kind in ("ServiceDefaults", "ServiceIntentions"):
        synced(api, kind, "web", "True")
    yield mesh_cluster
    for body in before:
        assert body
        bundled(api, body["metadata"]["annotations"][BUNDLE_VERSION])


def check(cluster: Cluster, capsys: pytest.CaptureFixture[str], kubeconfig: Path | None = None) -> tuple[int, Any]:
    status = main(["consul", "check", "--kubeconfig", str(kubeconfig or cluster.kubeconfig), "--json"])
    out = capsys.readouterr().out
    assert "a private key" not in out
    assert PRIVATE not in out
    return status, json.loads(out)


def settled(api: Api) -> None:
    """Wait until all that the chart makes runs."""

    def ready() -> bool:
        kinds = ("Deployment", "StatefulSet")
        return all(
            each["status"].get("readyReplicas") == each["spec"]["replicas"]
            for kind in kinds
            for each in api.list("apps/v1", kind)
        ) and all(each["status"].get("succeeded") for each in api.list("batch/v1", "Job"))

    api.wait(ready, "servers and injectors are ready", 60)


def test_seeded_faults_are_found_and_a_mended_cluster_passes(
    consul: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    api = consul.api
    settled(api)
    status, report = check(consul, capsys)
    said = [(each["id"], one) for each in report["checks"] for one in (*each["unknown"], *map(str, each["findings"]))]
    assert said == []
    assert status == 0
    assert len(verdicts(report, "passed")) >= 16

    seeded = list(yaml.safe_load_all(FAULTS))
    api.apply_all([*seeded, web("default"), *certificates("another")[1:3]], force=True)
    api.apply(secret(labels.SERVER_CERTIFICATE_SECRET, pem("server", by="ca", until=date(2026, 12, 24))), force=True)
    bundled(api, "v1.6.1")
    synced(api, "ServiceIntentions", "typo", "False", reason="ConsulAgentError", message="no such service")
    _break_the_rest(api)
    status, report = check(consul, capsys)
    assert status == 1
    assert set(verdicts(report, "failed")) == FOUND
    held = Identity(labels.API_VERSION, "ServiceDefaults", "shop", "web")
    api.request("PATCH", api.path(held), {"metadata": {"finalizers": None}}, kind="application/merge-patch+json")


def _break_the_rest(api: Api) -> None:
    merge = "application/merge-patch+json"
    budget = api.path(Identity("policy/v1", "PodDisruptionBudget", "consul", labels.INJECTOR))
    api.request("PATCH", budget, {"spec": {"maxUnavailable": 0}}, kind=merge)
    config = api.path(Identity("v1", "ConfigMap", "consul", labels.SERVER_CONFIG))
    api.request("PATCH", config, {"data": {"acl-config.json": "{}"}}, kind=merge)
    api.delete_all([Identity("v1", "Secret", "consul", labels.BOOTSTRAP_SECRET)])
    entry = api.path(Identity(labels.API_VERSION, "ServiceDefaults", "shop", "web"))
    api.request("PATCH", entry, {"metadata": {"finalizers": [labels.FINALIZER]}}, kind=merge)
    api.request("DELETE", entry)
    settled(api)


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
    assert not verdicts(report, "passed")
    (said,) = verdicts(report, "unknown")["servers-ready"]["unknown"]
    assert "is forbidden" in said
