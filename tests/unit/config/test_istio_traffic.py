"""What a stack file may say of traffic and egress, and the lines that are printed for what it may not."""

import re
from pathlib import Path
from textwrap import indent

import pytest

from meshwright.config import load_stack
from meshwright.config.istio import IstioAmbientMesh
from meshwright.errors import ConfigError
from tests.unit.config.conftest import Write
from tests.unit.config.mistakes import FILE, istio

ROOT = Path(__file__).parents[3]
BEFORE = """    namespaces:
      - name: shop
        phase: strict
        waypoint: {reason: routing}
        traffic:
"""


def traffic(entry: str, before: str = BEFORE) -> str:
    """A stack file with one entry of traffic, on line 11."""
    return istio(f"{before}          - {{{entry}}}\n")


def egress(entry: str, more: str = "") -> str:
    """A stack file with one host, on line 8."""
    return istio(f"    egress:\n      hosts:\n        - {{{entry}}}\n{more}")


CASES = {
    "a subset": (
        traffic("service: reviews, port: 80, routes: [{to: [{service: reviews, subset: v1}]}]"),
        [
            (
                f"{FILE}:11: mesh.namespaces[0].traffic[0].routes[0].to[0].subset asks for a subset, which HTTPRoute does not "
                "know; make one Service for each version (versions:), and name that in to: (MW-E135)"
            )
        ],
    ),
    "rate limits": (
        traffic("service: reviews, port: 80, rate_limit: {requests: 5}"),
        [
            (
                f"{FILE}:11: mesh.namespaces[0].traffic[0].rate_limit asks for what no API does at a waypoint: Istio limits "
                "rates by EnvoyFilter alone, which a waypoint ignores; limit at the ingress gateway or in the application; "
                "connection_pool bounds what is under way at a time (MW-E135)"
            )
        ],
    ),
    "labels that no pod can have": (
        traffic("service: a, port: 80, versions: [{service: a-v1, selector: {app: a b}}]"),
        [
            (
                f"{FILE}:11: mesh.namespaces[0].traffic[0].versions[0].selector has the value 'a b' for app, which is none of "
                'a label; write at most 63 letters, digits, "-", "_" and ".", the first and last a letter or digit (MW-E015)'
            )
        ],
    ),
    "no waypoint": (
        traffic("service: reviews, port: 80, timeout: 1s", BEFORE.replace("{reason: routing}", "null")),
        [
            (
                f"{FILE}:11: mesh.namespaces[0].traffic[0] asks for timeouts, retries or limits, and no waypoint takes the "
                "service's traffic: ztunnel would ignore it without a word; give the namespace a waypoint with for: service "
                "(or all) (MW-E130)"
            )
        ],
    ),
    "a waypoint for workloads": (
        traffic(
            "service: a, port: 80, routes: [{to: [{service: b}]}]", BEFORE.replace("{reason", "{for: workload, reason")
        ),
        [
            (
                f"{FILE}:11: mesh.namespaces[0].traffic[0] asks for routing, and no waypoint takes the service's traffic: "
                "ztunnel would ignore it without a word; give the namespace a waypoint with for: service (or all) (MW-E130)"
            )
        ],
    ),
    "a waypoint for other services": (
        traffic("service: a, port: 80, timeout: 1s", BEFORE.replace("{reason", "{services: [b], reason")),
        [
            (
                f"{FILE}:11: mesh.namespaces[0].traffic[0] asks for timeouts, retries or limits, and no waypoint takes "
                "the service's traffic: ztunnel would ignore it without a word; "
                "give the namespace a waypoint with for: service (or all) (MW-E130)"
            )
        ],
    ),
    "one service twice": (
        traffic("service: a, port: 80, timeout: 1s}\n          - {service: a, port: 81, timeout: 1s"),
        [
            (
                f'{FILE}:12: mesh.namespaces[0].traffic[1] gives "a" rules, as does traffic[0]; '
                "write all of a service's rules in one place (MW-E131)"
            )
        ],
    ),
    "two distributions for one backend": (
        traffic(
            "service: a, port: 80, traffic_distribution: PreferSameZone, routes: [{to: [{service: c}]}]}\n"
            "          - {service: b, port: 80, traffic_distribution: PreferSameNode, routes: [{to: [{service: c}]}]"
        ),
        [
            (
                f'{FILE}:12: mesh.namespaces[0].traffic[1] gives "c" traffic distribution, as does traffic[0]; '
                "write all of a service's rules in one place (MW-E131)"
            )
        ],
    ),
    "durations": (
        traffic("service: a, port: 80, timeout: 5 s, routes: [{timeout: 0s}]"),
        [
            (
                f'{FILE}:11: mesh.namespaces[0].traffic[0].routes[0].timeout is "0s", which is no time at all; '
                'write a millisecond or more: "500ms" (MW-E015)'
            ),
            (
                f'{FILE}:11: mesh.namespaces[0].traffic[0].timeout is "5 s", which is no duration; '
                'write it as the Gateway API does: "500ms", "3s", "1m30s" (MW-E015)'
            ),
        ],
    ),
    "values": (
        traffic(
            "service: a, port: 80, routes: [{match: [{path: /a//b, headers_regex: {x: '(a'}}], "
            "retries: {attempts: 1, retry_on: [sometimes]}}]"
        ),
        [
            (
                f"{FILE}:11: mesh.namespaces[0].traffic[0].routes[0].match[0].path is 5 characters, which a proxy would "
                "change; leave out //, /./, /../ and %2F; at most 1024 (MW-E015)"
            ),
            (
                f"{FILE}:11: mesh.namespaces[0].traffic[0].routes[0].match[0].headers_regex.x is no regular expression of RE2; "
                "leave out lookaround and back-references; close what is open (MW-E015)"
            ),
            (
                f'{FILE}:11: mesh.namespaces[0].traffic[0].routes[0].retries.retry_on[0] is "sometimes", which is no condition for a '
                "retry; one of: connect-failure, refused-stream, reset-before-request, 5xx, gateway-error, reset, "
                "retriable-4xx, envoy-ratelimited, http3-post-connect-failure, cancelled, deadline-exceeded, internal, "
                "resource-exhausted, unavailable, or a status code, 400 to 599 (MW-E015)"
            ),
        ],
    ),
    "a name of a header": (
        traffic('service: a, port: 80, routes: [{match: [{headers: {"a b": "1"}}]}]'),
        [
            (
                f'{FILE}:11: mesh.namespaces[0].traffic[0].routes[0].match[0].headers has the name "a b", which is none of '
                "a header; use letters, digits and - (MW-E015)"
            )
        ],
    ),
    "no DNS capture": (
        egress("host: a.b, callers: [{namespace: shop}]", "    node_agents: {dns_capture: false}\n"),
        [
            (
                f"{FILE}:6: mesh.egress needs ztunnel to answer DNS requests, which is switched off: pods would connect to "
                "the hosts' own addresses, past the waypoint; remove dns_capture: false (MW-E138)"
            )
        ],
    ),
    "no DNS capture by a chart value": (
        egress("host: a.b, callers: [{namespace: shop}]", "    values: {cni: {ambient: {dnsCapture: false}}}\n"),
        [
            (
                f"{FILE}:6: mesh.egress needs ztunnel to answer DNS requests, which is switched off: pods would connect to "
                "the hosts' own addresses, past the waypoint; remove dns_capture: false (MW-E138)"
            )
        ],
    ),
    "a method twice": (
        traffic("service: a, port: 80, routes: [{match: [{methods: [GET, GET]}]}]"),
        [
            (
                f'{FILE}:11: mesh.namespaces[0].traffic[0].routes[0].match[0].methods[1] is "GET", as is methods[0]; '
                "keep one of the two (MW-E017)"
            )
        ],
    ),
    "a contradiction": (
        traffic("service: a, port: 80, routes: [{fault: {}}]"),
        [
            (
                f"{FILE}:11: mesh.namespaces[0].traffic[0].routes[0].fault is empty; add delay or abort, or remove fault "
                "(MW-E139)"
            )
        ],
    ),
    "nobody may call": (
        egress("host: api.example.com, callers: []"),
        [
            (
                f"{FILE}:8: mesh.egress.hosts[0].callers lists nobody who may call the host; list callers, or remove it "
                "(MW-E139)"
            )
        ],
    ),
    "no name": (
        egress("host: api, callers: [{namespace: shop}]"),
        [
            (
                f'{FILE}:8: mesh.egress.hosts[0].host is "api", which is no DNS name; '
                'write "api.example.com", or "*.example.com" for all below it (MW-E015)'
            )
        ],
    ),
    "confined outside of the mesh": (
        egress("host: a.b, callers: [{namespace: shop}]", "      confine: [shop]\n"),
        [
            (
                f'{FILE}:9: mesh.egress.confine[0] is "shop", whose pods are not in the mesh: they would reach nothing outside '
                "at all; list meshed namespaces only (MW-E138)"
            )
        ],
    ),
    "exceptions from nothing": (
        egress("host: a.b, callers: [{namespace: shop}]", "      confine_except: [10.0.0.0/8]\n"),
        [
            (
                f"{FILE}:9: mesh.egress.confine_except is used with confine alone, and that is empty; "
                "list namespaces to confine, or remove it (MW-E018)"
            )
        ],
    ),
    "no range": (
        egress("host: a.b, callers: [{namespace: shop}]", "      confine_except: [10.0.0.1]\n"),
        [
            (
                f'{FILE}:9: mesh.egress.confine_except[0] is "10.0.0.1", which is no range of addresses; '
                'write it as "10.0.0.0/16" (MW-E015)'
            )
        ],
    ),
    "a range of replicas": (
        egress("host: a.b, callers: [{namespace: shop}]", "      waypoint: {min_replicas: 3, max_replicas: 2}\n"),
        [
            (
                f"{FILE}:9: mesh.egress.waypoint.min_replicas is 3, more than max_replicas (2); "
                "lower it, or raise max_replicas (MW-E018)"
            )
        ],
    ),
    "a namespace of the mesh": (
        egress(
            "host: a.b, callers: [{namespace: shop}]",
            "      namespace: shop\n    namespaces: [{name: shop, phase: permissive}]\n",
        ),
        [
            (
                f'{FILE}:9: mesh.egress.namespace is "shop", which is one of the namespaces; '
                "give egress a namespace of its own, and leave that out of namespaces (MW-E017)"
            )
        ],
    ),
}


@pytest.mark.parametrize(("text", "lines"), CASES.values(), ids=CASES)
def test_a_mistake_is_told_with_its_line(text: str, lines: list[str], stack_file: Write) -> None:
    with pytest.raises(ConfigError) as error:
        load_stack(stack_file(text))
    assert str(error.value).splitlines() == lines


def test_traffic_that_needs_no_waypoint_needs_none(stack_file: Write) -> None:
    text = traffic(
        "service: a, port: 80, traffic_distribution: PreferSameZone", BEFORE.replace("{reason: routing}", "null")
    )
    mesh = load_stack(stack_file(text)).mesh
    assert isinstance(mesh, IstioAmbientMesh)
    assert mesh.namespaces[0].traffic[0].arguments("shop") == {
        "namespace": "shop",
        "service": "a",
        "port": 80,
        "traffic_distribution": "PreferSameZone",
    }


def test_the_waypoint_of_another_namespace_serves_as_well(stack_file: Write) -> None:
    before = BEFORE.replace(
        "waypoint: {reason: routing}", "services: [a]\n        use_waypoint: {namespace: front, services: [a]}"
    )
    front = "      - {name: front, phase: strict, waypoint: {reason: routing, allowed_namespaces: [shop]}}\n"
    mesh = load_stack(stack_file(traffic("service: a, port: 80, timeout: 1s", before) + front)).mesh
    assert isinstance(mesh, IstioAmbientMesh)
    assert mesh.namespaces[0].traffic[0].timeout == "1s"


SNIPPETS = [
    (page, text)
    for page in ("traffic.md", "egress.md")
    for text in re.findall(r"(?ms)^```yaml\n(.*?)^```", (ROOT / "docs" / "istio" / page).read_text("utf-8"))
]


@pytest.mark.parametrize(("page", "text"), SNIPPETS)
def test_the_snippets_of_the_pages_are_right(page: str, text: str, stack_file: Write) -> None:
    mesh = load_stack(stack_file(istio(indent(text, "    ")))).mesh
    assert isinstance(mesh, IstioAmbientMesh)
    assert bool(mesh.egress) == (page == "egress.md")
