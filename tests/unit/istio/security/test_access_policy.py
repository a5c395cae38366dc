"""AccessPolicy: a policy stands at the layer that enforces it, or it does not stand."""

import re
from pathlib import Path
from typing import Any

import pulumi
import pytest

from meshwright import AccessPolicy
from meshwright.engine.graph import Graph
from meshwright.kubernetes.errors import ComponentError
from tests.unit.graphs import find, inputs, shape, with_provider

WEB = {"sources": [{"service_accounts": ["front/web"]}]}
READ = {"operations": [{"methods": ["GET"]}]}
CART = {"app": "cart"}
WAYPOINT: dict[str, Any] = {}


def policy(**args: Any) -> Graph:
    return with_provider(lambda opts: AccessPolicy("callers", {"namespace": "shop", **args}, opts))  # type: ignore[typeddict-item]


def spec(**args: Any) -> dict[str, Any]:
    return dict(inputs(policy(**args), "callers-policy")["spec"])


def refusal(**args: Any) -> list[str]:
    with pytest.raises(ComponentError) as error:
        policy(**args)
    lines = str(error.value).splitlines()
    assert all(line.startswith("AccessPolicy callers: ") for line in lines)
    return [line.removeprefix("AccessPolicy callers: ") for line in lines]


def test_without_a_waypoint_ztunnel_judges_the_pods() -> None:
    graph = policy(workloads=CART, rules=[WEB | {"operations": [{"ports": [8080.0]}]}])
    assert shape(graph) == [
        ("meshwright:index:AccessPolicy", "callers", "test-dev"),
        ("kubernetes:security.istio.io/v1:AuthorizationPolicy", "callers-policy", "callers"),
    ]
    assert inputs(graph, "callers-policy") == {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": "callers", "namespace": "shop"},
        "spec": {
            "action": "ALLOW",
            "selector": {"matchLabels": CART},
            "rules": [
                {
                    "from": [{"source": {"principals": ["cluster.local/ns/front/sa/web"]}}],
                    "to": [{"operation": {"ports": ["8080"]}}],
                }
            ],
        },
    }
    assert find(graph, "callers").outputs == {"layer": "ztunnel"}


def test_with_a_waypoint_in_the_path_the_waypoint_judges() -> None:
    graph = policy(services=["cart", "stock"], waypoint=WAYPOINT, workloads=CART, rules=[WEB | READ], name="read")
    made = inputs(graph, "callers-policy")
    assert made["metadata"]["name"] == "read"
    assert made["spec"]["targetRefs"] == [
        {"group": "", "kind": "Service", "name": "cart"},
        {"group": "", "kind": "Service", "name": "stock"},
    ]
    assert "selector" not in made["spec"]
    assert find(graph, "callers").outputs == {"layer": "waypoint"}


def test_for_a_whole_waypoint_its_canary_judges_too() -> None:
    assert spec(waypoint={"name": "l7", "canary": "l7-canary"}, rules=[READ])["targetRefs"] == [
        {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "l7"},
        {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "l7-canary"},
    ]


def test_a_service_entry_is_judged_at_its_waypoint() -> None:
    assert spec(service_entries=["api"], waypoint=WAYPOINT, rules=[WEB])["targetRefs"] == [
        {"group": "networking.istio.io", "kind": "ServiceEntry", "name": "api"}
    ]


def test_services_that_go_past_the_waypoint_are_judged_by_ztunnel() -> None:
    front = {"services": ["stock"]}
    assert spec(services=["cart"], workloads=CART, waypoint=front, rules=[WEB])["selector"] == {"matchLabels": CART}
    workload = {"waypoint_for": "workload"}
    assert spec(services=["cart"], workloads=CART, waypoint=workload, rules=[WEB])["selector"] == {"matchLabels": CART}


def test_the_whole_namespace_has_no_selector() -> None:
    assert spec(rules=[WEB]).keys() == {"action", "rules"}


def test_an_authorizer_is_asked_by_the_waypoint() -> None:
    made = spec(action="custom", provider="opa", services=["cart"], waypoint=WAYPOINT, rules=[{}])
    assert (made["action"], made["provider"], made["rules"]) == ("CUSTOM", {"name": "opa"}, [{}])


def test_every_field_of_a_rule_reaches_istio_under_its_name() -> None:
    rule = {
        "sources": [
            {"not_service_accounts": ["a/b"], "not_principals": ["old/ns/a/sa/b"], "namespaces": ["n"]},
            {"principals": ["x/ns/a/sa/*"], "service_accounts": ["a/b"], "request_principals": ["*"], "ip_blocks": []},
        ],
        "operations": [{"not_ports": [1], "hosts": ["h"], "not_paths": ["/p"]}],
        "when": [{"key": "request.headers[x-team]", "values": ["a"]}, {"key": "source.ip", "not_values": ["10.0.0.1"]}],
    }
    assert spec(waypoint=WAYPOINT, rules=[rule], trust_domain="td")["rules"] == [
        {
            "from": [
                {"source": {"notPrincipals": ["old/ns/a/sa/b", "td/ns/a/sa/b"], "namespaces": ["n"]}},
                {"source": {"principals": ["td/ns/a/sa/b", "x/ns/a/sa/*"], "requestPrincipals": ["*"]}},
            ],
            "to": [{"operation": {"notPorts": ["1"], "hosts": ["h"], "notPaths": ["/p"]}}],
            "when": [
                {"key": "request.headers[x-team]", "values": ["a"]},
                {"key": "source.ip", "notValues": ["10.0.0.1"]},
            ],
        }
    ]


def test_a_dry_run_is_marked() -> None:
    graph = policy(rules=[WEB], dry_run={"istio_version": "1.29.0", "enabled": True})
    assert inputs(graph, "callers-policy")["metadata"]["annotations"] == {"istio.io/dry-run": "true"}


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ([WEB | READ], "methods"),
        ([{"operations": [{"ports": [80], "not_hosts": ["a"], "paths": ["/"]}]}], "notHosts, paths"),
        ([{"sources": [{"not_request_principals": ["*"]}]}], "notRequestPrincipals"),
        ([{"sources": [{"remote_ip_blocks": ["10.0.0.0/8"]}]}], "remoteIpBlocks"),
        ([{"when": [{"key": "request.auth.claims[iss]", "values": ["x"]}]}], "request.auth.claims[iss]"),
    ],
)
def test_http_without_a_waypoint_is_refused(rules: list[Any], field: str) -> None:
    remedy = "give the waypoint that calls go through, and name services; or leave these fields out (MW-E120)"
    what = f"ztunnel doesn't know {field}: what is left of the policy"
    assert refusal(workloads=CART, rules=rules) == [f"{what} allows nobody; {remedy}"]
    assert refusal(workloads=CART, rules=rules, action="deny") == [
        f"{what} denies nothing, or more than it says; {remedy}"
    ]


@pytest.mark.parametrize("condition", ["source.ip", "source.namespace", "source.principal", "destination.port"])
def test_conditions_that_ztunnel_knows_need_no_waypoint(condition: str) -> None:
    assert spec(rules=[{"when": [{"key": condition, "values": ["1"]}]}])["rules"]


@pytest.mark.parametrize("action", ["custom", "audit"])
def test_actions_that_ztunnel_lacks_are_refused(action: str) -> None:
    more = {"provider": "opa"} if action == "custom" else {}
    assert refusal(workloads=CART, action=action, rules=[{}], **more) == [
        (
            f"ztunnel enforces allow and deny: a policy of {action} is not even sent to it; "
            "give the waypoint that calls go through, and name services (MW-E121)"
        )
    ]


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ({"services": ["cart"], "rules": [WEB]}, "no waypoint is in the path of the calls, and ztunnel knows pods alone; give workloads: the labels of the pods; or a waypoint that all of the services use (MW-E120)"),
        ({"services": ["cart", "stock"], "waypoint": {"services": ["cart"]}, "rules": [WEB]}, "not all of these services use the waypoint, and ztunnel knows pods alone; give workloads: the labels of the pods; or a waypoint that all of the services use (MW-E120)"),
        ({"service_entries": ["api"], "rules": [WEB]}, "a policy of a ServiceEntry is enforced by a waypoint, and none is given; bind the ServiceEntry to an egress waypoint, and name that in waypoint (MW-E120)"),
        ({"waypoint": {"services": ["cart"]}, "rules": [WEB]}, "the waypoint serves cart alone: calls to other services would pass it by; name the services that it protects (MW-E120)"),
        ({"waypoint": {"namespace": "platform"}, "rules": [WEB]}, "the waypoint stands in platform, and a policy for all of it must stand there too; name the services that it protects (MW-E124)"),
        ({"waypoint": {}, "services": [f"s{n}" for n in range(17)], "rules": [WEB]}, "a policy has 16 targets at most, and this one 17; make one policy for some, and another for the rest (MW-E050)"),
        ({"action": "block"}, "the action 'block' is unknown; one of: allow, deny, audit, custom (MW-E050)"),
        ({"action": "custom", "rules": [{}], "waypoint": {}}, "the action custom needs a provider; name a provider with the action custom, and only there (MW-E050)"),
        ({"provider": "opa"}, "the action allow takes no provider; name a provider with the action custom, and only there (MW-E050)"),
        ({"action": "deny"}, "a policy of deny without rules matches nothing; add rules; the rule {} is every request (MW-E129)"),
        ({"rules": [{"sources": [{}]}]}, "rules[0].sources holds one that names nothing, which ztunnel skips: the rule would never fire; name something, or leave sources out: then it is for every source (MW-E129)"),
        ({"rules": [{}, {"operations": [{"ports": []}]}]}, "rules[1].operations holds one that names nothing, which ztunnel skips: the rule would never fire; name something, or leave operations out: then it is for every operation (MW-E129)"),
        ({"rules": [{"sources": [{"ip_blocks": ["10.0.0.1/8"]}]}]}, "rules[0].sources has the address '10.0.0.1/8', which is none: ztunnel would leave it out; write an address or a CIDR without host bits: 10.1.0.0/16 (MW-E129)"),
        ({"rules": [{"operations": [{"ports": [70000]}]}]}, "rules[0].operations has the port 70000, which is none; a number from 1 to 65535 (MW-E129)"),
        ({"waypoint": {}, "rules": [{"operations": [{"methods": ["GET", "delete"]}]}]}, "rules[0].operations has the method 'delete', which no request has; write it as DELETE (MW-E129)"),
        ({"waypoint": {}, "rules": [{"operations": [{"not_paths": ["*/a", "admin"]}]}]}, "rules[0].operations has the path 'admin', which no request has; write it as /admin (MW-E129)"),
        ({"rules": [{"sources": [{"service_accounts": ["web"]}]}]}, "rules[0].sources names the service account 'web'; write it as namespace/service-account (MW-E050)"),
        ({"rules": [{"from": []}]}, "rules[0] has no from; one of: sources, operations, when (MW-E050)"),
        ({"rules": [{"operations": [{"port": [1]}]}]}, "rules[0].operations has no port; one of: ports, not_ports, methods, not_methods, paths, not_paths, hosts, not_hosts (MW-E050)"),
        ({"rules": [{"when": [{"key": "source.ip"}]}]}, "rules[0].when names source.ip and no value; give values or not_values (MW-E050)"),
        ({"rules": [WEB], "dry_run": {"istio_version": "1.28.6", "enabled": True}}, "ztunnel 1.28.6 would enforce a dry run; upgrade to 1.29 or later first, or leave dry_run out (MW-E123)"),
        ({"rules": [WEB], "dry_run": {"istio_version": "1.31.1", "enabled": False}}, "istiod keeps dry runs from ztunnel, so that nothing would be judged; let istiod run with AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY=true, or leave dry_run out (MW-E123)"),
        ({"rules": [{}], "action": "custom", "provider": "opa", "waypoint": {}, "dry_run": {"istio_version": "1.31.1", "enabled": True}}, "a dry run of custom asks the provider all the same; leave dry_run out (MW-E123)"),
    ],
)  # fmt: skip
def test_what_would_not_do_what_it_says_is_refused(args: dict[str, Any], line: str) -> None:
    assert refusal(**args) == [line]


SEEN = "behind a waypoint ztunnel sees cluster.local/ns/shop/sa/waypoint as the caller: this policy"
MEANT = "name services, so that the waypoint judges the caller; or add the waypoint's service account (MW-E122)"


def test_behind_a_waypoint_a_list_of_callers_lets_nobody_in() -> None:
    behind = {"workloads": CART, "waypoint": WAYPOINT}
    assert refusal(**behind, rules=[WEB]) == [f"{SEEN} denies every call through it; {MEANT}"]
    assert refusal(**behind, rules=[WEB], action="deny") == [f"{SEEN} takes it for the caller behind it; {MEANT}"]


@pytest.mark.parametrize(
    "args",
    [
        {"rules": [{"sources": [{"service_accounts": ["front/web"]}, {"service_accounts": ["shop/waypoint"]}]}]},
        {"rules": [{"operations": [{"ports": [80]}]}]},
        {"rules": []},
        {"action": "deny", "rules": [{"sources": [{"not_service_accounts": ["shop/waypoint"]}]}]},
        {"action": "deny", "rules": [{"operations": [{"ports": [80]}]}]},
    ],
)
def test_behind_a_waypoint_a_policy_that_knows_the_waypoint_stands(args: dict[str, Any]) -> None:
    assert spec(workloads=CART, waypoint=WAYPOINT, **args)["selector"] == {"matchLabels": CART}


def test_the_program_of_the_documentation_runs() -> None:
    page = (Path(__file__).parents[4] / "docs" / "istio" / "security.md").read_text("utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)

    def run(opts: pulumi.ResourceOptions) -> None:
        (cluster,) = opts.providers  # type: ignore[misc]
        exec(program, {"AccessPolicy": AccessPolicy, "pulumi": pulumi, "cluster": cluster, "checkout": cluster})  # noqa: S102

    made = inputs(with_provider(run), "no-deletes-policy")["spec"]
    assert made["targetRefs"] == [{"group": "", "kind": "Service", "name": "cart"}]
