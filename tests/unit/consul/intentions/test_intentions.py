"""ConsulIntentions: the objects that a call graph becomes, and what is refused before any is made."""

import base64
from typing import Any

import pulumi
import pulumi_consul
import pytest

from meshwright import ConsulIntentions
from meshwright.engine.graph import Graph
from meshwright.engine.record import record
from meshwright.gateway_api.spelling import METHODS
from meshwright.kubernetes.errors import ComponentError
from tests.unit.graphs import find, inputs, names, shape, with_provider

SERVICES = {"web": {"protocol": "http"}, "api": {"protocol": "http"}, "db": {}}
KEYS = '{"keys": [{"kty": "EC", "x": "1", "y": "2"}]}'
LOGIN = {"issuer": "https://login.example/", "jwks": KEYS}
ALL = {"source": "web", "to": "api"}
DENY_REST = {"action": "deny", "http": {"header": [{"name": ":method", "present": True}]}}
NOBODY = {"name": "*", "action": "deny"}


def intentions(*lines: Any, **args: Any) -> Graph:
    given: Any = {"intentions": list(lines), "services": SERVICES, "namespace": "consul", **args}
    return with_provider(lambda opts: ConsulIntentions("calls", given, opts))


def refusal(*lines: Any, **args: Any) -> list[str]:
    with pytest.raises(ComponentError) as error:
        intentions(*lines, **args)
    return str(error.value).replace("ConsulIntentions calls: ", "").splitlines()


def test_each_service_that_is_called_has_an_entry_and_all_others_are_refused() -> None:
    graph = intentions(ALL, {"source": "api", "to": "db"})
    kind = "kubernetes:consul.hashicorp.com/v1alpha1:ServiceIntentions"
    assert shape(graph)[1:] == [
        (kind, "calls-to-api", "calls"),
        (kind, "calls-to-db", "calls"),
        (kind, "calls-every-service", "calls"),
    ]
    assert inputs(graph, "calls-to-api") == {
        "apiVersion": "consul.hashicorp.com/v1alpha1",
        "kind": "ServiceIntentions",
        "metadata": {"name": "api", "namespace": "consul"},
        "spec": {"destination": {"name": "api"}, "sources": [{"name": "web", "action": "allow"}]},
    }
    everyone = inputs(graph, "calls-every-service")
    assert everyone["metadata"]["name"] == "any.service"
    assert everyone["spec"] == {"destination": {"name": "*"}, "sources": [NOBODY]}
    assert find(graph, "calls-to-api").options.delete_before_replace


def test_requests_are_told_in_order_and_the_rest_is_refused() -> None:
    allow = [
        {"path_prefix": "/admin/", "tokens": [{"provider": "login", "claims": [{"path": ["role"], "value": "x"}]}]},
        {"methods": ["GET"], "headers": {"x-a": "b"}, "headers_regex": {"x-c": "d+"}},
        {"tokens": [{"provider": "login"}]},
    ]
    graph = intentions({**ALL, "allow": allow}, jwt={"login": LOGIN})
    (source,) = inputs(graph, "calls-to-api")["spec"]["sources"]
    assert source == {
        "name": "web",
        "permissions": [
            {
                "action": "allow",
                "http": {"pathPrefix": "/admin/"},
                "jwt": {"providers": [{"name": "login", "verifyClaims": [{"path": ["role"], "value": "x"}]}]},
            },
            {
                "action": "allow",
                "http": {
                    "methods": ["GET"],
                    "header": [{"name": "x-a", "exact": "b"}, {"name": "x-c", "regex": "d+"}],
                },
            },
            {"action": "allow", "http": {"pathPrefix": "/"}, "jwt": {"providers": [{"name": "login"}]}},
            DENY_REST,
        ],
    }
    assert "calls-jwt-login" in names(find(graph, "calls-to-api").dependencies)


@pytest.mark.parametrize("key", ["methods", "headers", "headers_regex", "tokens"])
def test_a_limit_that_is_empty_is_no_limit(key: str) -> None:
    empty: Any = {} if key.startswith("headers") else []
    (line,) = refusal({**ALL, "allow": [{"path_prefix": "/admin/", key: empty}]})
    assert line.startswith(f"intentions[0].allow[0].{key} is empty, and Consul would take it for no limit at all")
    assert line.endswith("(MW-E254)")


def test_claims_that_are_empty_are_any_token() -> None:
    allow = [{"tokens": [{"provider": "login", "claims": []}]}]
    (line,) = refusal({**ALL, "allow": allow}, jwt={"login": LOGIN})
    assert line.startswith("intentions[0].allow[0].tokens[0].claims is empty, and Consul would take any token")


def test_an_entry_says_what_lines_for_everybody_say_too() -> None:
    healthz = {"path_exact": "/healthz"}
    graph = intentions(
        {"source": "*", "to": "api", "allow": [healthz]},
        {**ALL, "allow": [{"path_regex": "/v[0-9]+"}, healthz]},
        {"source": "db", "to": "*"},
        {"source": "*", "peer": "east", "to": "api"},
        {"source": "billing", "peer": "east", "to": "web"},
    )
    sources = {(each["name"], each.get("peer")): each for each in inputs(graph, "calls-to-api")["spec"]["sources"]}
    exact = {"action": "allow", "http": {"pathExact": "/healthz"}}
    assert sources["web", None]["permissions"] == [
        exact,
        {"action": "allow", "http": {"pathRegex": "/v[0-9]+"}},
        DENY_REST,
    ]
    assert sources["*", None]["permissions"] == [exact, DENY_REST]
    assert sources["db", None]["action"] == sources["*", "east"]["action"] == "allow"
    assert inputs(graph, "calls-every-service")["spec"]["sources"] == [
        {"name": "db", "action": "allow"},
        NOBODY,
        {"name": "*", "peer": "east", "action": "deny"},
    ]


def test_whoever_may_call_all_is_not_denied() -> None:
    spec = inputs(intentions({"source": "*", "to": "*"}), "calls-every-service")["spec"]
    assert spec["sources"] == [{"name": "*", "action": "allow"}]


def test_keys_of_an_issuer_are_given_or_fetched_from_a_server_that_is_verified() -> None:
    fetched = {
        "issuer": "i",
        "audiences": ["shop"],
        "jwks_uri": "https://login.example/jwks",
        "header": "x-token",
        "header_prefix": "Token ",
        "query": "token",
        "cookie": "session",
        "clock_skew_seconds": 5.0,
    }
    jwt = {"login": LOGIN, "other": fetched, "own": {**fetched, "jwks_ca": "PEM", "header_prefix": ""}}
    graph = intentions(ALL, jwt=jwt)
    assert inputs(graph, "calls-jwt-login")["spec"] == {
        "issuer": "https://login.example/",
        "jsonWebKeySet": {"local": {"jwks": base64.b64encode(KEYS.encode()).decode()}},
    }
    spec = inputs(graph, "calls-jwt-other")["spec"]
    assert spec["locations"] == [
        {"header": {"name": "x-token", "forward": True, "valuePrefix": "Token "}},
        {"queryParam": {"name": "token"}},
        {"cookie": {"name": "session"}},
    ]
    assert (spec["audiences"], spec["clockSkewSeconds"]) == (["shop"], 5)
    remote = spec["jsonWebKeySet"]["remote"]
    assert (remote["uri"], remote["useSNI"]) == ("https://login.example/jwks", True)
    trusted = remote["jwksCluster"]["tlsCertificates"]["trustedCA"]
    assert trusted == {"filename": "/etc/ssl/certs/ca-certificates.crt"}
    own = inputs(graph, "calls-jwt-own")["spec"]["jsonWebKeySet"]["remote"]["jwksCluster"]
    assert own["tlsCertificates"]["trustedCA"] == {"inlineString": "PEM"}


def limited(*allow: Any, to: str = "api") -> dict[str, Any]:
    return {"source": "web", "to": to, "allow": list(allow)}


GET, V1 = {"methods": ["GET"]}, {"path_prefix": "/v1"}
TOKEN = {"tokens": [{"provider": "login"}]}


@pytest.mark.parametrize(
    ("lines", "message", "code"),
    [
        (
            [{"source": "wbe", "to": "api"}],
            '[0].source is "wbe", and no service of that name is listed; did you',
            "MW-E252",
        ),
        ([{"source": "zzzzzz", "to": "api"}], "list it among the services of its namespace", "MW-E252"),
        ([{"source": "", "to": "api"}], 'intentions[0].source is "", and no service', "MW-E252"),
        ([{"source": "web", "to": "gateway"}], 'to is "gateway", which is listed as a caller only', "MW-E252"),
        ([{**ALL, "peer": "*"}], 'peer is "*", which is no peer: there is no wildcard for peers', "MW-E254"),
        ([limited(GET, to="db")], "intentions[0].allow looks at requests, and the protocol of db is tcp", "MW-E251"),
        (
            [limited(GET, to="*")],
            "allow limits calls to *, and Consul looks at requests of one service only",
            "MW-E254",
        ),
        ([limited()], "intentions[0].allow is empty: nothing would be let through", "MW-E254"),
        ([limited({})], "intentions[0].allow[0] is empty, which Consul refuses", "MW-E254"),
        (
            [limited(V1, {**V1, **GET})],
            "intentions[0].allow[1] is never asked: allow[0] fits all that it fits",
            "MW-E254",
        ),
        (
            [limited({"path_exact": "/a", "path_prefix": "/b"})],
            "allow[0].path_prefix stands beside path_exact",
            "MW-E254",
        ),
        (
            [limited({"path_exact": "a"})],
            'path_exact is "a", which no request has once its path is normalised',
            "MW-E254",
        ),
        ([limited({"path_prefix": "/a//b"})], 'path_prefix is "/a//b", which no request has', "MW-E254"),
        ([limited({"path_regex": "(?=a)"})], 'path_regex is "(?=a)", which RE2 does not take', "MW-E254"),
        ([limited({"headers_regex": {"a": "("}})], 'headers_regex.a is "(", which RE2 does not take', "MW-E254"),
        ([limited({"headers": {"a b": "c"}})], 'allow[0] has the header "a b", which is no name of one', "MW-E254"),
        ([limited({"methods": ["get"]})], 'methods[0] is "get", which is no method', "MW-E254"),
        ([limited({"methods": ["GET", "GET"]})], "methods[1] is GET again", "MW-E254"),
        ([limited({"tokens": [{"provider": "logn"}]})], 'tokens[0].provider is "logn", and jwt has no such', "MW-E258"),
        (
            [limited({"tokens": [{"provider": "login", "claims": [{"path": [], "value": "a"}]}]})],
            "tokens[0].claims[0].path is empty; name the claim",
            "MW-E258",
        ),
        ([ALL, limited(GET)], "intentions[1] is for the same calls as intentions[0]; write both as one", "MW-E017"),
        (
            [{"source": "*", "to": "api"}, limited(GET)],
            "intentions[1] limits calls that intentions[0] lets in whole: lines add up",
            "MW-E254",
        ),
        (
            [{"source": "*", "to": "api", "allow": [GET]}, limited({**V1, **TOKEN})],
            "intentions[1] asks for a token, and intentions[0] is for some of the same calls",
            "MW-E258",
        ),
    ],
)
def test_what_consul_would_refuse_or_read_in_another_way(lines: Any, message: str, code: str) -> None:
    (line,) = refusal(*lines, callers=["gateway"], jwt={"login": LOGIN})
    assert message in line
    assert line.endswith(f"({code})")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"jwks": ""}, "jwt.login has neither jwks nor jwks_uri"),
        ({"jwks_uri": "https://a/b"}, "jwt.login has jwks and jwks_uri"),
        ({"issuer": ""}, "jwt.login.issuer is empty: tokens of whoever signs with these keys would do"),
        ({"jwks": "keys"}, "jwt.login.jwks is no JSON Web Key Set of public keys"),
        ({"jwks": '{"keys": []}'}, "jwt.login.jwks is no JSON Web Key Set"),
        ({"jwks": '{"keys": [{"d": "private"}]}'}, "jwt.login.jwks is no JSON Web Key Set"),
        ({"jwks": "", "jwks_uri": "http://a/b"}, "jwks_uri is http://a/b: whoever stands between could give keys"),
        ({"jwks_ca": "PEM"}, "jwt.login.jwks_ca is for jwks_uri, which is not given"),
        ({"header_prefix": "T "}, "jwt.login.header_prefix is for header, which is not given"),
    ],
)
def test_issuers_that_would_be_refused_or_would_let_strangers_in(change: Any, message: str) -> None:
    (line,) = refusal(ALL, jwt={"login": LOGIN | change})
    assert message in line
    assert line.endswith("(MW-E258)")


def test_a_default_protocol_is_that_of_services_that_say_none() -> None:
    assert inputs(intentions(limited(GET, to="db"), default_protocol="http2"), "calls-to-db")["spec"]["sources"]


def off_kubernetes(*lines: Any, **args: Any) -> Graph:
    def run() -> None:
        provider = pulumi_consul.Provider("consul", address="https://consul:8501")
        given: Any = {"intentions": list(lines), "services": SERVICES, **args}
        ConsulIntentions("calls", given, pulumi.ResourceOptions(providers=[provider]))

    return record(run)


def test_off_kubernetes_they_are_typed_entries() -> None:
    graph = off_kubernetes(limited({"path_exact": "/a", "methods": ["GET"]}), {"source": "*", "to": "web"})
    entry = find(graph, "calls-to-api")
    assert entry.type == "consul:index/configEntryServiceIntentions:ConfigEntryServiceIntentions"
    assert entry.inputs["name"] == "api"
    assert entry.inputs["sources"] == [
        {
            "type": "consul",
            "precedence": 9,
            "name": "web",
            "permissions": [
                {"action": "allow", "https": [{"pathExact": "/a", "methods": ["GET"]}]},
                {"action": "deny", "https": [{"methods": list(METHODS)}]},
            ],
        }
    ]
    assert [each["precedence"] for each in inputs(graph, "calls-to-web")["sources"]] == [8]
    everyone = inputs(graph, "calls-every-service")
    assert (everyone["name"], everyone["sources"][0]["precedence"]) == ("*", 5)


def test_off_kubernetes_what_the_provider_would_lose_is_refused() -> None:
    for allow, key in (
        (V1, "path_prefix"),
        ({"path_regex": "/a"}, "path_regex"),
        ({"headers": {"x-a": "b"}}, "headers"),
        ({"headers_regex": {"x-a": "b"}}, "headers_regex"),
        (TOKEN, "tokens"),
    ):
        message = f"{key} is lost by the provider for Consul's API, and requests without it would be let through"
        with pytest.raises(ComponentError, match=rf"intentions\[0\].allow\[0\].{message}"):
            off_kubernetes(limited(allow), jwt={"login": LOGIN} if allow is TOKEN else {})
    with pytest.raises(ComponentError, match=r"jwt can't be written by the provider for Consul's API.*MW-E258"):
        off_kubernetes(ALL, jwt={"login": LOGIN})


@pytest.mark.parametrize(
    ("more", "missing"), [({}, "no Consul provider was given"), ({"namespace": "consul"}, "no Kubernetes provider")]
)
def test_a_cluster_or_a_consul_has_to_be_named(more: Any, missing: str) -> None:
    given: Any = {"intentions": [], "services": {}, **more}
    with pytest.raises(ComponentError, match=missing):
        record(lambda: ConsulIntentions("calls", given))


def test_a_cluster_is_no_consul() -> None:
    given: Any = {"intentions": [], "services": {}}
    with pytest.raises(ComponentError, match="no Consul provider was given, and no namespace is named"):
        with_provider(lambda opts: ConsulIntentions("calls", given, opts))


def test_a_component_hands_its_consul_down() -> None:
    def run() -> None:
        provider = pulumi_consul.Provider("consul", address="https://consul:8501")
        parent = pulumi.ComponentResource("a:b:C", "c", opts=pulumi.ResourceOptions(providers={"consul": provider}))
        ConsulIntentions("calls", {"intentions": [], "services": {}}, pulumi.ResourceOptions(parent=parent))

    assert inputs(record(run), "calls-every-service")["name"] == "*"
