"""`--expand-charts` gets its charts where the stack says, and a real API server takes what comes of them."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from meshwright.engine.graph import Graph
from meshwright.engine.render.expand import expand
from meshwright.engine.render.formats import Tool, render_as
from tests.conformance import checks
from tests.conformance.stacks import example_stacks, graph_of
from tests.conformance.test_formats import objects_of
from tests.servers import helm
from tests.servers.cluster import Cluster
from tests.servers.process import Server, free_ports, listens
from tests.servers.programs import CHECKOUT, find_program, require_programs

PRODUCTION = next(each for each in example_stacks() if each.name == "istio-production")
CHARTS = ("base", "istiod", "cni", "ztunnel")
RELEASE = "kubernetes:helm.sh/v3:Release"


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[str]:
    """An HTTP repository that holds Istio's charts."""
    require_programs("helm")
    folder = tmp_path / "repository"
    folder.mkdir()
    for name in CHARTS:
        _helm("package", str(helm.istio_chart(name)), "--destination", str(folder))
    _helm("repo", "index", str(folder))
    (port,) = free_ports(1)
    serve = [find_program("python3"), "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(folder)]
    server = Server(serve, tmp_path / "repository.log")
    server.start()
    server.wait_until(lambda: listens(port), "the repository answers")
    yield f"http://127.0.0.1:{port}"
    server.kill()


def _helm(*arguments: str) -> None:
    subprocess.run([find_program("helm"), *arguments], capture_output=True, check=True)


def _with_charts(chart: str, repository: str = "") -> Graph:
    """The production stack with its charts from elsewhere; `chart` has a place for the chart's name."""
    graph, resources = graph_of(PRODUCTION), []
    for each in graph:
        inputs = dict(each.inputs)
        if each.type == RELEASE:
            name = str(inputs["chart"]).rpartition("/")[2]
            inputs |= {"chart": chart.format(name), "version": "1.31.0"}
            inputs |= {"repositoryOpts": {"repo": repository}} if repository else {}
        resources.append(replace(each, inputs=inputs))
    return replace(graph, resources=tuple(resources))


def test_charts_of_a_repository_and_of_a_folder_are_the_same_objects(repository: str, mesh_cluster: Cluster) -> None:
    base, program = CHECKOUT / "stacks", find_program("helm")
    fetched = expand(_with_charts("{}", repository), base, program)
    at_hand = expand(_with_charts(str(helm.istio_chart("base").parent / "{}")), base, program)
    assert not [each.name for each in fetched if each.type == RELEASE]
    for to in Tool:
        files = dict(render_as(fetched, base, to).files)
        assert files == dict(render_as(at_hand, base, to).files)
    bodies = objects_of(dict(render_as(fetched, base, Tool.FLUX).files))
    made = {(body["kind"], body["metadata"]["name"]) for body in bodies}
    assert {("Deployment", "istiod"), ("DaemonSet", "ztunnel"), ("DaemonSet", "istio-cni-node")} <= made
    of_kubernetes = [body for body in bodies if not body["apiVersion"].partition("/")[0].endswith("fluxcd.io")]
    api = mesh_cluster.api
    api.apply_all(checks.namespaces(of_kubernetes))
    assert checks.accepted(api, of_kubernetes) == []
