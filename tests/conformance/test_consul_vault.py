"""Every policy of Consul's in Vault, tried on OpenBao in both directions with tokens that service accounts got."""

from typing import Any

import pulumi
import pulumi_vault as vault
import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from meshwright import VaultCertificateAuthority
from meshwright.consul.names import Names
from meshwright.consul.vault.backend import VaultBackendArgs
from meshwright.engine.graph import Graph
from meshwright.engine.record import record
from tests.conformance.consul_leaves import Leaf, load, request_of
from tests.conformance.consul_login import AUDIENCE, PUBLIC_KEY, logged_in
from tests.conformance.consul_provider import DeniedError, Provider
from tests.conformance.openbao_resources import GOSSIP, TOKEN, apply
from tests.servers.openbao import OpenBao, OpenBaoError
from tests.servers.openbao_client import Client
from tests.servers.pki import signer
from tests.unit.graphs import find

ACCOUNTS = {
    "server": "consul-server",
    "acl_init": "consul-server-acl-init",
    "injector": "consul-connect-injector",
    "ca": "consul-mesh-gateway",
    "client": "consul-client",
}
_OF_A_ROOT = ("generate/exported", "sign-self-issued", "rotate/exported")
JWT: dict[str, Any] = {"method": "jwt", "public_keys": [PUBLIC_KEY], "audience": AUDIENCE}


def recorded(**args: Any) -> Graph:
    def program() -> None:
        provider = vault.Provider("openbao", address="http://vault")
        given: Any = {"address": "https://vault:8200", "auth": JWT, "clients": True, **args}
        VaultCertificateAuthority("vault", given, pulumi.ResourceOptions(providers=[provider]))

    return record(program)


def backend_of(graph: Graph) -> VaultBackendArgs:
    backend: VaultBackendArgs = find(graph, "vault").outputs["backend"]
    return backend


def part(root: Client, graph: Graph, name: str) -> Client:
    """What a part of Consul sees, by its service account and its role."""
    backend = backend_of(graph)
    roles: Any = backend["roles"]
    return logged_in(root, backend["auth_path"], roles[name], ACCOUNTS[name])


def provider(seen: Client, graph: Graph, root: str | None = None) -> Provider:
    paths = backend_of(graph)["connect_ca"]
    server: Any = seen
    return Provider(server, seen.token, root or paths["root_path"], paths["intermediate_path"])


def leaf_of(made_by: Provider, *beside: str) -> Leaf:
    (certificate,) = load(made_by.sign(request_of(f"{made_by.spiffe}/ns/default/dc/dc1/svc/web")))
    return Leaf(certificate, load(*beside, made_by.get_ca(made_by.intermediate)))


@pytest.fixture(scope="module")
def root(openbao: OpenBao) -> Client:
    return Client(openbao.url)


@pytest.fixture(scope="module")
def two(root: Client) -> tuple[Client, Graph]:
    """Two datacenters in one Vault, and the graph of the first."""
    first, second = recorded(datacenter="two-a"), recorded(datacenter="two-b")
    for graph in (first, second):
        apply(root, graph)
    provider(part(root, first, "server"), first).configure()
    provider(part(root, first, "server"), first).generate_leaf_signing_cert()
    return root, first


def test_a_token_gets_and_loses_cross_signing_at_once(root: Client) -> None:
    roots = {"roots": [{}, {"path": "life/connect_root_2027"}]}
    steady = recorded(datacenter="life")
    apply(root, steady)
    server = part(root, steady, "server")
    old = provider(server, steady)
    old.configure()
    old.generate_leaf_signing_cert()
    old.configure()  # as at a restart: it tunes the mount
    (old_root,) = load(old.generate_ca_chain())
    assert leaf_of(old).is_taken_by(old_root)
    with_next = recorded(datacenter="life", connect=roots)
    crossing = recorded(datacenter="life", connect={**roots, "cross_signing": True})
    assert {each.name for each in crossing} - {each.name for each in with_next} == {"vault-cross-signing-policy"}
    apply_new(root, steady, with_next)
    new = provider(server, with_next, "life/connect_root_2027")
    pem = new.generate_ca_chain()
    (new_root,) = load(pem)
    with pytest.raises(DeniedError):
        old.cross_sign_ca(new_root, pem)
    apply_new(root, with_next, crossing)
    crossed = old.cross_sign_ca(new_root, pem)  # by the token of before: the role named the policy all along
    new.generate_leaf_signing_cert()
    assert leaf_of(new).is_taken_by(new_root)
    assert leaf_of(new, crossed).is_taken_by(old_root)
    root.request("DELETE", "sys/policies/acl/consul-life-cross-signing")
    with pytest.raises(DeniedError):
        old.cross_sign_ca(new_root, pem)


def test_consul_mounts_its_engines_where_it_is_told_to(root: Client) -> None:
    graph = recorded(datacenter="own", connect={"managed_by": "consul"})
    apply(root, graph)
    server = part(root, graph, "server")
    for path in ("own/connect_inter", "own/connect_root"):
        server.request("POST", f"sys/mounts/{path}", type="pki", config={"max_lease_ttl": "87600h"})
    seen = provider(server, graph)
    (top,) = load(seen.generate_ca_chain())
    seen.configure()
    seen.generate_leaf_signing_cert()
    assert leaf_of(seen).is_taken_by(top)
    tried = [server.status("PUT", f"own/connect_root/root/{each}", common_name="x") for each in _OF_A_ROOT]
    tried += [server.status("DELETE", f"sys/mounts/own/{each}") for each in ("connect_root", "server_tls", "kv")]
    assert set(tried) == {403}
    server.request("DELETE", "sys/mounts/own/connect_inter")  # when its path or the provider changes


def test_the_other_parts_read_what_the_chart_has_them_read(two: tuple[Client, Graph]) -> None:
    root, graph = two
    backend, names = backend_of(graph), Names(datacenter="two-a")
    for name in ("server", "acl_init"):
        secret = part(root, graph, name).request("GET", backend["bootstrap_token"]["path"])
        assert secret["data"]["data"] == TOKEN
    for name in ("server", "client"):
        assert part(root, graph, name).request("GET", backend["gossip"]["path"])["data"]["data"] == GOSSIP
    for name in ACCOUNTS:
        seen = part(root, graph, name)
        assert "BEGIN CERTIFICATE" in seen.request("GET", backend["ca_certificate"])["data"]["certificate"]
        seen.request("POST", "auth/token/renew-self")
        assert seen.request("GET", "auth/token/lookup-self")["data"]["ttl"] <= 3600
    issued = part(root, graph, "server").request(
        "PUT",
        backend["server_certificate"],
        common_name=names.server_common_name,
        alt_names=",".join(names.server_alt_names),
        ip_sans=",".join(names.server_ip_sans),
    )["data"]
    assert dns_names(issued["certificate"]) == {names.server_common_name, *names.server_alt_names}
    webhook = part(root, graph, "injector").request(
        "PUT",
        backend["injector_certificate"],
        common_name=names.injector_common_name,
        alt_names=",".join(names.injector_alt_names),
    )["data"]
    assert dns_names(webhook["certificate"]) == set(names.injector_alt_names)
    ca = part(root, graph, "injector").request("GET", backend["injector_ca"])["data"]["certificate"]
    leaf = x509.load_pem_x509_certificate(webhook["certificate"].encode())
    trusted = Store([x509.load_pem_x509_certificate(ca.encode())])
    host = x509.DNSName(f"{names.injector}.{names.namespace}.svc")  # by which the API server calls it
    PolicyBuilder().store(trusted).build_server_verifier(host).verify(leaf, [])


@pytest.mark.parametrize(
    "wrong",
    [
        {"common_name": "server.two-b.consul"},
        {"common_name": "anything.two-a.consul"},
        {"common_name": "server.two-a.consul", "alt_names": "web.default.svc"},
        {"common_name": "server.two-a.consul", "alt_names": "*.consul"},
        {"common_name": "server.two-a.consul", "uri_sans": "spiffe://x.consul/ns/default/dc/two-a/svc/web"},
    ],
)
def test_a_server_gets_no_certificate_of_another_name(two: tuple[Client, Graph], wrong: dict[str, str]) -> None:
    root, graph = two
    assert part(root, graph, "server").status("PUT", "two-a/server_tls/issue/consul-server", **wrong) == 400


def test_a_role_is_for_its_own_service_account(two: tuple[Client, Graph]) -> None:
    root, graph = two
    backend = backend_of(graph)
    for name, role in backend["roles"].items():
        for account in (*ACCOUNTS.values(), "default"):
            right = name == "ca" or account == ACCOUNTS[name]
            assert refused_login(root, backend["auth_path"], str(role), account) is not right, (name, account)
        assert refused_login(root, backend["auth_path"], str(role), ACCOUNTS[name], "default")


DENIED: list[tuple[str, str, str, dict[str, Any]]] = []


def denied(part: str, method: str, *paths: str, **body: Any) -> None:
    DENIED.extend((part, method, path, body) for path in paths)


# The root: its key, another one in its place, what it signs beside the intermediate, and what it is set to.
denied("server", "PUT", "two-a/connect_root/root/sign-self-issued", certificate="x")
denied("server", "PUT", "two-a/connect_root/root/generate/exported", common_name="x")
denied("server", "PUT", "two-a/connect_root/root/generate/internal", common_name="x")
denied("server", "PUT", "two-a/connect_root/root/rotate/exported", common_name="x")
denied("server", "PUT", "two-a/connect_root/root/replace", default="x")
denied("server", "DELETE", "two-a/connect_root/root")
denied("server", "PUT", "two-a/connect_root/keys/generate/exported", key_type="ec")
denied("server", "PUT", "two-a/connect_root/keys/import", "two-a/connect_root/issuers/import/bundle", pem_bundle="x")
denied("server", "GET", "two-a/connect_root/keys?list=true", "two-a/connect_root/key/default")
denied("server", "DELETE", "two-a/connect_root/key/default", "two-a/connect_root/issuer/default")
denied("server", "PUT", "two-a/connect_root/sign-verbatim", csr="x")
denied("server", "PUT", "two-a/connect_root/issuer/default/sign-intermediate", csr="x")
denied("server", "PUT", "two-a/connect_root/intermediate/generate/exported", common_name="x")
denied("server", "PUT", "two-a/connect_root/intermediate/set-signed", certificate="x")
denied("server", "PUT", "two-a/connect_root/roles/any", allow_any_name=True)
denied("server", "PUT", "two-a/connect_root/sign/any", "two-a/connect_root/issue/any", common_name="x")
denied("server", "PUT", "two-a/connect_root/config/urls", "two-a/connect_root/config/crl", expiry="1h")
denied("server", "PUT", "two-a/connect_root/revoke", serial_number="00:01")
# The intermediate: a key that leaves Vault, other roles, other signatures.
denied("server", "PUT", "two-a/connect_inter/intermediate/generate/exported", common_name="x")
denied("server", "PUT", "two-a/connect_inter/keys/generate/exported", key_type="ec")
denied("server", "PUT", "two-a/connect_inter/root/generate/exported", common_name="x")
denied("server", "PUT", "two-a/connect_inter/root/generate/internal", common_name="x")
denied("server", "PUT", "two-a/connect_inter/root/sign-intermediate", csr="x")
denied("server", "PUT", "two-a/connect_inter/root/sign-self-issued", certificate="x")
denied("server", "PUT", "two-a/connect_inter/roles/other", allow_any_name=True)
denied("server", "PUT", "two-a/connect_inter/issue/leaf-cert", common_name="x")
denied("server", "PUT", "two-a/connect_inter/sign/other", "two-a/connect_inter/sign-verbatim/leaf-cert", csr="x")
denied("server", "PUT", "two-a/connect_inter/revoke", serial_number="00:01")
denied("server", "GET", "two-a/connect_inter/certs?list=true", "two-a/connect_inter/keys?list=true")
denied("server", "GET", "two-a/connect_inter/key/default")
# Mounts, policies, logins, audit, and what a root token may.
denied("server", "POST", "sys/mounts/two-a/other", "sys/mounts/two-a/connect_root/tune", type="pki")
denied("server", "DELETE", "sys/mounts/two-a/connect_inter", "sys/mounts/two-a/connect_root")
denied("server", "GET", "sys/mounts", "sys/policies/acl/consul-two-a-connect-ca", "sys/audit", "sys/auth")
denied(
    "server",
    "PUT",
    "sys/policies/acl/consul-two-a-connect-ca",
    "sys/policies/acl/consul-two-a-cross-signing",
    policy="x",
)
denied("server", "PUT", "auth/two-a/jwt/role/consul-two-a-server", token_policies=["root"])
denied("server", "POST", "sys/auth/other", type="userpass")
denied("server", "POST", "auth/token/create", "auth/token/create-orphan", policies=["root"])
denied("server", "PUT", "sys/seal", "sys/remount", "sys/rotate", "sys/audit/file")
denied("server", "PUT", "cubbyhole/x", "sys/wrapping/wrap", "sys/tools/hash", input="eA==")
# The secrets, as they may not be used; and what is not the part's own.
denied("server", "PUT", "two-a/kv/data/consul/two-a/gossip", "two-a/kv/data/consul/two-a/bootstrap-token", data={})
denied("server", "DELETE", "two-a/kv/data/consul/two-a/gossip", "two-a/kv/metadata/consul/two-a/bootstrap-token")
denied("server", "GET", "two-a/kv/metadata/consul?list=true", "two-a/kv/data/other", "two-a/kv/config")
denied(
    "server", "PUT", "two-a/server_tls/issue/other", "two-a/injector_tls/issue/consul-connect-injector", common_name="x"
)
denied("server", "PUT", "two-a/server_tls/roles/consul-server", allow_any_name=True)
denied("server", "PUT", "two-a/server_tls/sign/consul-server", "two-a/server_tls/root/sign-intermediate", csr="x")
# The other datacenter.
denied("server", "GET", "two-b/kv/data/consul/two-b/gossip", "two-b/kv/data/consul/two-b/bootstrap-token")
denied("server", "PUT", "two-b/connect_root/root/sign-intermediate", "two-b/connect_inter/sign/leaf-cert", csr="x")
denied("server", "PUT", "two-b/connect_inter/roles/leaf-cert", allow_any_name=True)
denied("server", "PUT", "two-b/server_tls/issue/consul-server", common_name="server.two-b.consul")
denied("server", "POST", "sys/mounts/two-b/connect_inter/tune", max_lease_ttl="1h")
# The other parts.
for _part in ("acl_init", "injector", "ca", "client"):
    denied(_part, "PUT", "two-a/connect_root/root/sign-intermediate", "two-a/connect_inter/sign/leaf-cert", csr="x")
    denied(_part, "PUT", "two-a/server_tls/issue/consul-server", common_name="server.two-a.consul")
    denied(_part, "PUT", "two-a/connect_root/root/sign-self-issued", certificate="x")
    denied(_part, "GET", "two-b/kv/data/consul/two-b/bootstrap-token", "sys/mounts")
for _part in ("acl_init", "injector", "ca"):
    denied(_part, "GET", "two-a/kv/data/consul/two-a/gossip")
for _part in ("injector", "ca", "client"):
    denied(_part, "GET", "two-a/kv/data/consul/two-a/bootstrap-token")
for _part in ("acl_init", "ca", "client"):
    denied(_part, "PUT", "two-a/injector_tls/issue/consul-connect-injector", common_name="consul-connect-injector")
denied("acl_init", "PUT", "two-a/kv/data/consul/two-a/bootstrap-token", data={"token": "x"})
denied("acl_init", "DELETE", "two-a/kv/data/consul/two-a/bootstrap-token")
denied("injector", "PUT", "two-a/injector_tls/issue/other", "two-a/injector_tls/sign/consul-connect-injector", csr="x")


@pytest.mark.parametrize("name", list(ACCOUNTS))
def test_whatever_else_a_part_tries_is_denied(two: tuple[Client, Graph], name: str) -> None:
    root, graph = two
    seen = part(root, graph, name)
    tried = [(method, path, body) for part_, method, path, body in DENIED if part_ == name]
    let_in = [(method, path) for method, path, body in tried if seen.status(method, path, **body) != 403]
    assert let_in == []


def test_what_is_denied_is_there(two: tuple[Client, Graph]) -> None:
    root, _ = two
    assert len(DENIED) >= 110
    # A path that nobody has would be refused, too; the root token gets another answer than "permission denied".
    harmless = {(method, path) for _, method, path, _ in DENIED if method == "GET"}
    assert {path for method, path in harmless if root.status(method, path) not in (200, 404)} == set()


def test_a_root_that_is_offline_signs_the_request(root: Client) -> None:
    graph = recorded(datacenter="far", connect={"roots": [{"held": "elsewhere"}]})
    assert find(graph, "vault").outputs["ready"] is False
    request = apply(root, graph)["vault-far-connect_root-request"]["csr"]
    offline = signer("offline")
    authority = offline.authority(request, path_length=1)
    # What the next update writes, with `certificate`.
    root.request("PUT", "far/connect_root/intermediate/set-signed", certificate=f"{authority}\n{offline.pem}")
    seen = provider(part(root, graph, "server"), graph)
    seen.configure()
    chain = load(seen.generate_ca_chain())
    assert [each.subject for each in chain] == [load(authority)[0].subject, offline.certificate.subject]
    seen.generate_leaf_signing_cert()
    assert leaf_of(seen, authority).is_taken_by(offline.certificate)


def test_all_of_it_in_a_namespace_with_the_root_in_one_below(root: Client) -> None:
    root.request("POST", "sys/namespaces/mesh")
    root.below("mesh").request("POST", "sys/namespaces/roots")
    graph = recorded(datacenter="inner", namespace="mesh", connect={"roots": [{"namespace": "roots"}]})
    apply(root, graph)
    backend = backend_of(graph)
    assert backend["connect_ca"]["additional"] == {"root_pki_namespace": "mesh/roots"}
    server = part(root.below("mesh"), graph, "server")
    request = server.request(
        "PUT", "inner/connect_inter/intermediate/generate/internal", common_name="x", key_type="ec"
    )
    signed = server.below("roots").request(
        "PUT", "inner/connect_root/root/sign-intermediate", csr=request["data"]["csr"], use_csr_values=True
    )
    assert "BEGIN CERTIFICATE" in signed["data"]["certificate"]
    assert server.below("roots").status("GET", "inner/connect_root/keys?list=true") == 403
    assert server.request("GET", backend["gossip"]["path"])["data"]["data"] == GOSSIP


def dns_names(pem: str) -> set[str]:
    names = x509.load_pem_x509_certificate(pem.encode()).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return set(names.value.get_values_for_type(x509.DNSName))


def refused_login(root: Client, mount: str, role: str, account: str, namespace: str = "consul") -> bool:
    try:
        logged_in(root, mount, role, account, namespace)
    except OpenBaoError:
        return True
    return False


def apply_new(root: Client, before: Graph, after: Graph) -> None:
    """Write what a stack's update would: what is new, and policies."""
    known = {each.name for each in before}
    apply(root, [each for each in after if each.name not in known or each.type == "vault:index/policy:Policy"])
