"""What a Linkerd stack may say of traffic, and the lines that are printed for what it may not."""

import re
from pathlib import Path

import pytest

from meshwright.config import load_stack
from meshwright.config.linkerd import LinkerdMesh
from meshwright.errors import ConfigError
from tests.unit.config.conftest import Write
from tests.unit.config.mistakes import FILE, mesh

DOCS = Path(__file__).parents[3] / "docs" / "linkerd"
AT = f"{FILE}:7: mesh.namespaces[0].traffic[0]"


def traffic(*entries: str, version: str = "2.20", phase: str = "audit") -> str:
    """A stack file whose entries of traffic begin on line 7."""
    head = (f'version: "{version}"', "namespaces:", f"  - {{name: shop, phase: {phase}, traffic: [")
    return mesh("linkerd", *head, *(f"    {{{each}}}," for each in entries), "  ]}")


def shop(more: str, phase: str = "audit", *lines: str) -> str:
    """A stack file with a namespace on line 5."""
    return mesh("linkerd", "namespaces:", f"  - {{name: shop, phase: {phase}, {more}}}", *lines)


UNIFIED = "service: cart, port: 80, circuit_breaker: {mode: unified}"
SPLIT = "service: cart, port: 80, routes: [{to: [{service: cart-v1}]}]"
CASES = {
    "a mirror": (
        traffic("service: cart, port: 80, routes: [{mirror: {service: b}}]"),
        (
            f"{AT}.routes[0].mirror asks for copies of requests: Linkerd drops a route with RequestMirror whole; leave it out; "
            "Istio ambient has it, at a waypoint (kind: istio-ambient) (MW-E207)"
        ),
    ),
    "faults": (
        traffic("service: cart, port: 80, fault: {}"),
        (
            f"{AT}.fault asks for delays or errors on purpose, which Linkerd has not; send a share of the requests to a Service "
            "that fails (to:, with weights); Istio ambient has it, at a waypoint (kind: istio-ambient) (MW-E207)"
        ),
    ),
    "a ServiceProfile": (
        traffic(SPLIT + ", service_profile: true"),
        (
            f"{AT} asks for routes, and the service has a ServiceProfile: Linkerd ignores all of it then; delete the "
            "ServiceProfile once its routes are written anew, or keep it alone (MW-E206)"
        ),
    ),
    "a duration of the Gateway API": (
        traffic("service: cart, port: 80, timeouts: {request: 1m30s}"),
        (
            f'{AT}.timeouts.request is "1m30s", which is no duration of Linkerd\'s; write one number and one unit, ms, s, m, h '
            'or d: "90s" (MW-E015)'
        ),
    ),
    "no condition": (
        traffic("service: cart, port: 80, retries: {on: [sometimes]}"),
        (
            f'{AT}.retries.on[0] is "sometimes", which is no condition for a retry; one of: 5xx, gateway-error, "503", 500-504, '
            "or a condition of gRPC (MW-E015)"
        ),
    ),
    "an unsafe retry": (
        traffic("service: cart, port: 80, retries: {on: [5xx]}"),
        (
            f"{AT}.retries sends requests again that the application may have worked on, whatever their method; match methods "
            "such as GET and PUT, or say idempotent: true if all of them may be sent twice (MW-E208)"
        ),
    ),
    "unified before 2.20": (
        traffic(UNIFIED, version="2.19"),
        (
            f"{AT}.circuit_breaker.mode is unified, which takes Linkerd 2.20 (edge-26.6.2), and edge-25.10.7 runs, which ignores "
            "it; set mode: consecutive, or upgrade Linkerd first (MW-E209)"
        ),
    ),
    "load_bias before 2.20": (
        traffic("service: cart, port: 80, load_bias: {}", version="2.19"),
        (
            f"{AT}.load_bias takes Linkerd 2.20 (edge-26.6.2), and edge-25.10.7 runs, which ignores it; remove it, or upgrade "
            "Linkerd first (MW-E209)"
        ),
    ),
    "two sets of rules": (
        traffic(SPLIT, "service: cart, port: 81, timeouts: {request: 1s}"),
        (
            f'{FILE}:8: mesh.namespaces[0].traffic[1] sets the traffic of "cart", as does traffic[0]: one would undo the other; write all of '
            "it in one place (MW-E205)"
        ),
    ),
    "two objects of one name": (
        traffic(
            "service: cart, port: 80, routes: [{match: [{path: /a}], timeouts: {request: 1s}}]",
            "service: cart-2, port: 80, routes: [{to: [{service: cart}]}]",
        ),
        (
            f'{FILE}:8: mesh.namespaces[0].traffic[1] makes the HTTPRoute "cart-2", as does traffic[0]: one would undo the other; '
            "write all of it in one place (MW-E205)"
        ),
    ),
    "a limit of nothing": (
        shop("rate_limits: [{server: cart}]"),
        f"{FILE}:5: mesh.namespaces[0].rate_limits[0] limits nothing; say total, identity or overrides (MW-E210)",
    ),
    "a Server twice": (
        shop("rate_limits: [{server: cart, total: 1}, {server: cart, total: 2}]"),
        (
            f'{FILE}:5: mesh.namespaces[0].rate_limits[1].server is "cart", as is rate_limits[0].server; keep one of the two '
            "(MW-E017)"
        ),
    ),
    "a limit that nobody keeps": (
        shop("rate_limits: [{server: cart, total: 1}]", "unmeshed"),
        (
            f"{FILE}:5: mesh.namespaces[0].rate_limits is for a namespace that is unmeshed: no proxy would keep it; remove it, or "
            "set phase: audit (MW-E018)"
        ),
    ),
    "TLSRoutes that nobody serves": (
        shop("egress: {policy: deny, routes: [{name: a, port: 443, protocol: tls, hosts: [a.example.com]}]}"),
        (
            f"{FILE}:5: mesh.namespaces[0].egress.routes[0].protocol is tls, and the standard Gateway API has no TLSRoute "
            "v1alpha2, which Linkerd reads; set values: {crds: {enableTlsRoutes: true}} (MW-E211)"
        ),
    ),
    "TCPRoutes that nobody serves": (
        mesh("linkerd", "egress: {policy: deny, routes: [{name: a, port: 5432, protocol: tcp}]}"),
        (
            f"{FILE}:4: mesh.egress.routes[0].protocol is tcp, and the standard Gateway API has no TCPRoute v1alpha2, which "
            "Linkerd reads; set values: {crds: {enableTcpRoutes: true}} (MW-E211)"
        ),
    ),
    "routes beside allow": (
        mesh("linkerd", "egress: {policy: allow, routes: [{name: a, port: 80, protocol: http}]}"),
        (
            f"{FILE}:4: mesh.egress.policy is allow, beside routes: they would allow what is allowed anyway; write deny, or "
            "remove the routes (MW-E211)"
        ),
    ),
    "no range": (
        mesh("linkerd", "egress: {policy: deny, networks: [{cidr: 10.0.0.1/8}]}"),
        (
            f'{FILE}:4: mesh.egress.networks[0].cidr is "10.0.0.1/8", which is no range of addresses; write it as "10.0.0.0/16" '
            "(MW-E015)"
        ),
    ),
    "an upgrade that deletes the Gateway API": (
        mesh("linkerd", 'version: "2.18"', 'upgrade: {from: "2.17"}'),
        (
            f"{FILE}:5: mesh.upgrade: edge-24.11.8 to edge-25.4.4 deletes the Gateway API's CRDs, which linkerd-crds installed, "
            "and every route; for this step set values: {crds: {installGatewayAPI: true}} and gateway_api: {mode: skip} "
            "(MW-E214)"
        ),
    ),
    "an upgrade that skips a version": (
        mesh("linkerd", 'version: "2.20"', 'upgrade: {from: "2.18"}'),
        (
            f"{FILE}:5: mesh.upgrade.from is 2.18, and edge-26.6.3 skips edge-25.10.7: a control plane leads by one version; set "
            "version: edge-25.10.7 first (MW-E213)"
        ),
    ),
    "an upgrade of the enterprise channel": (
        mesh("linkerd", "channel: enterprise", 'upgrade: {from: "2.19"}'),
        (
            f"{FILE}:5: mesh.upgrade is for the channel edge, whose notes the catalog has; remove it, and follow Buoyant's notes "
            "(MW-E018)"
        ),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_is_one_line(stack_file: Write, name: str) -> None:
    text, line = CASES[name]
    with pytest.raises(ConfigError) as caught:
        load_stack(stack_file(text))
    assert str(caught.value) == line


@pytest.mark.parametrize(
    "text",
    [
        traffic(UNIFIED, phase="unmeshed"),
        traffic(SPLIT, "service: web, port: 80, load_bias: {}"),
        mesh("linkerd", 'version: "2.18"', 'upgrade: {from: "2.17", gateway_api: others}'),
        mesh(
            "linkerd",
            'version: "2.18"',
            'upgrade: {from: "2.17"}',
            "gateway_api: {mode: skip}",
            "values: {crds: {installGatewayAPI: true}}",
        ),
        mesh("linkerd", 'version: "2.20"', "upgrade: {from: edge-25.11.3}"),
        mesh(
            "linkerd",
            "gateway_api: {mode: skip}",
            "egress: {policy: deny, routes: [{name: a, port: 5432, protocol: tcp}]}",
        ),
        mesh("linkerd", "values: {crds: {enableTcpRoutes: true}}", "egress: {policy: allow, create_namespace: false}"),
    ],
)
def test_what_is_taken(stack_file: Write, text: str) -> None:
    assert isinstance(load_stack(stack_file(text)).mesh, LinkerdMesh)


def test_a_range_may_have_holes(stack_file: Write) -> None:
    text = mesh("linkerd", "egress: {policy: deny, networks: [{cidr: 10.0.0.0/8, except: [10.1.0.0/16]}]}")
    found = load_stack(stack_file(text)).mesh
    assert isinstance(found, LinkerdMesh)
    assert found.egress
    assert found.egress.arguments() == {
        "policy": "deny",
        "networks": [{"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}],
    }


@pytest.mark.parametrize("page", ["traffic", "upgrade"])
def test_the_snippets_of_the_page_are_taken(stack_file: Write, page: str) -> None:
    snippets = re.findall(r"(?ms)^```yaml\n(.+?)^```", (DOCS / f"{page}.md").read_text("utf-8"))
    assert snippets
    for snippet in snippets:
        load_stack(stack_file(mesh("linkerd", *snippet.splitlines())))
