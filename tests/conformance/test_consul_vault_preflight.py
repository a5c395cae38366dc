"""What a look at a running OpenBao finds before anything is registered, and that it leaves OpenBao as it was."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from meshwright.consul.vault.live import VaultAccess
from meshwright.consul.vault.plan import VaultPlan, plan_vault
from meshwright.consul.vault.preflight import check_vault
from meshwright.errors import Code
from meshwright.kubernetes.errors import ComponentError
from tests.conformance.openbao_resources import GOSSIP, TOKEN, apply
from tests.conformance.test_consul_vault import recorded
from tests.servers.openbao import OpenBao
from tests.servers.openbao_client import Client
from tests.servers.pki import Authority, signer
from tests.servers.process import free_ports
from tests.servers.programs import require_programs

OWNER = "meshwright test/dev"


@pytest.fixture(scope="module")
def root(openbao: OpenBao) -> Client:
    return Client(openbao.url)


def planned(**args: Any) -> VaultPlan:
    given: Any = {"address": "https://vault:8200", **args}
    return plan_vault(given, "test")


def look(seen: Client, **args: Any) -> tuple[str, ...]:
    return check_vault(planned(**args), VaultAccess(seen.url, seen.token), OWNER)


def found(seen: Client, **args: Any) -> list[tuple[Code, str]]:
    with pytest.raises(ComponentError) as error:
        look(seen, **args)
    return [(each.code, each.message) for each in error.value.problems]


def test_an_empty_vault_and_ones_own_are_fine(root: Client) -> None:
    before = state(root)
    assert look(root, datacenter="fine") == ()
    assert state(root) == before
    graph = recorded(datacenter="fine")
    apply(root, graph)
    assert look(root, datacenter="fine", auth={"method": "jwt", "audience": "x", "issuer_url": "https://x"}) == ()


def test_what_is_there_and_somebody_elses(root: Client) -> None:
    root.request("POST", "sys/mounts/taken/connect_root", type="pki", description="of the security team")
    root.request("POST", "sys/mounts/taken/connect_inter/below", type="pki")
    root.request("POST", "sys/auth/taken/kubernetes", type="kubernetes")
    root.request("PUT", "sys/policies/acl/consul-taken-gossip", policy='path "x" { capabilities = ["read"] }')
    before = state(root)
    assert found(root, datacenter="taken") == [
        (Code.VAULT_MOUNT, "taken/connect_root is there already, of type pki, and not this stack's"),
        (Code.VAULT_MOUNT, "taken/connect_inter can't be mounted beside taken/connect_inter/below"),
        (Code.VAULT_MOUNT, "taken/kubernetes is there already, of type kubernetes, and not this stack's"),
        (Code.VAULT_MOUNT, "the policy consul-taken-gossip is there, and not this stack's"),
    ]
    assert state(root) == before


def test_what_is_said_to_exist_and_is_otherwise(root: Client) -> None:
    root.request("POST", "sys/mounts/old/kv", type="kv", options={"version": "1"})
    root.request("POST", "sys/mounts/old/short", type="pki")
    root.request("POST", "sys/mounts/old/tls", type="transit")
    root.request("POST", "sys/auth/old-users", type="userpass")
    assert found(
        root,
        datacenter="old",
        kv={"path": "old/kv", "existing": True},
        connect={"roots": [{"path": "old/short", "existing": True}], "intermediate": {"existing": True}},
        server_tls={"path": "old/tls", "existing": True},
        auth={"path": "old-users", "existing": True},
    ) == [
        (Code.VAULT_MOUNT, "old/short has no certificate yet"),
        (Code.VAULT_MOUNT, "old/short signs for 768h at most, and an intermediate is for 8760h"),
        (Code.VAULT_MOUNT, "old/connect_inter doesn't exist"),
        (Code.VAULT_MOUNT, "old/tls is of type transit, and not pki"),
        (Code.VAULT_MOUNT, "old/kv is KV version 1"),
        (Code.VAULT_MOUNT, "the auth method old-users is of type userpass, and not kubernetes"),
    ]
    assert found(root, datacenter="none", auth={"path": "nowhere", "existing": True}) == [
        (Code.VAULT_MOUNT, "the auth method nowhere doesn't exist")
    ]


def test_a_stack_that_forgets_what_its_root_has_signed(root: Client) -> None:
    connect = {"roots": [{"held": "elsewhere"}]}
    graph = recorded(datacenter="forgot", connect=connect)
    request = apply(root, graph)["vault-forgot-connect_root-request"]["csr"]
    auth = {"method": "jwt", "issuer_url": "https://x", "audience": "x"}
    assert look(root, datacenter="forgot", connect=connect, auth=auth) == ()
    top = signer("top")
    signed = f"{top.authority(request, path_length=1)}\n{top.pem}"
    root.request("PUT", "forgot/connect_root/intermediate/set-signed", certificate=signed)
    assert found(root, datacenter="forgot", connect=connect, auth=auth) == [
        (
            Code.VAULT_MOUNT,
            "forgot/connect_root has a certificate, and the stack waits for one: Consul would be taken away",
        )
    ]


JWT = {"method": "jwt", "issuer_url": "https://x", "audience": "x"}
_ROTATION = "another root comes by a rotation, at a path of its own"


def lost(seen: Client, **args: Any) -> list[str]:
    return [message for _, message in found(seen, auth=JWT, **args)]


def test_an_update_that_would_take_keys_away(root: Client) -> None:
    graph = recorded(datacenter="mine")
    apply(root, graph)
    before = state(root)

    def taken(path: str, title: str) -> str:
        return f"mine/{path} ({title}) is this stack's, and would be taken away with what is in it"

    mesh_root, kv = taken("connect_root", "root of the mesh"), taken("kv", "gossip key and bootstrap token")
    intermediate = taken("connect_inter", "intermediate of the mesh")
    assert lost(root, datacenter="mine", connect={"roots": [{"path": "mine/other"}]}) == [mesh_root]
    assert lost(root, datacenter="mine", connect={"roots": [{"existing": True}]})[-1] == mesh_root
    assert lost(root, datacenter="mine", connect={"managed_by": "consul"}) == [intermediate, mesh_root]
    assert lost(root, datacenter="mine", connect={"intermediate": {"existing": True}}) == [intermediate]
    assert lost(root, datacenter="mine", kv={"path": "mine/secrets"}) == [kv]
    assert lost(root, datacenter="mine", server_tls={"path": "mine/tls"}) == [
        taken("server_tls", "certificates of the servers")
    ]
    renamed = planned(datacenter="yours", auth=JWT)
    with pytest.raises(ComponentError) as error:
        check_vault(renamed, VaultAccess(root.url, root.token), OWNER, is_alone=True)
    assert {mesh_root, kv} <= {each.message for each in error.value.problems}
    assert f"as they were; {_ROTATION}" in error.value.problems[0].remedy
    assert look(root, datacenter="yours", auth=JWT) == ()  # another datacenter's, in the same stack
    assert state(root) == before


def test_what_may_go(root: Client) -> None:
    graph = recorded(datacenter="going", connect={"roots": [{}, {"path": "going/next"}]})
    apply(root, graph)
    # A root goes where another one is: at the end of a rotation, and when one is given up.
    assert look(root, datacenter="going", auth=JWT) == ()
    assert look(root, datacenter="going", auth=JWT, connect={"roots": [{"path": "going/next"}]}) == ()
    without = {"datacenter": "going", "auth": JWT, "connect": {"roots": []}}
    assert look(root, **without) == ()
    # Nobody compares it with what is live: the stack says "Consul's own", and Consul may not have been told.
    with pytest.raises(ComponentError, match=r"going/connect_root \(root of the mesh\) is this stack's"):
        check_vault(planned(**without), VaultAccess(root.url, root.token), OWNER, is_live_known=False)
    # Nothing is lost with a root that never had a certificate, and with what `retain` leaves.
    root.request(
        "POST", "sys/mounts/tried/root", type="pki", description=f"Consul in tried: root of the mesh ({OWNER})"
    )
    assert look(root, datacenter="tried", auth=JWT) == ()
    apply(root, recorded(datacenter="left", retain=True))
    there: dict[str, Any] = {"kv": {"path": "left/kv", "existing": True}, "existing_secrets": True}
    assert look(root, datacenter="left", auth=JWT, **there) == ()
    assert look(root, datacenter="left", auth=JWT) == ()


def test_a_root_that_the_stack_describes_otherwise(root: Client) -> None:
    apply(root, recorded(datacenter="other"))
    assert lost(root, datacenter="other", connect={"roots": [{"key_bits": 384}]}) == [
        "other/connect_root has a key of ec 256, and the stack says ec 384"
    ]
    held = {"roots": [{"held": "elsewhere"}]}
    request = apply(root, recorded(datacenter="far-off", connect=held))["vault-far-off-connect_root-request"]["csr"]
    top = signer("top")
    first, second = (top.authority(request, path_length=1) + top.pem for _ in range(2))
    told = {"roots": [{"held": "elsewhere", "certificate": first}]}
    assert look(root, datacenter="far-off", auth=JWT, connect=told) == ()
    root.request("PUT", "far-off/connect_root/intermediate/set-signed", certificate=first)
    assert look(root, datacenter="far-off", auth=JWT, connect=told) == ()
    root.request("PUT", "far-off/connect_root/intermediate/set-signed", certificate=second)
    told = {"roots": [{"held": "elsewhere", "certificate": second}]}
    assert lost(root, datacenter="far-off", connect=told) == [
        "far-off/connect_root has another certificate than the stack's, and Vault goes on with the one that it has"
    ]


def test_a_token_that_may_mount_and_not_make_keys(root: Client) -> None:
    may = """
    path "sys/*" { capabilities = ["create", "update", "read"] }
    path "shut/kv/*" { capabilities = ["create", "update"] }
    path "auth/shut/jwt/role/*" { capabilities = ["create", "update"] }
    """
    root.request("PUT", "sys/policies/acl/shut", policy=may)
    token = root.request("POST", "auth/token/create", policies=["shut"])["auth"]["client_token"]
    two = {"roots": [{}, {"path": "shut/next", "held": "elsewhere"}]}
    ((code, message),) = found(root.with_token(token), datacenter="shut", auth=JWT, connect=two)
    assert code is Code.VAULT_TOKEN
    assert message == (
        "the token may not write shut/next/issuers/generate/intermediate/internal, "
        "shut/server_tls/issuers/generate/root/internal, shut/injector_tls/issuers/generate/root/internal and 4 more"
    )


def test_a_certificate_that_is_not_told_is_missed_by_any_token(root: Client) -> None:
    held = {"roots": [{"held": "elsewhere"}]}
    request = apply(root, recorded(datacenter="dim", connect=held))["vault-dim-connect_root-request"]["csr"]
    top = signer("top")
    signed = f"{top.authority(request, path_length=1)}\n{top.pem}"
    root.request("PUT", "dim/connect_root/intermediate/set-signed", certificate=signed)
    may = 'path "*" { capabilities = ["create", "update"] }\npath "auth/token/lookup-self" { capabilities = ["read"] }'
    root.request("PUT", "sys/policies/acl/dim", policy=may)
    token = root.request("POST", "auth/token/create", policies=["dim"], no_default_policy=True)["auth"]["client_token"]
    (message,) = lost(root.with_token(token), datacenter="dim", connect=held)
    assert message.startswith("dim/connect_root has a certificate, and the stack waits for one")


def test_what_exists_and_is_right(root: Client) -> None:
    for path, lifetime in (("good/root", "8760h"), ("good/inter", "1h"), ("good/tls", "1h")):
        root.request("POST", f"sys/mounts/{path}", type="pki", config={"max_lease_ttl": lifetime})
    for path in ("good/root", "good/tls"):
        root.request("POST", f"{path}/root/generate/internal", common_name="x")
    root.request("POST", "sys/mounts/good/kv", type="kv", options={"version": "2"})
    root.request("POST", "good/kv/data/consul/good/gossip", data=GOSSIP)
    root.request("POST", "good/kv/data/consul/good/bootstrap-token", data=TOKEN)
    root.request("POST", "sys/auth/good", type="kubernetes")
    args: dict[str, Any] = {
        "connect": {
            "roots": [{"path": "good/root", "existing": True}],
            "intermediate": {"path": "good/inter", "existing": True},
        },
        "server_tls": {"path": "good/tls", "existing": True},
        "kv": {"path": "good/kv", "existing": True},
        "auth": {"path": "good", "existing": True},
        "existing_secrets": True,
    }
    assert look(root, datacenter="good", **args) == ()


def test_a_role_that_is_not_for_its_service_account(root: Client) -> None:
    root.request("POST", "sys/auth/roles", type="kubernetes")
    bound = {"bound_service_account_namespaces": ["consul"], "token_policies": ["x"]}
    for name, account in (("server", "consul-server"), ("acl", "consul-server"), ("ca", "*")):
        root.request("POST", f"auth/roles/role/{name}", bound_service_account_names=[account], **bound)
    elsewhere = {**bound, "bound_service_account_namespaces": ["default"]}
    root.request("POST", "auth/roles/role/far", bound_service_account_names=["consul-connect-injector"], **elsewhere)
    roles = {"server": "server", "acl_init": "acl", "injector": "far", "ca": "ca", "client": "absent"}
    assert found(root, datacenter="bound", auth={"path": "roles", "roles": roles}) == [
        (
            Code.VAULT_ROLE,
            "the role acl of auth/roles is bound to consul-server, and not to consul-server-acl-init in consul",
        ),
        (
            Code.VAULT_ROLE,
            "the role far of auth/roles is bound to no one there, and not to consul-connect-injector in consul",
        ),
        (Code.VAULT_ROLE, "the role absent of auth/roles doesn't exist"),
    ]


def test_the_roles_of_another_cluster_by_their_claims(root: Client) -> None:
    graph = recorded(datacenter="claims")
    apply(root, graph)
    roles = {part: f"consul-claims-{part.replace('_', '-')}" for part in ("server", "acl_init", "injector", "ca")}
    auth = {"method": "jwt", "path": "claims/jwt"}
    assert look(root, datacenter="claims", auth={**auth, "roles": roles}) == ()
    swapped = {**roles, "acl_init": roles["server"], "ca": roles["server"]}
    assert [code for code, _ in found(root, datacenter="claims", auth={**auth, "roles": swapped})] == [
        Code.VAULT_ROLE,
        Code.VAULT_ROLE,
    ]


def test_secrets_that_are_not_there_or_not_fit(root: Client) -> None:
    kv = {"path": "kept/kv", "existing": True}
    root.request("POST", "sys/mounts/kept/kv", type="kv", options={"version": "2"})
    root.request("POST", "kept/kv/data/consul/kept/gossip", data={"key": "c2hvcnQ="})
    assert found(root, datacenter="kept", kv=kv, existing_secrets=True) == [
        (Code.VAULT_SECRET, "kept/kv/data/consul/kept/gossip: the gossip key has 5 bytes, and 16, 24 or 32 are right"),
        (Code.VAULT_SECRET, 'kept/kv/data/consul/kept/bootstrap-token has no key "token"'),
    ]


def test_secrets_of_a_consul_that_runs_are_not_written_over(root: Client) -> None:
    kv = {"path": "shared/kv", "existing": True}
    root.request("POST", "sys/mounts/shared/kv", type="kv", options={"version": "2"})
    assert look(root, datacenter="shared", kv=kv, auth=JWT) == ()
    root.request("POST", "shared/kv/data/consul/shared/bootstrap-token", data=TOKEN)
    assert found(root, datacenter="shared", kv=kv, auth=JWT) == [
        (
            Code.VAULT_SECRET,
            "shared/kv/data/consul/shared/bootstrap-token is there already, and would be written over",
        )
    ]
    apply(root, recorded(datacenter="shared", kv=kv))
    assert look(root, datacenter="shared", kv=kv, auth=JWT) == ()  # its own


def test_a_token_that_may_not_do_all_of_it(root: Client) -> None:
    may = """
    path "sys/mounts/*" { capabilities = ["create", "update", "read"] }
    path "sys/mounts" { capabilities = ["read"] }
    path "sys/policies/acl/*" { capabilities = ["read"] }
    path "few/*" { capabilities = ["create", "update"] }
    path "auth/few/*" { capabilities = ["create", "update"] }
    """
    root.request("PUT", "sys/policies/acl/few", policy=may)
    token = root.request("POST", "auth/token/create", policies=["few"])["auth"]["client_token"]
    ((code, message),) = found(root.with_token(token), datacenter="few")
    assert code is Code.VAULT_TOKEN
    assert message == (
        "the token may not write sys/policies/acl/consul-few-own-token, sys/policies/acl/consul-few-server-ca, "
        "sys/policies/acl/consul-few-server-tls and 5 more"
    )


def test_what_a_token_may_not_read_is_said(root: Client) -> None:
    may = 'path "*" { capabilities = ["create", "update"] }\npath "auth/token/lookup-self" { capabilities = ["read"] }'
    root.request("PUT", "sys/policies/acl/blind", policy=may)
    token = root.request("POST", "auth/token/create", policies=["blind"], no_default_policy=True)["auth"][
        "client_token"
    ]
    assert look(root.with_token(token), datacenter="blind") == ("sys/mounts", "sys/auth")


def test_a_token_that_vault_does_not_know(root: Client) -> None:
    for token in ("", "s.expired"):
        assert found(root.with_token(token)) == [(Code.VAULT_TOKEN, "it doesn't know the token")]
    root.request("POST", "sys/namespaces/known")
    assert found(root.with_token("x"), namespace="known") == [
        (Code.VAULT_TOKEN, "it doesn't know the token in the namespace known")
    ]


def test_a_namespace_that_is_not_there(root: Client) -> None:
    assert found(root, namespace="nowhere") == [(Code.VAULT_MOUNT, "the namespace nowhere doesn't exist")]
    below = {"roots": [{"namespace": "roots"}]}
    assert found(root, connect=below) == [(Code.VAULT_MOUNT, "the namespace roots doesn't exist")]
    root.request("POST", "sys/namespaces/base")
    assert found(root, namespace="base", connect=below) == [
        (Code.VAULT_MOUNT, "the namespace base/roots doesn't exist")
    ]


def test_nobody_answers(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    assert found(Client(f"http://127.0.0.1:{port}")) == [
        (Code.VAULT_UNREACHABLE, "it doesn't answer: Connection refused")
    ]


def test_a_vault_that_is_sealed_and_one_whose_certificate_is_not_trusted(
    server_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    require_programs("bao")
    authority, ca_file = Authority("openbao"), tmp_path / "ca.pem"
    ca_file.write_bytes(authority.pair.certificate)
    with OpenBao(server_folder("sealed"), dev=False, authority=authority) as sealed:

        def says(**access: Any) -> tuple[Code, str]:
            with pytest.raises(ComponentError) as error:
                check_vault(planned(), VaultAccess(sealed.url, "root", **access), OWNER)
            (problem,) = error.value.problems
            return problem.code, problem.message

        code, message = says()
        assert code is Code.VAULT_UNREACHABLE
        assert message.startswith("it doesn't answer: its certificate: ")
        assert says(ca_file="nowhere.pem")[0] is Code.VAULT_UNREACHABLE
        assert says(ca_file=str(ca_file)) == (Code.VAULT_SEALED, "it was never initialised")
        sealed.initialise()
        assert check_vault(planned(), VaultAccess(sealed.url, sealed.token, str(ca_file)), OWNER) == ()
        sealed.request("PUT", "sys/seal")
        assert says(ca_file=str(ca_file)) == (Code.VAULT_SEALED, "it is sealed")


def state(root: Client) -> str:
    """All mounts, methods and policies."""
    paths = ("sys/mounts", "sys/auth", "sys/policies/acl?list=true")
    return json.dumps([root.request("GET", path)["data"] for path in paths], sort_keys=True)
