"""Waypoints and security in a stack file: what they become, and what is refused with its line."""

import re
from pathlib import Path
from typing import Any

import pytest

from meshwright.config import load_stack
from meshwright.config.istio import IstioAmbientMesh
from meshwright.config.istio_security_checks import access_of, front_of, trust_domain
from meshwright.errors import ConfigError
from tests.unit.config.conftest import Write
from tests.unit.config.mistakes import FILE, istio

SHOP = "name: shop, phase: strict, services: [cart, stock]"
DENY = "access: default-deny"
WEB = "{name: web, phase: strict}"


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHWRIGHT_AS_OF", "2026-11-23")


def stack(*namespaces: str, mesh: str = "{}", version: str = '"1.31"') -> str:
    """A stack file with `security` of the mesh on line 6, and namespaces from line 8 on."""
    items = "".join(f"      - {each}\n" for each in namespaces)
    return istio(f"    security: {mesh}\n    namespaces:\n{items}", version=version)


def read(*namespaces: dict[str, Any], **mesh: Any) -> IstioAmbientMesh:
    cluster = {"context": "c", "platform": "kind"}
    given = {"kind": "istio-ambient", "version": "1.31", "cluster": cluster, "namespaces": namespaces, **mesh}
    return IstioAmbientMesh.model_validate(given)


REFUSED = {
    "sidecars without an end": (
        stack(f"{{{SHOP}, waypoint: {{require: {{sidecars: [old/web]}}}}}}"),
        ":8: mesh.namespaces[0].waypoint.require: sidecars are let past the waypoint without an end; add until, the last day of their migration: YYYY-MM-DD (MW-E127)",
    ),
    "sidecars after their end": (
        stack(f"{{{SHOP}, waypoint: {{require: {{sidecars: [old/web], until: 2026-11-22}}}}}}"),
        ":8: mesh.namespaces[0].waypoint.require: the last day for sidecars past the waypoint was 2026-11-22: old/web; remove those that have moved; for the others, agree on another day (MW-E127)",
    ),
    "direct callers of a waypoint for pods": (
        stack(f"{{{SHOP}, waypoint: {{for: all, require: {{direct: [web/web]}}}}}}"),
        ":8: mesh.namespaces[0].waypoint.require: direct names callers in the mesh, and this waypoint takes calls to pods too: they come through it; leave direct out, or let the waypoint be for service (MW-E122)",
    ),
    "a required waypoint that services don't use": (
        stack(f"{{{SHOP}, waypoint: {{for: workload, require: {{}}}}}}"),
        ":8: mesh.namespaces[0].waypoint.require: calls to services don't go through this waypoint, and would all be denied; let it be for all, or leave require out (MW-E122)",
    ),
    "another's waypoint that services don't use": (
        stack(f"{{{SHOP}, use_waypoint: {{namespace: web, require: {{}}}}}}", "{name: web, phase: strict, waypoint: {for: workload, allowed_namespaces: [shop]}}"),
        ":8: mesh.namespaces[0].use_waypoint.require: calls to services don't go through this waypoint, and would all be denied; let it be for all, or leave require out (MW-E122)",
    ),
    "disable": (
        stack(f"{{{SHOP}, security: {{mtls: [{{name: m, workloads: {{app: cart}}, mode: DISABLE}}]}}}}"),
        ":8: mesh.namespaces[0].security.mtls[0].mode is DISABLE, which ambient ignores, and on which calls from ambient to sidecars break; write permissive, which takes plaintext too (MW-E128)",
    ),
    "an exception that says nothing": (
        stack(f"{{{SHOP}, security: {{mtls: [{{name: m, workloads: {{app: cart}}}}]}}}}"),
        ":8: mesh.namespaces[0].security.mtls[0] has neither mode nor ports; add one of the two (MW-E011)",
    ),
    "keys that come unencrypted": (
        stack(f"{{{SHOP}, waypoint: {{}}, security: {{jwt: {{issuers: [{{issuer: a, jwks_uri: 'http://b'}}]}}}}}}"),
        ":8: mesh.namespaces[0].security.jwt.issuers[0].jwks_uri is 'http://b': keys that come unencrypted can be replaced on their way; write an https:// address, or give the keys in jwks (MW-E050)",
    ),
    "an issuer without keys": (
        stack(f"{{{SHOP}, waypoint: {{}}, security: {{jwt: {{issuers: [{{issuer: me}}]}}}}}}"),
        ":8: mesh.namespaces[0].security.jwt.issuers[0] has no keys, and 'me' is no address to ask for them; add jwks_uri or jwks (MW-E050)",
    ),
    "no issuer": (
        stack(f"{{{SHOP}, waypoint: {{}}, security: {{jwt: {{issuers: []}}}}}}"),
        ":8: mesh.namespaces[0].security.jwt.issuers is empty: nobody's token would be taken; add one (MW-E015)",
    ),
    "calls where access is open": (
        stack(f"{{{SHOP}, security: {{calls: [{{from: shop/cart, to: stock}}]}}}}"),
        ":8: mesh.namespaces[0].security.calls are listed, and access is open: they would allow nothing that isn't; set access: default-deny, or remove calls (MW-E018)",
    ),
    "security of an unmeshed namespace": (
        stack("{name: shop, phase: unmeshed, security: {access: default-deny}}"),
        ":8: mesh.namespaces[0].security is for a namespace that is unmeshed: nothing would enforce it; remove it, or set phase: permissive (MW-E018)",
    ),
    "a waypoint that isn't there": (
        stack(f"{{{SHOP}, use_waypoint: {{namespace: platform}}}}", "{name: web, phase: strict, waypoint: {}}"),
        ":8: mesh.namespaces[0].use_waypoint.namespace is platform, where this stack has no waypoint: traffic would go past it; give that namespace a waypoint, or name one that has it: web (MW-E124)",
    ),
    "a waypoint that doesn't allow it": (
        stack(f"{{{SHOP}, use_waypoint: {{namespace: web}}}}", "{name: web, phase: strict, waypoint: {}}"),
        ":8: mesh.namespaces[0].use_waypoint: the waypoint in web doesn't allow shop: its traffic would go past it; add shop to the allowed_namespaces of the waypoint (MW-E124)",
    ),
    "two waypoints": (
        stack(f"{{{SHOP}, waypoint: {{}}, use_waypoint: {{namespace: web}}}}", "{name: web, phase: strict, waypoint: {allowed_namespaces: [shop]}}"),
        ":8: mesh.namespaces[0].use_waypoint names the waypoint of another namespace, and this one has its own; keep one of the two (MW-E018)",
    ),
    "a waypoint for an unmeshed namespace": (
        stack("{name: shop, phase: unmeshed, use_waypoint: {namespace: web}}", "{name: web, phase: strict, waypoint: {allowed_namespaces: ['*']}}"),
        ":8: mesh.namespaces[0].use_waypoint is for a namespace that is unmeshed: no traffic would reach a waypoint; remove it, or set phase: permissive (MW-E018)",
    ),
    "a canary before 1.31": (
        stack(f"{{{SHOP}, waypoint: {{canary: {{weight: 10}}}}}}", version='"1.30"'),
        ":8: mesh.namespaces[0].waypoint.canary: Istio 1.30.7 knows no canary of a waypoint; upgrade to 1.31 or later, or leave the canary out (MW-E125)",
    ),
    "an unknown service": (
        stack(f"{{{SHOP}, security: {{{DENY}, calls: [{{from: shop/cart, to: stok}}]}}}}"),
        ":8: mesh.namespaces[0].security.calls[0].to is stok, which is no service of shop; did you mean stock? (MW-E126)",
    ),
    "a service that is far from all": (
        stack(f"{{{SHOP}, waypoint: {{services: [zzz]}}}}"),
        ":8: mesh.namespaces[0].waypoint.services[0] is zzz, which is no service of shop; add it to services: cart, stock (MW-E126)",
    ),
    "an unknown namespace": (
        stack(f"{{{SHOP}, security: {{{DENY}, calls: [{{from: wep/web, to: cart}}]}}}}", WEB),
        ":8: mesh.namespaces[0].security.calls[0].from is wep/web, and no namespace wep is listed; did you mean web? (MW-E126)",
    ),
    "a namespace that is far from all": (
        stack(f"{{{SHOP}, security: {{{DENY}, calls: [{{from: ingress/gw, to: cart}}]}}}}"),
        ":8: mesh.namespaces[0].security.calls[0].from is ingress/gw, and no namespace ingress is listed; list it, or add the caller to the mesh's security.ingress (MW-E126)",
    ),
    "a caller without an identity": (
        stack(f"{{{SHOP}, security: {{{DENY}, calls: [{{from: web/web, to: cart}}]}}}}", "{name: web, phase: unmeshed}"),
        ":8: mesh.namespaces[0].security.calls[0].from is web/web, and web is unmeshed: its calls carry no identity, and would be denied; mesh it first; a caller with a sidecar belongs in the mesh's security.callers (MW-E126)",
    ),
    "http without a waypoint": (
        stack(f"{{{SHOP}, security: {{{DENY}, calls: [{{from: shop/cart, to: stock, methods: [GET]}}]}}}}"),
        ":8: mesh.namespaces[0].security: calls[0] is limited by methods, and no waypoint is in the path: ztunnel can't enforce that; leave methods out, or let a waypoint for services stand in front of stock (MW-E120)",
    ),
    "a gateway that passes the waypoint by": (
        stack(f"{{{SHOP}, waypoint: {{}}, security: {{{DENY}, calls: [{{from: edge/gw, to: cart}}]}}}}", mesh="{ingress: [edge/gw]}"),
        ":8: mesh.namespaces[0].security.calls[0].from is the ingress gateway edge/gw, which passes the waypoint by: ztunnel would deny it; set ingress: true on the waypoint (MW-E122)",
    ),
    "default deny where a gateway runs": (
        stack(f"{{{SHOP}, security: {{{DENY}}}}}", mesh="{ingress: [shop/gw]}"),
        ":8: mesh.namespaces[0].security.access is default-deny where the ingress gateway shop/gw runs: it would close the gateway too; leave it open, or move the workloads to another namespace (MW-E018)",
    ),
    "a required waypoint where a gateway runs": (
        stack(f"{{{SHOP}, waypoint: {{require: {{}}}}}}", mesh="{ingress: [shop/gw]}"),
        ":8: mesh.namespaces[0].waypoint.require is for all pods where the ingress gateway shop/gw runs: it would close the gateway too; name services, or move the workloads to another namespace (MW-E018)",
    ),
    "another's required waypoint where a gateway runs": (
        stack(f"{{{SHOP}, use_waypoint: {{namespace: web, require: {{}}}}}}", "{name: web, phase: strict, waypoint: {allowed_namespaces: [shop]}}", mesh="{ingress: [shop/gw]}"),
        ":8: mesh.namespaces[0].use_waypoint.require is for all pods where the ingress gateway shop/gw runs: it would close the gateway too; name services, or move the workloads to another namespace (MW-E018)",
    ),
    "tokens that a gateway's requests need not have": (
        stack(f"{{{SHOP}, waypoint: {{}}, security: {{jwt: {{issuers: [{{issuer: 'https://a'}}]}}}}}}", mesh="{ingress: [edge/gw]}"),
        ":8: mesh.namespaces[0].security.jwt is for requests at the waypoint, which the ingress gateway edge/gw passes by with all of its own; set ingress: true on the waypoint (MW-E120)",
    ),
    "a dry run that nobody judges": (
        stack(f"{{{SHOP}, security: {{access: dry-run}}}}"),
        ":8: mesh.namespaces[0].security.access: istiod keeps dry runs from ztunnel, so that nothing would be judged; let istiod run with AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY=true, or leave dry_run out (MW-E123)",
    ),
    "tokens without a waypoint": (
        stack(f"{{{SHOP}, security: {{jwt: {{issuers: [{{issuer: 'https://a'}}]}}}}}}"),
        ":8: mesh.namespaces[0].security.jwt is for this namespace, where no waypoint for services is in the path: nobody would look at a request; add waypoint, or leave out the services that don't use it (MW-E120)",
    ),
    "tokens of a service past the waypoint": (
        stack(f"{{{SHOP}, waypoint: {{services: [cart]}}, security: {{jwt: {{services: [stock], issuers: [{{issuer: 'https://a'}}]}}}}}}"),
        ":8: mesh.namespaces[0].security.jwt is for stock, where no waypoint for services is in the path: nobody would look at a request; add waypoint, or leave out the services that don't use it (MW-E120)",
    ),
    "tokens for all of a waypoint that is not for all": (
        stack(f"{{{SHOP}, waypoint: {{services: [cart]}}, security: {{jwt: {{issuers: [{{issuer: 'https://a'}}]}}}}}}"),
        ":8: mesh.namespaces[0].security.jwt is for the whole waypoint, which serves others, or not all of the namespace; add services (MW-E124)",
    ),
    "an unknown authorizer": (
        stack(f"{{{SHOP}, waypoint: {{}}, security: {{external_authorization: {{authorizer: opa, services: [cart]}}}}}}"),
        ":8: mesh.namespaces[0].security.external_authorization.authorizer is opa, which the mesh does not know: Istio would deny every request; add it to the mesh's security.authorizers (MW-E014)",
    ),
    "an authorizer that the waypoint may not ask": (
        stack(
            f"{{{SHOP}, waypoint: {{}}, security: {{external_authorization: {{authorizer: opa}}}}}}",
            "{name: policy, phase: strict, services: [opa], security: {access: default-deny}}",
            mesh="{authorizers: [{name: opa, service: opa.policy.svc.cluster.local, port: 9191}]}",
        ),
        ":8: mesh.namespaces[0].security.external_authorization.authorizer is opa, and policy denies calls of shop/waypoint to opa; add {from: shop/waypoint, to: opa} to the calls of policy (MW-E126)",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line"), REFUSED.values(), ids=REFUSED)
def test_what_istio_would_take_and_not_enforce_is_refused(text: str, line: str, stack_file: Write) -> None:
    with pytest.raises(ConfigError) as refused:
        load_stack(stack_file(text))
    assert str(refused.value).splitlines() == [FILE + line]


def test_the_authorizer_is_reached_where_the_waypoint_is_allowed(stack_file: Write) -> None:
    text = stack(
        f"{{{SHOP}, waypoint: {{}}, security: {{external_authorization: {{authorizer: opa}}}}}}",
        "{name: policy, phase: strict, services: [opa], security: {access: default-deny, calls: [{from: shop/waypoint, to: opa}]}}",
        mesh="{authorizers: [{name: opa, service: opa.policy.svc.cluster.local, port: 9191}]}",
    )
    assert load_stack(stack_file(text))


def test_the_waypoint_in_front_of_a_namespace() -> None:
    canary = {"weight": 5}
    mesh = read(
        {"name": "own", "phase": "strict", "services": ["a"], "waypoint": {"services": ["a"], "canary": canary}},
        {"name": "hub", "phase": "strict", "waypoint": {"for": "all", "allowed_namespaces": ["*"]}},
        {"name": "user", "phase": "strict", "use_waypoint": {"namespace": "hub"}},
        {"name": "bare", "phase": "strict"},
    )
    assert [front_of(mesh, each) for each in mesh.namespaces] == [
        {"waypoint_for": "service", "services": ["a"], "canary": "waypoint-canary"},
        {"waypoint_for": "all"},
        {"namespace": "hub", "waypoint_for": "all"},
        None,
    ]


@pytest.mark.parametrize(
    ("allowed", "guest", "shared"),
    [
        ([], "open", False),
        (["guest"], "default-deny", False),
        (["guest"], "open", True),
        (["*"], "default-deny", True),
    ],
)
def test_a_waypoint_that_others_use_is_closed_only_with_them(allowed: list[str], guest: str, shared: bool) -> None:
    mesh = read(
        {
            "name": "shop",
            "phase": "strict",
            "services": ["cart"],
            "waypoint": {"allowed_namespaces": allowed, "require": {"direct": ["shop/scraper"]}},
            "security": {
                "access": "default-deny",
                "workloads": {"cart": {"name": "cart"}},
                "calls": [
                    {"from": "guest/web", "to": "cart", "ports": [80], "methods": ["GET"], "paths": ["/"]},
                    {"from": "shop/scraper", "to": "*"},
                ],
            },
        },
        {"name": "guest", "phase": "strict", "security": {"access": guest}},
    )
    expected = {
        "namespace": "shop",
        "calls": [
            {"caller": "guest/web", "service": "cart", "ports": [80], "methods": ["GET"], "paths": ["/"]},
            {"caller": "shop/scraper", "service": "*"},
        ],
        "trust_domain": "cluster.local",
        "workloads": {"cart": {"name": "cart"}},
        "waypoint": {"waypoint_for": "service"},
        "past_waypoint": ["shop/scraper"],
    }
    assert access_of(mesh, mesh.namespaces[0]) == expected | ({"shared_waypoint": True} if shared else {})


def test_a_dry_run_names_what_makes_it_safe() -> None:
    mesh = read({"name": "shop", "phase": "strict", "security": {"access": "dry-run"}}, security={"dry_run": True})
    access = access_of(mesh, mesh.namespaces[0])
    assert access
    assert access["dry_run"] == {"istio_version": "1.31.1", "enabled": True}


def test_the_trust_domain_may_come_from_chart_values() -> None:
    values = {"istiod": {"meshConfig": {"trustDomain": "by.values"}}}
    assert trust_domain(read()) == "cluster.local"
    assert trust_domain(read(trust_domain="by.key")) == "by.key"
    assert trust_domain(read(trust_domain="by.key", values=values)) == "by.values"


DOCS = Path(__file__).parents[3] / "docs" / "istio"
SNIPPETS = [
    pytest.param(snippet, id=f"{page}-{number}")
    for page in ("waypoints", "security")
    for number, snippet in enumerate(re.findall(r"```yaml\n(.*?)```", (DOCS / f"{page}.md").read_text("utf-8"), re.DOTALL))
]  # fmt: skip


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_the_snippets_of_the_documentation_are_stacks(snippet: str, stack_file: Write) -> None:
    assert load_stack(stack_file(istio("".join(f"    {line}\n" for line in snippet.splitlines()))))


JWT = {"issuers": [{"issuer": "https://a"}]}


@pytest.mark.parametrize(
    ("waypoint", "security"),
    [
        ({"ingress": True}, {"jwt": JWT}),
        ({"require": {}}, {"jwt": JWT}),
        ({}, {"jwt": JWT, "access": "default-deny"}),
    ],
)
def test_no_gateway_gets_past_tokens(waypoint: dict[str, Any], security: dict[str, Any]) -> None:
    shop = {"name": "shop", "phase": "strict", "waypoint": waypoint, "security": security}
    assert read(shop, security={"ingress": ["edge/gw"]}).namespaces[0].security.jwt


def test_a_required_waypoint_of_some_services_beside_a_gateway() -> None:
    waypoint = {"services": ["cart"], "require": {}}
    shop = {"name": "shop", "phase": "strict", "services": ["cart"], "waypoint": waypoint}
    assert read(shop, security={"ingress": ["shop/gw"]}).namespaces[0].waypoint
