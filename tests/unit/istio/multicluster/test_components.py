"""The recorded graphs of what joins clusters, and what is refused."""

import base64
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
import yaml

from meshwright import EastWestGateway, GlobalServices, IstioAmbient, RemoteReader, RemoteSecret
from meshwright.engine.graph import Graph, Secret
from meshwright.engine.record import record
from meshwright.istio.multicluster.together import Member, check_together
from meshwright.kubernetes.errors import ComponentError
from tests.unit.graphs import find, inputs, names, shape, with_provider
from tests.unit.istio.certificates.mesh import args as authority
from tests.unit.istio.certificates.mesh import intermediate, root

EU = {"mesh": "shop", "cluster": "eu", "network": "eu-net"}
US = {"mesh": "shop", "cluster": "us", "network": "us-net"}


def mesh(multicluster: Any, **more: Any) -> Graph:
    wanted: Any = {
        "version": "1.31",
        "platform": "kind",
        "certificates": {"source": "cacerts", "authority": authority()},
        "multicluster": multicluster,
        **more,
    }
    return with_provider(lambda opts: IstioAmbient("mesh", wanted, opts))


def gateway(**more: Any) -> Graph:
    wanted: Any = {"network": "eu-net", "platform": "eks", **more}
    return with_provider(lambda opts: EastWestGateway("eastwest", wanted, opts))


def service_of(graph: Graph) -> dict[str, Any]:
    return dict(yaml.safe_load(inputs(graph, "eastwest-parameters")["data"].get("service", "{}")))


def test_a_cluster_knows_its_name_and_its_network_in_both_charts() -> None:
    graph = mesh(EU)
    assert inputs(graph, "mesh-namespace")["metadata"]["labels"] == {
        "pod-security.kubernetes.io/enforce": "privileged",
        "topology.istio.io/network": "eu-net",
    }
    istiod, ztunnel = (inputs(graph, f"mesh-{short}")["values"] for short in ("istiod", "ztunnel"))
    assert (
        istiod["global"].items()
        >= {
            "meshID": "shop",
            "network": "eu-net",
            "multiCluster": {"clusterName": "eu"},
        }.items()
    )
    assert istiod["env"] == {
        "AMBIENT_ENABLE_MULTI_NETWORK": "true",
        "AMBIENT_ENABLE_MULTI_NETWORK_INGRESS": "false",
        "AMBIENT_ENABLE_BAGGAGE": "false",
    }
    assert (ztunnel["multiCluster"], ztunnel["network"]) == ({"clusterName": "eu"}, "eu-net")


def test_flags_that_are_yours_to_set() -> None:
    env = inputs(mesh({**EU, "remote_ingress": True, "baggage": True}), "mesh-istiod")["values"]["env"]
    assert env["AMBIENT_ENABLE_MULTI_NETWORK_INGRESS"] == env["AMBIENT_ENABLE_BAGGAGE"] == "true"


def test_istio_csr_knows_the_cluster_too() -> None:
    issuer = {"type": "ca", "secret": "mesh-ca"}
    certificates = {"source": "istio-csr", "istio_csr": {"issuer": issuer, "root": root().pem}}
    app = inputs(mesh(EU, certificates=certificates), "mesh-istio-csr-release")["values"]["app"]
    assert app["server"]["clusterID"] == "eu"


PRIMARY_REMOTE = (
    "primary-remote doesn't work with ambient: the east-west gateway of ambient can't show istiod to another cluster; run an "
    "istiod in each cluster: multi-primary (MW-E151)"
)
NO_ROOT = (
    "each cluster would make a root of its own, and trust no other's workloads; say in certificates where they come from, with "
    "one root for all clusters: cacerts or istio-csr (MW-E151)"
)


@pytest.mark.parametrize(
    ("multicluster", "more", "line"),
    [
        ({**EU, "topology": "primary-remote"}, {}, PRIMARY_REMOTE),
        ({**EU, "topology": "star"}, {}, "the topology 'star' is unknown; one of: multi-primary (MW-E151)"),
        (EU, {"certificates": {"source": "self-signed"}}, NO_ROOT),
        (EU, {"certificates": None}, NO_ROOT),
        (
            EU,
            {"version": "1.28.10"},
            "Istio 1.28.10 joins no clusters with ambient beyond alpha; use 1.29 or newer (MW-E151)",
        ),
    ],
)
def test_what_ambient_does_not_support_is_refused(multicluster: Any, more: dict[str, Any], line: str) -> None:
    with pytest.raises(ComponentError) as error:
        mesh(multicluster, **more)
    assert str(error.value) == f"IstioAmbient mesh: {line}"


def test_a_config_map_and_then_the_gateway() -> None:
    graph = gateway()
    assert shape(graph) == [
        ("meshwright:index:EastWestGateway", "eastwest", "test-dev"),
        ("kubernetes:core/v1:ConfigMap", "eastwest-parameters", "eastwest"),
        ("kubernetes:gateway.networking.k8s.io/v1:Gateway", "eastwest-gateway", "eastwest"),
    ]
    assert names(find(graph, "eastwest-gateway").dependencies) == {"eastwest-parameters"}
    config_map = inputs(graph, "eastwest-parameters")
    assert config_map["data"].keys() == {"deployment", "horizontalPodAutoscaler", "podDisruptionBudget"}
    assert inputs(graph, "eastwest-gateway") == {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {
            "name": "istio-eastwestgateway",
            "namespace": "istio-system",
            "labels": {"topology.istio.io/network": "eu-net"},
            "annotations": {"pulumi.com/waitFor": "condition=Programmed"},
        },
        "spec": {
            "gatewayClassName": "istio-east-west",
            "infrastructure": {
                "parametersRef": {"group": "", "kind": "ConfigMap", "name": config_map["metadata"]["name"]},
                "annotations": {
                    "service.beta.kubernetes.io/aws-load-balancer-type": "external",
                    "service.beta.kubernetes.io/aws-load-balancer-nlb-target-type": "ip",
                    "service.beta.kubernetes.io/aws-load-balancer-scheme": "internal",
                },
            },
            "listeners": [
                {
                    "name": "mesh",
                    "port": 15008,
                    "protocol": "HBONE",
                    "tls": {
                        "mode": "Terminate",
                        "options": {"gateway.istio.io/tls-terminate-mode": "ISTIO_MUTUAL"},
                    },
                }
            ],
        },
    }
    assert find(graph, "eastwest").outputs == {"name": "istio-eastwestgateway"}


def test_what_is_yours_to_set_of_the_gateway() -> None:
    graph = gateway(
        revision="prod",
        namespace="mesh-root",
        min_replicas=3,
        source_ranges=["10.20.0.0/16"],
        annotations={"service.beta.kubernetes.io/aws-load-balancer-name": "mesh"},
        overlays={"service": {"metadata": {"labels": {"a": "b"}}}},
    )
    made = inputs(graph, "eastwest-gateway")
    assert made["metadata"]["namespace"] == "mesh-root"
    assert made["metadata"]["labels"] == {"topology.istio.io/network": "eu-net", "istio.io/rev": "prod"}
    assert len(made["spec"]["infrastructure"]["annotations"]) == 4
    assert service_of(graph) == {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"loadBalancerSourceRanges": ["10.20.0.0/16"]},
    }
    scaling = yaml.safe_load(inputs(graph, "eastwest-parameters")["data"]["horizontalPodAutoscaler"])
    assert scaling["spec"]["minReplicas"] == 3


@pytest.mark.parametrize(
    "reachable",
    [
        {"platform": "gke"},
        {"platform": "aks"},
        {"platform": "kind"},
        {"platform": "generic", "annotations": {"metallb.io/address-pool": "internal"}},
        {"platform": "openshift", "source_ranges": ["10.0.0.0/8", "fd00::/8"]},
        {"platform": "k3s", "public": "the clusters share no private network"},
        {"platform": "eks", "public": "partners connect", "source_ranges": ["0.0.0.0/0"]},
    ],
)
def test_addresses_that_are_given_out(reachable: dict[str, Any]) -> None:
    annotations = inputs(gateway(**reachable), "eastwest-gateway")["spec"]["infrastructure"].get("annotations", {})
    internal = any("internal" in f"{key}{value}".lower() for key, value in annotations.items())
    assert internal == ("public" not in reachable and reachable["platform"] not in ("kind", "openshift"))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            {"platform": "generic"},
            (
                "on generic the east-west gateway may get a public address; give the annotations that make it internal, "
                "source_ranges, or in public the reason why it is open (MW-E152)"
            ),
        ),
        ({"public": " "}, "public has no reason; say why every network may connect (MW-E152)"),
        (
            {"annotations": {"service.beta.kubernetes.io/aws-load-balancer-scheme": "internet-facing"}},
            (
                "the annotation service.beta.kubernetes.io/aws-load-balancer-scheme: internet-facing gives the east-west "
                "gateway a public address; leave it out, or say in public why it is open (MW-E152)"
            ),
        ),
        (
            {"platform": "gke", "annotations": {"networking.gke.io/load-balancer-type": "external"}},
            (
                "the annotation networking.gke.io/load-balancer-type: external gives the east-west gateway a public "
                "address; leave it out, or say in public why it is open (MW-E152)"
            ),
        ),
        (
            {"source_ranges": ["0.0.0.0/0"]},
            ("0.0.0.0/0 is everybody; name the other clusters' networks, or say in public why it is open (MW-E152)"),
        ),
        ({"source_ranges": ["10.0.0.1/8"]}, "'10.0.0.1/8' is no network; write it as 10.20.0.0/16 (MW-E152)"),
        (
            {"overlays": {"pod": {}}},
            (
                "the overlay 'pod' is unknown; one of: deployment, service, serviceAccount, horizontalPodAutoscaler, "
                "podDisruptionBudget (MW-E050)"
            ),
        ),
        ({"min_replicas": 0}, "0 to 5 replicas is no range; 1 <= min_replicas <= max_replicas (MW-E050)"),
    ],
)
def test_a_gateway_that_would_be_open_is_refused(change: dict[str, Any], line: str) -> None:
    with pytest.raises(ComponentError) as error:
        gateway(**change)
    assert str(error.value) == f"EastWestGateway eastwest: {line}"


def two_clusters() -> Graph:
    """The istiod of us reads eu: two providers, one program."""

    def program() -> None:
        eu, us = (kubernetes.Provider(name, context=name) for name in ("eu", "us"))
        reader = RemoteReader(
            "eu-reader",
            {"cluster": "eu", "server": "https://eu.example:6443"},
            pulumi.ResourceOptions(providers=[eu]),
        )
        RemoteSecret(
            "eu-for-us", {"cluster": "eu", "kubeconfig": reader.kubeconfig}, pulumi.ResourceOptions(providers=[us])
        )

    return record(program)


def test_a_token_there_and_a_kubeconfig_here() -> None:
    graph = two_clusters()
    token, secret = find(graph, "eu-reader-token"), find(graph, "eu-for-us-secret")
    assert (token.provider.rsplit("::", 1)[1], secret.provider.rsplit("::", 1)[1]) == ("eu", "us")
    assert token.inputs["type"] == "kubernetes.io/service-account-token"
    assert token.inputs["metadata"] == {
        "name": "istio-reader-service-account-istio-remote-secret-token",
        "namespace": "istio-system",
        "annotations": {"kubernetes.io/service-account.name": "istio-reader-service-account"},
    }
    assert secret.inputs["metadata"] == {
        "name": "istio-remote-secret-eu",
        "namespace": "istio-system",
        "labels": {"istio/multiCluster": "true"},
        "annotations": {"networking.istio.io/cluster": "eu"},
    }
    # What the token is, nobody knows before the cluster has made it.
    assert isinstance(inputs(graph, "eu-for-us-secret-content")["data"], Secret)


def test_the_kubeconfig_is_one_and_stays_secret() -> None:
    def program(opts: pulumi.ResourceOptions) -> None:
        RemoteSecret("remote", {"cluster": "eu", "kubeconfig": "apiVersion: v1", "namespace": "mesh-root"}, opts)

    graph = with_provider(program)
    data = inputs(graph, "remote-secret-content")["data"]
    assert isinstance(data, Secret)
    assert base64.b64decode(data.value["eu"]).decode() == "apiVersion: v1"
    assert inputs(graph, "remote") == {"cluster": "eu", "namespace": "mesh-root"}


def test_the_kubeconfig_that_istiod_reads() -> None:
    from meshwright.istio.multicluster.remote import kubeconfig_for

    token = {"ca.crt": "Y2E=", "token": base64.b64encode(b"opaque").decode()}
    assert yaml.safe_load(kubeconfig_for("eu", "https://eu.example", token)) == {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "eu",
        "clusters": [{"name": "eu", "cluster": {"server": "https://eu.example", "certificate-authority-data": "Y2E="}}],
        "users": [{"name": "eu", "user": {"token": "opaque"}}],
        "contexts": [{"name": "eu", "context": {"cluster": "eu", "user": "eu"}}],
    }


def test_a_reader_without_an_https_address_is_refused() -> None:
    with pytest.raises(ComponentError) as error:
        with_provider(lambda opts: RemoteReader("eu", {"cluster": "eu", "server": "eu.example"}, opts))
    assert str(error.value) == (
        "RemoteReader eu: the server 'eu.example' is no https address; begin with https:// (MW-E050)"
    )


def test_global_services_and_the_waypoint_in_front_of_them() -> None:
    wanted: Any = {"namespace": "catalog", "services": ["products", "search"], "waypoints": ["waypoint"]}
    graph = with_provider(lambda opts: GlobalServices("catalog-global", wanted, opts))
    assert shape(graph)[1:] == [
        ("kubernetes:core/v1:ServicePatch", "catalog-global-products", "catalog-global"),
        ("kubernetes:core/v1:ServicePatch", "catalog-global-search", "catalog-global"),
        (
            "kubernetes:gateway.networking.k8s.io/v1:GatewayPatch",
            "catalog-global-waypoint-waypoint",
            "catalog-global",
        ),
    ]
    for name in ("products", "search", "waypoint-waypoint"):
        metadata = inputs(graph, f"catalog-global-{name}")["metadata"]
        assert metadata["labels"] == {"istio.io/global": "true"}
        assert metadata["namespace"] == "catalog"


@pytest.mark.parametrize("component", [EastWestGateway, RemoteReader, RemoteSecret, GlobalServices])
def test_without_a_provider_nothing_is_made(component: Any) -> None:
    with pytest.raises(ComponentError, match="MW-E051"):
        component("x", {})


def member(membership: Any, **more: Any) -> Member:
    return Member(membership, **{"root": root().pem, "waypoints": {"catalog": ("waypoint",)}, **more})


def test_clusters_that_make_one_mesh() -> None:
    check_together([member(EU), member(US)])
    check_together([member(EU), member(US, root=root("new").pem + root().pem)])


BOTH = root("new").pem + root().pem


def test_clusters_of_a_rotation_that_are_a_step_apart() -> None:
    trusts_both = member(EU, root=BOTH, signs=root().pem)
    for other in (
        member(US, root=root().pem, signs=root().pem),
        member(US, root=BOTH, signs=root("new").pem),
    ):
        check_together([trusts_both, other])
        check_together([other, trusts_both])


@pytest.mark.parametrize(
    ("ahead", "behind", "line"),
    [
        ({"root": BOTH, "signs": root("new").pem}, {}, "eu signs below a root that us doesn't trust"),
        (
            {"root": root("new").pem},
            {"root": BOTH, "signs": root().pem},
            "us signs below a root that eu doesn't trust",
        ),
    ],
)
def test_clusters_of_a_rotation_that_are_further_apart(ahead: Any, behind: Any, line: str) -> None:
    with pytest.raises(ComponentError) as error:
        check_together([member(EU, **ahead), member(US, **behind)])
    remedy = "take a step of a rotation in every cluster, before any of them takes the next"
    assert str(error.value) == f"{DIFFER}{line}; {remedy} (MW-E153)"


def test_trust_is_asked_of_every_two_clusters() -> None:
    third = {"mesh": "shop", "cluster": "ap", "network": "ap-net"}
    with pytest.raises(ComponentError, match="eu and ap trust no common root"):
        check_together([member(EU), member(US, root=BOTH), member(third, root=root("new").pem)])


DIFFER = "the clusters of the mesh: "


@pytest.mark.parametrize(
    ("other", "lines"),
    [
        (
            member({**US, "mesh": "bank"}),
            ["eu has the mesh id shop, and us has bank; give all the same mesh id"],
        ),
        (
            member(US, trust_domain="us.example"),
            ["eu has the trust domain cluster.local, and us has us.example; give all the same trust domain"],
        ),
        (
            member({**EU, "network": "us-net"}),
            ["two clusters have the cluster name eu; give each a cluster name of its own"],
        ),
        (
            member({**US, "network": "eu-net"}),
            ["two clusters have the network eu-net; give each a network of its own"],
        ),
        (
            member(US, root=root("new").pem),
            ["eu and us trust no common root; sign the intermediates of all clusters with one root"],
        ),
        (
            member(US, waypoints={"catalog": ("l7",), "shop": ("waypoint",)}),
            [
                (
                    "the waypoints of catalog are waypoint in eu and l7 in us; make waypoints of the same names in every "
                    "cluster: policies of one aren't enforced by another's"
                ),
                (
                    "the waypoints of shop are none in eu and waypoint in us; make waypoints of the same names in every "
                    "cluster: policies of one aren't enforced by another's"
                ),
            ],
        ),
    ],
)
def test_clusters_that_do_not(other: Member, lines: list[str]) -> None:
    with pytest.raises(ComponentError) as error:
        check_together([member(EU), other])
    assert str(error.value).splitlines() == [f"{DIFFER}{line} (MW-E153)" for line in lines]


def test_a_root_that_is_none_is_told_by_cluster() -> None:
    with pytest.raises(ComponentError, match=r"^us, root: root CN=old eu is not signed by itself.*MW-E146"):
        check_together([member(EU), member(US, root=intermediate().pem)])
