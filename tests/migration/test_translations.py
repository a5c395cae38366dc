"""Single translations, and the reasons why there is none."""

from typing import Any

import pytest
import yaml

from meshwright.istio.migration.matches import CannotSayError, keeps_order, match, overlap
from meshwright.istio.migration.migrate import Migration, migrate
from meshwright.istio.migration.objects import Manifest
from meshwright.istio.migration.report import Finding
from meshwright.istio.migration.setup import Setup

SHOP = """
{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {istio-injection: enabled}}}
---
{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {ports: [{name: http, port: 80}], selector: {app: web}}}
---
{apiVersion: v1, kind: Service, metadata: {name: raw, namespace: shop}, spec: {ports: [{name: tcp, port: 80}], selector: {app: web}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: web}]}}}
---
{apiVersion: v1, kind: Service, metadata: {name: other, namespace: far}, spec: {ports: [{name: http, port: 80}], selector: {app: other}}}
---
"""
PLAIN = {"destination": {"host": "web"}}


def _migrated(*bodies: dict[str, Any]) -> Migration:
    given = [each for each in yaml.safe_load_all(SHOP) if each]
    return migrate(Setup(tuple(Manifest(each) for each in (*given, *bodies))))


def _object(kind: str, spec: dict[str, Any], group: str = "networking.istio.io/v1", namespace: str = "shop") -> Any:
    return {"apiVersion": group, "kind": kind, "metadata": {"name": "it", "namespace": namespace}, "spec": spec}


def _finding(migration: Migration, kind: str) -> Finding:
    (found,) = [each for each in migration.findings if each.identity[1:] == (kind, "shop", "it")]
    return found


def _route(*rules: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return _object("VirtualService", {"hosts": ["web"], "http": list(rules), **spec})  # type: ignore[no-any-return]


CANNOT: dict[str, dict[str, Any]] = {
    "retries": _route({"route": [PLAIN], "retries": {"attempts": 1}}),
    "fault": _route({"route": [PLAIN], "fault": {"abort": {}}}),
    "a match by ignoreUriCase": _route({"match": [{"ignoreUriCase": True}], "route": [PLAIN]}),
    "a match by a part of the method": _route({"match": [{"method": {"prefix": "G"}}], "route": [PLAIN]}),
    "the path prefix 'api'": _route({"match": [{"uri": {"prefix": "api"}}], "route": [PLAIN]}),
    "headers of one destination": _route({"route": [{**PLAIN, "headers": {"request": {}, "response": {}}}]}),
    "the redirect 304": _route({"redirect": {"redirectCode": 304}}),
    "a rewrite by a regular expression": _route({"route": [PLAIN], "rewrite": {"uriRegexRewrite": {"match": "a"}}}),
    "a rewrite of several kinds of paths": _route(
        {"match": [{"uri": {"exact": "/a"}}, {"uri": {"prefix": "/b"}}], "route": [PLAIN], "rewrite": {"uri": "/c"}}
    ),
    "more than 16 rules": _route(*[{"match": [{"uri": {"exact": f"/{n}"}}], "route": [PLAIN]} for n in range(17)]),
    "more than 64 matches": _route({"match": [{"uri": {"exact": f"/{n}"}} for n in range(65)], "route": [PLAIN]}),
    "rules for TCP or TLS": _route({"route": [PLAIN]}, tcp=[{"route": [PLAIN]}]),
    "rules for the callers of some namespaces": _route({"route": [PLAIN]}, exportTo=["."]),
    "rules for example.com, which is no Service here": _route({"route": [PLAIN]}, hosts=["web", "example.com"]),
    "the destination nowhere, which is no Service here": _route({"route": [{"destination": {"host": "nowhere"}}]}),
    "a destination in another namespace, far": _route({"route": [{"destination": {"host": "other.far"}}]}),
    "the subset v9 of web": _route({"route": [{"destination": {"host": "web", "subset": "v9"}}]}),
    "how to route raw, which has no HTTP port": _route({"route": [PLAIN]}, hosts=["raw"]),
}


@pytest.mark.parametrize("what", CANNOT)
def test_what_an_httproute_cannot_say_stays_a_virtualservice(what: str) -> None:
    migration = _migrated(CANNOT[what])
    found = _finding(migration, "VirtualService")
    assert found.verdict == "needs a decision"
    assert f"an HTTPRoute can't say {what}" in found.reason
    assert all(body["kind"] != "HTTPRoute" for step in migration.steps for body in step.new)


def test_two_virtualservices_for_a_host_are_left() -> None:
    one, two = _route({"route": [PLAIN]}), _route({"route": [PLAIN]})
    two["metadata"] = {"name": "two", "namespace": "shop"}
    assert "another route is for too" in _finding(_migrated(one, two), "VirtualService").reason


def test_a_subset_with_a_policy_gets_a_rule_of_its_own() -> None:
    labels = {"labels": {"version": "v1"}}
    spec = {
        "host": "web",
        "trafficPolicy": {"loadBalancer": {"simple": "RANDOM"}},
        "subsets": [{"name": "v1", **labels, "trafficPolicy": {"outlierDetection": {}}}],
    }
    migration = _migrated(_object("DestinationRule", spec))
    made = {str(each) for each in _finding(migration, "DestinationRule").becomes}
    assert made == {"DestinationRule shop/it-v1", "DestinationRule shop/it"}
    (body,) = [one for step in migration.steps for one in step.new if one["metadata"]["name"] == "it-v1"]
    assert body["spec"] == {
        "host": "web-v1.shop.svc.cluster.local",
        "trafficPolicy": {"loadBalancer": {"simple": "RANDOM"}, "outlierDetection": {}},
    }


def test_a_subset_whose_name_is_taken_is_a_decision() -> None:
    taken = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web-v1", "namespace": "shop"},
        "spec": {"ports": [{"port": 80}], "selector": {"app": "else"}},
    }
    spec = {"host": "web", "trafficPolicy": {"connectionPool": {}}, "subsets": [{"name": "v1", "labels": {"v": "1"}}]}
    found = _finding(_migrated(taken, _object("DestinationRule", spec)), "DestinationRule")
    assert found.verdict == "needs a decision"
    assert "the Service web-v1, whose name is taken" in found.reason


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ({"uri": {"exact": "/a"}}, {"uri": {"exact": "/b"}}, False),
        ({"uri": {"exact": "/a/b"}}, {"uri": {"prefix": "/a"}}, True),
        ({"uri": {"prefix": "/a"}}, {"uri": {"exact": "/ab"}}, False),
        ({"uri": {"prefix": "/a"}}, {"uri": {"prefix": "/a/b"}}, True),
        ({"uri": {"prefix": "/a"}}, {"uri": {"prefix": "/b"}}, False),
        ({"uri": {"regex": ".*"}}, {"uri": {"prefix": "/b"}}, True),
        ({"method": {"exact": "GET"}}, {"method": {"exact": "PUT"}}, False),
        ({"headers": {"A": {"exact": "1"}}}, {"headers": {"a": {"exact": "2"}}}, False),
        ({"headers": {"a": {"exact": "1"}}}, {"headers": {"a": {"prefix": "2"}}}, True),
    ],
)
def test_matches_overlap_unless_it_is_sure_that_they_do_not(one: Any, other: Any, both: bool) -> None:
    assert overlap(match(one), match(other)) is overlap(match(other), match(one)) is both


def test_an_order_that_istio_would_change_is_seen() -> None:
    wide, narrow = match({"uri": {"prefix": "/a"}}), match({"uri": {"exact": "/a/b"}})
    assert not keeps_order([([wide], "one"), ([narrow], "two")])
    assert keeps_order([([wide], "one"), ([narrow], "one")])
    assert keeps_order([([narrow], "two"), ([wide], "one")])


def test_a_prefix_that_no_path_has_is_refused() -> None:
    with pytest.raises(CannotSayError):
        match({"uri": {"prefix": "/a/../b"}})


def _policy(name: str, **selector: str) -> dict[str, Any]:
    spec = {"selector": {"matchLabels": selector}, "rules": [{"to": [{"operation": {"methods": ["GET"]}}]}]}
    body = _object("AuthorizationPolicy", spec, "security.istio.io/v1")
    return {**body, "metadata": {"name": name, "namespace": "shop"}}


def test_no_object_takes_the_place_of_another() -> None:
    given = {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": "require-waypoint-web", "namespace": "shop"},
        "spec": {"selector": {"matchLabels": {"app": "nobody"}}},
    }
    (policy,) = [
        each
        for each in _migrated(given, _policy("it", app="web")).steps
        if each.title == "Exchange the policies of shop"
    ]
    names = [body["metadata"]["name"] for body in policy.new]
    assert [name for name in names if name.startswith("require-waypoint-web-")]
    assert "require-waypoint-web" not in names


def test_a_waypoint_that_is_there_is_used() -> None:
    gateway = _object("Gateway", {"gatewayClassName": "istio-waypoint"}, "gateway.networking.k8s.io/v1")
    gateway["metadata"]["name"] = "waypoint"
    migration = _migrated(gateway, _policy("it", app="web"))
    assert all(body["kind"] != "Gateway" for step in migration.steps for body in (*step.new, *step.changed))
