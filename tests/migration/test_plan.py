"""The plan: its order, its way back, and that nothing is attached to what isn't there."""

import json
import re
from pathlib import Path

import pytest
import yaml

from meshwright.istio.migration.files import files_of
from meshwright.istio.migration.migrate import migrate
from meshwright.istio.migration.objects import Identity, Manifest, cleaned, identity
from meshwright.istio.migration.setup import Setup
from tests.migration.replay import NAMES, migrated, source, states
from tests.semantics.world import Object, World, key

DOCS = Path(__file__).parents[2] / "docs" / "istio" / "migration.md"


def _setup(text: str) -> Setup:
    return Setup(tuple(Manifest(each) for each in yaml.safe_load_all(text)))


def _end(name: str) -> World:
    return list(states(source(name), migrated(name)))[-1].world


@pytest.mark.parametrize("name", NAMES)
def test_each_step_can_be_taken_back(name: str) -> None:
    migration = migrated(name)
    files = files_of(migration)
    state = {identity(each): cleaned(each) for each in source(name).objects}
    for step in migration.steps:
        before = dict(state)
        for body in (*step.new, *step.changed):
            state[identity(body)] = cleaned(body)
        for gone in step.deleted:
            del state[gone]
        after = dict(state)
        for body in step.new:
            del after[identity(body)]
        for path, content in files.items():
            if path.startswith(f"{step.folder}/rollback/"):
                restored = yaml.safe_load(content)
                assert (identity(restored) in after) == ("/replace/" in path)
                after[identity(restored)] = restored
        assert _without_made_namespaces(after) == _without_made_namespaces(before)


def _without_made_namespaces(objects: dict[Identity, Object]) -> dict[Identity, Object]:
    return {
        each: body for each, body in objects.items() if body["kind"] != "Namespace" or body["metadata"].get("labels")
    }


def test_what_is_less_risky_moves_first_and_policies_change_just_before_the_pods() -> None:
    steps = migrated("boutique").steps
    moves = [step.title for step in steps if step.restart]
    assert moves == ["Move data", "Move monitoring", "Move payments", "Move shop"]
    titles = [step.title for step in steps]
    for name in ("payments", "shop"):
        assert titles.index(f"Move {name}") == titles.index(f"Exchange the policies of {name}") + 1
    assert titles.index("Use the waypoints") < titles.index("Move data")
    assert titles[-1] == "End the exceptions"


@pytest.mark.parametrize("name", NAMES)
def test_every_step_that_moves_pods_has_gates_and_a_way_back(name: str) -> None:
    for step in migrated(name).steps:
        if step.restart:
            said = "\n".join(step.after)
            assert "ambient.istio.io/redirection" in said
            assert "connection_security_policy" in said
            assert "istio_requests_total" in said
            assert step.before
            assert step.undo


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_attached_to_a_service_without_a_waypoint(name: str) -> None:
    world = _end(name)
    given = source(name).objects
    attached = [each for each in world.objects if (each.get("spec") or {}).get("targetRefs") and each not in given]
    assert attached
    for each in attached:
        for ref in each["spec"]["targetRefs"]:
            service = world.services[key(each)._replace(name=ref["name"])]
            assert world.waypoint(service), each["metadata"]


@pytest.mark.parametrize("name", NAMES)
def test_waypoints_are_required_by_selector(name: str) -> None:
    guards = [each for each in _end(name).objects if each["metadata"]["name"].startswith("require-waypoint-")]
    assert guards
    assert all("selector" in each["spec"] and "targetRefs" not in each["spec"] for each in guards)
    (principals,) = {
        tuple(rule["from"][0]["source"]["notPrincipals"])[1:] for each in guards for rule in each["spec"]["rules"]
    }
    assert principals == ()  # no exception is left


def test_a_policy_that_ztunnel_enforces_is_no_reason_for_a_waypoint() -> None:
    migration = migrated("boutique")
    (data,) = [each for each in migration.namespaces if each.name == "data"]
    assert data.waypoint == ()
    (policy,) = [each for each in migration.findings if each.identity.name == "redis-callers"]
    assert (policy.verdict, policy.becomes) == ("moves as is", [])
    assert all(each["metadata"]["namespace"] != "data" for each in _end("boutique").of("Gateway"))


def test_a_namespace_without_its_manifest_is_labelled_by_a_command() -> None:
    text = """
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: shop}, spec: {containers: []}}
---
{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: default, namespace: shop}, spec: {}}
"""
    step = next(each for each in migrate(_setup(text)).steps if each.title == "Move shop")
    assert step.commands[0] == (
        "kubectl label --overwrite namespace shop istio.io/dataplane-mode=ambient istio-injection- istio.io/rev-"
    )
    assert step.undo[-1] == "kubectl label namespace shop istio.io/dataplane-mode- istio-injection=enabled"


def test_the_worked_example_of_the_docs_is_what_the_command_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from meshwright.cli import main

    text = DOCS.read_text("utf-8")
    given, *written = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    said = re.findall(r"```console\n\$ meshwright istio migrate mesh\.yaml\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    Path("mesh.yaml").write_text(given)
    assert main(["istio", "migrate", "mesh.yaml"]) == 0
    assert [capsys.readouterr().out] == said
    assert main(["istio", "migrate", "mesh.yaml", "--to", "out"]) == 0
    plan = json.loads(Path("out/plan.json").read_text())
    final = {
        Path(path).name: Path("out", path).read_text()
        for step in plan["steps"]
        for path in (*step["apply"], *step["replace"])
    }
    assert len(written) == 2
    assert set(written) <= set(final.values())


@pytest.mark.parametrize("name", NAMES)
def test_our_own_rules_object_to_nothing_that_the_report_does_not(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from meshwright.cli import main

    (tmp_path / "end.yaml").write_text(yaml.safe_dump_all(_end(name).objects))
    main(["gate", "--manifests", str(tmp_path / "end.yaml"), "--json"])
    found = json.loads(capsys.readouterr().out)["findings"]
    assert not [each for each in found if each["rule"] == "MW-IST-016"]
    broken = {each["resource"] for each in found if each["level"] == "mandatory" and each["verdict"] == "violated"}
    open_ = {
        f"{each.identity.namespace}/{each.identity.name}"
        for each in migrated(name).findings
        if each.verdict in ("needs a decision", "unsupported") or "targetRefs already" in each.reason
    }
    assert broken <= open_
