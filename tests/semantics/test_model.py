"""The model says what Istio's sources and documents say of single cases."""

from typing import Any

import pytest
import yaml

from tests.semantics import envoy, ztunnel
from tests.semantics.calls import End, Http, Peer, Pods, Request
from tests.semantics.path import DENIED, outcome
from tests.semantics.world import World, asked_mode

CALLER = Peer("cluster.local/ns/a/sa/x", "10.0.0.1")
ALLOW, DENY = "ALLOW", "DENY"
# The rows of ztunnel's table (I ambient/authorization.go, Z rbac.rs): the action, a rule, whether a call from CALLER to
# port 80 is let through by ztunnel, and whether GET / is by a sidecar.
ROWS: dict[str, tuple[str, str, bool, bool]] = {
    "an ALLOW rule on HTTP is dropped, and nothing else allows": (
        ALLOW,
        "to: [{operation: {methods: [GET]}}]",
        False,
        True,
    ),
    "a DENY on HTTP alone denies nothing": (DENY, "to: [{operation: {methods: [GET]}}]", True, False),
    "a DENY with a clause of HTTP alone denies nothing": (
        DENY,
        "{from: [{source: {principals: ['*']}}], to: [{operation: {methods: [GET]}}]}",
        True,
        False,
    ),
    "a DENY of HTTP and a port denies the port": (
        DENY,
        "to: [{operation: {methods: [PUT], ports: ['80']}}]",
        False,
        True,
    ),
    "an empty rule matches all": (ALLOW, "{}", True, True),
    "a principal": (ALLOW, "from: [{source: {principals: [cluster.local/ns/a/sa/x]}}]", True, True),
    "a principal by its beginning": (DENY, "from: [{source: {principals: [cluster.local/ns/a/*]}}]", False, False),
    "not a principal": (DENY, "from: [{source: {notPrincipals: [cluster.local/ns/a/*]}}]", True, True),
    "a trust domain is gone without a word": (ALLOW, "from: [{source: {trustDomains: [cluster.local]}}]", False, True),
    "an account of the policy's namespace": (ALLOW, "from: [{source: {serviceAccounts: [x]}}]", True, True),
    "another account": (ALLOW, "from: [{source: {serviceAccounts: [b/x]}}]", False, False),
    "a condition on the caller": (DENY, "when: [{key: source.namespace, values: [a]}]", False, False),
    "a condition on a header": (DENY, "when: [{key: 'request.headers[x]', notValues: ['1']}]", True, False),
    "an address": (ALLOW, "from: [{source: {ipBlocks: [10.0.0.0/24]}}]", True, True),
    "a port that isn't asked for": (DENY, "to: [{operation: {notPorts: ['80']}}]", True, True),
}


@pytest.mark.parametrize("what", ROWS)
def test_a_rule_at_ztunnel_and_at_a_sidecar(what: str) -> None:
    action, rule, at_ztunnel, at_sidecar = ROWS[what]
    policy = _policy({"action": action, "rules": [yaml.safe_load(rule)]})
    assert ztunnel.judge([policy], CALLER, 80, "10.0.0.2") is at_ztunnel
    seen = envoy.Seen(CALLER, 80, "10.0.0.2", Http())
    assert envoy.judge([policy], [], seen)[0] is at_sidecar


def test_ztunnel_is_sent_no_custom_audit_and_dry_run() -> None:
    for spec in ({"action": "CUSTOM", "rules": [{}]}, {"action": "AUDIT", "rules": [{}]}):
        assert ztunnel.judge([_policy(spec)], CALLER, 80, "10.0.0.2")
    tried = _policy({"action": "DENY", "rules": [{}]})
    tried["metadata"]["annotations"] = {"istio.io/dry-run": "true"}
    assert ztunnel.judge([tried], CALLER, 80, "10.0.0.2")


def test_without_an_identity_only_what_denies_principals_matches() -> None:
    nobody = Peer("", "10.0.0.1")
    guard = _policy(
        {"action": "DENY", "rules": [{"from": [{"source": {"notPrincipals": ["cluster.local/ns/a/sa/w"]}}]}]}
    )
    assert not ztunnel.judge([guard], nobody, 80, "10.0.0.2")
    assert not envoy.judge([guard], [], envoy.Seen(nobody, 80, "10.0.0.2", None))[0]


def test_on_tcp_a_sidecar_drops_an_allow_rule_on_http_and_widens_a_deny() -> None:
    rule = {"to": [{"operation": {"methods": ["GET"]}}]}
    seen = envoy.Seen(CALLER, 80, "10.0.0.2", None)
    assert not envoy.judge([_policy({"action": "ALLOW", "rules": [rule]})], [], seen)[0]
    assert not envoy.judge([_policy({"action": "DENY", "rules": [rule]})], [], seen)[0]


AMBIENT = """
{apiVersion: v1, kind: Namespace, metadata: {name: a, labels: {istio.io/dataplane-mode: ambient}}}
---
{apiVersion: v1, kind: Service, metadata: {name: web, namespace: a, labels: {istio.io/use-waypoint: waypoint}}, spec: {ports: [{name: http, port: 80, targetPort: 8080}], selector: {app: web}}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: a}, spec: {template: {metadata: {labels: {app: web}}, spec: {serviceAccountName: web}}}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: x, namespace: a}, spec: {template: {metadata: {labels: {app: x}}, spec: {serviceAccountName: x}}}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: waypoint, namespace: a}, spec: {gatewayClassName: istio-waypoint}}
---
"""
WEB = [{"group": "", "kind": "Service", "name": "web"}]
ONLY_WAYPOINT = [{"from": [{"source": {"principals": ["cluster.local/ns/a/sa/waypoint"]}}]}]
BY_NAME = Request(Pods("a", "x"), "a", "web", "", 80, Http())
BY_ADDRESS = Request(Pods("a", "x"), "a", "", "web", 8080, Http())


def test_a_waypoint_that_is_not_there_is_gone_past() -> None:
    policy = _policy({"targetRefs": WEB, "action": "DENY", "rules": [{}]})
    assert set(outcome(_ambient(policy), BY_NAME)) == {DENIED}
    without = World(tuple(each for each in _ambient(policy).objects if each["kind"] != "Gateway"), {})
    assert set(outcome(without, BY_NAME)) == {End(True, Pods("a", "web"), ())}


def test_behind_a_waypoint_its_own_identity_is_seen() -> None:
    policy = _policy({"selector": {"matchLabels": {"app": "web"}}, "rules": ONLY_WAYPOINT})
    assert not _denies(policy, BY_NAME)
    assert _denies(policy, BY_ADDRESS)


def test_sails_way_to_require_a_waypoint_does_the_opposite() -> None:
    """migration.adoc 5.3: with targetRefs the waypoint judges its clients, and the pods stay open."""
    policy = _policy({"targetRefs": WEB, "rules": ONLY_WAYPOINT})
    assert _denies(policy, BY_NAME)
    assert not _denies(policy, BY_ADDRESS)


def test_a_waypoint_sees_the_services_port_and_ztunnel_the_pods() -> None:
    rule = {"to": [{"operation": {"ports": ["8080"]}}]}
    assert not _denies(_policy({"targetRefs": WEB, "action": "DENY", "rules": [rule]}), BY_NAME)
    assert _denies(_policy({"action": "DENY", "rules": [rule]}), BY_NAME)


def test_sidecars_go_past_waypoints() -> None:
    world = _ambient(_policy({"targetRefs": WEB, "action": "DENY", "rules": [{}]}))
    caller = World(world.objects, {Pods("a", "x"): "sidecar"})
    assert set(outcome(caller, BY_NAME)) == {End(True, Pods("a", "web"), ())}


def test_who_has_a_sidecar_is_not_captured() -> None:
    world = _ambient()
    pods = world.templates[Pods("a", "x")]
    pods["metadata"]["labels"]["sidecar.istio.io/inject"] = "true"
    assert asked_mode(World(world.objects, {}), Pods("a", "x")) == "sidecar"


def _policy(spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": "it", "namespace": "a"}
    return {"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": metadata, "spec": spec}


def _ambient(*policies: dict[str, Any]) -> World:
    return World((*(each for each in yaml.safe_load_all(AMBIENT) if each), *policies), {})


def _denies(policy: dict[str, Any], request: Request) -> bool:
    return set(outcome(_ambient(policy), request)) == {DENIED}
