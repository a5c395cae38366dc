"""The recorded graph of MeshWideMtls."""

import pulumi
import pytest

from meshwright import MeshWideMtls
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


def test_disable_is_refused() -> None:
    with pytest.raises(ComponentError) as error:
        with_provider(lambda opts: MeshWideMtls("all", {"mode": "DISABLE", "phases": {}}, opts))
    assert str(error.value) == "MeshWideMtls all: the mode 'DISABLE' is unknown; one of: PERMISSIVE, STRICT (MW-E050)"
