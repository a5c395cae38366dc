"""The recorded graph of Linkerd's control plane: what is registered, in which order, with which values."""

from typing import Any

import pytest

from meshwright import Linkerd, LinkerdCni, LinkerdSystemNamespace, LinkerdViz
from meshwright.engine.graph import Graph
from meshwright.kubernetes.errors import ComponentError
from tests.unit.graphs import find, inputs, names, with_provider


def mesh(**args: Any) -> Graph:
    return with_provider(lambda opts: Linkerd("mesh", {"platform": "kind", **args}, opts))  # type: ignore[typeddict-item]


def values(graph: Graph, name: str = "mesh-control-plane") -> dict[str, Any]:
    found: dict[str, Any] = inputs(graph, name)["values"]
    return found


def test_certificates_come_before_the_charts() -> None:
    graph = mesh(version="edge-26.8.3")
    assert inputs(graph, "mesh-crds")["version"] == "2026.8.3"
    assert inputs(graph, "mesh-crds")["values"] == {"installGatewayAPI": False}
    assert "mesh-webhooks" in names(find(graph, "mesh-crds").dependencies)
    assert names(find(graph, "mesh-control-plane").dependencies) >= {"mesh-crds"}
    assert (
        inputs(graph, "mesh-webhooks-linkerd-proxy-injector")["spec"]["secretName"] == "linkerd-proxy-injector-k8s-tls"
    )


def test_nothing_is_made_by_the_chart_at_render_time() -> None:
    given = values(mesh())
    assert given["heartbeatSchedule"] == "20 4 * * *"
    assert given["identity"] == {"externalCA": True, "issuer": {"scheme": "kubernetes.io/tls"}}
    for key, service in (("proxyInjector", "proxy-injector"), ("profileValidator", "sp-validator")):
        assert given[key] == {"externalSecret": True, "injectCaFrom": f"linkerd/linkerd-{service}"}


def test_webhooks_fail_closed_only_where_the_nodes_are_known() -> None:
    assert values(mesh())["webhookFailurePolicy"] == "Ignore"
    assert values(mesh(nodes=3))["webhookFailurePolicy"] == "Fail"
    assert values(mesh(nodes=1, high_availability=False))["webhookFailurePolicy"] == "Ignore"


def test_opaque_ports_are_appended() -> None:
    assert values(mesh(opaque_ports=[4222]))["proxy"]["opaquePorts"] == "25,587,3306,4222,4444,5432,6379,9300,11211"


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ({"nodes": 2}, "MW-E180"),
        ({"channel": "stable"}, "MW-E181"),
        ({"charts": {"source": "mirror", "address": "https://helm.linkerd.io/stable"}}, "MW-E181"),
        ({"channel": "enterprise"}, "MW-E182"),
        ({"licence": "key"}, "MW-E182"),
        ({"platform": "moon"}, "MW-E050"),
        ({"heartbeat": "daily"}, "MW-E050"),
        ({"cluster_networks": ["10.0.0.0/33"]}, "MW-E050"),
        ({"kubernetes_version": "1.25"}, "MW-E056"),
    ],
)
def test_what_cannot_work_is_refused(args: dict[str, Any], code: str) -> None:
    with pytest.raises(ComponentError, match=code):
        mesh(**args)


def test_the_licence_is_a_secret_for_the_enterprise_charts() -> None:
    graph = mesh(channel="enterprise", licence="the-key")
    assert inputs(graph, "mesh-crds")["chart"] == "linkerd-enterprise-crds"
    assert "the-key" not in repr(graph)


def test_the_enterprise_channel_has_no_viz() -> None:
    with pytest.raises(ComponentError, match="MW-E183"):
        with_provider(lambda opts: LinkerdViz("viz", {"platform": "eks", "channel": "enterprise"}, opts))


def test_the_namespace_has_what_the_chart_leaves_out() -> None:
    graph = with_provider(lambda opts: LinkerdSystemNamespace("linkerd", {"cni": True}, opts))
    found = [each for each in graph.resources if each.type == "kubernetes:core/v1:Namespace"]
    assert len(found) == 1


def test_the_plugin_repairs_and_lies_where_the_platform_has_it() -> None:
    graph = with_provider(lambda opts: LinkerdCni("cni", {"platform": "gke"}, opts))
    given = values(graph, "cni-plugin")
    assert given["repairController"] == {"enabled": True}
    assert given["priorityClassName"] == "system-node-critical"
    assert given["destCNIBinDir"] == "/home/kubernetes/bin"
