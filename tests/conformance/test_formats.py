"""What `meshwright render --format` writes for Flux, Argo CD and helmfile, a real API server takes whole."""

import pytest
import yaml

from meshwright.engine.render.formats import Tool, render_as
from tests.conformance import checks
from tests.conformance.stacks import Stack, example_stacks, graph_of
from tests.servers.cluster import Cluster
from tests.servers.kubernetes import Identity, Object, manifests
from tests.servers.programs import CHECKOUT, data_file

CRDS = (
    "argo-cd-3.5.1.yaml",
    "flux-helm-controller-1.6.3.yaml",
    "flux-kustomize-controller-1.9.4.yaml",
    "flux-source-controller-1.9.1.yaml",
)
FORMATS = pytest.mark.parametrize("to", list(Tool), ids=str)
STACKS = pytest.mark.parametrize("stack", example_stacks(), ids=str)
_FOR_OTHER_TOOLS = ("kustomization.yaml", "Chart.yaml", "helmfile.yaml", ".values.yaml", "templates/objects.yaml")


def files_of(stack: Stack, to: Tool) -> dict[str, bytes]:
    base = stack.project / ("stacks" if stack.project == CHECKOUT else "")
    return dict(render_as(graph_of(stack), base, to).files)


def objects_of(files: dict[str, bytes]) -> list[Object]:
    """The Kubernetes objects among the files; what helmfile, Helm and kustomize read themselves is none."""
    return [
        each
        for path, content in files.items()
        if path.endswith(".yaml") and not path.endswith(_FOR_OTHER_TOOLS)
        for each in yaml.safe_load_all(content)
        if each
    ]


def test_every_object_is_taken_whole(mesh_cluster: Cluster) -> None:
    """By a dry run on the server: a stored object of these kinds would wait for a controller to let it go."""
    api = mesh_cluster.api
    theirs = api.apply_all(manifests(*(data_file("crds", name) for name in CRDS)))
    findings = []
    for stack in filter(_has_objects, example_stacks()):
        for to in Tool:
            bodies = objects_of(files_of(stack, to))
            assert bodies, (stack, to)
            api.apply_all(checks.namespaces(bodies))
            for each in checks.services(bodies):
                api.apply(each, manager="application")  # under our name, an apply without ports would take them away
            findings += [f"{stack}, {to}: {finding}" for finding in checks.accepted(api, bodies)]
    api.delete_all(map(Identity.of, theirs))
    assert findings == []


def _has_objects(stack: Stack) -> bool:
    """Not so where the kind of mesh isn't deployed yet, or the program is for machines alone."""
    try:
        return any(each.type.startswith("kubernetes:") for each in graph_of(stack))
    except pytest.skip.Exception:
        return False


@FORMATS
@STACKS
def test_a_second_rendering_is_the_same_to_the_byte(stack: Stack, to: Tool) -> None:
    assert files_of(stack, to) == files_of(stack, to)
