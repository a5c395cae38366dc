"""Charts take the values that we give them: each is known, each has an effect, and what comes out is accepted."""

import pytest

from tests.conformance import chart_checks, checks
from tests.conformance.stacks import Release, Stack, example_stacks, releases_of, rendering_of
from tests.servers import helm
from tests.servers.cluster import Cluster
from tests.servers.kubernetes import Identity, Object
from tests.servers.programs import require_programs

STACKS = pytest.mark.parametrize("stack", example_stacks(), ids=str)
PRODUCTION = next(each for each in example_stacks() if each.name == "istio-production")
KEPT = "helm.sh/resource-policy"


@STACKS
def test_every_value_is_known_to_its_chart(stack: Stack) -> None:
    releases = releases_of(rendering_of(stack))
    assert [finding for release in releases for finding in chart_checks.unknown(release)] == []


@STACKS
def test_every_value_has_an_effect(stack: Stack) -> None:
    require_programs("helm")
    releases = releases_of(rendering_of(stack))
    assert [finding for release in releases for finding in chart_checks.without_effect(release)] == []


@pytest.mark.parametrize(
    "stack", [each for each in example_stacks() if each.name.startswith(("linkerd", "consul"))], ids=str
)
def test_charts_render_the_same_twice(stack: Stack) -> None:
    """Left to themselves Linkerd's make new certificates and a new schedule each time, which shows as a change for ever."""
    require_programs("helm")
    releases = releases_of(rendering_of(stack))
    first, second = ([_rendered(release) for release in releases] for _ in range(2))
    assert first == second


def _rendered(release: Release) -> str:
    return helm.template(helm.chart(release.chart), release.name, release.namespace, release.values)


def _objects(release: Release) -> list[Object]:
    chart = helm.istio_chart(release.chart)
    return helm.objects(helm.template(chart, release.name, release.namespace, release.values, crds=True))


def test_charts_are_accepted_whole_run_and_leave_nothing_but_crds(clean_cluster: Cluster) -> None:
    require_programs("helm")
    api = clean_cluster.api
    releases = releases_of(rendering_of(PRODUCTION))
    namespaces = api.apply_all(checks.namespaces([{"kind": "", "metadata": {"namespace": "istio-system"}}]))
    by_release = [_objects(release) for release in releases]
    first = [applied for bodies in by_release for applied in api.apply_all(bodies)]
    for body, stored in zip([body for bodies in by_release for body in bodies], first, strict=True):
        assert checks.lost(body, stored) == [], Identity.of(body)
    api.wait(lambda: len(_ready(clean_cluster, "Deployment", "readyReplicas", 3)) == 1, "three istiods run")
    api.wait(
        lambda: len(_ready(clean_cluster, "DaemonSet", "numberReady", 3)) == 2, "an agent of each kind on each node"
    )
    (budget,) = api.list("policy/v1", "PodDisruptionBudget")
    api.wait(lambda: (api.get(Identity.of(budget)) or {})["status"]["expectedPods"] == 3, "the budget is for istiod")
    api.delete_all([*map(Identity.of, first), *map(Identity.of, namespaces)])
    # Helm keeps what says so; here it is deleted, as `kubectl delete -f` would, and must be nothing but CRDs.
    assert {body["kind"] for body in first if KEPT in body["metadata"].get("annotations", {})} == {
        "CustomResourceDefinition"
    }
    assert clean_cluster.made() == frozenset()


def _ready(cluster: Cluster, kind: str, field: str, count: int) -> list[Object]:
    """The Deployments or DaemonSets whose status has this count."""
    return [each for each in cluster.api.list("apps/v1", kind) if each.get("status", {}).get(field) == count]
