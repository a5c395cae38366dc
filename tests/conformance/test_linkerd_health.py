"""`linkerd check` on a cluster: with the objects of Linkerd's own chart it passes, and seeded faults are found.

kwok's pods run nothing: what the injector would write on a pod is written by the test, and certificates are real.
"""

import base64
import json
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshwright.cli import main
from meshwright.health.verdicts import ask_all
from meshwright.linkerd import labels
from meshwright.linkerd.defaults import Settings, control_plane
from meshwright.linkerd.health import from_graph
from meshwright.linkerd.health.catalogue import CHECKS
from tests.conformance.stacks import Stack, example_stacks, graph_of
from tests.servers import helm
from tests.servers.cluster import Cluster
from tests.servers.kubernetes import Api, Identity, Object, condition
from tests.servers.programs import TOOLS, require_programs
from tests.unit.linkerd.health.scenes import pem

CHARTS = Path(os.environ.get("MESHWRIGHT_CHARTS") or TOOLS.parent / "charts")
PRIVATE = base64.b64encode(b"a private key").decode()
BUNDLE = pem("anchor") + pem("new-anchor")
SYSTEM = {labels.IS_CONTROL_PLANE: "true", labels.ADMISSION_WEBHOOKS: "disabled"}
BUNDLE_VERSION = "gateway.networking.k8s.io/bundle-version"
GATEWAY_API = [
    Identity("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", f"{each}.gateway.networking.k8s.io")
    for each in ("httproutes", "grpcroutes")
]
SHOP = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, annotations: {linkerd.io/inject: enabled}}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop, annotations: {retry.linkerd.io/http: 5xx}}
spec: {ports: [{name: http, port: 80}], selector: {app: cart}}
---
apiVersion: policy.linkerd.io/v1beta3
kind: Server
metadata: {name: cart, namespace: shop}
spec: {podSelector: {matchLabels: {app: cart}}, port: 8080, proxyProtocol: HTTP/1}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: probes, namespace: shop}
spec:
  parentRefs: [{group: policy.linkerd.io, kind: Server, name: cart}]
  rules: [{matches: [{path: {type: Exact, value: /live}, method: GET}]}]
---
apiVersion: policy.linkerd.io/v1alpha1
kind: NetworkAuthentication
metadata: {name: nodes, namespace: shop}
spec: {networks: [{cidr: 10.0.0.0/8}]}
---
apiVersion: policy.linkerd.io/v1alpha1
kind: AuthorizationPolicy
metadata: {name: probes, namespace: shop}
spec:
  targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: probes}
  requiredAuthenticationRefs: [{group: policy.linkerd.io, kind: NetworkAuthentication, name: nodes}]
"""
FAULTS = """\
apiVersion: v1
kind: Namespace
metadata: {name: old, labels: {linkerd.io/inject: enabled}, annotations: {config.linkerd.io/opaque-ports: "4222"}}
---
apiVersion: v1
kind: Namespace
metadata: {name: strict, labels: {pod-security.kubernetes.io/enforce: restricted}, annotations: {linkerd.io/inject: enabled}}
---
apiVersion: v1
kind: Pod
metadata: {name: forgotten, namespace: shop}
spec: {containers: [{name: one, image: one}]}
---
apiVersion: policy.linkerd.io/v1beta1
kind: Server
metadata: {name: again, namespace: shop}
spec: {podSelector: {matchLabels: {app: cart}}, port: 8080}
---
apiVersion: policy.linkerd.io/v1beta3
kind: Server
metadata: {name: cart, namespace: shop}
spec: {podSelector: {matchLabels: {app: cart}}, port: 8080, proxyProtocol: HTTP/1}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: longer, namespace: shop}
spec:
  parentRefs: [{group: policy.linkerd.io, kind: Server, name: again}]
  rules: [{matches: [{path: {type: Exact, value: /v1}}]}]
---
apiVersion: linkerd.io/v1alpha2
kind: ServiceProfile
metadata: {name: cart.shop.svc.cluster.local, namespace: shop}
spec: {routes: []}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: shop}
spec:
  schedule: "0 0 1 1 *"
  jobTemplate:
    spec:
      template:
        metadata: {annotations: {config.linkerd.io/proxy-enable-native-sidecar: "false"}}
        spec: {restartPolicy: Never, containers: [{name: one, image: one}]}
---
apiVersion: v1
kind: Service
metadata: {name: linkerd-gateway, namespace: shop, annotations: {mirror.linkerd.io/multicluster-gateway: "true"}}
spec: {type: LoadBalancer, ports: [{port: 4143}]}
---
apiVersion: v1
kind: Event
metadata: {name: skipped, namespace: linkerd}
involvedObject: {kind: Deployment, name: linkerd-identity, namespace: linkerd}
reason: IssuerUpdateSkipped
message: unknown authority
type: Warning
lastTimestamp: "2049-01-01T00:00:00Z"
"""
FOUND = {
    "bundle-valid", "bundle-fit", "bundle-lasts", "issuer-trusted", "issuer-accepted", "proxies-trust-bundle", "webhook-certificates",
    "webhooks-trusted", "webhooks-exempt", "system-namespace", "pod-security", "injection-asked", "pods-injected", "gateways-restricted",
    "cluster-networks", "jobs-end", "opaque-defaults-kept", "profiles-disable-nothing", "servers-apart", "probes-authorised",
    "api-versions", "control-plane-survives", "version-skew", "gateway-api-bundle",
}  # fmt: skip


@pytest.mark.parametrize("stack", [each for each in example_stacks() if "linkerd" in each.name], ids=str)
def test_no_example_has_an_error(stack: Stack) -> None:
    errors = [
        each for each in ask_all(CHECKS, from_graph.snapshot_of(graph_of(stack))) if each.check.severity == "error"
    ]
    assert {each.check.id: each.findings for each in errors if each.findings} == {}


def secret(name: str, certificate: str, key: str = "tls.crt") -> Object:
    data = {key: base64.b64encode(certificate.encode()).decode(), "tls.key": PRIVATE}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "linkerd"}, "data": data}


def bundle(text: str) -> Object:
    metadata = {"name": labels.TRUST_ROOTS, "namespace": "linkerd"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {labels.TRUST_ROOTS_KEY: text}}


def cart(anchors: str, version: str = "edge-26.8.3") -> Object:
    """A workload as it is after injection."""
    proxy = {
        "name": labels.PROXY_CONTAINER,
        "image": f"cr.l5d.io/linkerd/proxy:{version}",
        "restartPolicy": "Always",
        "env": [{"name": labels.TRUST_ANCHORS_ENV, "value": anchors}],
    }
    app = {
        "name": "cart",
        "image": "cart",
        "ports": [{"name": "http", "containerPort": 8080}],
        "livenessProbe": {"httpGet": {"port": "http", "path": "/live"}},
    }
    metadata = {
        "labels": {"app": "cart", labels.CONTROL_PLANE_NAMESPACE: "linkerd"},
        "annotations": {labels.PROXY_VERSION: version},
    }
    template = {"metadata": metadata, "spec": {"initContainers": [proxy], "containers": [app]}}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "cart"}}, "template": template}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "cart", "namespace": "shop"},
        "spec": spec,
    }


def chart(networks: str = "") -> list[Object]:
    """What the chart makes of our values, with what cert-manager's ca-injector would add."""
    folder = CHARTS / "linkerd-control-plane"
    if not (folder / "Chart.yaml").is_file():
        pytest.skip(f"no Linkerd charts in {CHARTS}: no package registry has them; set MESHWRIGHT_CHARTS")
    values = control_plane(Settings("kind", highly_available=True, fail_closed=True))
    if networks:
        values["clusterNetworks"] = networks
    found = helm.objects(helm.template(folder, "linkerd-control-plane", "linkerd", values))
    for body in found:
        for webhook in body.get("webhooks", []):
            webhook["clientConfig"]["caBundle"] = base64.b64encode(pem("webhooks").encode()).decode()
    return found


def namespace(**more: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "linkerd", "labels": {**SYSTEM, **more}}}


def certificates() -> list[Object]:
    served = [secret(f"{each}-k8s-tls", pem(each, by="webhooks", authority=False)) for each in labels.WEBHOOKS]
    return [bundle(BUNDLE), secret(labels.ISSUER_SECRET, pem("issuer", by="anchor", since=date(2026, 1, 1))), *served]


@pytest.fixture
def linkerd(mesh_cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A healthy mesh."""
    require_programs("helm", "kubectl")
    monkeypatch.setenv("PATH", str(TOOLS), prepend=":")
    api = mesh_cluster.api
    objects = [*certificates(), *chart(), *yaml.safe_load_all(SHOP), cart(BUNDLE)]
    before = [api.get(each) for each in GATEWAY_API]
    api.apply_all([namespace(), *objects])
    for each in GATEWAY_API:
        bundled(api, each, "v1.5.1")
    yield mesh_cluster
    for body, each in zip(before, GATEWAY_API, strict=True):
        assert body
        bundled(api, each, body["metadata"]["annotations"][BUNDLE_VERSION])


def bundled(api: Api, crd: Identity, version: str) -> None:
    metadata = {"name": crd.name, "annotations": {BUNDLE_VERSION: version}}
    body = {"apiVersion": crd.api_version, "kind": crd.kind, "metadata": metadata}
    api.apply(body, manager="test-of-health", force=True)


def settled(api: Api) -> None:
    """Wait until all pods run, and no others are left."""

    def done() -> bool:
        pods = api.list("v1", "Pod")
        wanted = sum(each["spec"]["replicas"] for each in api.list("apps/v1", "Deployment"))
        owned = [each for each in pods if each["metadata"].get("ownerReferences")]
        return len(owned) == wanted and all(condition(each, "Ready") == "True" for each in pods)

    api.wait(done, "all pods are ready", 60)
    ready = "every Deployment is available"
    api.wait(lambda: all(each["status"].get("availableReplicas") for each in api.list("apps/v1", "Deployment")), ready)


def check(cluster: Cluster, capsys: pytest.CaptureFixture[str], kubeconfig: Path | None = None) -> tuple[int, Any]:
    status = main(["linkerd", "check", "--kubeconfig", str(kubeconfig or cluster.kubeconfig), "--json"])
    out = capsys.readouterr().out
    assert "a private key" not in out
    assert PRIVATE not in out
    return status, json.loads(out)


def verdicts(report: Any, verdict: str) -> dict[str, Any]:
    return {each["id"]: each for each in report["checks"] if each["verdict"] == verdict}


def assert_healthy(status: int, report: Any) -> None:
    said = [(each["id"], one) for each in report["checks"] for one in (*each["unknown"], *map(str, each["findings"]))]
    assert said == []
    assert status == 0


def test_seeded_faults_are_found_and_a_mended_cluster_passes(
    linkerd: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    api = linkerd.api
    settled(api)
    status, report = check(linkerd, capsys)
    assert_healthy(status, report)
    assert len(verdicts(report, "passed")) >= 20

    seeded = list(yaml.safe_load_all(FAULTS))
    faulty = chart("8.0.0.0/8")
    for body in faulty:
        for webhook in body.get("webhooks", []):
            webhook["clientConfig"]["caBundle"] = base64.b64encode(pem("another").encode()).decode()
            webhook["namespaceSelector"] = {}
        if body["metadata"]["name"] == "linkerd-proxy-injector" and body["kind"] == "Deployment":
            body["spec"]["replicas"] = 1
    broken = [
        bundle(pem("corporate", curve="p384", until=date(2025, 6, 1)) * 2),
        secret("linkerd-proxy-injector-k8s-tls", pem("late", since=date(2010, 1, 1), until=date(2027, 1, 1))),
    ]
    bare = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "linkerd"}}
    api.apply_all([*broken, *faulty, *seeded, cart(BUNDLE, "edge-25.4.4"), bare], force=True)
    for each in GATEWAY_API:
        bundled(api, each, "v1.6.1")
    settled(api)
    status, report = check(linkerd, capsys)
    failed = verdicts(report, "failed")
    assert status == 1
    assert set(failed) == FOUND

    kept = {Identity.of(each) for each in yaml.safe_load_all(SHOP)}
    api.delete_all([one for each in seeded if (one := Identity.of(each)) not in kept])
    api.apply_all([namespace(), *certificates(), *chart(), *yaml.safe_load_all(SHOP), cart(BUNDLE)], force=True)
    for each in GATEWAY_API:
        bundled(api, each, "v1.5.1")
    settled(api)
    status, report = check(linkerd, capsys)
    # The bundle has changed twice: proxies of the control plane that read it in between can't be told from others.
    assert set(verdicts(report, "failed")) | set(verdicts(report, "unknown")) <= {"proxies-trust-bundle"}


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
    (said,) = verdicts(report, "unknown")["issuer-fit"]["unknown"]
    assert "is forbidden" in said
