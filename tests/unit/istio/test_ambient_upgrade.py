"""Upgrades, revisions and tags of IstioAmbient: which chart runs which version at each step."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pulumi
import pytest

from meshwright import IstioAmbient, RevisionTag
from meshwright.engine.graph import Graph
from meshwright.istio.ambient import IstioAmbientArgs
from meshwright.kubernetes.errors import ComponentError
from tests.unit.graphs import find, inputs, names, shape, with_provider

RELEASE = "kubernetes:helm.sh/v3:Release"


def mesh(**args: Any) -> Graph:
    wanted: IstioAmbientArgs = {"version": "1.30.7", "platform": "kind", **args}  # type: ignore[typeddict-item]
    return with_provider(lambda opts: IstioAmbient("mesh", wanted, opts))


def versions(graph: Graph) -> dict[str, str]:
    """Release -> the chart's version."""
    return {str(each.inputs["name"]): str(each.inputs.get("version")) for each in graph if each.type == RELEASE}


def revisions(graph: Graph) -> dict[str, str]:
    return {
        str(each.inputs["name"]): each.inputs["values"].get("revision", "") for each in graph if each.type == RELEASE
    }


OLD, NEW = "1.30.7", "1.31.1"
BESIDE = {"revision": "1-30-7"}


@pytest.mark.parametrize(("step", "cni", "ztunnel"), [("istiod", OLD, OLD), ("cni", NEW, OLD), ("ztunnel", NEW, NEW)])
def test_two_control_planes_stand_side_by_side_and_the_agents_follow(step: str, cni: str, ztunnel: str) -> None:
    graph = mesh(**BESIDE, upgrade={"to": "1.31", "step": step})
    assert versions(graph) == {
        "istio-base": NEW,
        "istiod-1-30-7": OLD,
        "istiod-1-31-1": NEW,
        "istio-cni": cni,
        "ztunnel": ztunnel,
    }
    named = {OLD: "1-30-7", NEW: "1-31-1"}
    assert revisions(graph) == {
        "istio-base": "",
        "istiod-1-30-7": "1-30-7",
        "istiod-1-31-1": "1-31-1",
        "istio-cni": named[cni],
        "ztunnel": named[ztunnel],
    }


def test_an_upgrade_begins_with_istiod() -> None:
    assert versions(mesh(**BESIDE, upgrade={"to": NEW})) == versions(
        mesh(**BESIDE, upgrade={"to": NEW, "step": "istiod"})
    )


def test_each_comes_after_the_one_before() -> None:
    graph = mesh(**BESIDE, upgrade={"to": NEW, "step": "ztunnel"}, tags={"stable": "1-30-7"})
    order = ["mesh-namespace", "mesh-base", "mesh-istiod-1-30-7", "mesh-istiod-1-31-1", "mesh-cni", "mesh-ztunnel"]
    for before, after in pairwise(order):
        assert names(find(graph, after).dependencies) == {before}
    assert "mesh-ztunnel" in names(find(graph, "mesh-tag-stable-service").dependencies)


def test_the_release_that_stays_keeps_its_name_when_the_upgrade_is_done() -> None:
    during = {each.urn for each in mesh(**BESIDE, upgrade={"to": NEW, "step": "ztunnel"}) if each.type == RELEASE}
    done = mesh(version=NEW, revision="1-31-1")
    assert {each.urn for each in done if each.type == RELEASE} <= during
    assert versions(done)["istiod-1-31-1"] == NEW


def test_a_revision_that_was_there_before_releases_bore_its_name_is_found_again() -> None:
    graph = mesh(**BESIDE, upgrade={"to": NEW})
    aliases = {name: find(graph, name).options.aliases for name in ("mesh-istiod-1-30-7", "mesh-istiod-1-31-1")}
    assert [str(each) for each in aliases["mesh-istiod-1-31-1"]] == []
    assert "mesh-istiod" in str(aliases["mesh-istiod-1-30-7"])


def test_without_a_revision_istiod_is_upgraded_in_place() -> None:
    graph = mesh(upgrade={"to": NEW})
    assert versions(graph) == {"istio-base": NEW, "istiod": NEW, "istio-cni": OLD, "ztunnel": OLD}


def test_a_mesh_without_a_revision_gets_one_by_an_upgrade() -> None:
    graph = mesh(upgrade={"to": NEW, "revision": "1-31-1", "step": "ztunnel"}, tags={"stable": "default"})
    assert versions(graph) == {
        "istio-base": NEW,
        "istiod": OLD,
        "istiod-1-31-1": NEW,
        "istio-cni": NEW,
        "ztunnel": NEW,
    }
    # The validator stays the old control plane's until that one goes.
    assert inputs(graph, "mesh-base")["values"]["defaultRevision"] == "default"


def test_each_version_has_its_own_charts_hub_and_digests() -> None:
    digest, other = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
    graph = mesh(
        **BESIDE,
        image_digests={"pilot": digest, "proxyv2": digest},
        upgrade={
            "to": NEW,
            "charts": {"source": "mirror", "address": "oci://m.example/c"},
            "image_digests": {"pilot": other},
        },
    )
    old, new = (inputs(graph, f"mesh-istiod-{revision}") for revision in ("1-30-7", "1-31-1"))
    assert old["chart"] == "istiod"
    assert old["repositoryOpts"] == {"repo": "https://istio-release.storage.googleapis.com/charts"}
    assert new["chart"] == "oci://m.example/c/istiod"
    assert old["values"]["image"] == f"docker.io/istio/pilot@{digest}"
    assert new["values"]["image"] == f"docker.io/istio/pilot@{other}"
    assert old["values"]["global"]["proxy"] == {"image": f"docker.io/istio/proxyv2@{digest}"}
    assert "proxy" not in new["values"]["global"]


def test_adopted_istiod_is_the_one_that_is_there() -> None:
    graph = mesh(**BESIDE, upgrade={"to": NEW}, adopt_releases=["istiod"])
    imported = {name: find(graph, name).options.import_id for name in ("mesh-istiod-1-30-7", "mesh-istiod-1-31-1")}
    assert imported == {"mesh-istiod-1-30-7": "istio-system/istiod-1-30-7", "mesh-istiod-1-31-1": ""}


def test_the_default_tag_moves_the_default_validator_too() -> None:
    graph = mesh(**BESIDE, upgrade={"to": NEW}, tags={"default": "1-31-1"})
    assert inputs(graph, "mesh-base")["values"]["defaultRevision"] == "1-31-1"


def test_tags_stand_in_istios_root_namespace() -> None:
    graph = mesh(**BESIDE, namespace="mesh-root", tags={"stable": "1-30-7"})
    assert inputs(graph, "mesh-tag-stable") == {"tag": "stable", "revision": "1-30-7", "namespace": "mesh-root"}
    assert inputs(graph, "mesh-tag-stable-injector")["metadata"]["name"] == "istio-revision-tag-stable-mesh-root"
    assert ("meshwright:index:RevisionTag", "mesh-tag-stable", "mesh") in shape(graph)


@pytest.mark.parametrize(
    ("args", "lines"),
    [
        ({"version": "1.29.9", "upgrade": {"to": "1.31"}}, ["an upgrade from 1.29.9 to 1.31.1 passes over 1.30; upgrade to 1.30 first; istio-cni and ztunnel may be one minor behind istiod (MW-E110)"]),
        ({"upgrade": {"to": "1.30.5"}}, ["an upgrade from 1.30.7 to 1.30.5 doesn't go up; name a newer version; to go back, take back the upgrade's steps (MW-E110)"]),
        ({"upgrade": {"to": "1.31", "step": "waypoints"}}, ["the step 'waypoints' is unknown; one of: istiod, cni, ztunnel (MW-E050)"]),
        ({"revision": "r", "upgrade": {"to": "1.31", "revision": "r"}}, ["the old and the new control plane both have the revision r; leave the upgrade's revision out, or choose another (MW-E050)"]),
        ({"tags": {"stable": "1-30-7"}}, ["the tag stable stands for the revision 1-30-7, which has no control plane; one of: default (MW-E111)"]),
        ({**BESIDE, "tags": {"1-30-7": "1-30-7"}}, ["the tag 1-30-7 is a revision's name too, and istiod can't tell them apart; name the tag after its purpose: stable (MW-E111)"]),
        ({"revision": "r", "tags": {"a_b": "r"}}, ["'a_b' is no name for a tag; use lower-case letters, digits and '-', at most 43, with a letter or digit at both ends (MW-E050)"]),
        ({"revision": "default"}, ["'default' is no name for a revision; name it after its version, with dashes: \"1-31-1\" (MW-E050)"]),
        ({"revision": "1.30.7"}, ["'1.30.7' is no name for a revision; name it after its version, with dashes: \"1-31-1\" (MW-E050)"]),
        ({"revision": "r" * 47}, [f"'{'r' * 47}' is no name for a revision; name it after its version, with dashes: \"1-31-1\" (MW-E050)"]),
        ({"upgrade": {"to": "1.31", "revision": "1.31.1"}}, ["'1.31.1' is no name for a revision; name it after its version, with dashes: \"1-31-1\" (MW-E050)"]),
        ({"image_variant": "alpine", "image_digests": {"istiod": "x"}}, ["the image variant 'alpine' is unknown; one of: distroless, debug (MW-E050)", "image_digests names 'istiod', which is no image; one of: pilot, install-cni, ztunnel, proxyv2 (MW-E050)"]),
        ({"node_agents": {"grace_period_seconds": 1.0}}, ["1 s are no grace period: ztunnel drains for a second less; at least 2 (MW-E050)"]),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused(args: dict[str, Any], lines: list[str]) -> None:
    with pytest.raises(ComponentError) as error:
        mesh(**args)
    assert str(error.value).splitlines() == [f"IstioAmbient mesh: {line}" for line in lines]


def test_a_target_outside_the_catalog_is_refused() -> None:
    with pytest.raises(ComponentError, match=r'^IstioAmbient mesh: istio "1.99" is not in the catalog; .*MW-E030'):
        mesh(upgrade={"to": "1.99"})


def test_the_unrevisioned_tag_of_the_default_control_plane() -> None:
    graph = with_provider(lambda opts: RevisionTag("tag", {"tag": "stable", "revision": "default"}, opts))
    assert inputs(graph, "tag-service")["spec"]["selector"] == {"app": "istiod", "istio": "pilot"}
    (webhook, _) = inputs(graph, "tag-injector")["webhooks"]
    assert webhook["clientConfig"]["service"]["name"] == "istiod"


def test_images_and_secrets_reach_every_chart() -> None:
    graph = mesh(version=NEW, image_variant="debug", image_pull_secrets=["mirror"], hub="registry.example/istio")
    found = {short: inputs(graph, f"mesh-{short}")["values"] for short in ("base", "istiod", "cni", "ztunnel")}
    assert found["base"]["global"]["imagePullSecrets"] == ["mirror"]
    for short in ("istiod", "cni"):
        assert found[short]["global"]["imagePullSecrets"] == ["mirror"]
        assert found[short]["global"]["variant"] == "debug"
        assert found[short]["global"]["hub"] == "registry.example/istio"
    assert (found["ztunnel"]["imagePullSecrets"], found["ztunnel"]["variant"]) == (["mirror"], "debug")
    assert found["ztunnel"]["hub"] == "registry.example/istio"


def test_all_images_can_be_pinned_under_a_hub_that_is_yet_unknown() -> None:
    digests = {name: f"sha256:{name}" for name in ("pilot", "install-cni", "ztunnel", "proxyv2")}

    def program(opts: pulumi.ResourceOptions) -> None:
        hub = pulumi.Output.from_input("r.example")
        IstioAmbient("mesh", {"version": NEW, "platform": "kind", "hub": hub, "image_digests": digests}, opts)

    graph = with_provider(program)
    assert inputs(graph, "mesh-istiod")["values"]["image"] == "r.example/pilot@sha256:pilot"
    assert inputs(graph, "mesh-istiod")["values"]["global"]["proxy"] == {"image": "r.example/proxyv2@sha256:proxyv2"}
    assert inputs(graph, "mesh-cni")["values"]["image"] == "r.example/install-cni@sha256:install-cni"
    assert inputs(graph, "mesh-ztunnel")["values"]["image"] == "r.example/ztunnel@sha256:ztunnel"


def test_node_agents_are_told_how_to_behave() -> None:
    graph = mesh(
        version=NEW,
        node_agents={
            "grace_period_seconds": 300.0,
            "ztunnel_on_delete": True,
            "dns_capture": False,
            "ipv6": False,
            "untaint": True,
        },
        workloads=45_000.0,
    )
    assert inputs(graph, "mesh-ztunnel")["values"]["terminationGracePeriodSeconds"] == 300
    assert inputs(graph, "mesh-ztunnel")["values"]["updateStrategy"] == {"type": "OnDelete"}
    assert inputs(graph, "mesh-cni")["values"]["ambient"] == {
        "enableAmbientDetectionRetry": True,
        "dnsCapture": False,
        "ipv6": False,
    }
    istiod = inputs(graph, "mesh-istiod")["values"]
    assert istiod["taint"] == {"enabled": True}
    assert istiod["env"] == {"ISTIO_GPRC_MAXRECVMSGSIZE": "10485760"}


def test_on_openshift_istiod_looks_for_the_agents_where_they_are() -> None:
    istiod = inputs(mesh(version=NEW, platform="openshift", node_agents={"untaint": True}), "mesh-istiod")["values"]
    assert istiod["taint"] == {"enabled": True, "namespace": "kube-system"}


def test_before_1_30_the_untaint_controller_is_switched_on_by_hand() -> None:
    istiod = inputs(mesh(version="1.29.9", node_agents={"untaint": True}), "mesh-istiod")["values"]
    assert istiod["env"] == {"PILOT_ENABLE_NODE_UNTAINT_CONTROLLERS": "true"}


def test_charts_at_hand_are_held_against_the_version_of_their_step(tmp_path: Path) -> None:
    for name in ("base", "istiod", "cni", "ztunnel"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Chart.yaml").write_text(f"name: {name}\nversion: 1.31.1\n")
    with pytest.raises(ComponentError) as error:
        mesh(**BESIDE, upgrade={"to": NEW}, charts={"source": "path", "address": str(tmp_path)})
    wrong = [str(each) for each in error.value.problems if each.code == "MW-E052"]
    assert [line.split()[4] for line in wrong] == ["istiod", "cni", "ztunnel"]
    assert all("is 1.31.1, not 1.30" in line for line in wrong)
