"""Properties: whatever is written of Consul, a rule answers, and no value that may be secret is in the answer."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshwright_policy.consul import RULES
from meshwright_policy.judge import Outcome, judge_resource, judge_stack
from meshwright_policy.record import Rule, Subject
from meshwright_policy.stack import Stack
from meshwright_policy.values import UNKNOWN

SECRET = "hunter2 Is-A-Secret"
WORDS = st.sampled_from(
    [
        *(
            "allow",
            "deny",
            "permissive",
            "strict",
            "consul",
            "vault",
            "*",
            "/",
            "kv",
            "exported",
            "default",
            "LoadBalancer",
        ),
        *("Fail", "{", '{"connect": {"ca_config": {"token": "s"}}}', '{"Sources": [{"Name": "*", "Action": "allow"}]}'),
        *('path "*" { capabilities = ["sudo"] }', 'path "a/+/inter/*" { policy = "write" }', "service-intentions"),
        *("2026-11-20", "http://x", "shop", "cart", SECRET),
    ]
)
LEAVES = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | WORDS | st.just(UNKNOWN)
KEYS = st.sampled_from(
    [
        *("metadata", "name", "namespace", "labels", "annotations", "spec", "template", "selector", "app", "kind"),
        *("values", "global", "server", "connectInject", "ui", "meshGateway", "syncCatalog", "client", "enabled"),
        *("replicas", "disruptionBudget", "maxUnavailable", "minAvailable", "extraConfig", "tls", "acls", "vault"),
        *("secretsBackend", "connectCA", "address", "rootPKIPath", "additionalConfig", "gossipEncryption", "service"),
        *("type", "path", "options", "version", "policy", "tokenPolicies", "backend", "config", "configJson"),
        *("connectProvider", "LeafCertTTL", "Token", "rotation", "step", "connect", "roots", "phase", "deadline"),
        *("destination", "addresses", "sources", "action", "permissions", "http", "https", "pathPrefix", "protocol"),
        *(
            "mutualTLSMode",
            "mutualTlsMode",
            "expose",
            "paths",
            "services",
            "caFile",
            "issuer",
            "audiences",
            "jsonWebKeySet",
        ),
        *("incoming", "outgoing", "tlsMinVersion", "requestNormalization", "mergeSlashes", "serviceAccountName"),
        *(
            "boundServiceAccountNames",
            "boundServiceAccountNamespaces",
            "policies",
            "bindName",
            "image",
            "remote",
            "uri",
        ),
        *("consul.hashicorp.com/connect-inject", "connect-inject", "consul.hashicorp.com/transparent-proxy"),
    ]
)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=25
)
PROPERTIES = st.dictionaries(KEYS, JSON, max_size=7)
VERDICTS = {"passed", "violated", "undecided", "not_applicable"}


def _judge(rule: Rule, properties: dict[str, Any], others: dict[str, Any]) -> Outcome:
    given = [{"chart": "consul", **each} for each in (properties, others)]
    tokens = (*rule.applies_to, *rule.context)
    around = [
        Subject(token, f"it-{index}", "urn", each)
        for index, (token, each) in enumerate((token, each) for token in tokens for each in given)
    ]
    if rule.check_stack is not None:
        return judge_stack(rule, Stack.of_subjects(around), rule.configured({}))
    verdicts = [
        judge_resource(
            rule, Subject(token, "it", "urn", given[0], stack=Stack.of_subjects(around)), rule.configured({})
        )
        for token in rule.applies_to
    ]
    return verdicts[0]


def _says(outcome: Outcome) -> str:
    answers = [*(one.message for one in outcome.violations), *(one.reason for one in outcome.undecided)]
    return " ".join([*answers, outcome.not_applicable])


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(properties=PROPERTIES, others=PROPERTIES)
def test_any_properties_get_a_verdict_that_tells_no_secret(
    rule: Rule, properties: dict[str, Any], others: dict[str, Any]
) -> None:
    outcome = _judge(rule, properties, others)
    assert outcome.verdict in VERDICTS
    assert SECRET not in _says(outcome)
