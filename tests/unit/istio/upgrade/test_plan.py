"""The plan of an upgrade: its edits are a stack file at each step, and say what the step says."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from meshwright.catalog import load_catalog
from meshwright.config import IstioAmbientMesh, parse_config
from meshwright.errors import ConfigError
from meshwright.istio.upgrade.output import as_data, edit_lines, markdown
from meshwright.istio.upgrade.plan import plan_upgrade
from meshwright.istio.upgrade.steps import Edit, Step, UpgradePlan

DAY = date(2026, 11, 23)
DIGEST, OTHER = (f"sha256:{letter * 64}" for letter in "ab")
WAYPOINT = {"name": "shop", "phase": "permissive", "waypoint": {"reason": "retries"}}
BASE: dict[str, Any] = {"kind": "istio-ambient", "version": "1.30.7", "cluster": {"context": "c", "platform": "gke"}}
REVISED = {**BASE, "revision": "1-30-7"}


def made(mesh: dict[str, Any], to: str = "1.31") -> UpgradePlan:
    config = parse_config(mesh, None).mesh
    assert isinstance(config, IstioAmbientMesh)
    return plan_upgrade(config, "prod", to, load_catalog(), DAY)


def steps(mesh: dict[str, Any], to: str = "1.31") -> dict[str, Step]:
    (hop,) = made(mesh, to).hops
    return {step.id: step for step in hop.steps}


def text(plan: UpgradePlan) -> str:
    return str(as_data(plan))


@pytest.mark.parametrize(
    ("mesh", "ids"),
    [
        (REVISED, ["precheck", "istiod", "cni", "ztunnel", "finish", "bundle"]),
        (
            {**REVISED, "namespaces": [WAYPOINT]},
            ["precheck", "first-tag", "istiod", "cni", "ztunnel", "tag-stable", "finish", "bundle"],
        ),
        (
            {**REVISED, "tags": {"early": "1-30-7", "late": "1-30-7"}},
            ["precheck", "istiod", "cni", "ztunnel", "tag-early", "tag-late", "finish", "bundle"],
        ),
        ({**REVISED, "gateway_api": {"mode": "skip"}}, ["precheck", "istiod", "cni", "ztunnel", "finish"]),
        ({**REVISED, "gateway_api": {"version": "1.5.1"}}, ["precheck", "istiod", "cni", "ztunnel", "finish"]),
        ({**BASE, "upgrade": {"to": "1.31"}}, ["precheck", "istiod", "cni", "ztunnel", "finish", "bundle"]),
        ({**BASE, "version": "1.31.0", "revision": "a"}, ["precheck", "istiod", "cni", "ztunnel", "finish"]),
    ],
)
def test_the_steps_in_their_order(mesh: dict[str, Any], ids: list[str]) -> None:
    assert list(steps(mesh)) == ids


@pytest.mark.parametrize(
    "mesh",
    [
        REVISED,
        {**BASE, "namespaces": [WAYPOINT]},
        {**BASE, "version": "1.29.9", "namespaces": [WAYPOINT]},
        {**REVISED, "tags": {"early": "1-30-7", "late": "1-30-7"}},
        {**REVISED, "gateway_api": {"mode": "adopt"}},
        {**BASE, "upgrade": {"to": "1.31", "step": "cni"}},
        {**REVISED, "images": {"pull_secrets": ["m"], "digests": {"pilot": DIGEST}}, "upgrade": {"to": "1.31", "digests": {"pilot": OTHER}, "charts": {"source": "mirror", "url": "oci://m.example"}}},
    ],
)  # fmt: skip
def test_each_edit_is_a_stack_file_that_is_taken_and_the_last_is_an_ordinary_one(mesh: dict[str, Any]) -> None:
    for hop in made(mesh).hops:
        for step in hop.steps:
            mesh = step.edit.applied(mesh)
            parse_config(mesh, None)
    assert mesh["version"] == "1.31.1"
    assert "upgrade" not in mesh
    assert set(mesh.get("tags", {}).values()) <= {mesh.get("revision")}
    assert "version" not in mesh.get("gateway_api", {})


def test_what_the_upgrade_says_of_charts_and_digests_moves_with_it() -> None:
    mesh = {
        **REVISED,
        "images": {"pull_secrets": ["m"], "digests": {"pilot": DIGEST}},
        "upgrade": {"to": "1.31", "digests": {"install-cni": OTHER}, "charts": {"source": "mirror", "url": "oci://m"}},
    }
    found = steps(mesh)
    assert found["cni"].edit.set["upgrade"] == {
        "to": "1.31.1",
        "revision": "1-31-1",
        "step": "cni",
        "charts": {"source": "mirror", "url": "oci://m"},
        "digests": {"install-cni": OTHER},
    }
    assert found["finish"].edit.set["charts"] == {"source": "mirror", "url": "oci://m"}
    assert found["finish"].edit.set["images"] == {"pull_secrets": ["m"], "digests": {"install-cni": OTHER}}


@pytest.mark.parametrize(
    ("images", "left"),
    [
        ({"digests": {"pilot": DIGEST}}, None),
        ({"pull_secrets": ["m"], "digests": {"pilot": DIGEST}}, {"pull_secrets": ["m"]}),
    ],
)
def test_digests_of_the_old_version_do_not_bring_its_images_back(
    images: dict[str, Any], left: dict[str, Any] | None
) -> None:
    mesh = {**REVISED, "images": images}
    assert steps(mesh)["finish"].edit.applied(mesh).get("images") == left


def test_an_upgrade_under_way_is_finished_before_the_next_begins() -> None:
    mesh = {**BASE, "version": "1.29.9", "revision": "1-29-9", "upgrade": {"to": "1.30.5", "step": "cni"}}
    first, second = made(mesh).hops
    assert (first.start, first.target, second.target) == ("1.29.9", "1.30.5", "1.31.1")
    upgrades = [step.edit.set["upgrade"] for step in first.steps if "upgrade" in step.edit.set]
    assert {(each["to"], each["revision"]) for each in upgrades} == {("1.30.5", "1-30-5")}
    assert any(line.startswith("1.30.5 is open to ISTIO-SECURITY-2026-007") for line in made(mesh).facts)


def test_a_tag_that_is_not_there_yet_is_next_and_not_done() -> None:
    found = steps({**REVISED, "namespaces": [WAYPOINT], "upgrade": {"to": "1.31", "step": "cni"}})
    states = {step.id: step.state for step in found.values()}
    assert [states[each] for each in ("precheck", "first-tag", "istiod", "ztunnel")] == [
        "done",
        "next",
        "done",
        "later",
    ]


def test_the_waypoint_on_the_way_out_follows_a_tag_too() -> None:
    egress = {"namespace": "way-out", "hosts": [{"host": "api.example.com", "callers": [{"namespace": "shop"}]}]}
    assert "first-tag" in steps({**REVISED, "namespaces": [{"name": "shop", "phase": "permissive"}], "egress": egress})


def test_an_upgrade_under_way_is_taken_up_where_it_stands() -> None:
    mesh = {
        **REVISED,
        "tags": {"early": "1-31-1", "late": "1-30-7"},
        "upgrade": {"to": "1.31", "step": "ztunnel", "revision": "1-31-1"},
    }
    assert {step.id: step.state for step in steps(mesh).values()} == {
        "precheck": "done",
        "istiod": "done",
        "cni": "done",
        "ztunnel": "done",
        "tag-early": "done",
        "tag-late": "next",
        "finish": "later",
        "bundle": "later",
    }


def test_before_it_begins_the_first_look_is_next() -> None:
    assert [step.state for step in steps(REVISED).values()][:2] == ["next", "later"]


def test_minors_between_are_stations_and_the_second_hop_starts_where_the_first_ends() -> None:
    plan = made({**BASE, "version": "1.28.10", "namespaces": [WAYPOINT]})
    assert [(hop.start, hop.target) for hop in plan.hops] == [
        ("1.28.10", "1.29.9"),
        ("1.29.9", "1.30.7"),
        ("1.30.7", "1.31.1"),
    ]
    assert [step.id for step in plan.hops[1].steps if step.id.startswith("tag-")] == ["tag-stable", "tag-default"]
    assert {step.state for hop in plan.hops[1:] for step in hop.steps} == {"later"}


def test_a_mesh_without_a_revision_gets_one_and_the_default_tag_in_the_end() -> None:
    found = steps({**BASE, "namespaces": [WAYPOINT]})
    assert found["first-tag"].edit.set == {"tags": {"stable": "default"}}
    assert found["finish"].edit.set["tags"] == {"stable": "1-31-1", "default": "1-31-1"}
    assert any("tag default answers" in line for line in found["finish"].do)


def test_the_default_validator_moves_with_its_tag_or_in_the_end() -> None:
    moved = "istio-base: updated, istiod-1-31-1 validates what names no revision"
    assert steps(REVISED)["finish"].changes == (moved, "istiod-1-30-7: deleted")
    assert steps({**REVISED, "tags": {"default": "1-30-7"}})["finish"].changes == ("istiod-1-30-7: deleted",)


def test_in_place_waypoints_restart_with_istiod_and_no_tag_moves() -> None:
    found = steps({**BASE, "namespaces": [WAYPOINT], "upgrade": {"to": "1.31"}})
    assert found["istiod"].edit.set["upgrade"] == {"to": "1.31.1", "step": "istiod"}
    assert any("waypoints restart" in line for line in found["istiod"].do)
    assert not any(step.startswith("tag-") for step in found)


def test_notes_stand_at_the_step_with_which_they_come() -> None:
    found = steps(REVISED)
    assert [note.name for note in found["precheck"].notes] == ["hosts", "tcproute"]
    assert "strict-gateway-merging" in {note.name for note in found["istiod"].notes}
    assert not any(step.notes for step in steps({**BASE, "version": "1.31.0", "revision": "a"}).values())


def test_crds_that_the_bundle_of_both_is_too_old_for_are_named() -> None:
    assert any("ignores tcproutes" in line for line in steps(REVISED)["istiod"].do)
    assert not any("ignores" in line for line in steps({**BASE, "version": "1.31.0", "revision": "a"})["istiod"].do)


@pytest.mark.parametrize(
    ("gateway_api", "line"),
    [
        ({}, "the bundle of Gateway API CRDs is 1.5.1, which suits both versions; GatewayApiCrds comes before istiod"),
        ({"version": "1.5.0"}, "the Gateway API CRDs stay those that gateway_api names"),
        (
            {"mode": "skip"},
            "the Gateway API CRDs are somebody else's: 1.5.1 is the newest bundle that suits both versions",
        ),
    ],
)
def test_whose_crds_they_are(gateway_api: dict[str, Any], line: str) -> None:
    assert steps({**REVISED, "gateway_api": gateway_api})["istiod"].do[0] == line


def test_ztunnel_is_replaced_node_by_node_or_pool_by_pool() -> None:
    rolling = steps({**REVISED, "node_agents": {"grace_period": "10m"}})["ztunnel"]
    assert "10m" in rolling.why
    assert any("longer than 10m are cut" in line for line in rolling.do)
    # It is part of the pod's template: writing it is a rollout of its own, and not a way to spare this one.
    assert not any("grace_period one update before" in line for line in rolling.do)
    pools = steps({**REVISED, "node_agents": {"ztunnel_update": "on-delete"}})["ztunnel"]
    assert [word for line in pools.do for word in ("cordon", "drain", "delete the old pool") if word in line] == [
        "cordon",
        "drain",
        "delete the old pool",
    ]


def test_commands_name_the_cluster() -> None:
    assert "kubectl --context c " in text(made(REVISED))
    elsewhere = made({**REVISED, "cluster": {"stack": "org/eks/prod", "platform": "eks"}})
    assert "--context" not in text(elsewhere)


def test_on_openshift_the_agents_are_looked_for_where_they_are() -> None:
    mesh = {**REVISED, "cluster": {"context": "c", "platform": "openshift"}, "gateway_api": {"mode": "skip"}}
    assert "-n kube-system rollout status daemonset/ztunnel" in text(made(mesh))


@pytest.mark.parametrize(
    ("mesh", "fact"),
    [
        ({**BASE, "version": "1.29.9"}, "1.29.9 has had no fixes since 2026-10-15"),
        ({**BASE, "version": "1.30.3"}, "1.30.3 is open to ISTIO-SECURITY-2026-006: authorization rules"),
        ({**BASE, "version": "1.30.2"}, "1.30.2 has a fault, istio/ztunnel#1674:"),
        (BASE, "it is not known whether 1.31.1 has the fix for ISTIO-SECURITY-2026-007"),
        (
            {**BASE, "charts": {"source": "mirror", "url": "oci://m"}},
            "the mirror oci://m has to hold base 1.31.1, istiod",
        ),
        ({**BASE, "charts": {"source": "path", "path": "x"}}, "the charts are a folder"),
        ({**BASE, "hub": "gcr.io/istio-release"}, "the hub gcr.io/istio-release is being switched off"),
        ({**BASE, "hub": "r.example"}, "the hub r.example has to hold pilot:1.31.1, install-cni:1.31.1"),
        ({**BASE, "images": {"digests": {"pilot": DIGEST}}}, "images are pinned by digest"),
        ({**BASE, "gateway_api": {"version": "1.5.1"}}, "gateway_api names a bundle"),
    ],
)
def test_what_there_is_to_know_before(mesh: dict[str, Any], fact: str) -> None:
    assert any(line.startswith(fact) for line in made(mesh).facts), made(mesh).facts


def test_an_older_patch_than_the_newest_is_told() -> None:
    assert any(line.startswith("1.31.1 is the newest patch") for line in made(REVISED, "1.31.0").facts)


@pytest.mark.parametrize(
    ("mesh", "to", "code"),
    [
        (BASE, "1.30.7", "MW-E110"),
        (BASE, "1.29", "MW-E110"),
        (BASE, "1.99", "MW-E030"),
        ({**REVISED, "upgrade": {"to": "1.31.1"}}, "1.31.0", "an upgrade to 1.31.1 is under way, and 1.31.0 is older"),
        ({**BASE, "version": "1.29.9", "cluster": {"context": "c", "platform": "gke", "kubernetes_version": "1.31"}}, "1.31", "MW-E056"),
    ],
)  # fmt: skip
def test_what_cannot_be_planned_is_refused(mesh: dict[str, Any], to: str, code: str) -> None:
    with pytest.raises(ConfigError, match=code):
        made(mesh, to)


def test_an_edit_is_written_as_the_stack_file_has_it() -> None:
    edit = Edit(set={"upgrade": {"to": "1.31.1", "step": "cni"}, "tags": {"stable": "1-31-1"}}, remove=("gateway_api",))
    assert edit_lines(edit) == [
        "upgrade: {to: 1.31.1, step: cni}",
        "tags: {stable: 1-31-1}",
        "# remove gateway_api",
    ]
    # Without the braces of a mapping: the lines stand below `meshwright:mesh`.
    assert edit_lines(Edit(set={"version": "1.31.1", "revision": "1-31-1"})) == ["version: 1.31.1", "revision: 1-31-1"]
    assert edit_lines(Edit()) == []
    assert not Edit()


def test_a_page_has_a_box_for_each_step_and_each_note_with_its_source() -> None:
    plan = made({**REVISED, "namespaces": [WAYPOINT]})
    page = markdown(plan)
    assert page.startswith("# Upgrade prod: Istio 1.30.7 to 1.31.1\n")
    assert page.count("- [ ] ") == 8
    assert page.count("**Next.**") == 1
    assert "upgrade: {to: 1.31.1, revision: 1-31-1, step: ztunnel}" in page
    assert "The old way: istiod env PILOT_ENABLE_STRICT_GATEWAY_MERGING=false." in page
    assert "## 1.30.7 to 1.31.1" not in page
    assert "- it is not known" not in markdown(replace(plan, facts=()))
    several = markdown(made({**BASE, "version": "1.29.9"}))
    assert "## 1.29.9 to 1.30.7" in several
    assert "### 1. Look before" in several
