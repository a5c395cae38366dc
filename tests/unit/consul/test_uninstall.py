"""What keeps a destroy of Consul from ending, from the answers of an API server."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from meshwright.cli import main
from meshwright.consul.uninstall import Held, leftovers
from meshwright.kubernetes.reading import ReadError

FINALIZER = "finalizers.consul.hashicorp.com"
CONSUL = "/apis/consul.hashicorp.com/v1alpha1"
GATEWAYS = "/apis/gateway.networking.k8s.io/v1"
CLAIMS = "/api/v1/namespaces/consul/persistentvolumeclaims"
INJECTOR = "/apis/apps/v1/namespaces/consul/deployments/consul-connect-injector"
KINDS = ("meshes", "servicedefaults", "servicedefaults/status", "serviceintentions", "registrations")


def entry(name: str, namespace: str = "", manager: str = "kubectl", finalizer: str = FINALIZER) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "managedFields": [{"manager": "controller"}, {"manager": manager}]}
    if namespace:
        metadata["namespace"] = namespace
    if finalizer:
        metadata["finalizers"] = [finalizer]
    return {"metadata": metadata}


class Reader:
    """An API server with Consul's kinds and the Gateway API's, of which there is no object but those given."""

    def __init__(self, lists: dict[str, list[dict[str, Any]]], ready: int = 3, forbidden: tuple[str, ...] = ()) -> None:
        self._lists = lists
        self._forbidden = forbidden
        self._answers: dict[str, Any] = {
            "/apis/consul.hashicorp.com": {"preferredVersion": {"groupVersion": "consul.hashicorp.com/v1alpha1"}},
            CONSUL: {"resources": [{"name": name} for name in KINDS]},
            "/apis/gateway.networking.k8s.io": {"preferredVersion": {"groupVersion": "gateway.networking.k8s.io/v1"}},
            GATEWAYS: {"resources": [{"name": "gateways"}, {"name": "gatewayclasses"}]},
            INJECTOR: {"status": {"readyReplicas": ready}} if ready else {},
        }

    def get(self, path: str) -> Any:
        self._check(path)
        if path not in self._answers:
            raise ReadError(404, "not found")
        return self._answers[path]

    def list(self, path: str, accept: str) -> list[dict[str, Any]]:
        assert accept.startswith("application/json;as=PartialObjectMetadataList")
        self._check(path)
        return self._lists.get(path, [])

    def _check(self, path: str) -> None:
        if path in self._forbidden:
            raise ReadError(403, "forbidden")


HELD = {
    f"{CONSUL}/meshes": [entry("mesh")],
    f"{CONSUL}/servicedefaults": [
        entry("web", "shop"),
        entry("api", "shop", manager="pulumi-kubernetes-1234"),
        entry("free", "shop", finalizer="example.com/other"),
        entry("old", "shop", finalizer=""),
    ],
    f"{CONSUL}/serviceintentions": [entry("web", "shop")],
    f"{CONSUL}/registrations": [entry("db", "shop", finalizer="registration.finalizers.consul.hashicorp.com")],
    f"{GATEWAYS}/gateways": [entry("in", "edge", finalizer="gateway-finalizer.consul.hashicorp.com")],
    f"{GATEWAYS}/gatewayclasses": [entry("consul", finalizer="gateway-exists-finalizer.consul.hashicorp.com")],
    CLAIMS: [entry("data-consul-consul-server-0", "consul"), entry("other", "consul")],
}


def test_what_nobody_else_deletes_in_the_order_in_which_consul_lets_it_go() -> None:
    found = leftovers(Reader(HELD))  # type: ignore[arg-type]
    assert found.held == (
        Held("gateways.gateway.networking.k8s.io", "edge", "in"),
        Held("serviceintentions.consul.hashicorp.com", "shop", "web"),
        Held("registrations.consul.hashicorp.com", "shop", "db"),
        Held("servicedefaults.consul.hashicorp.com", "shop", "web"),
        Held("meshes.consul.hashicorp.com", "", "mesh"),
    )
    assert found.held[0].command == "kubectl delete gateways.gateway.networking.k8s.io in --namespace edge"
    assert found.held[-1].command == "kubectl delete meshes.consul.hashicorp.com mesh"
    assert found.claims == ("data-consul-consul-server-0",)
    assert (found.injectors, found.gaps) == (3, ())


def test_what_may_not_be_read_is_told() -> None:
    reader = Reader({}, ready=0, forbidden=(f"{CONSUL}/meshes", INJECTOR, "/apis/gateway.networking.k8s.io"))
    found = leftovers(reader)  # type: ignore[arg-type]
    assert (found.held, found.injectors) == ((), 0)
    assert found.gaps == (
        "meshes: forbidden",
        "gateway.networking.k8s.io: forbidden",
        "consul-connect-injector: forbidden",
    )


def test_a_cluster_without_consul_has_nothing_in_the_way() -> None:
    reader = Reader({})
    reader._answers = {}
    found = leftovers(reader)  # type: ignore[arg-type]
    assert (found.held, found.injectors, found.claims, found.gaps) == ((), 0, (), ())


@pytest.mark.parametrize(
    ("reader", "status", "said"),
    [
        (Reader({}), 0, ["nothing is in the way of `pulumi destroy`"]),
        (
            Reader(HELD, ready=0),
            1,
            [
                "before `pulumi destroy`: 5 objects that only Consul's injector lets go",
                "  kubectl delete servicedefaults.consul.hashicorp.com web --namespace shop",
                "no injector is ready, and nobody takes their finalizers off: bring it back first",
                "1 volume of servers: data-consul-consul-server-0",
            ],
        ),
        (Reader(HELD), 1, ["  kubectl delete meshes.consul.hashicorp.com mesh\n· 1 volume"]),
        (Reader({}, forbidden=(CLAIMS,)), 3, ["can't be told: persistentvolumeclaims: forbidden"]),
    ],
)
def test_the_command_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], reader: Reader, status: int, said: list[str]
) -> None:
    opened(monkeypatch, reader)
    assert main(["consul", "uninstall", "--context", "prod"]) == status
    printed = capsys.readouterr().out
    for text in said:
        assert text in printed


def test_the_command_as_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    opened(monkeypatch, Reader(HELD))
    assert main(["consul", "uninstall", "--kubeconfig", "config", "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["command"] == "consul uninstall"
    assert said["held"][0] == {"resource": "gateways.gateway.networking.k8s.io", "namespace": "edge", "name": "in"}
    assert said["injectors"] == 3


def test_no_cluster_is_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["consul", "uninstall"]) == 2
    assert "no cluster is named; add --context or --kubeconfig (MW-E096)" in capsys.readouterr().err


def opened(monkeypatch: pytest.MonkeyPatch, reader: Reader) -> None:
    @contextmanager
    def open_cluster(context: str | None, kubeconfig: str | None) -> Iterator[Reader]:
        assert (context, kubeconfig) in (("prod", None), (None, "config"))
        yield reader

    monkeypatch.setattr("meshwright.kubernetes.reading.open_cluster", open_cluster)
