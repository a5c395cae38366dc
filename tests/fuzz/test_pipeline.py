"""Any mesh that the config takes goes through components and rendering, and nothing is lost on the way."""

import importlib
import os
import sys
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from meshwright.config import parse_config
from meshwright.config.istio import IstioAmbientMesh
from meshwright.engine.graph import Graph
from meshwright.engine.record import record
from meshwright.engine.render import render
from meshwright.errors import MeshwrightError
from tests.conformance import checks
from tests.conformance.stacks import objects_of
from tests.servers.kubernetes import Identity, Object
from tests.servers.programs import CHECKOUT

EXAMPLES = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "15")), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
NAMES = st.from_regex(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
DAYS = st.dates(min_value=date(2026, 1, 1), max_value=date(2026, 11, 23)).map(str)
TEXT = st.text(min_size=1, max_size=12)
VALUES = st.dictionaries(TEXT, st.none() | st.booleans() | st.integers() | TEXT, max_size=3)
WAYPOINTS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"for": st.sampled_from(["service", "workload", "all"]), "reason": TEXT},
    optional={
        "ingress": st.booleans(),
        "min_replicas": st.integers(1, 4),
        "max_replicas": st.integers(4, 12),
        "allowed_namespaces": st.lists(NAMES, max_size=2, unique=True),
    },
)
NAMESPACES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"name": NAMES, "phase": st.sampled_from(["unmeshed", "permissive", "strict"])},
    optional={"since": DAYS, "adopt": st.booleans(), "services": st.lists(NAMES, max_size=2), "waypoint": WAYPOINTS},
)
CLUSTERS: st.SearchStrategy[dict[str, str]] = st.fixed_dictionaries(
    {"context": TEXT, "platform": st.sampled_from(["eks", "gke", "aks", "openshift", "k3s", "k3d", "kind", "generic"])}
)
MESHES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"kind": st.just("istio-ambient"), "version": st.sampled_from(["1.31", "1.30"]), "cluster": CLUSTERS},
    optional={
        "namespaces": st.lists(NAMESPACES, max_size=3, unique_by=lambda each: each["name"]),
        "mtls": st.sampled_from(["permissive", "strict"]),
        "revision": NAMES,
        "hub": st.just("mirror.example/istio"),
        "trust_domain": st.just("prod.example.com"),
        "istiod": st.fixed_dictionaries({"min_replicas": st.integers(1, 7)}),
        "gateway_api": st.fixed_dictionaries({"mode": st.sampled_from(["create", "skip"])}),
        "values": st.fixed_dictionaries({}, optional=dict.fromkeys(("base", "istiod", "cni", "ztunnel"), VALUES)),
    },
)


sys.path.append(str(CHECKOUT / "stacks"))  # as Python does for the program that Pulumi starts there
DEPLOY = importlib.import_module("istio_ambient").deploy


def graph_of(mesh: dict[str, Any]) -> Graph | None:
    """The mesh's resources; `None` where the config or a component refuses it, as a mistake of the user's."""
    try:
        config = parse_config(mesh, [])
        assert isinstance(config.mesh, IstioAmbientMesh)
        return record(lambda: DEPLOY(config.mesh))
    except MeshwrightError:
        return None


@EXAMPLES
@example({"kind": "istio-ambient", "version": "1.31", "cluster": {"context": "c", "platform": "kind"}})
@given(MESHES)
def test_what_is_taken_is_rendered_whole(mesh: dict[str, Any]) -> None:
    graph = graph_of(mesh)
    assume(graph is not None)
    assert graph
    rendering = render(graph, Path.cwd())
    assert rendering == render(graph, Path.cwd())
    rendered: dict[Identity, list[Object]] = {}
    for _, body in objects_of(rendering):
        rendered.setdefault(Identity.of(body), []).append(body)
    for resource in graph:
        if "apiVersion" in resource.inputs and resource.custom:
            assert dict(resource.inputs) in rendered[Identity.of(dict(resource.inputs))]
    bodies = [body for same in rendered.values() for body in same]
    assert checks.labelled(bodies) + checks.connected(bodies) == []


@EXAMPLES
@given(MESHES)
def test_values_reach_their_charts_as_they_are(mesh: dict[str, Any]) -> None:
    graph = graph_of(mesh)
    assume(graph is not None)
    assert graph
    for path, content in render(graph, Path.cwd()).files.items():
        if path.endswith(".values.yaml"):
            (release,) = [each for each in graph.of_type("kubernetes:helm.sh/v3:Release") if _file(each.inputs) in path]
            assert yaml.safe_load(content) == _without_nulls(dict(release.inputs["values"]))


def _file(inputs: Any) -> str:
    return f"{inputs['namespace']}.{inputs['name']}.values.yaml"


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(below) for key, below in value.items() if below is not None}
    return value
