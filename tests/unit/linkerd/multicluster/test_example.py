"""The example with two clusters: what is made in which of them."""

from pathlib import Path

from meshwright.engine.graph import Secret
from meshwright.engine.policy import Verdict, evaluate
from meshwright.engine.project import load_project
from meshwright.engine.run import run_program
from meshwright.engine.stack import StackSettings
from tests.unit.graphs import find, inputs, names

EXAMPLE = Path(__file__).parents[4] / "examples" / "linkerd_multicluster"
CONFIG = {"eu": "prod-eu", "us": "prod-us", "euServer": "https://eu.example", "usServer": "https://us.example"}


def test_two_clusters_are_linked_in_one_program() -> None:
    project = load_project(EXAMPLE)
    config = {f"{project.name}:{key}": value for key, value in CONFIG.items()}
    graph = run_program(project, StackSettings("dev", config=config, secret_keys=frozenset()))
    for here, there in (("eu", "us"), ("us", "eu")):
        for who, namespace in (("controller", "linkerd-multicluster"), ("destination", "linkerd")):
            secret = find(graph, f"{here}-uses-{there}-{who}")
            assert secret.provider.endswith(f"::{here}")
            assert secret.inputs["metadata"]["name"] == f"cluster-credentials-{there}"
            assert secret.inputs["metadata"]["namespace"] == namespace
            assert isinstance(secret.inputs["data"], Secret)
        link = find(graph, f"{here}-uses-{there}-link")
        assert link.provider.endswith(f"::{here}")
        assert {f"{here}-uses-{there}-controller", f"{here}-multicluster-release"} <= names(link.dependencies)
        token = find(graph, f"{there}-reader-token")
        assert token.provider.endswith(f"::{there}")
        assert f"{there}-multicluster-release" in names(token.dependencies)
        values = inputs(graph, f"{here}-multicluster-release")["values"]
        assert values["controllers"] == [{"link": {"ref": {"name": there}}}]
        networks = {"eu": "10.20.0.0/16", "us": "10.40.0.0/16"}
        assert values["gateway"]["loadBalancerSourceRanges"] == [networks[there]]
    report = evaluate(graph, EXAMPLE.parents[1] / "policy", config=config)
    assert [
        each.rule for each in report.findings if each.level == "mandatory" and each.verdict == Verdict.VIOLATED
    ] == []
