"""The recorded graphs of MeshWideMtls and WorkloadMtls."""

from typing import Any

import pulumi
import pytest

from meshwright import MeshWideMtls, WorkloadMtls
from meshwright.engine.graph import Graph
from meshwright.istio.mtls import MeshWideMtlsArgs
from meshwright.kubernetes.errors import ComponentError
from tests.unit.graphs import inputs, shape, with_provider


def test_one_peer_authentication_in_the_root_namespace() -> None:
    args: MeshWideMtlsArgs = {"mode": "STRICT", "phases": {"shop": "strict"}}
    graph = with_provider(lambda opts: MeshWideMtls("all", args, opts))
    assert shape(graph) == [
        ("meshwright:index:MeshWideMtls", "all", "test-dev"),
        ("kubernetes:security.istio.io/v1:PeerAuthentication", "all-peer-authentication", "all"),
    ]
    assert inputs(graph, "all") == args
    assert inputs(graph, "all-peer-authentication") == {
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": {"name": "default", "namespace": "istio-system"},
        "spec": {"mtls": {"mode": "STRICT"}},
    }


def test_another_root_namespace() -> None:
    def program(opts: pulumi.ResourceOptions) -> None:
        root = pulumi.Output.from_input("mesh-root")
        MeshWideMtls("all", {"mode": "PERMISSIVE", "phases": {}, "root_namespace": root}, opts)

    assert inputs(with_provider(program), "all-peer-authentication")["metadata"]["namespace"] == "mesh-root"


def test_disable_is_refused_with_the_reason() -> None:
    with pytest.raises(ComponentError) as error:
        with_provider(lambda opts: MeshWideMtls("all", {"mode": "DISABLE", "phases": {}}, opts))
    assert str(error.value) == (
        "MeshWideMtls all: ambient ignores the mode DISABLE, and calls from ambient to sidecars break on it; "
        "PERMISSIVE takes plaintext too; a namespace that is unmeshed has no mutual TLS at all (MW-E128)"
    )
    with pytest.raises(ComponentError, match=r"the mode 'STRIKT' is unknown; one of: PERMISSIVE, STRICT \(MW-E050\)"):
        with_provider(lambda opts: MeshWideMtls("all", {"mode": "STRIKT", "phases": {}}, opts))


def workload(**args: Any) -> Graph:
    given: Any = {"namespace": "shop", "workloads": {"app": "cart"}, **args}
    return with_provider(lambda opts: WorkloadMtls("metrics", given, opts))


def test_some_pods_and_single_ports_differ() -> None:
    graph = workload(mode="STRICT", ports={"9090": "PERMISSIVE"})
    assert shape(graph) == [
        ("meshwright:index:WorkloadMtls", "metrics", "test-dev"),
        ("kubernetes:security.istio.io/v1:PeerAuthentication", "metrics-peer-authentication", "metrics"),
    ]
    made = inputs(graph, "metrics-peer-authentication")
    assert made["metadata"] == {"name": "metrics", "namespace": "shop"}
    assert made["spec"] == {
        "selector": {"matchLabels": {"app": "cart"}},
        "mtls": {"mode": "STRICT"},
        "portLevelMtls": {"9090": {"mode": "PERMISSIVE"}},
    }
    assert inputs(workload(mode="PERMISSIVE"), "metrics-peer-authentication")["spec"].keys() == {"selector", "mtls"}
    assert "mtls" not in inputs(workload(ports={"1": "STRICT"}), "metrics-peer-authentication")["spec"]


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ({}, "it has neither a mode nor ports; give one of the two (MW-E050)"),
        ({"mode": "STRICT", "workloads": {}}, "it selects no pods: it would be for the namespace, which has one already; give the labels of the pods (MW-E050)"),
        ({"mode": "STRICT", "namespace": "istio-system"}, "ambient ignores a PeerAuthentication with a selector in istio-system; name the namespace of the pods (MW-E050)"),
        ({"ports": {"http": "STRICT"}}, "'http' is no port; a number from 1 to 65535 (MW-E050)"),
        ({"ports": {"80": "OFF"}}, "the mode 'OFF' is unknown; one of: PERMISSIVE, STRICT (MW-E050)"),
    ],
)  # fmt: skip
def test_an_exception_that_cannot_work_is_refused(args: dict[str, Any], line: str) -> None:
    with pytest.raises(ComponentError) as error:
        workload(**args)
    assert str(error.value) == f"WorkloadMtls metrics: {line}"
