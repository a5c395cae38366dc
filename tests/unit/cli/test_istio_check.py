"""`meshwright istio check`: what is printed, and the exit status."""

from __future__ import annotations

import datetime
import json
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from meshwright.cli import checks
from meshwright.kubernetes import reading
from tests.unit.istio.health.scenes import pem
from tests.unit.istio.health.test_snapshots import FakeReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Golden
    from tests.unit.cli.test_preview import Command

NAMESPACE = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}
"""
FAULTY = f"""\
{NAMESPACE}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: no-delete, namespace: shop}}
spec: {{action: DENY, rules: [{{to: [{{operation: {{methods: [DELETE]}}}}]}}]}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: cart, namespace: shop}}
spec: {{host: cart, subsets: [{{name: v1}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: cart, namespace: shop, labels: {{istio.io/use-waypoint: shared, istio.io/use-waypoint-namespace: infra}}}}
"""
WARNING = f"""\
{NAMESPACE}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: cart, namespace: shop}}
spec: {{host: cart, subsets: [{{name: v1}}]}}
"""
PROGRAM = """\
from pulumi_kubernetes.core.v1 import Namespace

Namespace("shop", metadata={"name": "shop", "labels": {"istio.io/dataplane-mode": "ambient"}})
"""


def check(meshwright: Command, text: str, *arguments: str) -> tuple[int, str, str]:
    Path("all.yaml").write_text(text)
    return meshwright("istio", "check", "--manifests", "all.yaml", *arguments)


def test_text_and_json_say_the_same(meshwright: Command, golden: Golden) -> None:
    status, text, err = check(meshwright, FAULTY)
    assert (status, err) == (1, "")
    also, report, err = check(meshwright, FAULTY, "--json")
    assert (also, err) == (1, "")
    golden("cli/istio-check", {"check.txt": text.encode(), "check.json": report.encode()})
    counts = json.loads(report)["counts"]
    assert f"{counts['failed']} failed · {counts['unknown']} unknown · {counts['passed']} passed" in text


def test_warnings_count_where_it_is_asked_for(meshwright: Command) -> None:
    assert check(meshwright, WARNING)[0] == 0
    assert check(meshwright, WARNING, "--fail-on", "warning")[0] == 1


def test_what_cannot_be_told_is_never_a_pass(meshwright: Command) -> None:
    service = FAULTY.rpartition("---")[2]
    status, out, _ = check(meshwright, service)
    assert status == 3
    assert "can't be told: Service shop/cart: the waypoint infra/shared is in a namespace" in out
    assert "hint: docs/istio/checks.md#waypoints-exist" in out


def test_a_mesh_without_a_fault(meshwright: Command) -> None:
    status, out, _ = check(meshwright, NAMESPACE, "--as-of", "2026-11-23")
    assert status == 0
    assert "✗" not in out


def test_a_program_is_run_offline(meshwright: Command) -> None:
    Path("Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    Path("Pulumi.dev.yaml").write_text("config: {}\n")
    Path("__main__.py").write_text(PROGRAM)
    status, out, _ = meshwright("istio", "check", "dev")
    assert status == 0
    assert out.startswith("shop/dev, offline   read only, nothing was changed\n")


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], list[tuple[str, str]]]:
    """Let a cluster give these answers; returns the list of those that were opened."""

    def give(answers: dict[str, Any]) -> list[tuple[str, str]]:
        opened = []

        @contextmanager
        def open_cluster(context: str, kubeconfig: str) -> Iterator[FakeReader]:
            opened.append((context, kubeconfig))
            yield FakeReader(answers)

        monkeypatch.setattr(reading, "open_cluster", open_cluster)
        return opened

    return give


READY = {"conditions": [{"type": "Ready", "status": "True"}]}
WELL = {"phase": "Running", **READY}
ISTIOD = {
    "metadata": {"namespace": "istio-system", "name": "istiod", "labels": {"app": "istiod"}},
    "spec": {"template": {"spec": {"containers": [{"image": "istio/pilot:1.31.1"}]}}},
    "status": {"availableReplicas": 1},
}
CRD = {
    "name": "gateways.gateway.networking.k8s.io",
    "annotations": {"gateway.networking.k8s.io/bundle-version": "v1.6.1"},
}


def agent(name: str) -> dict[str, Any]:
    about = {"namespace": "istio-system", "name": name, "labels": {"app.kubernetes.io/name": name}}
    spec = {
        "selector": {"matchLabels": {"app": name}},
        "template": {"spec": {"containers": [{"image": "istio/x:1.31.1"}]}},
    }
    return {"metadata": about, "spec": spec}


def agent_pod(name: str) -> dict[str, Any]:
    about = {"namespace": "istio-system", "name": name, "labels": {"app": name}}
    return {"metadata": about, "spec": {"nodeName": "one"}, "status": WELL}


def root_in(namespace: str) -> dict[str, Any]:
    certificate = pem("root", datetime.date(2036, 1, 1))
    return {"metadata": {"namespace": namespace, "name": "istio-ca-root-cert"}, "data": {"root-cert.pem": certificate}}


HEALTHY = {
    "/api/v1/nodes": [{"metadata": {"name": "one"}, "status": READY}],
    "/api/v1/pods": [agent_pod("ztunnel"), agent_pod("istio-cni")],
    "/apis/apps/v1/deployments": [ISTIOD],
    "/apis/apps/v1/daemonsets": [agent("ztunnel"), agent("istio-cni")],
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions": [{"metadata": CRD}],
    "/api/v1/configmaps?metadata.name=istio-ca-root-cert": [root_in("istio-system"), root_in("shop")],
    "/api/v1/configmaps?metadata.name=istio-cni-config": [],
}


def pods(number: int) -> dict[str, Any]:
    labels = {"istio.io/dataplane-mode": "ambient"}
    spec, status = {"nodeName": "one"}, {"phase": "Running"}
    bodies = [
        {"metadata": {"namespace": "shop", "name": f"cart-{n}"}, "spec": spec, "status": status} for n in range(number)
    ]
    return {"/api/v1/namespaces": [{"metadata": {"name": "shop", "labels": labels}}], "/api/v1/pods": bodies}


def test_a_cluster_is_read(meshwright: Command, cluster: Callable[..., list[tuple[str, str]]]) -> None:
    opened = cluster(pods(12))
    status, out, _ = meshwright("istio", "check", "--context", "prod", "--kubeconfig", "kube.yaml")
    assert (status, opened) == (1, [("prod", "kube.yaml")])
    assert out.startswith("cluster prod   read only")
    assert "      Pod shop/cart-9 is not captured" in out
    assert "      and 2 more; --json has them all" in out
    assert "cart-10" not in out


def test_a_cluster_is_asked_until_all_is_well(
    meshwright: Command, cluster: Callable[..., list[tuple[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = pods(1)
    opened = cluster(answers)
    monkeypatch.setattr(checks, "_PAUSE_S", 0.01)
    monkeypatch.setattr(time, "sleep", lambda _: answers.update(HEALTHY))
    assert meshwright("istio", "check", "--context", "prod", "--wait", "60")[0] == 0
    assert len(opened) == 2


def test_waiting_has_an_end(meshwright: Command, cluster: Callable[..., list[tuple[str, str]]]) -> None:
    opened = cluster(pods(1))
    assert meshwright("istio", "check", "--context", "prod", "--wait", "0.1")[0] == 1
    assert len(opened) == 1


def test_a_stack_beside_a_cluster_is_what_is_declared(
    meshwright: Command, cluster: Callable[..., list[tuple[str, str]]]
) -> None:
    cluster(pods(0))
    Path("Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    Path("__main__.py").write_text(
        "import pulumi\n\npulumi.ComponentResource('meshwright:index:AmbientNamespace', 'shop', "
        "{'namespace': 'shop', 'phase': 'strict'})\n"
    )
    status, out, _ = meshwright("istio", "check", "--program", ".", "--kubeconfig", "kube.yaml")
    assert status == 1
    assert "Namespace shop takes PERMISSIVE mutual TLS, and is declared as strict" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--manifests", "a", "--context", "b"], "--manifests stands instead of a program and of a cluster"),
        (["--state", "a", "--program", "."], "--state stands instead of a program and of a cluster"),
        (["--wait", "9"], "--wait is for a cluster; name one by --context, or leave it out (MW-E096)"),
        (["--fail-on", "info"], '--fail-on is "info"; one of: error, warning (MW-E042)'),
    ],
)
def test_mistakes_on_the_command_line(meshwright: Command, arguments: list[str], said: str) -> None:
    status, _, err = meshwright("istio", "check", *arguments)
    assert status == 2
    assert err.startswith(said)
