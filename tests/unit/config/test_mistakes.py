import pytest

from meshwright.config import load_stack, parse_config
from meshwright.errors import ConfigError
from tests.unit.config.conftest import Write
from tests.unit.config.mistakes import CASES, FILE, Case, istio, mesh


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_mistake_is_one_line_and_all_are_told(case: Case, stack_file: Write) -> None:
    path = stack_file(case.text)
    with pytest.raises(ConfigError) as refused:
        load_stack(path)
    assert tuple(str(refused.value).splitlines()) == case.lines
    assert path.read_text("utf-8") == case.text


def test_secrets_are_not_quoted(stack_file: Write) -> None:
    path = stack_file(
        istio("    password: hunter2\n    values: {istiod: hunter2}\n    adopt: {system_namespace: hunter2}\n")
    )
    with pytest.raises(ConfigError) as refused:
        load_stack(path)
    password, values, _ = str(refused.value).splitlines()
    assert "hunter2" not in password + values
    assert "mesh.values.istiod is text of 7 characters" in values


def test_values_from_pulumi_are_told_with_the_lines_of_the_file(stack_file: Write) -> None:
    path = stack_file(istio("    mtls: no\n", version="1.30"))
    given = {"kind": "istio-ambient", "version": 1.3, "cluster": {"context": "prod", "platform": "eks"}, "mtls": "no"}
    with pytest.raises(ConfigError) as refused:
        parse_config(given, None, path)
    assert str(refused.value).splitlines() == [
        f'{FILE}:4: mesh.version is the number 1.30, which arrives as 1.3; quote it: "1.30" (MW-E013)',
        f'{FILE}:6: mesh.mtls is "no"; one of: permissive, strict (MW-E014)',
    ]


def test_values_from_pulumi_are_told_without_a_file() -> None:
    with pytest.raises(ConfigError) as refused:
        parse_config({"kind": "none", "because": ["few_services"], "workload": {"pods": -1}, "environment": 1.3}, [])
    assert sorted(str(refused.value).splitlines()) == [
        "mesh.environment is 1.3; one of: production, staging, test, dev (MW-E014)",
        "mesh.workload.pods is -1; it is at least 0 (MW-E015)",
    ]


def test_a_number_where_text_belongs_without_a_file() -> None:
    with pytest.raises(ConfigError) as refused:
        parse_config({"kind": "linkerd", "version": 2.2}, [])
    assert str(refused.value) == (
        "mesh.version is the number 2.2; quote it in the stack file: unquoted, 1.30 arrives as 1.3 (MW-E013)"
    )


def test_an_unreadable_file_still_names_the_place(stack_file: Write) -> None:
    path = stack_file("a: [")
    with pytest.raises(ConfigError, match=r"^stacks/Pulumi.prod.yaml: mesh is a list; write a mapping \(MW-E012\)$"):
        parse_config([], [], path)


def test_a_value_of_a_strange_type_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"does not belong here; see `meshwright schema` \(MW-E015\)"):
        parse_config({"kind": "none", "because": ["a"], 5: "x"}, [])


def test_the_twin_of_every_kind_loads(stack_file: Write) -> None:
    for text in (
        istio(),
        mesh(
            "linkerd",
            "trust: {anchor: {name: old}, rotation: {step: both-trusted, since: 2026-11-20, previous: {step: steady}, "
            "next: {name: new}}}",
            "cert_manager: {mode: create, values: {trust_manager: {replicaCount: 3}}}",
        ),
        mesh("consul", "intentions: [{from: '*', to: a}]", "external: [{name: a, host: a.b, port: 443}]"),
        mesh("vpc-lattice", "region: eu-west-1", "network: {name: shop, vpcs: [{id: vpc-1, security_groups: [sg-1]}]}"),
        mesh("none", "because: [under_20_services, single_cloud_managed_networking]"),
    ):
        assert load_stack(stack_file(text)).mesh.kind in text
