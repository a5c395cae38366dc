"""The recorded graphs of what links clusters, and what is refused."""

import datetime
from functools import cache
from typing import Any

import pulumi
import pytest
import yaml

from meshwright import LinkerdExports, LinkerdLink, LinkerdMulticluster, LinkerdReader
from meshwright.engine.graph import Graph, Secret
from meshwright.kubernetes.errors import ComponentError
from meshwright.linkerd.multicluster.extension import _addresses
from meshwright.linkerd.multicluster.link import kubeconfig_for
from meshwright.linkerd.multicluster.together import Member, check_bundles, check_together, live_bundle, own_anchors
from tests.servers.pki import Signer, signer
from tests.unit.graphs import find, inputs, names, shape, with_provider

KUBECONFIG = "apiVersion: v1\nkind: Config\n"
GATEWAY = {"source_ranges": ["10.20.0.0/16"]}


@cache
def anchor(name: str = "2026") -> Signer:
    return signer(f"{name} anchor")


def extension(**more: Any) -> Graph:
    wanted: Any = {"links": ["us"], "readers": ["us"], "gateway": GATEWAY, **more}
    return with_provider(lambda opts: LinkerdMulticluster("mc", wanted, opts))


def link(**more: Any) -> Graph:
    wanted: Any = {
        "cluster": "us",
        "kubeconfig": KUBECONFIG,
        "bundles": {"here": anchor().pem, "there": anchor().pem},
        "modes": ["hierarchical"],
        "gateway": {"addresses": "10.1.2.3,10.1.2.4", "identity": "gateway.example"},
        **more,
    }
    return with_provider(lambda opts: LinkerdLink("l", wanted, opts))


def line_of(error: pytest.ExceptionInfo[ComponentError]) -> str:
    return str(error.value)


def test_a_namespace_with_its_labels_and_then_the_release() -> None:
    graph = extension(nodes=3)
    assert shape(graph)[:3] == [
        ("meshwright:index:LinkerdMulticluster", "mc", "test-dev"),
        ("kubernetes:core/v1:Namespace", "mc-namespace", "mc"),
        ("kubernetes:helm.sh/v3:Release", "mc-release", "mc"),
    ]
    assert inputs(graph, "mc-namespace")["metadata"] == {
        "name": "linkerd-multicluster",
        "labels": {"linkerd.io/extension": "multicluster", "pod-security.kubernetes.io/enforce": "privileged"},
    }
    assert names(find(graph, "mc-release").dependencies) == {"mc-namespace"}
    installed = inputs(graph, "mc-release")
    assert (installed["name"], installed["namespace"]) == ("linkerd-multicluster", "linkerd-multicluster")
    assert installed["values"] == {
        "linkerdNamespace": "linkerd",
        "identityTrustDomain": "cluster.local",
        "createNamespaceMetadataJob": False,
        "enablePodAntiAffinity": True,
        "remoteMirrorServiceAccount": True,
        "remoteMirrorServiceAccountName": ["linkerd-service-mirror-remote-access-us"],
        "controllers": [{"link": {"ref": {"name": "us"}}}],
        "controllerDefaults": {"replicas": 2, "enablePodAntiAffinity": True},
        "localServiceMirror": {"replicas": 2},
        "gateway": {"enabled": True, "replicas": 3, "loadBalancerSourceRanges": ["10.20.0.0/16"]},
    }


def test_a_flat_network_needs_no_gateway() -> None:
    wanted: Any = {"links": ["us"], "readers": [], "cni": True}
    graph = with_provider(lambda opts: LinkerdMulticluster("mc", wanted, opts))
    values = inputs(graph, "mc-release")["values"]
    assert (values["gateway"], values["remoteMirrorServiceAccount"]) == ({"enabled": False}, False)
    assert inputs(graph, "mc-namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_a_gateway_that_is_open_on_purpose_and_with_addresses_of_yours() -> None:
    public = {"public": "partners call in", "replicas": 2, "annotations": {"a": "b"}, "addresses": ["mesh.example"]}
    values = inputs(extension(gateway=public, values={"gateway": {"UID": 7}}), "mc-release")["values"]
    assert values["gateway"] == {"enabled": True, "replicas": 2, "serviceAnnotations": {"a": "b"}, "UID": 7}


def test_images_come_from_a_registry_of_yours() -> None:
    values = inputs(extension(hub="registry.example/linkerd", pull_secrets=["pull"]), "mc-release")["values"]
    assert values["imagePullSecrets"] == [{"name": "pull"}]
    for part in ("controllerDefaults", "localServiceMirror"):
        assert values[part]["image"] == {"name": "registry.example/linkerd/controller"}


OPEN = (
    "the gateway would take connections from every network; name the other clusters' networks in source_ranges, or say "
    "in public why it is open (MW-E215)"
)
EVERYBODY = (
    "source_ranges let every network connect; name the other clusters' networks, or say in public why it is open "
    "(MW-E215)"
)


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({"gateway": {}}, OPEN),
        ({"gateway": {"source_ranges": ["0.0.0.0/0"]}}, EVERYBODY),
        ({"gateway": {"source_ranges": ["0.0.0.0/1", "128.0.0.0/1"]}}, EVERYBODY),
        ({"gateway": {"source_ranges": ["::/0"]}}, EVERYBODY),
        ({"gateway": {"source_ranges": ["10.0/8"]}}, "'10.0/8' is no network; write it as 10.20.0.0/16 (MW-E215)"),
        ({"gateway": {"public": " "}}, "public has no reason; say why every network may connect (MW-E215)"),
        (
            {"gateway": {**GATEWAY, "replicas": 1}},
            "the gateway has 1 replica: every restart of it cuts the clusters apart; give it 2 or more (MW-E050)",
        ),
        (
            {"nodes": 2},
            (
                "the gateway's 3 replicas need a node each, and there are 2; lower gateway.replicas, or add nodes "
                "(MW-E180)"
            ),
        ),
        ({"links": ["us", "us"]}, "links has us twice; name each cluster once (MW-E050)"),
    ],
)
def test_what_the_extension_refuses(more: dict[str, Any], line: str) -> None:
    with pytest.raises(ComponentError) as error:
        extension(**more)
    assert line_of(error) == f"LinkerdMulticluster mc: {line}"


def test_the_values_are_held_against_a_chart_that_is_at_hand(tmp_path: Any) -> None:
    chart = tmp_path / "linkerd-multicluster"
    chart.mkdir()
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: linkerd-multicluster\nversion: 1.0.0\n")
    (chart / "values.yaml").write_text("gateway: {enabled: true}\n")
    with pytest.raises(ComponentError, match="MW-E054"):
        extension(charts={"source": "path", "address": str(tmp_path)})


def test_the_addresses_are_those_of_the_load_balancer() -> None:
    class Ingress:
        def __init__(self, ip: str | None = None, hostname: str | None = None) -> None:
            self.ip, self.hostname = ip, hostname

    assert _addresses([Ingress("10.1.2.3"), Ingress(hostname="lb.example"), Ingress()]) == "10.1.2.3,lb.example"
    assert _addresses(None) == ""


def test_two_secrets_and_a_link() -> None:
    graph = link()
    assert shape(graph) == [
        ("meshwright:index:LinkerdLink", "l", "test-dev"),
        ("kubernetes:core/v1:Secret", "l-controller", "l"),
        ("kubernetes:core/v1:Secret", "l-destination", "l"),
        ("kubernetes:multicluster.linkerd.io/v1alpha3:Link", "l-link", "l"),
    ]
    assert inputs(graph, "l-controller")["metadata"] == {
        "name": "cluster-credentials-us",
        "namespace": "linkerd-multicluster",
    }
    assert inputs(graph, "l-destination")["metadata"] == {
        "name": "cluster-credentials-us",
        "namespace": "linkerd",
        "labels": {"multicluster.linkerd.io/cluster-name": "us"},
        "annotations": {
            "multicluster.linkerd.io/trust-domain": "cluster.local",
            "multicluster.linkerd.io/cluster-domain": "cluster.local",
        },
    }
    for who in ("controller", "destination"):
        secret = inputs(graph, f"l-{who}")
        assert secret["type"] == "mirror.linkerd.io/remote-kubeconfig"
        assert isinstance(secret["data"], Secret)
    assert inputs(graph, "l-link") == {
        "apiVersion": "multicluster.linkerd.io/v1alpha3",
        "kind": "Link",
        "metadata": {
            "name": "us",
            "namespace": "linkerd-multicluster",
            "annotations": {"meshwright.dev/credentials": "5d060abdde881925"},
        },
        "spec": {
            "targetClusterName": "us",
            "targetClusterDomain": "cluster.local",
            "targetClusterLinkerdNamespace": "linkerd",
            "clusterCredentialsSecret": "cluster-credentials-us",
            "selector": {"matchLabels": {"mirror.linkerd.io/exported": "true"}},
            "gatewayAddress": "10.1.2.3,10.1.2.4",
            "gatewayIdentity": "gateway.example",
            "gatewayPort": "4143",
            "probeSpec": {"path": "/ready", "port": "4191", "period": "3s"},
        },
    }
    assert names(find(graph, "l-link").dependencies) == {"l-controller", "l-destination"}
    assert "kubeconfig" not in inputs(graph, "l")


def test_a_link_from_pod_to_pod_has_no_gateway() -> None:
    wanted: Any = {
        "cluster": "us",
        "kubeconfig": KUBECONFIG,
        "bundles": {"here": anchor().pem, "there": anchor().pem},
        "modes": ["flat", "federated"],
    }
    spec = inputs(with_provider(lambda opts: LinkerdLink("l", wanted, opts)), "l-link")["spec"]
    assert spec["remoteDiscoverySelector"] == {"matchLabels": {"mirror.linkerd.io/exported": "remote-discovery"}}
    assert spec["federatedServiceSelector"] == {"matchLabels": {"mirror.linkerd.io/federated": "member"}}
    assert not {"selector", "gatewayAddress", "probeSpec"} & spec.keys()


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (
            {"modes": []},
            "LinkerdLink l: a Link of no mode mirrors nothing; one or more of: hierarchical, flat, federated",
        ),
        ({"modes": ["star"]}, "LinkerdLink l: the mode 'star' is unknown; one of: hierarchical, flat, federated"),
    ],
)
def test_modes_that_a_link_refuses(more: dict[str, Any], line: str) -> None:
    with pytest.raises(ComponentError) as error:
        link(**more)
    assert line_of(error) == f"{line} (MW-E217)"


def test_hierarchical_needs_a_gateway() -> None:
    wanted: Any = {
        "cluster": "us",
        "kubeconfig": KUBECONFIG,
        "bundles": {"here": anchor().pem, "there": anchor().pem},
        "modes": ["hierarchical"],
    }
    with pytest.raises(ComponentError) as error:
        with_provider(lambda opts: LinkerdLink("l", wanted, opts))
    assert line_of(error) == (
        "LinkerdLink l: hierarchical takes the other cluster's gateway, and there is none; "
        "give its addresses and identity in gateway, or use the mode flat (MW-E217)"
    )


def test_no_link_between_clusters_that_do_not_believe_each_other() -> None:
    with pytest.raises(ComponentError, match=r"no anchor is in both bundles.*MW-E216"):
        link(bundles={"here": anchor().pem, "there": anchor("2027").pem})


def test_bundles_that_are_outputs_are_compared_once_they_are_known() -> None:
    def program(opts: pulumi.ResourceOptions) -> None:
        there = pulumi.Output.from_input(anchor("2027").pem)
        wanted: Any = {
            "cluster": "us",
            "kubeconfig": KUBECONFIG,
            "bundles": {"here": anchor().pem, "there": there},
            "modes": ["flat"],
        }
        LinkerdLink("l", wanted, opts)

    with pytest.raises(Exception, match="no anchor is in both bundles"):
        with_provider(program)


def test_a_reader_has_a_token_of_its_own() -> None:
    wanted: Any = {"cluster": "us", "reader": "eu", "server": "https://us.example"}
    graph = with_provider(lambda opts: LinkerdReader("r", wanted, opts))
    assert inputs(graph, "r-token") == {
        "metadata": {
            "name": "linkerd-service-mirror-remote-access-eu-kubeconfig",
            "namespace": "linkerd-multicluster",
            "annotations": {"kubernetes.io/service-account.name": "linkerd-service-mirror-remote-access-eu"},
        },
        "type": "kubernetes.io/service-account-token",
        "apiVersion": "v1",
        "kind": "Secret",
    }
    bad: Any = {**wanted, "server": "us.example"}
    with pytest.raises(ComponentError) as error:
        with_provider(lambda opts: LinkerdReader("r", bad, opts))
    assert (
        line_of(error) == "LinkerdReader r: the server 'us.example' is no https address; begin with https:// (MW-E050)"
    )


def test_the_kubeconfig_has_the_token_in_clear() -> None:
    config = yaml.safe_load(kubeconfig_for("us", "https://us.example", {"ca.crt": "Q0E=", "token": "dG9r"}))
    assert config["users"] == [{"name": "us", "user": {"token": "tok"}}]
    assert config["clusters"][0]["cluster"] == {"server": "https://us.example", "certificate-authority-data": "Q0E="}


@pytest.mark.parametrize(
    ("mode", "labels"),
    [
        ("hierarchical", {"mirror.linkerd.io/exported": "true"}),
        ("flat", {"mirror.linkerd.io/exported": "remote-discovery"}),
        ("federated", {"mirror.linkerd.io/federated": "member"}),
    ],
)
def test_services_are_exported_by_their_label(mode: str, labels: dict[str, str]) -> None:
    wanted: Any = {"namespace": "catalog", "services": ["products"], "mode": mode}
    graph = with_provider(lambda opts: LinkerdExports("e", wanted, opts))
    assert inputs(graph, "e-products")["metadata"] == {"name": "products", "namespace": "catalog", "labels": labels}


def test_services_of_no_known_mode_are_not_exported() -> None:
    wanted: Any = {"namespace": "catalog", "services": ["products"], "mode": "star"}
    with pytest.raises(ComponentError, match=r"MW-E217"):
        with_provider(lambda opts: LinkerdExports("e", wanted, opts))


def test_an_anchor_that_was_signed_anew_is_the_same() -> None:
    renewed = signer("2026 anchor", key=anchor().key, last=datetime.date(2050, 1, 1)).pem
    check_together([Member("eu", anchor().pem, signs=anchor().pem), Member("us", renewed, signs=renewed)])
    assert own_anchors(renewed + anchor("2027").pem, [anchor().pem]) == anchor("2027").pem


def test_the_anchors_of_others_are_not_the_clusters_own() -> None:
    eu, us = anchor().pem, anchor("2027").pem
    assert own_anchors(eu + us, [us]) == eu
    assert own_anchors(eu + us, []) == eu + us
    assert own_anchors(eu, [eu]) == ""


def test_clusters_that_can_be_linked() -> None:
    both = anchor().pem + anchor("2027").pem
    check_together([Member("eu", both, signs=anchor().pem), Member("us", both, signs=anchor("2027").pem)])
    check_together([Member("eu"), Member("us", anchor().pem)])
    flat = [Member("eu", modes=("flat",), pod_networks=("10.1.0.0/16",))]
    check_together([*flat, Member("us", modes=("flat",), pod_networks=("10.2.0.0/16", "fd00::/64"))])
    assert check_bundles({"eu": both, "us": anchor().pem}).keys() == {"eu", "us"}


@pytest.mark.parametrize(
    ("members", "line"),
    [
        ([Member("eu"), Member("eu")], "two clusters have the name eu; give each a name of its own (MW-E216)"),
        (
            [Member("eu"), Member("us", trust_domain="us.example")],
            "eu has the trust domain cluster.local, and us has us.example; give all the same trust domain (MW-E216)",
        ),
        (
            [Member("eu", "nothing")],
            "the bundle of eu has no certificate that can be read; give its trust anchors as PEM (MW-E216)",
        ),
        (
            [Member("eu", anchor().pem + anchor("2027").pem, signs=anchor("2027").pem), Member("us", anchor().pem)],
            (
                "eu signs below an anchor that us doesn't trust; take a step of a rotation in every cluster, before any of "
                "them takes the next (MW-E216)"
            ),
        ),
        (
            [Member("eu", modes=("federated",)), Member("us")],
            (
                "pods of eu are called directly, and its pod networks are unknown; give pod_networks, routed between the "
                "clusters, or use the mode hierarchical alone (MW-E217)"
            ),
        ),
        (
            [
                Member("eu", modes=("flat",), pod_networks=("10.0.0.0/8",)),
                Member("us", modes=("flat",), pod_networks=("10.2.0.0/16",)),
            ],
            (
                "10.0.0.0/8 of eu and 10.2.0.0/16 of us overlap: addresses mean two pods; give the clusters pod networks "
                "apart, or use the mode hierarchical alone (MW-E217)"
            ),
        ),
        (
            [Member("eu", modes=("star",))],
            "eu: the mode 'star' is unknown; one of: hierarchical, flat, federated (MW-E217)",
        ),
    ],
)
def test_clusters_that_can_not_be_linked(members: list[Member], line: str) -> None:
    with pytest.raises(ComponentError) as error:
        check_together(members)
    assert line_of(error) == f"the linked clusters: {line}"


def test_the_live_bundle_is_refused_too() -> None:
    with pytest.raises(ComponentError, match=r"no anchor is in both bundles.*MW-E216"):
        check_bundles({"eu": anchor().pem, "us": anchor("2027").pem})


def test_the_live_bundle_is_read_from_its_config_map() -> None:
    def program(opts: pulumi.ResourceOptions) -> None:
        live_bundle("eu-bundle", pulumi.ResourceOptions(provider=opts.providers[0]))  # type: ignore[index]

    assert [name for _, name, _ in shape(with_provider(program))] == ["eu-bundle"]
