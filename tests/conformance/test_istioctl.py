"""Istio's own tool has nothing to say about our output; and where it is silent, or wrong, our policy speaks."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from meshwright_policy.catalogue import RULES
from meshwright_policy.judge import judge_resource
from meshwright_policy.record import Subject
from tests.conformance import istioctl
from tests.conformance.stacks import Stack, example_stacks, objects_of, rendering_of
from tests.servers.kubernetes import Object
from tests.servers.programs import require_programs

# An ambient namespace with a waypoint that is not there, a workload and its service.
AMBIENT = """
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient, istio.io/use-waypoint: gone}}}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {ports: [{name: http, port: 80}], selector: {app: cart}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec:
  selector: {matchLabels: {app: cart}}
  template:
    metadata: {labels: {app: cart}}
    spec: {containers: [{name: cart, image: cart}]}
"""
_SILENT = ""
# It warns of what a sidecar would do. ztunnel does the opposite: the rule never fires, and nothing is denied.
_WRONG = "will deny all traffic to TCP ports under its scope"
# What an AuthorizationPolicy of the workload says, what `istioctl analyze` says to that, and the rule of ours that sees
# what is wrong: the rows of ztunnel's table in pilot/pkg/serviceregistry/ambient/authorization.go.
FAIL_OPEN = {
    "deny-methods": ("{action: DENY, rules: [{to: [{operation: {methods: [DELETE]}}]}]}", _WRONG, "MW-IST-002"),
    "deny-paths": ("{action: DENY, rules: [{to: [{operation: {paths: [/admin]}}]}]}", _WRONG, "MW-IST-002"),
    "deny-hosts": ("{action: DENY, rules: [{to: [{operation: {notHosts: [shop.example]}}]}]}", _WRONG, "MW-IST-002"),
    "deny-without-token": (
        "{action: DENY, rules: [{from: [{source: {notRequestPrincipals: ['*']}}]}]}",
        _WRONG,
        "MW-IST-002",
    ),
    "deny-clause-of-http": (
        "{action: DENY, rules: [{from: [{source: {principals: [a/ns/b/sa/c]}}], to: [{operation: {methods: [PUT]}}]}]}",
        _WRONG,
        "MW-IST-002",
    ),
    "deny-header": (
        "{action: DENY, rules: [{when: [{key: 'request.headers[x-debug]', values: ['1']}]}]}",
        _SILENT,
        "MW-IST-002",
    ),
    "deny-broader-than-it-says": (
        "{action: DENY, rules: [{to: [{operation: {methods: [DELETE], ports: ['80']}}]}]}",
        _SILENT,
        "MW-IST-002",
    ),
    "allow-methods": ("{action: ALLOW, rules: [{to: [{operation: {methods: [GET]}}]}]}", _SILENT, "MW-IST-003"),
    "custom": ("{action: CUSTOM, provider: {name: opa}, rules: [{}]}", _SILENT, "MW-IST-004"),
    "audit": ("{action: AUDIT, rules: [{}]}", _SILENT, "MW-IST-005"),
}


@pytest.mark.parametrize("stack", [each for each in example_stacks() if "linkerd" not in str(each)], ids=str)
def test_istioctl_has_nothing_to_say_about_our_output(stack: Stack, tmp_path: Path) -> None:
    require_programs("istioctl")
    bodies = [body for _, body in objects_of(rendering_of(stack))]
    assert istioctl.validate(bodies, tmp_path) + istioctl.analyze(bodies, tmp_path) == []


def test_istioctl_is_not_mute(tmp_path: Path) -> None:
    require_programs("istioctl")
    spec: dict[str, Any] = {
        "hosts": ["cart"],
        "gateways": ["nobody"],
        "http": [{"route": [{"destination": {"host": "x"}}]}],
    }
    route = _object("networking.istio.io/v1", "VirtualService", spec)
    assert any(found.startswith("IST0101") for found in istioctl.analyze([*_ambient(), route], tmp_path))
    typo = _object("security.istio.io/v1", "PeerAuthentication", {"mtls": {"mood": "STRICT"}})
    assert istioctl.validate([typo], tmp_path) != []


@pytest.mark.parametrize(("spec", "said", "rule_id"), FAIL_OPEN.values(), ids=FAIL_OPEN)
def test_where_istioctl_is_silent_or_wrong_our_policy_speaks(
    spec: str, said: str, rule_id: str, tmp_path: Path
) -> None:
    require_programs("istioctl")
    body = _object("security.istio.io/v1", "AuthorizationPolicy", yaml.safe_load(spec))
    body["spec"]["selector"] = {"matchLabels": {"app": "cart"}}
    found = istioctl.analyze([*_ambient(), body], tmp_path)
    assert len(found) == (1 if said else 0)
    assert all(said in each for each in found)
    token = "kubernetes:security.istio.io/v1:AuthorizationPolicy"
    subject = Subject(token, "policy", f"urn:pulumi:dev::shop::{token}::policy", body)
    ambient = {"ambient_namespaces": ["shop"]}
    verdicts = {
        rule.id: judge_resource(rule, subject, rule.configured(ambient)).verdict for rule in RULES if rule.check
    }
    assert verdicts[rule_id] == "violated"


def _ambient() -> list[Object]:
    return list(yaml.safe_load_all(AMBIENT))


def _object(api_version: str, kind: str, spec: dict[str, Any]) -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "it", "namespace": "shop"}, "spec": spec}
