"""ConsulLogin: who may be which service, and no other."""

import json
from typing import Any

import pulumi
import pytest

from meshwright import ConsulLogin
from meshwright.consul.hybrid.login import canonical
from tests.unit.consul.hybrid.asked import refused, run
from tests.unit.graphs import inputs

ROLE = "arn:aws:iam::123456789012:role/consul-ecs/billing-task"
JWT: dict[str, Any] = {"issuer": "https://i", "audiences": ["consul"], "discovery_url": "https://i"}
ONE: list[dict[str, Any]] = [{"service": "billing", "claims": {"sub": "billing"}}]


def login(**args: Any) -> Any:
    said: Any = {"method": "outside", **args}
    return lambda opts: ConsulLogin("login", said, opts)


def test_an_iam_role_is_bound_to_its_service_by_name() -> None:
    def program(opts: pulumi.ResourceOptions) -> None:
        stock = pulumi.Output.from_input(ROLE.replace("billing", "stock"))
        services = [
            {"service": "billing", "iam_role": ROLE},
            {"service": "stock", "iam_role": stock, "machines": True},
        ]
        login(aws={"server_id": "consul.test"}, services=services)(opts)

    graph = run(program, "consul")
    method = inputs(graph, "login-method")
    assert (method["name"], method["type"]) == ("outside", "aws-iam")
    assert json.loads(method["configJson"]) == {
        "BoundIAMPrincipalARNs": [
            "arn:aws:iam::123456789012:role/billing-task",
            "arn:aws:iam::123456789012:role/stock-task",
        ],
        "ServerIDHeaderValue": "consul.test",
    }
    rules = {each.inputs["bindName"]: each.inputs for each in graph if each.type.endswith("AclBindingRule")}
    assert set(rules) == {"billing-outside", "stock-outside"}
    assert rules["billing-outside"]["selector"] == 'entity_name=="billing-task"'
    assert (rules["billing-outside"]["bindType"], rules["billing-outside"]["authMethod"]) == ("role", "outside")
    roles = {each.inputs["name"]: each.inputs for each in graph if each.type.endswith("AclRole")}
    assert roles["billing-outside"]["serviceIdentities"] == [{"serviceName": "billing"}]
    assert roles["billing-outside"].get("policies", []) == []
    assert len(roles["stock-outside"]["policies"]) == 1
    assert inputs(graph, "login-stock-nodes")["rules"] == (
        'agent_prefix "stock-" {\n  policy = "read"\n}\nnode_prefix "stock-" {\n  policy = "write"\n}\n'
    )


def test_claims_of_a_token_are_bound_to_a_service() -> None:
    services = [{"service": "billing", "claims": {"sub": "b", "google/compute_engine/project-id": "shop"}}]
    graph = run(login(jwt=JWT, services=services), "consul")
    method = next(each for each in graph if each.type.endswith("AclAuthMethod"))
    assert json.loads(method.inputs["configJson"]) == {
        "BoundIssuer": "https://i",
        "BoundAudiences": ["consul"],
        "OIDCDiscoveryURL": "https://i",
        "ClaimMappings": {
            "google/compute_engine/project-id": "google_compute_engine_project_id",
            "sub": "sub",
        },
    }
    (rule,) = [each for each in graph if each.type.endswith("AclBindingRule")]
    assert rule.inputs["selector"] == 'value.google_compute_engine_project_id=="shop" and value.sub=="b"'


def test_a_method_is_without_a_server_id_by_default() -> None:
    graph = run(login(aws={}, services=[{"service": "billing", "iam_role": ROLE}]), "consul")
    assert "ServerIDHeaderValue" not in json.loads(inputs(graph, "login-method")["configJson"])


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ({"services": ONE}, "ConsulLogin login: has to be by aws or by jwt; write one of the two (MW-E262)"),
        ({"aws": {}, "jwt": JWT, "services": ONE}, "has to be by aws or by jwt"),
        ({"jwt": JWT, "services": []}, "services is empty, and nobody could log in; name the services (MW-E262)"),
        (
            {"jwt": {**JWT, "jwks_url": "https://i"}, "services": ONE},
            "jwt has 2 of the three that tell an issuer's keys",
        ),
        (
            {"jwt": {**JWT, "audiences": []}, "services": ONE},
            "jwt.audiences is empty: a token that was made for any other",
        ),
        (
            {"jwt": {**JWT, "discovery_url": "http://i"}, "services": ONE},
            "jwt.discovery_url is http://i: whoever stands",
        ),
        (
            {"jwt": JWT, "services": [{"service": "B", "claims": {"sub": "b"}}]},
            'services[0].service is "B", which is no',
        ),
        ({"jwt": JWT, "services": [{"service": "b"}]}, "services[0].claims are missing: every token of the issuer's"),
        ({"jwt": JWT, "services": [{"service": "b", "claims": {"sub": 'a" or "1'}}]}, "which no selector can name"),
        ({"aws": {}, "services": [{"service": "b"}]}, "services[0].iam_role is missing; write it as arn:aws:iam::"),
        (
            {"aws": {}, "services": [{"service": "b", "iam_role": "arn:aws:iam::123456789012:role/*"}]},
            "which is no role's; write it as arn:aws:iam::123456789012:role/billing; wildcards bind nobody by name",
        ),
        (
            {"aws": {}, "services": [{"service": each, "iam_role": ROLE} for each in ("a", "b")]},
            (
                "ConsulLogin login: services[1] is who services[0] is: each would get the token of both; give each service an "
                "identity of its own (MW-E262)"
            ),
        ),
    ],
)
def test_a_login_that_lets_in_too_few_or_too_many(args: dict[str, Any], line: str) -> None:
    assert line in refused(login(**args), "consul")


def test_a_role_that_is_none_is_refused_when_it_is_known() -> None:
    with pytest.raises(ValueError, match="is no role's"):
        canonical("arn:aws:iam::123456789012:user/me")
