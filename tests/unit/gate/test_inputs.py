"""Graphs of what the real CLI and other tools wrote, and what is refused."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from meshwright.engine.graph import UNKNOWN, Asset, Graph, ResourceReference, Secret, SourcePosition
from meshwright.errors import ConfigError
from meshwright.gate import files, states
from meshwright.gate.events import read_events
from meshwright.gate.manifests import read_manifests
from meshwright.gate.state import read_state

DATA = Path(__file__).parent / "data"
EVENTS = DATA / "preview-events.jsonl"
STATE = DATA / "state.json"
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
URN = "urn:pulumi:dev::shop::a:b:C::one"


def message(read: Callable[[Path], Graph], path: Path) -> str:
    with pytest.raises(ConfigError) as error:
        read(path)
    return str(error.value)


def named(graph: Graph) -> dict[str, Any]:
    return {resource.name: resource for resource in graph}


@pytest.mark.parametrize("graph", [read_events(EVENTS), read_state(STATE)], ids=["events", "state"])
def test_what_both_say_of_a_stack(graph: Graph) -> None:
    found = named(graph)
    assert (graph.project, graph.stack) == ("shop", "dev")
    assert graph.resources[0].type == "pulumi:pulumi:Stack"
    assert set(found) == {"shop-dev", "cluster", "shop", "key", "known-later", "everything", "edge", "edge-settings"}
    assert found["shop"].inputs["metadata"]["labels"] == {"istio.io/dataplane-mode": "ambient"}
    assert found["edge"].outputs == {"name": "edge"}
    assert not found["edge"].custom
    assert found["edge-settings"].parent == found["edge"].urn
    assert found["edge-settings"].provider == found["cluster"].urn
    assert found["key"].inputs["data"] is UNKNOWN
    assert found["known-later"].inputs["data"] == {"a": UNKNOWN}


def test_what_is_unknown_in_a_preview() -> None:
    assert named(read_events(EVENTS))["known-later"].inputs["metadata"]["labels"]["at"] is UNKNOWN


def test_the_lines_in_a_state() -> None:
    found = named(read_state(STATE, Path("/shop")))
    assert found["edge"].source == SourcePosition("/shop/__main__.py", 19)
    assert found["cluster"].source == SourcePosition("/shop/__main__.py", 4)  # its first frames are the SDK's
    assert found["shop-dev"].source is None
    assert named(read_state(STATE))["edge"].source == SourcePosition("__main__.py", 19)


def test_what_is_deleted_is_not_judged(tmp_path: Path) -> None:
    state = json.loads(STATE.read_text())
    state["deployment"]["resources"][-1]["delete"] = True
    path = tmp_path / "state.json"
    path.write_text(json.dumps({"checkpoint": {"latest": state["deployment"]}}))
    assert "edge-settings" not in named(read_state(path))
    lines = [json.loads(line) for line in EVENTS.read_text().splitlines()]
    for event in lines:
        metadata = event.get("resourcePreEvent", event.get("resOutputsEvent", {})).get("metadata", {})
        if metadata.get("urn", "").endswith("::everything"):
            metadata.update(op="delete", old=metadata["new"], new=None)
    path.write_text("\n\n".join(map(json.dumps, lines)))
    assert "everything" not in named(read_events(path))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "isn't JSON: Expecting property name"),
        ("[" * 100_000, "isn't JSON: it is nested too deep"),
        ('{"a": NaN}', "isn't JSON: NaN is no JSON"),
        ("[]", "is other JSON, not a state of Pulumi's"),
        ('{"terraform_version": "1.9", "resources": []}', "is a state of Terraform's or OpenTofu's, not a state"),
        ('{"AWSTemplateFormatVersion": "2010-09-09"}', "is of CloudFormation, not"),
        ('{"apiVersion": "v1", "kind": "Pod"}', "is a Kubernetes object (see --manifests), not"),
        ('{"steps": [], "changeSummary": {}}', "is the JSON of `pulumi preview`, not"),
        ('{"deployment": {"manifest": {}, "resources": {}}}', "is other JSON, not"),
        ('{"deployment": {"manifest": {}}}', "is the state of a stack without resources; deploy the stack first"),
        ('{"deployment": {"manifest": {}, "resources": [{}]}}', "(a resource without a URN)"),
        ('{"deployment": {"manifest": {}, "resources": ["a"]}}', "isn't a state that Pulumi writes"),
    ],
)
def test_a_file_that_is_no_state(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(content)
    said = message(read_state, path)
    assert says in said
    assert said.startswith(f"{path}: ")
    assert said.endswith("(MW-E036)")
    assert "\n" not in said


@pytest.mark.parametrize(
    ("resources", "says"),
    [
        ([{"urn": URN}, {"urn": URN}], f"{URN} is there twice"),
        ([{"urn": URN}, {"urn": URN.replace("dev", "prod")}], "resources of 2 stacks"),
        ([{"urn": URN, "delete": True}], "resources of 0 stacks"),
        ([{"urn": URN, "type": 1}], "a resource whose type is no text"),
        ([{"urn": URN, "inputs": [1]}], "a resource whose inputs are no mapping"),
    ],
)
def test_a_state_that_is_not_whole(tmp_path: Path, resources: list[Any], says: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(json.dumps({"deployment": {"manifest": {}, "resources": resources}}))
    assert says in message(read_state, path)


def test_a_state_without_a_root_gets_one(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text(json.dumps({"deployment": {"manifest": {}, "resources": [{"urn": URN, "external": True}]}}))
    graph = read_state(path)
    assert [resource.name for resource in graph] == ["shop-dev", "one"]
    assert graph.resources[1].read


@pytest.mark.parametrize(
    ("wire", "value"),
    [
        (1.5, 1.5),
        ("04da6b54-80e4-46f7-96ec-b56ff0331ba9", UNKNOWN),
        ("[secret]", UNKNOWN),
        (["a", {"b": None}], ["a", {"b": None}]),
        ({SIGNATURE: SECRET, "ciphertext": "v1:abc"}, UNKNOWN),
        ({SIGNATURE: SECRET, "plaintext": '{"a":1}'}, Secret({"a": 1})),
        ({SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "path": "p"}, Asset("asset", {"path": "p"})),
        ({SIGNATURE: "5cf8f73096256a8f31e491e813e4eb8e", "urn": URN}, ResourceReference(URN)),
        ({SIGNATURE: "d0e6a833031e9bbcd3f4e8bde6ca49a4", "value": 1}, 1),
        ({SIGNATURE: "d0e6a833031e9bbcd3f4e8bde6ca49a4"}, UNKNOWN),
        ({SIGNATURE: "of the future"}, UNKNOWN),
    ],
)
def test_a_value(wire: Any, value: Any) -> None:
    assert states.value(wire) == value


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "has the events of a preview that did not end"),
        ('{"sequence": 1, "summaryEvent": {"result": "failed"}}', "has the events of a preview that failed"),
        ('{"sequence": 1, "summaryEvent": {"maybeCorrupt": true}}', "has the events of a preview that failed"),
    ],
)
def test_a_preview_that_did_not_succeed(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(content)
    remedy = "mend what the preview complains of, and write the events again (MW-E037)"
    assert message(read_events, path) == f"{path}: {says}; {remedy}"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("hello", ":1: isn't the events of a `pulumi preview`"),
        ('{"a": 1}', ":1: isn't the events of a `pulumi preview`"),
        ('{"sequence": 1}\n[]', ":2: isn't the events of a `pulumi preview`"),
        ('{\n "steps": []\n}', ": has the JSON of a `pulumi preview` that did not stream"),
        (
            '{"sequence": 1, "resourcePreEvent": {"metadata": {"new": {"urn": "x"}}}}',
            ":1: has an event that Pulumi does not",
        ),
        ('{"sequence": 1, "resourcePreEvent": 3}', ":1: has an event that Pulumi does not"),
        ('{"sequence": 1, "summaryEvent": {}}', ": isn't the events of one preview (resources of 0 stacks)"),
    ],
)
def test_a_file_that_has_no_events(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(content)
    said = message(read_events, path)
    assert said.startswith(f"{path}{says}")
    assert said.endswith("(MW-E036)")


MANIFESTS = """\
# Source: shop/templates/all.yaml
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {on: yes, day: 2026-01-01, n: 0o17}}
---
---
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Secret, metadata: {name: key, namespace: shop}, data: {a: Yg==}}
  - {apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {namespace: shop, name: default}, spec: {n: 1.5}}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop}
"""


def test_manifests(tmp_path: Path) -> None:
    path = tmp_path / "all.yaml"
    path.write_text(MANIFESTS)
    graph = read_manifests(path)
    found = named(graph)
    assert list(found) == ["manifests-manifests", "shop", "shop/key", "shop/default", "shop#2"]
    assert found["shop"].type == "kubernetes:core/v1:Namespace"
    assert found["shop"].inputs["metadata"]["labels"] == {"on": "yes", "day": "2026-01-01", "n": 15}
    assert found["shop"].source == SourcePosition(str(path), 2)
    assert found["shop/key"].inputs["data"] == Secret({"a": "Yg=="})
    assert found["shop/default"].type == "kubernetes:security.istio.io/v1:PeerAuthentication"
    assert found["shop#2"].urn.endswith("::shop#2")
    assert all(resource.parent == graph.resources[0].urn for resource in graph.resources[1:])


def test_a_folder_of_manifests(tmp_path: Path) -> None:
    for name in ("b/two.yml", "b/kustomization.yaml", "a.json", "values.yaml", "read.me", ".git/x.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / "b/two.yml").write_text("{apiVersion: v1, kind: Pod, metadata: {name: two}}")
    (tmp_path / "b/kustomization.yaml").write_text("{apiVersion: kustomize.config.k8s.io/v1, kind: Kustomization}")
    (tmp_path / "a.json").write_text('{"apiVersion": "v1", "kind": "Pod", "metadata": {}}')
    (tmp_path / "values.yaml").write_text("replicas: 2")
    (tmp_path / "read.me").write_text("{{")
    (tmp_path / ".git/x.yaml").write_text("{{")
    graph = read_manifests(tmp_path)
    assert [resource.name for resource in graph.resources[1:]] == ["unnamed", "two"]
    assert [note.subject for note in graph.notes] == [f"{tmp_path}/b/kustomization.yaml", f"{tmp_path}/values.yaml"]


def test_manifests_of_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(MANIFESTS.encode())))
    graph = read_manifests(files.STDIN)
    assert graph.resources[1].source is None
    assert len(graph.resources) == 5


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("a: {{ .Values.b }}", ":1: is a template, not a manifest; render it first, with `helm template` (MW-E036)"),
        ("a: [\nb: }", ":2: isn't YAML: did not find expected node content"),
        ("a: !thing b", ":1: isn't YAML: could not determine a constructor"),
        ("a: b", ": has no Kubernetes object"),
        ("[1]", ": has no Kubernetes object"),
        ("{apiVersion: v1, kind: Pod}", ": has no Kubernetes object"),
        (
            "a: &a [1]\n"
            + "".join(f"{x}: &{x} [{','.join([f'*{y}'] * 9)}]\n" for x, y in zip("bcdefghi", "abcdefgh", strict=True)),
            ": has too many values",
        ),
    ],
)
def test_a_file_that_has_no_manifests(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "all.yaml"
    path.write_text(content)
    said = message(read_manifests, path)
    assert said.startswith(f"{path}{says}")
    assert said.endswith("(MW-E036)")


@pytest.mark.parametrize("read", [read_state, read_events, read_manifests])
def test_a_file_that_cannot_be_read(
    tmp_path: Path, read: Callable[[Path], Graph], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "input"
    remedy = "; name a file that can be read (MW-E035)"
    assert message(read, path) == f"{path}: can't be read: no such file or directory{remedy}"
    path.write_bytes(b"\xff")
    assert message(read, path) == f"{path}: isn't UTF-8 text{remedy}"
    monkeypatch.setattr(files, "_LARGEST", 0)
    assert message(read, path) == f"{path}: is larger than 1 GB{remedy}"


def test_a_folder_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert "can't be read: permission denied" in message(read_manifests, tmp_path)


def test_keys_are_text_as_in_json(tmp_path: Path) -> None:
    file = tmp_path / "mtls.yaml"
    file.write_text("{apiVersion: v1, kind: A, metadata: {name: a}, spec: {ports: {9121: x, true: y, z: w}}}")
    (_, resource) = read_manifests(file)
    assert resource.inputs["spec"] == {"ports": {"9121": "x", "true": "y", "z": "w"}}
