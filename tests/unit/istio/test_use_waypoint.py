"""UseWaypoint: labels that send traffic through a waypoint, and the ones that Istio would leave out."""

from typing import Any

import pytest

from meshwright import UseWaypoint
from meshwright.engine.graph import Graph
from meshwright.kubernetes.errors import ComponentError
from tests.unit.graphs import inputs, shape, with_provider

COMPONENT = ("meshwright:index:UseWaypoint", "shop", "test-dev")
CANARY = {"name": "next", "weight": 10.0, "istio_version": "1.31.1"}


def use(**args: Any) -> Graph:
    given: Any = {"namespace": "shop", "waypoint": "waypoint", **args}
    return with_provider(lambda opts: UseWaypoint("shop", given, opts))


def refusal(**args: Any) -> str:
    with pytest.raises(ComponentError) as error:
        use(**args)
    return str(error.value).removeprefix("UseWaypoint shop: ")


def test_a_namespace() -> None:
    graph = use()
    assert shape(graph) == [COMPONENT, ("kubernetes:core/v1:NamespacePatch", "shop-labels", "shop")]
    assert inputs(graph, "shop-labels")["metadata"] == {
        "name": "shop",
        "labels": {"istio.io/use-waypoint": "waypoint"},
    }


def test_the_waypoint_of_another_namespace() -> None:
    graph = use(waypoint_namespace="platform", allowed_namespaces=["shop"], ingress=True)
    assert inputs(graph, "shop-labels")["metadata"]["labels"] == {
        "istio.io/use-waypoint": "waypoint",
        "istio.io/use-waypoint-namespace": "platform",
        "istio.io/ingress-use-waypoint": "true",
    }
    assert use(waypoint_namespace="platform", allowed_namespaces=["*"])


def test_services_service_entries_and_pods() -> None:
    graph = use(
        services=["cart"],
        service_entries=["api"],
        deployments=["job"],
        waypoint_for="all",
        waypoint_namespace="platform",
    )
    assert shape(graph) == [
        COMPONENT,
        ("kubernetes:core/v1:ServicePatch", "shop-labels-cart", "shop"),
        ("kubernetes:networking.istio.io/v1:ServiceEntryPatch", "shop-labels-entry-api", "shop"),
        ("kubernetes:apps/v1:DeploymentPatch", "shop-labels-pods-job", "shop"),
    ]
    labels = {"istio.io/use-waypoint": "waypoint", "istio.io/use-waypoint-namespace": "platform"}
    assert inputs(graph, "shop-labels-cart")["metadata"] == {"name": "cart", "namespace": "shop", "labels": labels}
    assert inputs(graph, "shop-labels-entry-api")["metadata"] == {"name": "api", "namespace": "shop", "labels": labels}
    pods = inputs(graph, "shop-labels-pods-job")
    assert pods["metadata"] == {"name": "job", "namespace": "shop"}
    assert pods["spec"] == {"template": {"metadata": {"labels": labels}}}


def test_a_canary_takes_a_share_of_new_connections() -> None:
    assert inputs(use(canary=CANARY), "shop-labels")["metadata"] == {
        "name": "shop",
        "labels": {"istio.io/use-waypoint": "waypoint", "istio.io/use-waypoint-canary": "next"},
        "annotations": {"istio.io/use-waypoint-canary-weight": "10"},
    }
    elsewhere = inputs(use(canary=CANARY | {"namespace": "platform", "name": "waypoint"}), "shop-labels")["metadata"]
    assert elsewhere["labels"]["istio.io/use-waypoint-canary-namespace"] == "platform"


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ({"waypoint": "none"}, "the name 'none' is reserved: it means no waypoint; name the waypoint's Gateway (MW-E050)"),
        ({"namespace": "kube-system"}, "nothing in kube-system is captured; name a namespace of workloads (MW-E050)"),
        ({"waypoint_namespace": "platform", "allowed_namespaces": ["web"]}, "the waypoint in platform doesn't allow shop: its traffic would go past it; add shop to the allowed_namespaces of the waypoint (MW-E124)"),
        ({"deployments": ["job"]}, "deployments use a waypoint that is for service: traffic to their pods would go past it; let the waypoint be for workload or all, or name services (MW-E124)"),
        ({"services": ["cart"], "waypoint_for": "workload"}, "services use a waypoint that is for workload: traffic to them would go past it; let the waypoint be for service or all, or name deployments (MW-E124)"),
        ({"service_entries": ["api"], "waypoint_for": "none"}, "services use a waypoint that is for none: traffic to them would go past it; let the waypoint be for service or all, or name deployments (MW-E124)"),
        ({"canary": CANARY | {"istio_version": "1.30.7"}}, "Istio 1.30.7 knows no canary of a waypoint; upgrade to 1.31 or later, or leave the canary out (MW-E125)"),
        ({"canary": CANARY | {"name": "waypoint"}}, "the canary is the waypoint itself; name another Gateway as the canary (MW-E125)"),
        ({"canary": CANARY | {"weight": 101}}, "the canary's weight is 101: Istio leaves out the canary then; a whole number of percent from 0 to 100 (MW-E125)"),
        ({"canary": CANARY | {"weight": 0.5}}, "the canary's weight is 0.5: Istio leaves out the canary then; a whole number of percent from 0 to 100 (MW-E125)"),
        ({"canary": CANARY, "waypoint_for": "workload"}, "a canary takes traffic to services alone; leave the canary out, or let services use the waypoint (MW-E125)"),
    ],
)  # fmt: skip
def test_labels_that_istio_would_leave_out_are_refused(args: dict[str, Any], line: str) -> None:
    assert refusal(**args) == line
