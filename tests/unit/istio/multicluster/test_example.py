"""The example with two clusters: what is made in which of them."""

from collections import Counter
from pathlib import Path

from meshwright.engine.graph import Secret
from meshwright.engine.policy import Verdict, evaluate
from meshwright.engine.project import load_project
from meshwright.engine.run import run_program
from meshwright.engine.stack import StackSettings
from tests.unit.graphs import find, inputs, names

EXAMPLE = Path(__file__).parents[4] / "examples" / "multicluster"
CONFIG = {"eu": "prod-eu", "us": "prod-us", "euServer": "https://eu.example", "usServer": "https://us.example"}


def test_two_clusters_become_one_mesh_in_one_program() -> None:
    project = load_project(EXAMPLE)
    config = {f"{project.name}:{key}": value for key, value in CONFIG.items()}
    settings = StackSettings("dev", config=config, secret_keys=frozenset())
    graph = run_program(project, settings)
    per_cluster = Counter(
        resource.provider.rsplit("::", 1)[1]
        for resource in graph
        if resource.type.startswith("kubernetes:") and not resource.type.startswith("kubernetes:yaml")
    )
    assert per_cluster["eu"] == per_cluster["us"] > 10
    for here, there in (("eu", "us"), ("us", "eu")):
        secret = find(graph, f"{here}-reads-{there}-secret")
        assert secret.provider.endswith(f"::{here}")
        assert secret.inputs["metadata"]["name"] == f"istio-remote-secret-{there}"
        assert isinstance(inputs(graph, f"{here}-reads-{there}-secret-content")["data"], Secret)
        token = find(graph, f"{there}-reader-token")
        assert token.provider.endswith(f"::{there}")
        # The chart base makes the account that the token is of.
        assert f"{there}-mesh-base" in names(token.dependencies)
        assert inputs(graph, f"{here}-mesh-ztunnel")["values"]["network"] == here
        gateway = inputs(graph, f"{here}-east-west-gateway")
        assert gateway["metadata"]["labels"] == {"topology.istio.io/network": here}
    report = evaluate(graph, EXAMPLE.parents[1] / "policy", config=config)
    # Each cluster is judged by itself: the network of one is not wrong for being another than the other's.
    assert [
        each.rule for each in report.findings if each.level == "mandatory" and each.verdict == Verdict.VIOLATED
    ] == []
