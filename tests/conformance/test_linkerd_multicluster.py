"""The API server takes the Links of the example strictly."""

from typing import Any

import pytest

from meshwright.engine.project import load_project
from meshwright.engine.run import run_program
from meshwright.engine.stack import StackSettings
from tests.conformance import checks
from tests.servers.cluster import Cluster
from tests.servers.kubernetes import ApiError
from tests.servers.programs import CHECKOUT
from tests.unit.graphs import inputs

CONFIG = {"eu": "prod-eu", "us": "prod-us", "euServer": "https://eu.example", "usServer": "https://us.example"}


def link() -> dict[str, Any]:
    """The Link of the cluster eu, with what its program learns once it has run."""
    project = load_project(CHECKOUT / "examples" / "linkerd_multicluster")
    config = {f"{project.name}:{key}": value for key, value in CONFIG.items()}
    graph = run_program(project, StackSettings("dev", config=config, secret_keys=frozenset()))
    found = inputs(graph, "eu-uses-us-link")
    found["metadata"] = {**found["metadata"], "annotations": {"meshwright.dev/credentials": "0123456789abcdef"}}
    found["spec"] = {**found["spec"], "gatewayAddress": "10.1.2.3"}
    return found


def test_a_link_is_taken_whole(mesh_cluster: Cluster) -> None:
    wanted = link()
    mesh_cluster.api.apply_all([*checks.namespaces([wanted]), wanted])


def test_a_link_of_a_field_that_does_not_exist_is_not(mesh_cluster: Cluster) -> None:
    wanted = link()
    wanted["spec"]["gatewayAddresses"] = "10.1.2.3"
    with pytest.raises(ApiError, match="gatewayAddresses"):
        mesh_cluster.api.apply_all([*checks.namespaces([wanted]), wanted])
