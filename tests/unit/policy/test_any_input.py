"""Properties: whatever a program writes, a rule answers, and no value that may be secret is in the answer."""

from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshwright.istio import layers
from meshwright_policy.adoption import PHASES
from meshwright_policy.catalogue import RULES
from meshwright_policy.judge import Outcome, judge_resource, judge_stack
from meshwright_policy.record import Rule, Subject
from meshwright_policy.stack import Stack
from meshwright_policy.values import UNKNOWN

SECRET = "hunter2 Is-A-Secret"
WORDS = st.sampled_from(
    [
        *PHASES,
        "STRICT",
        "PERMISSIVE",
        "ALLOW",
        "DENY",
        "CUSTOM",
        "AUDIT",
        "istio-system",
        "2026-11-20",
        "shop",
        "1.31.1",
        SECRET,
    ]
)
LEAVES = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | WORDS | st.just(UNKNOWN)
KEYS = st.sampled_from(
    [
        *(
            "mode",
            "phases",
            "phase",
            "since",
            "previous",
            "namespace",
            "reason",
            "chart",
            "version",
            "repositoryOpts",
            "repo",
        ),
        *(
            "metadata",
            "labels",
            "annotations",
            "spec",
            "action",
            "rules",
            "to",
            "from",
            "when",
            "key",
            "operation",
            "source",
        ),
        *(
            "selector",
            "matchLabels",
            "targetRefs",
            "mtls",
            "istio",
            "app",
            "istio.io/dry-run",
            "istio.io/dataplane-mode",
        ),
        *layers.L7_OPERATION,
        *layers.L4_OPERATION,
        *layers.L7_SOURCE,
        *layers.L4_SOURCE,
        *(
            "name",
            "kind",
            "group",
            "host",
            "hosts",
            "gateways",
            "http",
            "parentRefs",
            "rules",
            "backendRefs",
            "gatewayClassName",
            "infrastructure",
            "parametersRef",
            "listeners",
            "allowedRoutes",
            "namespaces",
        ),
        *(
            "values",
            "global",
            "platform",
            "profile",
            "env",
            "hub",
            "caAddress",
            "network",
            "data",
            "podSelector",
            "ingress",
            "ports",
            "ipBlock",
            "cidr",
            "template",
            "containers",
            "securityContext",
            "selectors",
            "istio.io/use-waypoint",
        ),
    ]
)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=20
)
PROPERTIES = st.dictionaries(KEYS, JSON, max_size=6)
VERDICTS = {"passed", "violated", "undecided", "not_applicable"}


def _matches(l7: tuple[str, ...], l4: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    values = st.just(UNKNOWN) | st.lists(st.just(SECRET) | st.just(UNKNOWN), max_size=2)
    return st.dictionaries(st.sampled_from([*l7, *l4]), values, max_size=3)


_OPERATIONS = st.lists(
    st.fixed_dictionaries({"operation": _matches(layers.L7_OPERATION, layers.L4_OPERATION)}), max_size=2
)
_SOURCES = st.lists(st.fixed_dictionaries({"source": _matches(layers.L7_SOURCE, layers.L4_SOURCE)}), max_size=2)
_CONDITIONS = st.lists(
    st.fixed_dictionaries({"key": st.sampled_from([*layers.L4_CONDITIONS, "request.headers[x]", UNKNOWN])}),
    max_size=2,
)
RULE = st.fixed_dictionaries({}, optional={"to": _OPERATIONS, "from": _SOURCES, "when": _CONDITIONS})
DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))
BY_ID = {rule.id: rule for rule in RULES}


def _judge(rule: Rule, properties: dict[str, Any]) -> Outcome:
    if rule.check is not None:
        subject = Subject(rule.applies_to[0], "it", "urn", properties, stack=_around(rule, properties))
        return judge_resource(rule, subject, rule.configured({}))
    subjects = tuple(
        Subject(token, f"it-{index}", "urn", properties) for index, token in enumerate(rule.applies_to * 2)
    )
    return judge_stack(rule, Stack.of_subjects(subjects), rule.configured({}))


def _around(rule: Rule, properties: dict[str, Any]) -> Stack:
    """An ambient namespace, and a resource of every type that the rule takes into account, with the same properties."""
    labels = {"istio.io/dataplane-mode": "ambient"}
    shop = Subject("kubernetes:core/v1:Namespace", "shop", "urn", {"metadata": {"name": "shop", "labels": labels}})
    others = (Subject(token, f"other-{index}", "urn", properties) for index, token in enumerate(rule.context))
    return Stack.of_subjects((shop, *others))


def _says(outcome: Outcome) -> str:
    return " ".join(
        [
            *(violation.message for violation in outcome.violations),
            *(undecided.reason for undecided in outcome.undecided),
            outcome.not_applicable,
        ]
    )


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(properties=PROPERTIES)
def test_any_properties_get_a_verdict_that_tells_no_secret(rule: Rule, properties: dict[str, Any]) -> None:
    outcome = _judge(rule, properties)
    assert outcome.verdict in VERDICTS
    assert SECRET not in _says(outcome)


def _given(spec: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"namespace": "shop"}, "spec": spec}


def _istiod_leaves(rule: dict[str, Any]) -> bool:
    """Whether a DENY rule does at ztunnel just what it says, told over again in istiod's own order of work."""

    def has(match: dict[str, Any], names: tuple[str, ...]) -> bool:
        return any(match.get(name) for name in names)

    operations = [to["operation"] for to in rule.get("to", [])]
    sources = [source["source"] for source in rule.get("from", [])]
    keys = [condition["key"] for condition in rule.get("when", [])]
    return not (
        any(has(operation, layers.L7_OPERATION) for operation in operations)
        or any(has(source, layers.L7_SOURCE) for source in sources)
        or any(key not in layers.L4_CONDITIONS for key in keys)
    )


def _is_known(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_known(element) for element in value.values())
    if isinstance(value, list):
        return all(_is_known(element) for element in value)
    return value is not UNKNOWN


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rules=st.lists(RULE.filter(_is_known), max_size=3))
def test_known_rules_are_decided_by_their_http_fields_alone(rules: list[dict[str, Any]]) -> None:
    faithful = all(_istiod_leaves(rule) for rule in rules)
    for action, rule in (("DENY", "MW-IST-002"), ("ALLOW", "MW-IST-003")):
        outcome = _judge(BY_ID[rule], _given({"action": action, "rules": rules}))
        assert outcome.verdict == ("passed" if faithful else "violated")
        attached = _judge(BY_ID[rule], _given({"action": action, "rules": rules, "targetRefs": [{"name": "x"}]}))
        assert attached.verdict == "passed"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rules=st.just(UNKNOWN) | st.lists(RULE | st.just(UNKNOWN), max_size=3), action=st.sampled_from(["DENY", "ALLOW"])
)
def test_unknown_rules_never_pass_for_known_ones(rules: Any, action: str) -> None:
    outcome = _judge(
        BY_ID["MW-IST-002" if action == "DENY" else "MW-IST-003"], _given({"action": action, "rules": rules})
    )
    assert SECRET not in _says(outcome)
    if outcome.verdict == "passed":
        assert all(rule is not UNKNOWN and _istiod_leaves(_without_unknown_l4(rule)) for rule in rules)


def _without_unknown_l4(rule: dict[str, Any]) -> dict[str, Any]:
    """An unknown list of ports or principals adds nothing to what istiod strips; any other unknown stays, and counts."""
    l4 = {*layers.L4_OPERATION, *layers.L4_SOURCE}
    cut = {
        clause: [
            {key: {name: value for name, value in match.items() if name not in l4} for key, match in entry.items()}
            for entry in rule.get(clause, [])
        ]
        for clause in ("to", "from")
    }
    return {**cut, "when": rule.get("when", [])}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    phases=st.dictionaries(st.sampled_from("abcd"), st.sampled_from(PHASES) | st.just(UNKNOWN), min_size=1),
    mode=st.sampled_from(["STRICT", "PERMISSIVE", UNKNOWN]),
)
def test_mesh_wide_strict_passes_only_where_all_is_known_and_strict(phases: dict[str, Any], mode: Any) -> None:
    verdict = _judge(BY_ID["MW-ADO-003"], {"mode": mode, "phases": phases}).verdict
    strict = all(phase == "strict" for phase in phases.values())
    behind = any(phase not in ("strict", UNKNOWN) for phase in phases.values())
    wanted = {
        "PERMISSIVE": "passed",
        "STRICT": "passed" if strict else "violated" if behind else "undecided",
    }
    assert verdict == wanted.get(mode, "passed" if strict else "undecided")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(begin=DAYS, end=DAYS, soak=st.integers(0, 30))
def test_a_soak_passes_only_where_it_lasted(begin: date, end: date, soak: int) -> None:
    subject = Subject(
        "meshwright:index:AmbientNamespace",
        "shop",
        "urn",
        {"phase": "strict", "since": end.isoformat(), "previous": {"phase": "permissive", "since": begin.isoformat()}},
    )
    today = date(2026, 11, 23)
    lasted = (min(end, today) - begin).days >= soak
    verdict = judge_resource(BY_ID["MW-ADO-002"], subject, {"soak_days": soak}).verdict
    assert verdict == ("passed" if lasted else "violated")
