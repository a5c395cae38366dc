"""examples/consul_hybrid, run as Pulumi runs it: what is on machines and in ECS logs in as itself."""

from pathlib import Path

from meshwright.engine.project import load_project
from meshwright.engine.run import run_program
from meshwright.engine.stack import load_stack_settings
from tests.unit.graphs import inputs

ROOT = Path(__file__).parents[4] / "examples" / "consul_hybrid"


def test_machines_and_tasks_have_the_identities_that_let_them_in() -> None:
    project = load_project(ROOT)
    graph = run_program(project, load_stack_settings(project, "dev"))
    (machine,) = [each for each in graph if each.type == "aws:ec2/instance:Instance"]
    text = str(machine.inputs["userData"])
    assert text.startswith("#cloud-config\n")
    assert "-method=aws" in text
    assert inputs(graph, "login-method")["type"] == "aws-iam"
    bound = {each.inputs["description"] for each in graph if each.type == "consul:index/aclBindingRule:AclBindingRule"}
    assert bound == {"ledger by who it is", "invoices by who it is"}
    (node,) = [each for each in graph if each.type == "consul:index/node:Node"]
    assert node.inputs["meta"] == {"synthetic-node": "true"}
