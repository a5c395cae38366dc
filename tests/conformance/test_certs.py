"""`meshwright certs` on a real API server: managed fields, events and pods as Kubernetes itself has them.

kwok's pods run nothing: what Linkerd's injector would write into a pod is written by the test.
"""

import base64
import datetime
import time
from pathlib import Path
from typing import Any

import pytest

from meshwright.certs.from_cluster import observe
from meshwright.cli import main
from meshwright.kubernetes.reading import open_cluster
from tests.servers.cluster import Cluster
from tests.servers.kubernetes import Object
from tests.servers.pki import Signer, signer
from tests.servers.programs import require_programs

pytestmark = pytest.mark.usefixtures("_kubectl")
ENVIRONMENT = "LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS"
STACK = """\
config:
  meshwright:mesh:
    kind: linkerd
    cluster: {{context: sim, platform: kind, kubeconfig: {kubeconfig}}}
    trust:
      anchor: {{name: "2026"}}
      rotation: {rotation}
"""
BOTH = '{step: both-trusted, since: "2026-01-10", previous: {step: steady}, next: {name: "2027"}}'


@pytest.fixture
def _kubectl() -> None:
    require_programs("kubectl")


@pytest.fixture
def anchors() -> dict[str, Signer]:
    named = (("old", 1, "2026"), ("new", 2, "2027"))
    return {name: signer(name, first=datetime.date(2026, month, 1), unit=unit) for name, month, unit in named}


def issuer_secret(anchor: Signer) -> Object:
    made = signer("identity", anchor)
    data = {"tls.crt": made.pem, "tls.key": made.key_pem, "ca.crt": anchor.pem}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": "linkerd-identity-issuer", "namespace": "linkerd"},
        "data": {key: base64.b64encode(text.encode()).decode() for key, text in data.items()},
    }


def bundle(*anchors: Signer) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "linkerd-identity-trust-roots", "namespace": "linkerd"},
        "data": {"ca-bundle.crt": "".join(each.pem for each in anchors)},
    }


def deployment(name: str, namespace: str, *trusts: Signer) -> Object:
    """With a proxy: with anchors, as the injector writes it; without, as the chart does for the control plane's own."""
    labels = {"app": name, "linkerd.io/control-plane-ns": "linkerd"}
    if not trusts:
        labels["linkerd.io/control-plane-component"] = "identity"
    variable: dict[str, Any] = (
        {"value": "".join(each.pem for each in trusts)}
        if trusts
        else {"valueFrom": {"configMapKeyRef": {"name": "linkerd-identity-trust-roots", "key": "ca-bundle.crt"}}}
    )
    containers = [
        {"name": "identity" if not trusts else "app", "image": "x"},
        {"name": "linkerd-proxy", "image": "x", "env": [{"name": ENVIRONMENT, **variable}]},
    ]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
    }


def namespace(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def run(*arguments: str) -> int:
    return main(("certs", *arguments))


def wait_for_pods(cluster: Cluster, wanted: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        with open_cluster("sim", str(cluster.kubeconfig)) as reader:
            seen = observe(reader, "sim")
        if len(seen.proxies) == wanted and len(seen.controllers) == 1:
            return
        assert time.monotonic() < deadline, seen.proxies
        time.sleep(0.2)


def test_a_switch_waits_for_every_proxy(
    mesh_cluster: Cluster,
    anchors: dict[str, Signer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    old, new = anchors.values()
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (tmp_path / "__main__.py").write_text("")
    stack = tmp_path / "Pulumi.dev.yaml"
    stack.write_text(STACK.format(kubeconfig=mesh_cluster.kubeconfig, rotation=BOTH))
    monkeypatch.chdir(tmp_path)
    api = mesh_cluster.api
    api.apply_all([namespace("linkerd"), namespace("shop"), issuer_secret(old), bundle(old, new)])
    time.sleep(1.1)  # managed fields and pods have whole seconds
    api.apply_all([deployment("linkerd-identity", "linkerd"), deployment("cart", "shop", old)])
    wait_for_pods(mesh_cluster, 2)

    flags = ("--context", "sim", "--kubeconfig", str(mesh_cluster.kubeconfig))
    assert run("status", *flags) == 1
    shown = capsys.readouterr().out
    assert "deployment/cart in shop was started with another bundle" in shown
    assert "PRIVATE KEY" not in shown
    assert run("plan", *flags) == 0
    assert "kubectl rollout restart deployment/cart -n shop --context sim" in capsys.readouterr().out
    assert run("advance") == 1
    assert "✗ sim: every proxy was started with the bundle" in capsys.readouterr().out

    api.apply_all([deployment("cart", "shop", old, new)])
    wait_until_only(mesh_cluster, new)
    assert run("status", *flags) == 0
    capsys.readouterr()
    assert run("advance", "--dry-run") == 0
    assert "both-trusted to issuer-switched" in capsys.readouterr().out
    assert "step: both-trusted" in stack.read_text()
    assert run("advance") == 0
    assert "step: issuer-switched" in stack.read_text()

    # The issuer of the new anchor has only just begun to sign, and its step is of today.
    api.apply_all([issuer_secret(new)])
    assert run("advance") == 2
    assert "wait 2 days" in capsys.readouterr().err


def wait_until_only(cluster: Cluster, new: Signer) -> None:
    deadline = time.monotonic() + 60
    while True:
        with open_cluster("sim", str(cluster.kubeconfig)) as reader:
            known = [each.anchors for each in observe(reader, "sim").proxies]
        if len(known) == 2 and all(each is None or new.certificate in each for each in known):
            return
        assert time.monotonic() < deadline, known
        time.sleep(0.5)


def test_an_event_of_a_refused_issuer_is_seen(mesh_cluster: Cluster, anchors: dict[str, Signer]) -> None:
    old, _ = anchors.values()
    told = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "linkerd-identity.1", "namespace": "linkerd"},
        "involvedObject": {"kind": "Deployment", "name": "linkerd-identity", "namespace": "linkerd"},
        "reason": "IssuerUpdateSkipped",
        "message": "Skipping issuer update",
        "type": "Warning",
        "lastTimestamp": "2026-11-23T10:00:00Z",
    }
    mesh_cluster.api.apply_all([namespace("linkerd"), issuer_secret(old), bundle(old), told])
    with open_cluster("sim", str(mesh_cluster.kubeconfig)) as reader:
        seen = observe(reader, "sim")
    assert [(each.reason, each.last.hour) for each in seen.events] == [("IssuerUpdateSkipped", 10)]
    assert seen.bundle == (old.certificate,)
    assert seen.bundle_since is not None
    assert seen.issuer_since is not None
    assert seen.gaps == {}
