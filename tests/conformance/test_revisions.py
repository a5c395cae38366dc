"""Revision tags and platforms, held against Istio's own charts and its own control plane."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshwright import RevisionTag
from meshwright.catalog import load_catalog
from meshwright.istio.plan import plan_istio
from tests.conformance import checks
from tests.servers import helm
from tests.servers.cluster import Cluster
from tests.servers.istiod import Istiod
from tests.servers.kubernetes import Identity, Object, condition
from tests.servers.programs import require_programs
from tests.unit.graphs import inputs, with_provider

_OF_HELM = ("helm.sh/", "app.kubernetes.io/", "install.operator.", "operator.", "release")
GATEWAY = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "Gateway",
    "metadata": {"name": "waypoint", "namespace": "shop", "labels": {"istio.io/rev": "stable"}},
    "spec": {
        "gatewayClassName": "istio-waypoint",
        "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}],
    },
}


def tagged(tag: str, revision: str) -> list[Object]:
    """The objects of the component."""
    graph = with_provider(lambda opts: RevisionTag("tag", {"tag": tag, "revision": revision}, opts))
    return [_bare(inputs(graph, f"tag-{part}")) for part in ("injector", "service")]


def _bare(body: dict[str, Any]) -> Object:
    """Without the labels that say who installed it."""
    labels = {k: v for k, v in body["metadata"]["labels"].items() if not k.startswith(_OF_HELM)}
    return {**body, "metadata": {**body["metadata"], "labels": labels}}


@pytest.mark.parametrize("tag", ["stable", "default"])
@pytest.mark.parametrize("revision", ["1-31-1", "default"])
def test_a_tag_is_what_the_chart_makes_of_revision_tags(tag: str, revision: str) -> None:
    require_programs("helm")
    own = "" if revision == "default" else revision
    values = {"revision": own, "revisionTags": [tag], "profile": "ambient"}
    rendered = helm.objects(helm.template(helm.istio_chart("istiod"), "istiod", "istio-system", values))
    theirs = {each["kind"]: _bare(each) for each in rendered if "istio.io/tag" in each["metadata"].get("labels", {})}
    ours = {each["kind"]: each for each in tagged(tag, revision)}
    for kind in ("MutatingWebhookConfiguration", "Service"):
        # The port on the pods is the port itself where the chart leaves it out.
        for port in theirs[kind].get("spec", {}).get("ports", []):
            port.setdefault("targetPort", port["port"])
        assert ours[kind] == theirs[kind], kind


@pytest.fixture
def istiod(mesh_cluster: Cluster, tmp_path: Path) -> Iterator[Istiod]:
    """The control plane of the revision 1-31-1, with the values of our own component."""
    require_programs("pilot-discovery", "helm")
    planned = plan_istio({"version": "1.31", "platform": "kind", "revision": "1-31-1"}, "").releases["istiod-1-31-1"]
    rendered = helm.template(helm.istio_chart("istiod"), planned.name, planned.namespace, planned.values)
    objects = helm.objects(rendered)
    mesh_cluster.api.apply_all([*checks.namespaces([GATEWAY, *objects]), *objects])
    deployment = next(each for each in objects if each["kind"] == "Deployment")
    with Istiod(mesh_cluster, tmp_path / "istiod", deployment) as started:
        yield started


def test_a_waypoint_follows_its_tag_to_the_control_plane_that_the_tag_stands_for(istiod: Istiod) -> None:
    api = istiod.cluster.api

    def say(revision: str) -> None:
        for body in tagged("stable", revision):
            api.apply(body)

    def programmed() -> bool:
        return condition(api.get(Identity.of(GATEWAY)) or {}, "Programmed") == "True"

    say("1-30-7")
    api.apply(GATEWAY)
    with pytest.raises(Exception, match="a waypoint of a tag that stands for another"):
        api.wait(programmed, "a waypoint of a tag that stands for another", 5)
    say("1-31-1")
    api.wait(programmed, "the control plane takes the waypoint over with the tag", 60)


BESIDE, CNI = "istio-system", "/etc/cni/net.d"
K3S, MICROK8S = "/var/lib/rancher/k3s", "/var/snap/microk8s/current"
PLATFORMS = {
    # Where the agents run, the CNI's folder of programs, and that of its configuration.
    "gke": (BESIDE, "/home/kubernetes/bin", CNI),
    "eks": (BESIDE, "/opt/cni/bin", CNI),
    "openshift": ("kube-system", "/var/lib/cni/bin", "/etc/cni/multus/net.d"),
    "k3s": (BESIDE, f"{K3S}/data/cni", f"{K3S}/agent/etc/cni/net.d"),
    "k3d": (BESIDE, "/bin", f"{K3S}/agent/etc/cni/net.d"),
    "microk8s": (BESIDE, f"{MICROK8S}/opt/cni/bin", f"{MICROK8S}/args/cni-network"),
    "minikube": (BESIDE, "/opt/cni/bin", CNI),
}


def rendered(platform: str) -> dict[str, list[Object]]:
    """Chart -> its objects, with the values that our component gives it on a platform."""
    require_programs("helm")
    releases = plan_istio({"version": "1.31", "platform": platform, "node_agents": {"untaint": True}}, "").releases
    # On GKE the chart looks at the server's version for its folder of plugins.
    kubernetes = "v1.36.0-gke.100" if platform == "gke" else "1.36"
    return {
        short: helm.objects(
            helm.template(
                helm.istio_chart(short), planned.name, planned.namespace, planned.values, kubernetes=kubernetes
            )
        )
        for short, planned in releases.items()
        if short != "base"
    }


def test_every_platform_with_a_profile_is_looked_at() -> None:
    known = load_catalog().platforms
    assert {name for name, platform in known.items() if platform.istio_platform_value} | {"eks"} == set(PLATFORMS)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_charts_suit_the_platform(platform: str) -> None:
    namespace, binaries, configuration = PLATFORMS[platform]
    charts = rendered(platform)
    (agent,) = [each for each in charts["cni"] if each["kind"] == "DaemonSet"]
    (proxy,) = [each for each in charts["ztunnel"] if each["kind"] == "DaemonSet"]
    assert agent["metadata"]["namespace"] == proxy["metadata"]["namespace"] == namespace
    paths = {
        each["name"]: each["hostPath"]["path"]
        for each in agent["spec"]["template"]["spec"]["volumes"]
        if "hostPath" in each
    }
    assert (paths["cni-bin-dir"], paths["cni-net-dir"]) == (binaries, configuration)
    (istiod,) = [each for each in charts["istiod"] if each["kind"] == "Deployment"]
    container = istiod["spec"]["template"]["spec"]["containers"][0]
    env = {each["name"]: each.get("value") for each in container["env"]}
    assert env["PILOT_ENABLE_NODE_UNTAINT_CONTROLLERS"] == "true"
    elsewhere = namespace != "istio-system"
    assert ("--cniNamespace=kube-system" in container["args"]) is elsewhere
    assert env.get("CA_TRUSTED_NODE_ACCOUNTS") == f"{namespace}/ztunnel"
    quotas = [
        each["metadata"]["namespace"]
        for objects in charts.values()
        for each in objects
        if each["kind"] == "ResourceQuota"
    ]
    assert quotas == (["istio-system"] * 2 if platform == "gke" else [])
    privileged = [
        rule["resourceNames"]
        for short in ("cni", "ztunnel")
        for each in charts[short]
        if each["kind"] == "ClusterRole"
        for rule in each["rules"]
        if rule["apiGroups"] == ["security.openshift.io"]
    ]
    assert bool(privileged) is (platform == "openshift")


def test_a_ztunnel_that_stays_until_its_node_goes_is_accepted(mesh_cluster: Cluster) -> None:
    require_programs("helm")
    agents = {"ztunnel_on_delete": True, "grace_period_seconds": 600}
    planned = plan_istio({"version": "1.31", "platform": "kind", "node_agents": agents}, "").releases["ztunnel"]  # type: ignore[typeddict-item]
    chart = helm.istio_chart("ztunnel")
    objects = helm.objects(helm.template(chart, planned.name, planned.namespace, planned.values))
    (proxy,) = [each for each in objects if each["kind"] == "DaemonSet"]
    assert proxy["spec"]["updateStrategy"]["type"] == "OnDelete"
    assert proxy["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 600
    mesh_cluster.api.apply_all(checks.namespaces([proxy]))
    assert checks.accepted(mesh_cluster.api, [proxy]) == []
