"""What is registered in Vault, what Consul is told of it, and what is refused before anything is registered."""

import datetime
from typing import Any

import pulumi
import pulumi_vault as vault
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from meshwright import VaultCertificateAuthority
from meshwright.consul.vault.backend import VaultBackendArgs, chart_values, extra_config
from meshwright.consul.vault.checks import secret_problem
from meshwright.consul.vault.registering import gossip_key_of, uuid_of
from meshwright.consul.vault.roots import of_request
from meshwright.engine.graph import UNKNOWN, Graph, Secret
from meshwright.engine.record import record
from meshwright.errors import Code
from meshwright.kubernetes.errors import ComponentError
from tests.servers.pki import Signer, signer
from tests.unit.graphs import find, inputs, names, shape

ADDRESS = "https://vault.internal:8200"
GOSSIP = "uvUjgU8lZ5QdjVDCiUeZUn9W4Os5QxTjHvCfqAWCHUY="
TOKEN = "b1c2d3e4-0000-4000-8000-000000000001"
JWT: dict[str, Any] = {"method": "jwt", "issuer_url": "https://issuer", "audience": "https://cluster"}
ROLES = {"server": "s", "acl_init": "a", "injector": "i", "ca": "c"}


def recorded(*, with_provider: bool = True, **args: Any) -> Graph:
    def program() -> None:
        given: Any = {"address": ADDRESS, **args}
        providers: list[pulumi.ProviderResource] = [vault.Provider("there", address=ADDRESS)] if with_provider else []
        VaultCertificateAuthority("vault", given, pulumi.ResourceOptions(providers=providers))

    return record(program)


def refused(**args: Any) -> list[tuple[Code, str]]:
    with pytest.raises(ComponentError) as error:
        recorded(**args)
    return [(each.code, f"{each.message}; {each.remedy}") for each in error.value.problems]


def backend(**args: Any) -> VaultBackendArgs:
    made: VaultBackendArgs = find(recorded(**args), "vault").outputs["backend"]
    return made


def of_type(graph: Graph, kind: str) -> list[str]:
    return [each.name for each in graph if each.type.endswith(f":{kind}")]


def test_everything_that_consul_needs_is_below_one_component() -> None:
    graph = recorded()
    mine = [(kind, name, parent) for kind, name, parent in shape(graph) if name != "vault"]
    assert {parent for *_, parent in mine} == {"vault"}
    assert [inputs(graph, each)["path"] for each in of_type(graph, "Mount")] == [
        "dc1/connect_root",
        "dc1/connect_inter",
        "dc1/server_tls",
        "dc1/injector_tls",
        "dc1/kv",
    ]
    assert inputs(graph, "vault-kv") == {
        "type": "kv",
        "path": "dc1/kv",
        "options": {"version": "2"},
        "description": "Consul in dc1: gossip key and bootstrap token (meshwright test/dev)",
    }
    assert inputs(graph, "vault-connect-intermediate")["maxLeaseTtlSeconds"] == 31_536_000
    root = inputs(graph, "vault-dc1-connect_root-root")
    assert (root["type"], root["keyType"], root["keyBits"], root["ttl"]) == ("internal", "ec", 256, "315360000")
    assert {inputs(graph, each)["type"] for each in of_type(graph, "SecretBackendRootCert")} == {"internal"}


def test_each_role_has_its_service_account_and_no_default_policy() -> None:
    graph = recorded(clients=True)
    bound = {
        inputs(graph, name)["roleName"]: (
            inputs(graph, name)["boundServiceAccountNames"],
            [each.removeprefix("consul-dc1-") for each in inputs(graph, name)["tokenPolicies"]],
        )
        for name in of_type(graph, "AuthBackendRole")
    }
    assert bound == {
        "consul-dc1-server": (
            ["consul-server"],
            ["own-token", "server-tls", "gossip", "bootstrap-token", "connect-ca", "cross-signing"],
        ),
        "consul-dc1-acl-init": (["consul-server-acl-init"], ["own-token", "server-ca", "bootstrap-token"]),
        "consul-dc1-injector": (["consul-connect-injector"], ["own-token", "server-ca", "injector-tls"]),
        "consul-dc1-ca": (["*"], ["own-token", "server-ca"]),
        "consul-dc1-client": (["consul-client"], ["own-token", "server-ca", "gossip"]),
    }
    server = inputs(graph, "vault-server-role")
    assert server["tokenNoDefaultPolicy"] is True
    assert server["boundServiceAccountNamespaces"] == ["consul"]
    assert (server["tokenTtl"], server["tokenMaxTtl"]) == (3600, 86_400)
    # A pod that logs in finds the policies there.
    before = names(find(graph, "vault-server-role").dependencies)
    assert {"vault-connect-ca-policy", "vault-auth-config"} <= before


def test_secrets_are_random_and_secret() -> None:
    graph = recorded()
    for name in ("vault-gossip", "vault-bootstrap-token"):
        assert isinstance(inputs(graph, name)["dataJson"], Secret)
    assert inputs(graph, "vault-gossip")["name"] == "consul/dc1/gossip"
    # The id of any other random resource is what it made, in plain text.
    assert of_type(graph, "RandomPassword") == ["vault-gossip-key", "vault-bootstrap-token-text"]
    assert not of_type(graph, "RandomBytes") + of_type(graph, "RandomUuid")


def test_secrets_of_yours_are_written_and_not_shown() -> None:
    graph = recorded(gossip_key=GOSSIP, bootstrap_token=TOKEN)
    assert inputs(graph, "vault-gossip")["dataJson"] == Secret('{"key": "' + GOSSIP + '"}')
    assert inputs(graph, "vault-bootstrap-token")["dataJson"] == Secret('{"token": "' + TOKEN + '"}')
    assert not of_type(graph, "RandomPassword")
    assert GOSSIP not in str(find(graph, "vault"))
    assert set(inputs(graph, "vault")) == {"address"}


def test_what_exists_is_used_and_not_made() -> None:
    graph = recorded(
        connect={
            "roots": [{"path": "corp/root", "existing": True}],
            "intermediate": {"path": "corp/inter", "existing": True},
        },
        server_tls={"path": "corp/tls", "existing": True},
        kv={"path": "secret", "existing": True},
        auth={"path": "kubernetes", "existing": True},
        existing_secrets=True,
    )
    assert [inputs(graph, each)["path"] for each in of_type(graph, "Mount")] == ["dc1/injector_tls"]
    assert of_type(graph, "SecretBackendRootCert") == ["vault-injector-tls-root"]
    assert inputs(graph, "vault-server-tls-role")["backend"] == "corp/tls"
    assert not of_type(graph, "SecretV2")
    assert not of_type(graph, "AuthBackend")
    assert inputs(graph, "vault-server-role")["backend"] == "kubernetes"
    made = find(graph, "vault").outputs["backend"]
    assert made["connect_ca"] == {"root_path": "corp/root", "intermediate_path": "corp/inter"}
    assert made["gossip"]["path"] == "secret/data/consul/dc1/gossip"


def test_two_datacenters_issue_from_one_engine_that_exists() -> None:
    shared: dict[str, Any] = {key: {"path": f"corp/{key}", "existing": True} for key in ("server_tls", "injector_tls")}
    one, other = (recorded(datacenter=each, **shared) for each in ("eu", "us"))
    for part, name in (("server", "server"), ("injector", "connect-injector")):
        for graph, datacenter in ((one, "eu"), (other, "us")):
            role = f"consul-{datacenter}-{name}"
            assert inputs(graph, f"vault-{part}-tls-role")["name"] == role
            issued = f"corp/{part}_tls/issue/{role}"
            assert find(graph, "vault").outputs["backend"][f"{part}_certificate"] == issued
            assert f'"{issued}"' in inputs(graph, f"vault-{part}-tls-policy")["policy"]


def test_a_secret_in_an_engine_that_exists() -> None:
    graph = recorded(kv={"path": "secret", "existing": True})
    assert inputs(graph, "vault-gossip")["mount"] == "secret"


def test_roles_that_exist_are_named_and_none_is_made() -> None:
    graph = recorded(auth={"path": "kubernetes", "roles": {**ROLES, "client": "l"}})
    assert not [*of_type(graph, "Policy"), *of_type(graph, "AuthBackendRole"), *of_type(graph, "AuthBackend")]
    assert find(graph, "vault").outputs["backend"]["roles"] == {**ROLES, "client": "l"}


def test_the_root_changes_by_what_is_added_and_then_removed() -> None:
    upcoming = {"path": "dc1/connect_root_2027", "key_bits": 384}
    steady, both, crossing, after = (
        {each.name for each in recorded(connect=connect)}
        for connect in (
            {},
            {"roots": [{}, upcoming]},
            {"roots": [{}, upcoming], "cross_signing": True},
            {"roots": [upcoming]},
        )
    )
    added = {"vault-dc1-connect_root_2027", "vault-dc1-connect_root_2027-root"}
    assert both - steady == added
    assert crossing - both == {"vault-cross-signing-policy"}
    assert both - after == {"vault-dc1-connect_root", "vault-dc1-connect_root-root"}
    assert after - both == set()
    graph = recorded(connect={"roots": [{}, upcoming], "cross_signing": True})
    assert inputs(graph, "vault-cross-signing-policy")["policy"].count("sign-self-issued") == 2
    assert inputs(graph, "vault-dc1-connect_root_2027-root")["keyBits"] == 384
    assert find(graph, "vault").outputs["backend"]["connect_ca"]["root_path"] == "dc1/connect_root"


def test_without_a_root_consul_signs_by_itself() -> None:
    graph = recorded(connect={"roots": []})
    assert "vault-connect-ca-policy" not in {each.name for each in graph}
    assert "connect_ca" not in find(graph, "vault").outputs["backend"]
    assert "vault-connect-intermediate" not in {each.name for each in graph}


def test_consul_mounts_where_it_is_told_to() -> None:
    graph = recorded(connect={"managed_by": "consul"})
    mounted = [inputs(graph, each)["path"] for each in of_type(graph, "Mount")]
    assert mounted == ["dc1/server_tls", "dc1/injector_tls", "dc1/kv"]
    policy = inputs(graph, "vault-connect-ca-policy")["policy"]
    assert 'path "sys/mounts/dc1/connect_inter" { capabilities = ["create", "update", "delete"] }' in policy
    assert 'path "sys/mounts/dc1/connect_root" { capabilities = ["create", "update"] }' in policy


def test_a_root_that_is_held_elsewhere_first_asks_and_then_is_there() -> None:
    first = recorded(connect={"roots": [{"held": "elsewhere"}]})
    assert find(first, "vault").outputs["ready"] is False
    assert inputs(first, "vault-dc1-connect_root-request")["type"] == "internal"
    assert find(first, "vault").outputs["root_requests"] == {"dc1/connect_root": UNKNOWN}
    assert not of_type(first, "SecretBackendIntermediateSetSigned")
    second = recorded(connect={"roots": [{"held": "elsewhere", "certificate": _chain()}]})
    assert find(second, "vault").outputs["ready"] is True
    assert of_type(second, "SecretBackendIntermediateSetSigned") == ["vault-dc1-connect_root-certificate"]


def test_a_next_root_that_has_yet_to_sign_leaves_consul_where_it_is() -> None:
    graph = recorded(connect={"roots": [{}, {"path": "dc1/next", "held": "elsewhere"}]})
    assert find(graph, "vault").outputs["ready"] is True
    assert find(graph, "vault").outputs["root_requests"] == {"dc1/next": UNKNOWN}


def _chain(top: Signer | None = None, **more: Any) -> str:
    top = top or signer("top")
    return signer("ours", top, **{"path_length": 1, **more}).pem + top.pem


@pytest.mark.parametrize(
    ("certificate", "message"),
    [
        (_chain(path_length=0), "CN=ours allows 0 authorities below it, and there are 1"),
        (_chain(last=datetime.date(2026, 11, 1)), "CN=ours is valid from 2026-01-01 until 2026-11-01"),
        (_chain(first=datetime.date(2027, 1, 1)), "CN=ours is valid from 2027-01-01"),
        (_chain(authority=False), "CN=ours is no authority"),
        (signer("ours", signer("top")).pem, "CN=ours is not the root"),
        (signer("ours", signer("top")).pem + signer("top").pem, "is followed by CN=top, which didn't sign it"),
        (signer("top").key_pem, "the certificate has a private key with it"),
        ("top", "no certificate can be read"),
    ],
)
def test_a_certificate_that_no_root_can_have_made_of_it(certificate: str, message: str) -> None:
    ((code, text),) = refused(connect={"roots": [{"held": "elsewhere", "certificate": certificate}]})
    assert code is Code.VAULT_ROOT
    assert text.startswith("dc1/connect_root: ")
    assert message in text


def test_what_comes_of_a_request_has_its_key() -> None:
    asked, top = signer("asked"), signer("top")
    request = x509.CertificateSigningRequestBuilder(x509.Name([])).sign(asked.key, hashes.SHA256())
    text = request.public_bytes(serialization.Encoding.PEM).decode()
    made = top.authority(text, path_length=1)
    assert of_request(text, made, "it") == made
    with pytest.raises(ComponentError, match=r"it: CN=top has another key than the request of Vault's.*MW-E240"):
        of_request(text, top.pem, "it")


def test_random_letters_become_what_consul_takes() -> None:
    for of, short in ((uuid_of, "bootstrap-token"), (gossip_key_of, "gossip")):
        made = of("one")
        assert secret_problem(short, made) is None
        assert made == of("one")
        assert made != of("other")


def test_pods_log_in_by_jwt_where_vault_cannot_reach_the_cluster() -> None:
    graph = recorded(auth=JWT)
    assert inputs(graph, "vault-auth")["oidcDiscoveryUrl"] == "https://issuer"
    assert inputs(graph, "vault-server-role")["boundClaims"] == {"sub": "system:serviceaccount:consul:consul-server"}
    anyone = inputs(graph, "vault-ca-role")
    assert (anyone["boundClaims"], anyone["boundClaimsType"]) == ({"sub": "system:serviceaccount:consul:*"}, "glob")
    made = find(graph, "vault").outputs["backend"]
    # The chart's file with `kubernetes` is read after the one that additionalConfig becomes.
    assert extra_config(made)["connect"]["ca_config"]["auth_method"] == {
        "type": "jwt",
        "mount_path": "dc1/jwt",
        "params": {
            "role": "consul-dc1-server",
            "path": "/var/run/secrets/kubernetes.io/serviceaccount/token",
        },
    }
    annotations = chart_values(made)["global"]["secretsBackend"]["vault"]["agentAnnotations"]
    assert annotations.splitlines() == [
        '"vault.hashicorp.com/auth-path": "auth/dc1/jwt"',
        '"vault.hashicorp.com/auth-type": "jwt"',
        '"vault.hashicorp.com/auth-config-path": "/var/run/secrets/kubernetes.io/serviceaccount/token"',
    ]


def test_keys_of_a_cluster_whose_issuer_vault_cannot_reach() -> None:
    graph = recorded(auth={"method": "jwt", "public_keys": ["PEM\n"], "audience": "a"})
    assert inputs(graph, "vault-auth")["jwtValidationPubkeys"] == ["PEM"]
    assert "oidcDiscoveryUrl" not in inputs(graph, "vault-auth")


def test_a_cluster_outside_of_vaults() -> None:
    auth = {"kubernetes_host": "https://k", "kubernetes_ca_certificate": "PEM", "reviewer_token": "t", "audience": "a"}
    graph = recorded(auth=auth)
    said = inputs(graph, "vault-auth-config")
    assert (said["kubernetesHost"], said["kubernetesCaCert"], said["disableLocalCaJwt"]) == ("https://k", "PEM", True)
    assert said["tokenReviewerJwt"] == Secret("t")
    assert "reviewer_token" not in inputs(graph, "vault")["auth"]
    assert inputs(graph, "vault-server-role")["audience"] == "a"


def test_a_clusters_ca_alone_leaves_the_reviewing_to_vaults_own_pod() -> None:
    said = inputs(recorded(auth={"kubernetes_ca_certificate": "PEM"}), "vault-auth-config")
    assert said["disableLocalCaJwt"] is False
    assert "tokenReviewerJwt" not in said
    said = inputs(recorded(auth={"reviewer_token": "t"}), "vault-auth-config")
    assert said["disableLocalCaJwt"] is False


def test_namespaces_of_vaults() -> None:
    graph = recorded(
        namespace="mesh",
        connect={"roots": [{"namespace": "roots"}], "intermediate": {"namespace": "inter"}},
    )
    assert inputs(graph, "vault-roots-dc1-connect_root")["namespace"] == "mesh/roots"
    assert inputs(graph, "vault-kv")["namespace"] == "mesh"
    policy = inputs(graph, "vault-connect-ca-policy")
    assert policy["namespace"] == "mesh"
    assert 'path "roots/dc1/connect_root/root/sign-intermediate"' in policy["policy"]
    assert 'path "inter/sys/mounts/dc1/connect_inter/tune"' in policy["policy"]
    made = find(graph, "vault").outputs["backend"]
    assert made["namespace"] == "mesh"
    assert made["connect_ca"]["additional"] == {
        "root_pki_namespace": "mesh/roots",
        "intermediate_pki_namespace": "mesh/inter",
    }
    apart = backend(connect={"roots": [{"namespace": "roots"}]})
    assert apart["connect_ca"]["additional"] == {"root_pki_namespace": "roots"}


def test_engines_can_outlive_the_stack() -> None:
    graph = recorded(retain=True)
    # The engine, and what is in it: without its certificate, or its secrets, nobody could use it again.
    in_vault = ("Mount", "SecretBackendRootCert", "SecretBackendRole", "SecretV2")
    kept = {each for kind in in_vault for each in of_type(graph, kind)}
    assert {each.name for each in graph if each.options.retain_on_delete} == kept
    assert not [each for each in recorded() if each.options.retain_on_delete]


def test_another_key_is_never_made_in_the_place_of_the_first() -> None:
    graph = recorded(connect={"roots": [{}, {"path": "dc1/next", "held": "elsewhere"}]})
    for name in ("vault-dc1-connect_root-root", "vault-dc1-next-request", "vault-server-tls-root"):
        assert {"keyType", "keyBits", "commonName"} <= set(find(graph, name).options.ignore_changes)


def test_more_names_for_the_servers() -> None:
    graph = recorded(server_dns_names=["consul.example.com"])
    assert inputs(graph, "vault-server-tls-role")["allowedDomains"][-1] == "consul.example.com"


def test_what_the_chart_is_told() -> None:
    ca = {"secret_name": "vault-ca", "secret_key": "tls.crt"}
    values = chart_values(backend(namespace="mesh", ca=ca, clients=True, auth={"path": "kubernetes"}))
    assert values["global"]["tls"] == {
        "enabled": True,
        "enableAutoEncrypt": True,
        "caCert": {"secretName": "dc1/server_tls/cert/ca"},
    }
    assert values["server"] == {"serverCert": {"secretName": "dc1/server_tls/issue/consul-server"}}
    assert values["global"]["gossipEncryption"] == {
        "secretName": "dc1/kv/data/consul/dc1/gossip",
        "secretKey": "key",
    }
    told = values["global"]["secretsBackend"]["vault"]
    assert told == {
        "enabled": True,
        "consulServerRole": "consul-dc1-server",
        "manageSystemACLsRole": "consul-dc1-acl-init",
        "connectInjectRole": "consul-dc1-injector",
        "consulCARole": "consul-dc1-ca",
        "consulClientRole": "consul-dc1-client",
        "vaultNamespace": "mesh",
        "ca": {"secretName": "vault-ca", "secretKey": "tls.crt"},
        "connectInject": {
            "tlsCert": {"secretName": "dc1/injector_tls/issue/consul-connect-injector"},
            "caCert": {"secretName": "dc1/injector_tls/cert/ca"},
        },
        "connectCA": {
            "address": ADDRESS,
            "authMethodPath": "kubernetes",
            "rootPKIPath": "dc1/connect_root",
            "intermediatePKIPath": "dc1/connect_inter",
        },
    }
    assert extra_config(backend()) == {}
    apart = chart_values(backend(connect={"roots": [{"namespace": "roots"}]}))
    additional = apart["global"]["secretsBackend"]["vault"]["connectCA"]["additionalConfig"]
    assert additional == '{"connect": [{"ca_config": [{"root_pki_namespace": "roots"}]}]}'
    own = chart_values(backend(connect={"roots": []}, auth=JWT))
    assert "connectCA" not in own["global"]["secretsBackend"]["vault"]
    assert extra_config(backend(connect={"roots": []}, auth=JWT)) == {}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            {"kv": {"path": "/kv"}},
            "/kv can't be the mount of the gossip key and bootstrap token; write it as team/engine",
        ),
        ({"kv": {"path": "sys/kv"}}, "sys/kv can't be the mount"),
        (
            {"kv": {"path": "dc1/server_tls/kv"}},
            "the mounts dc1/server_tls (certificates of the servers) and dc1/server_tls/kv",
        ),
        ({"connect": {"roots": [{"certificate": "x"}]}}, "the root has a certificate, and Vault holds its key"),
        (
            {"connect": {"roots": [{"held": "elsewhere", "existing": True}]}},
            "the root can't be held elsewhere: it exists",
        ),
        (
            {"connect": {"managed_by": "consul", "roots": [{"path": "r", "held": "elsewhere"}]}},
            "r can't be held elsewhere: Consul would make its key",
        ),
        ({"connect": {"roots": [{"path": each} for each in "abc"]}}, "there are 3 roots"),
        ({"connect": {"roots": [], "cross_signing": True}}, "cross_signing is set, and there is no root"),
        ({"auth": {"issuer_url": "https://x"}}, "auth.issuer_url is not used with the method kubernetes"),
        ({"auth": {**JWT, "kubernetes_host": "x"}}, "auth.kubernetes_host is not used with the method jwt"),
        (
            {"auth": {"existing": True, "kubernetes_host": "x"}},
            "auth.kubernetes_host is set, and the auth method exists",
        ),
        ({"auth": {"method": "jwt", "issuer_url": "https://x"}}, "auth has no audience"),
        ({"auth": {"method": "jwt", "audience": "x"}}, "the method jwt needs one of issuer_url and public_keys"),
        ({"gossip_key": "?"}, "the gossip key is not base64; make one with consul keygen"),
        ({"gossip_key": "c2hvcnQ="}, "the gossip key has 5 bytes, and 16, 24 or 32 are right"),
        ({"bootstrap_token": "x"}, "the bootstrap token is no UUID"),
        ({"bootstrap_token": TOKEN, "existing_secrets": True}, "bootstrap_token is given, and existing_secrets says"),
    ],
)
def test_arguments_that_cannot_work(args: dict[str, Any], message: str) -> None:
    problems = refused(**args)
    assert problems[0][0] is Code.BAD_ARGUMENT
    assert problems[0][1].startswith(message)


def test_without_a_provider_or_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    ((code, message),) = refused(with_provider=False)
    assert code is Code.NO_PROVIDER
    assert message.startswith("no Vault provider was given")
    monkeypatch.setattr("meshwright.consul.vault.authority.find_spec", lambda _: None)
    ((code, message),) = refused()
    assert code is Code.EXTRA_MISSING
    assert message.endswith("pip install 'meshwright[consul]'")
