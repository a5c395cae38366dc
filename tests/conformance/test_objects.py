"""What `meshwright render` writes, a real API server takes: nothing unknown, nothing dropped, and nothing left over."""

from copy import deepcopy

import pytest

from tests.conformance import checks
from tests.conformance.stacks import Stack, example_stacks, manager_of, objects_of, rendering_of
from tests.servers.cluster import Cluster
from tests.servers.kubernetes import Api, Identity, Object

STACKS = pytest.mark.parametrize("stack", example_stacks(), ids=str)


def deploy(api: Api, stack: Stack) -> dict[Identity, Object]:
    """Apply a stack's files in order, patches as its report says; the objects as stored in the end."""
    rendering = rendering_of(stack)
    for path, body in objects_of(rendering):
        api.apply(body, manager=manager_of(rendering, path))
    return {Identity.of(body): api.get(Identity.of(body)) or {} for _, body in objects_of(rendering)}


@STACKS
def test_every_object_is_taken_whole_and_applied_twice_without_a_change(mesh_cluster: Cluster, stack: Stack) -> None:
    before = mesh_cluster.made()
    bodies = [body for _, body in objects_of(rendering_of(stack))]
    of_others = [*checks.namespaces(bodies), *checks.services(bodies), *checks.accounts(bodies)]
    adopted = mesh_cluster.api.apply_all(of_others)
    first = deploy(mesh_cluster.api, stack)
    for body in bodies:
        assert checks.lost(body, first[Identity.of(body)]) == [], Identity.of(body)
    second = deploy(mesh_cluster.api, stack)
    assert _without_version(second) == _without_version(first)
    # The API server writes a CRD's default status at the second apply: the third is the one that finds nothing to do.
    assert deploy(mesh_cluster.api, stack) == second
    mesh_cluster.api.delete_all({*first, *map(Identity.of, adopted)})
    assert mesh_cluster.made() == before


def _without_version(objects: dict[Identity, Object]) -> dict[Identity, Object]:
    bodies = deepcopy(objects)
    for body in bodies.values():
        del body["metadata"]["resourceVersion"]
    return bodies


@STACKS
def test_labels_and_references_lead_somewhere(stack: Stack) -> None:
    bodies = [body for _, body in objects_of(rendering_of(stack))]
    assert checks.labelled(bodies) + checks.connected(bodies) == []
