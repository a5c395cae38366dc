"""Access in a Linkerd stack: what is refused, on which line, and that the page's snippets are taken."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshwright.config import load_stack, parse_config
from meshwright.config.linkerd import LinkerdMesh
from meshwright.config.linkerd_access_checks import access_of, injection_of
from meshwright.errors import ConfigError
from tests.unit.config.conftest import Write
from tests.unit.config.mistakes import FILE, mesh

PAGE = Path(__file__).parents[3] / "docs" / "linkerd" / "access.md"
SNIPPETS = re.findall(r"(?ms)^```yaml\n(.+?)^```", PAGE.read_text("utf-8"))
FRONT = "- {name: front, phase: authenticated}"
CART = "workloads: {cart: {ports: [{port: 8080}]}}"
CALL = "calls: [{from: front/web, to: cart}]"


def shop(*security: str, phase: str = "deny", injection: str = "{}", more: tuple[str, ...] = ()) -> str:
    """A stack file with `more` from line 4 on; then `shop` in five lines with the parts of its `security`."""
    lines = [f"      {part}" for part in security]
    return mesh(
        "linkerd",
        *more,
        "namespaces:",
        f"  {FRONT}",
        f"  - name: shop\n        phase: {phase}\n        injection: {injection}",
        *(["    security:", *lines] if security else []),
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (shop("calls: [{from: front/web, to: cart}]"), ":10: security.calls[0] is to cart, which is no workload here; add it to workloads (MW-E200)"),
        (shop(CART, "calls:", "  - {to: cart}"), ":12: security.calls[0] says nobody who calls; add a caller, or networks (MW-E200)"),
        (shop(CART, "calls: [{from: fronk/web, to: cart}]"), ":11: security.calls[0].from is fronk/web, and no namespace fronk is listed; did you mean front? (MW-E126)"),
        (shop(CART, "calls: [{from: other/x, to: cart}]"), ":11: security.calls[0].from is other/x, and no namespace other is listed; list it, or add the caller to the mesh's security.callers (MW-E126)"),
        (shop(CART, CALL, "jwt: {issuers: []}"), ":12: security.jwt asks for tokens of users, which Linkerd doesn't check; check them at the ingress gateway; Istio ambient has it, at a waypoint (kind: istio-ambient) (MW-E207)"),
        (shop(CART, CALL, "external_authorization: {authorizer: opa}"), ":12: security.external_authorization asks for an external authorizer, which Linkerd has not; authorize by identity (phase: authenticated or deny), or in the application; Istio ambient has it, at a waypoint (kind: istio-ambient) (MW-E207)"),
        (shop(CART, "calls:", "  - {from: front/web, to: cart, paths: [/a]}"), ":12: security.calls[0] is limited: with a route, Linkerd no longer lets the kubelet probe cart's port 8080; list the port's probes; [] if it has none (MW-E202)"),
        (shop(CART, CALL, "calles: []"), ':12: security has no key "calles"; did you mean calls? (MW-E010)'),
        (shop("workloads: {cart: {ports: [{port: 0}]}}"), ":10: security.workloads.cart.ports[0].port is 0, which is no port; write 1 to 65535, or a name (MW-E015)"),
        (shop("workloads: {cart: {ports: [{port: HTTP}]}}"), ':10: security.workloads.cart.ports[0].port is "HTTP", which is no port name; write a number, or the name in the pod\'s spec: "http" (MW-E015)'),
        (shop("workloads: {cart: {ports: [{port: a}, {port: a}]}}"), ':10: security.workloads.cart.ports[1].port is "a", as is ports[0].port; keep one of the two (MW-E017)'),
        (shop("workloads: {cart: {ports: [{port: 8080}], host_network: true}}", CALL), ":9: security: cart uses the node's network, so that its pods get no proxy and no policy holds for them; leave it out of workloads, and guard it by a NetworkPolicy or by the node's firewall (MW-E203)"),
        (shop("workloads: {cart: {ports: [{port: 4567}]}}", CALL), ":10: security.workloads.cart.ports[0].port is 4567, which goes past the proxy: no policy holds for it; leave it out, or don't skip it (injection.skip_inbound) (MW-E203)"),
        (shop("workloads: {cart: {ports: [{port: 4222, protocol: HTTP/1}]}}", CALL, injection="{opaque_ports: [4222]}"), ":10: security.workloads.cart.ports[0].protocol is HTTP/1, and port 4222 is opaque: callers would send what it doesn't read; remove protocol, or the port from opaque_ports (MW-E018)"),
        (shop(injection="{skip_inbound: [{ports: [1], reason: ' '}]}"), ":8: injection.skip_inbound[0] has no reason: its ports lose mutual TLS, policy and metrics; say why; a protocol in which the server speaks first belongs in opaque_ports (MW-E204)"),
        (shop(injection="{resources: {cpu_limit: much}}"), ":8: injection: resources has cpu_limit: much; one of cpu_request, cpu_limit, memory_request, memory_limit, as 100m or 20Mi (MW-E204)"),
        (shop(phase="unmeshed", injection="{native_sidecar: true}"), ":8: injection is for a namespace that is unmeshed: nothing would enforce it; remove it, or set phase: audit (MW-E018)"),
        (shop(CART, phase="unmeshed"), ":9: security is for a namespace that is unmeshed: nothing would enforce it; remove it, or set phase: audit (MW-E018)"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(text: str, line: str, stack_file: Write) -> None:
    with pytest.raises(ConfigError) as refused:
        load_stack(stack_file(text))
    number, _, said = line[1:].partition(": ")
    assert str(refused.value) == f"{FILE}:{number}: mesh.namespaces[1].{said}"


def of(**wanted: Any) -> LinkerdMesh:
    found = parse_config({"kind": "linkerd", **wanted}, None).mesh
    assert isinstance(found, LinkerdMesh)
    return found


def refusal(**wanted: Any) -> str:
    with pytest.raises(ConfigError) as refused:
        of(**wanted)
    return str(refused.value)


def test_namespaces_that_are_not_for_workloads() -> None:
    said = refusal(namespaces=[{"name": "kube-system", "phase": "unmeshed"}])
    assert said == 'mesh.namespaces[0].name is "kube-system", into which Linkerd injects nothing, or must not; leave it out (MW-E018)'  # fmt: skip


def test_callers() -> None:
    workloads = {"cart": {"ports": [{"port": "http"}]}}
    callers = ["linkerd-multicluster/linkerd-gateway", "far/away"]
    calls = [*({"from": each, "to": "cart"} for each in callers), {"networks": ["10.0.0.0/8"], "to": "cart"}]
    shop = {"name": "shop", "phase": "deny", "security": {"workloads": workloads, "calls": calls}}
    far = {"name": "far", "phase": "unmeshed"}
    assert of(namespaces=[shop, far], security={"callers": ["far/away"]})
    said = refusal(namespaces=[shop, far])
    assert said == (
        "mesh.namespaces[0].security.calls[1].from is far/away, and far is unmeshed: its calls carry no identity, and "
        "would be denied; mesh it first, or let it in by networks alone (MW-E126)"
    )


def test_ports_that_are_opaque_keep_their_protocol() -> None:
    ports: list[Any] = [{"port": 5432}, {"port": 4222}, {"port": 7000}, {"port": 8080}]
    with_a_name = {"db": {"ports": [{"port": 5432}, {"port": "sql"}]}}
    assert refusal(namespaces=[{"name": "shop", "phase": "audit", "security": {"workloads": with_a_name}}]) == (
        "mesh.namespaces[0].security: db's port 5432 and db's port sql may be the same: one is a name, one a number; "
        "write both as numbers, or both as names (MW-E201)"
    )
    found = of(
        control_plane={"opaque_ports": [7000], "probe_networks": ["10.0.0.0/16"]},
        namespaces=[
            {
                "name": "shop",
                "phase": "audit",
                "injection": {"opaque_ports": [4222], "skip_outbound": [{"ports": [1], "reason": "a"}]},
                "security": {"workloads": {"db": {"ports": ports, "phase": "authenticated"}}},
            }
        ],
    )
    (namespace,) = found.namespaces
    access = access_of(found, namespace)
    assert access is not None
    protocols = [each.get("protocol") for each in access["workloads"]["db"]["ports"]]
    assert protocols == ["opaque", "opaque", "opaque", None]
    assert (access["workloads"]["db"]["phase"], access["probe_networks"]) == ("authenticated", ["10.0.0.0/16"])
    skips = [{"ports": [1], "reason": "a"}]
    assert injection_of(found, namespace) == {"opaque_ports": [7000, 4222], "skip_outbound": skips}


def test_who_reads_the_metrics() -> None:
    namespaces = [{"name": "shop", "phase": "audit"}, {"name": "old", "phase": "unmeshed"}]
    found = of(namespaces=namespaces)
    assert access_of(found, found.namespaces[0]) is None
    found = of(namespaces=namespaces, viz={}, security={"scrapers": ["monitoring/prometheus"]})
    assert access_of(found, found.namespaces[1]) is None
    access = access_of(found, found.namespaces[0])
    assert access is not None
    assert access["scrapers"] == ["linkerd-viz/prometheus", "monitoring/prometheus"]
    found = of(namespaces=namespaces, viz={}, control_plane={"prometheus_url": "http://p:9090"})
    assert access_of(found, found.namespaces[0]) is None


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_a_snippet_of_the_page_is_taken(snippet: str) -> None:
    of(**yaml.safe_load(snippet))


def test_there_are_snippets() -> None:
    assert len(SNIPPETS) >= 3
