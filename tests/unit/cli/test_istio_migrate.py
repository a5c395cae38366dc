"""`meshwright istio migrate`: what it prints, what it writes, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = Callable[..., tuple[int, str, str]]

SIMPLE = """\
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {istio-injection: enabled}}}
---
{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {ports: [{name: http, port: 80}], selector: {app: web}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {serviceAccountName: web, containers: [{name: web, image: web}]}}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: web, namespace: shop}  # a comment of ours
spec: {selector: {matchLabels: {app: web}}, rules: [{to: [{operation: {methods: [GET]}}]}]}
"""
DECISION = """\
---
{apiVersion: networking.istio.io/v1, kind: Sidecar, metadata: {name: default, namespace: shop}, spec: {}}
"""


@pytest.fixture
def mesh() -> Path:
    """A folder of manifests below the current one."""
    folder = Path("mesh")
    folder.mkdir()
    (folder / "shop.yaml").write_text(SIMPLE)
    return folder


def test_what_is_translated_needs_no_decision(meshwright: Command, mesh: Path) -> None:
    status, out, err = meshwright("istio", "migrate", str(mesh))
    assert (status, err) == (0, "")
    assert "translated  3\n" in out
    assert (
        "  mesh/shop.yaml:10: AuthorizationPolicy shop/web\n    methods needs a waypoint: it is attached to web\n"
        in out
    )
    assert "  denied: calls to the pods of web past its waypoint are denied\n" in out
    assert "shop  waypoint  web\n" in out
    assert out.endswith("7 steps, nothing was written; next: add --to DIR\n")


def test_a_decision_ends_with_status_1(meshwright: Command, mesh: Path) -> None:
    (mesh / "shop.yaml").write_text(SIMPLE + DECISION)
    status, out, _ = meshwright("istio", "migrate", str(mesh))
    assert status == 1
    assert out.startswith("needs a decision  1\n  mesh/shop.yaml:15: Sidecar shop/default\n")


def test_the_files_are_written_once_and_the_users_stay(meshwright: Command, mesh: Path) -> None:
    status, out, _ = meshwright("istio", "migrate", str(mesh), "--to", "out")
    assert status == 0
    assert out.endswith("7 steps, written to out; next: read out/PLAN.md\n")
    assert (mesh / "shop.yaml").read_text() == SIMPLE
    written = {path.relative_to("out").as_posix() for path in Path("out").rglob("*") if path.is_file()}
    assert {"REPORT.md", "PLAN.md", "report.json", "plan.json"} < written
    (guard,) = [path for path in written if path.endswith("shop-require-waypoint-web.yaml") and "/apply/" in path]
    assert yaml.safe_load(Path("out", guard).read_text())["spec"] == {
        "action": "DENY",
        "selector": {"matchLabels": {"app": "web"}},
        "rules": [
            {"from": [{"source": {"notPrincipals": ["cluster.local/ns/shop/sa/waypoint", "cluster.local/ns/shop/*"]}}]}
        ],
    }
    again = meshwright("istio", "migrate", str(mesh), "--to", "out")
    assert again[0] == 2
    assert again[2] == (
        "out: is there already; name another with --to, or give --force to write an earlier migration anew (MW-E163)\n"
    )
    assert meshwright("istio", "migrate", str(mesh), "--to", "out", "--force")[0] == 0


def test_force_spares_what_is_not_ours(meshwright: Command, mesh: Path) -> None:
    Path("out").mkdir()
    Path("out/mine.txt").write_text("mine")
    status, _, err = meshwright("istio", "migrate", str(mesh), "--to", "out", "--force")
    assert status == 2
    assert "(MW-E090)" in err
    assert [path.name for path in Path("out").iterdir()] == ["mine.txt"]


def test_as_json(meshwright: Command, mesh: Path) -> None:
    status, out, _ = meshwright("istio", "migrate", str(mesh), "--json")
    content = json.loads(out)
    assert status == 0
    assert content["report"]["counts"] == {
        "moves as is": 1,
        "translated": 3,
        "needs a decision": 0,
        "unsupported": 0,
    }
    policy = next(each for each in content["report"]["objects"] if each["kind"] == "AuthorizationPolicy")
    assert policy["place"] == "mesh/shop.yaml:10"
    assert policy["hint"].startswith("https://istio.io/")
    assert {each["topic"] for each in policy["differences"]} == {
        "pod-address",
        "outside-the-mesh",
        "callers-with-sidecars",
    }
    because = [{"kind": "AuthorizationPolicy", "group": "security.istio.io", "namespace": "shop", "name": "web"}]
    assert content["plan"]["namespaces"] == [
        {"name": "shop", "waypoint": True, "services": [{"name": "web", "because": because}]}
    ]
    assert [each["number"] for each in content["plan"]["steps"]] == [1, 2, 3, 4, 5, 6, 7]


def test_a_kept_namespace_stays_with_its_sidecars(meshwright: Command, mesh: Path) -> None:
    other = SIMPLE.replace("shop", "till")
    (mesh / "till.yaml").write_text(other)
    status, out, _ = meshwright("istio", "migrate", str(mesh), "--keep", "till")
    assert status == 0
    assert "till  sidecars  kept\n" in out


MISTAKES = {
    "MW-E160": ({"a.yaml": SIMPLE.replace("security.istio.io/v1", "security.istio.io/v9")}, (), "mesh/a.yaml:10: "),
    "MW-E161": ({"a.yaml": SIMPLE, "b.yaml": SIMPLE.replace("[GET]", "[PUT]")}, (), "mesh/b.yaml:10: "),
    "MW-E162": ({"a.yaml": SIMPLE.replace("enabled", "disabled")}, (), "no namespace with sidecars"),
    "MW-E164": ({"a.yaml": SIMPLE}, ("--keep", "shp"), "shp has no sidecars to keep; with sidecars: shop"),
    "MW-E036": ({"a.yaml": "a: [1"}, (), "mesh/a.yaml"),
    "MW-E096": ({"a.yaml": SIMPLE}, ("--context", "kind"), "a folder of manifests or the context of a cluster"),
}


@pytest.mark.parametrize("code", MISTAKES)
def test_a_mistake_is_a_line(meshwright: Command, code: str) -> None:
    files, arguments, said = MISTAKES[code]
    Path("mesh").mkdir()
    for name, text in files.items():
        Path("mesh", name).write_text(text)
    status, out, err = meshwright("istio", "migrate", "mesh", *arguments)
    assert (status, out) == (2, "")
    assert err.startswith(said)
    assert err.endswith(f"({code})\n")
    assert err.count("\n") == 1


def test_a_folder_that_is_not_there(meshwright: Command) -> None:
    status, _, err = meshwright("istio", "migrate", "nowhere")
    assert status == 2
    assert err.endswith("(MW-E035)\n")


class Reader:
    """A cluster that answers with given lists, and has no other kinds."""

    def __init__(self, lists: dict[str, list[dict[str, Any]]], status: int = 404) -> None:
        self.lists = lists
        self.status = status

    def list(self, path: str) -> list[dict[str, Any]]:
        from meshwright.kubernetes.reading import ReadError

        if path not in self.lists:
            raise ReadError(self.status, "no such kind")
        return self.lists[path]


def _live() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for body in yaml.safe_load_all(SIMPLE):
        version, plural = body.pop("apiVersion"), {"Namespace": "namespaces", "Service": "services"}.get(body["kind"])
        plural = plural or {"Deployment": "deployments"}.get(body["kind"], "authorizationpolicies")
        body.pop("kind")
        body["metadata"] |= {"uid": "1", "resourceVersion": "7", "managedFields": []}
        found[f"/{'apis' if '/' in version else 'api'}/{version}/{plural}"] = [body]
    owned = {"metadata": {"name": "web-1", "namespace": "shop", "ownerReferences": [{}]}, "spec": {}}
    return {**found, "/api/v1/pods": [owned]}


def _clusters(monkeypatch: pytest.MonkeyPatch, reader: Reader) -> None:
    from contextlib import nullcontext

    from meshwright.kubernetes import reading

    monkeypatch.setattr(reading, "open_cluster", lambda *_: nullcontext(reader))


def test_a_live_cluster_is_read(meshwright: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    _clusters(monkeypatch, Reader(_live()))
    status, out, _ = meshwright("istio", "migrate", "--context", "kind", "--kubeconfig", "k", "--to", "out")
    assert status == 0
    assert "  AuthorizationPolicy shop/web\n" in out
    written = "".join(path.read_text() for path in Path("out").rglob("*.yaml"))
    assert "resourceVersion" not in written
    assert "uid" not in written


def test_a_cluster_that_hides_something_is_not_planned_for(
    meshwright: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    _clusters(monkeypatch, Reader({}, status=403))
    status, _, err = meshwright("istio", "migrate", "--context", "kind")
    assert status == 2
    assert err.startswith("namespaces can't be read: no such kind; ")
    assert err.endswith("(MW-E170)\n")
