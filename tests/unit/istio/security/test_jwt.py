"""JwtAuthentication: tokens are checked at the waypoint, and a request without one is denied."""

from typing import Any

import pytest

from meshwright import JwtAuthentication
from meshwright.engine.graph import Graph
from meshwright.kubernetes.errors import ComponentError
from tests.unit.graphs import find, inputs, names, shape, with_provider

LOGIN = {"issuer": "https://login.example.com/"}
CART = [{"group": "", "kind": "Service", "name": "cart"}]


def jwt(**args: Any) -> Graph:
    given: Any = {"namespace": "shop", "waypoint": {}, "issuers": [LOGIN], **args}
    return with_provider(lambda opts: JwtAuthentication("users", given, opts))


def test_both_objects_have_target_refs_and_tokens_are_looked_at_first() -> None:
    graph = jwt(services=["cart"])
    assert shape(graph) == [
        ("meshwright:index:JwtAuthentication", "users", "test-dev"),
        ("kubernetes:security.istio.io/v1:RequestAuthentication", "users-request-authentication", "users"),
        ("kubernetes:security.istio.io/v1:AuthorizationPolicy", "users-policy", "users"),
    ]
    authentication, policy = inputs(graph, "users-request-authentication"), inputs(graph, "users-policy")
    assert authentication["metadata"] == {"name": "users", "namespace": "shop"}
    assert authentication["spec"] == {"targetRefs": CART, "jwtRules": [LOGIN]}
    assert policy["metadata"] == {"name": "users-required", "namespace": "shop"}
    assert policy["spec"] == {
        "action": "DENY",
        "targetRefs": CART,
        "rules": [{"from": [{"source": {"notRequestPrincipals": ["*"]}}]}],
    }
    assert names(find(graph, "users-policy").dependencies) == {"users-request-authentication"}


def test_everything_that_an_issuer_may_say() -> None:
    one = {
        "issuer": "me",
        "jwks_uri": "https://keys.example.com/jwks",
        "audiences": ["shop"],
        "headers": ["x-token"],
        "forward": True,
    }
    graph = jwt(issuers=[one, {"issuer": "other", "jwks": '{"keys": []}'}], open_paths=["/healthz"])
    assert inputs(graph, "users-request-authentication")["spec"] == {
        "targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "waypoint"}],
        "jwtRules": [
            {
                "issuer": "me",
                "jwksUri": "https://keys.example.com/jwks",
                "audiences": ["shop"],
                "fromHeaders": [{"name": "x-token"}],
                "forwardOriginalToken": True,
            },
            {"issuer": "other", "jwks": '{"keys": []}'},
        ],
    }
    (rule,) = inputs(graph, "users-policy")["spec"]["rules"]
    assert rule["to"] == [{"operation": {"notPaths": ["/healthz"]}}]
    (rule,) = inputs(jwt(ports=[80]), "users-policy")["spec"]["rules"]
    assert rule["to"] == [{"operation": {"ports": ["80"]}}]


def test_a_token_may_be_optional() -> None:
    assert [kind for kind, _, _ in shape(jwt(required=False))][1:] == [
        "kubernetes:security.istio.io/v1:RequestAuthentication"
    ]


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ({"issuers": []}, "no issuer is named; add one: nothing checks a token without it (MW-E050)"),
        ({"issuers": [{"issuer": ""}]}, "issuers[0] has an empty issuer, so that any issuer's token would be taken; write the claim iss, exactly (MW-E050)"),
        ({"issuers": [{"issuer": "me"}]}, "issuers[0] has no keys, and 'me' is no address to ask for them; add jwks_uri or jwks (MW-E050)"),
        ({"issuers": [LOGIN | {"jwks_uri": "http://keys"}]}, "issuers[0].jwks_uri is 'http://keys': keys that come unencrypted can be replaced on their way; write an https:// address, or give the keys in jwks (MW-E050)"),
        ({"issuers": [LOGIN | {"jwks_uri": "https://[keys"}]}, "issuers[0].jwks_uri is 'https://[keys': keys that come unencrypted can be replaced on their way; write an https:// address, or give the keys in jwks (MW-E050)"),
        ({"issuers": [LOGIN | {"jwks_uri": "https://keys", "jwks": "{}"}]}, "issuers[0] has jwks_uri and jwks; keep one of the two (MW-E050)"),
        ({"waypoint": None}, "tokens are checked at a waypoint, and none is given: everybody would be let in; give the waypoint that calls go through (MW-E120)"),
        ({"waypoint": {"namespace": "platform"}}, "the waypoint stands in platform, and a policy for all of it must stand there too; name the services that it protects (MW-E124)"),
        ({"waypoint": {"services": ["stock"]}, "services": ["cart"]}, "not all of these services use the waypoint: nobody would look at their tokens; name those that use it (MW-E120)"),
    ],
)  # fmt: skip
def test_tokens_that_nobody_would_check_are_refused(args: dict[str, Any], line: str) -> None:
    with pytest.raises(ComponentError) as error:
        jwt(**args)
    assert str(error.value) == f"JwtAuthentication users: {line}"
