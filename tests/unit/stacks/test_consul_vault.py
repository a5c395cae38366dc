"""What the key `vault` of a Consul stack registers, and what is asked of whom."""

from pathlib import Path
from typing import Any

import pytest

from meshwright.config import parse_config
from meshwright.consul.vault.live import VaultAccess
from meshwright.engine.graph import Graph, Secret
from meshwright.engine.record import record
from meshwright.errors import MeshwrightError
from tests.servers.pki import signer
from tests.unit.graphs import find, inputs, names

ROOT = Path(__file__).parents[3]
API = {"address": "https://consul.internal:8501"}
ADDRESS = "https://vault.internal:8200"
GOSSIP = "uvUjgU8lZ5QdjVDCiUeZUn9W4Os5QxTjHvCfqAWCHUY="


@pytest.fixture(autouse=True)
def _as_pulumi_runs_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("VAULT_NAMESPACE", "VAULT_CACERT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.syspath_prepend(str(ROOT / "stacks"))
    monkeypatch.setattr("pulumi.runtime.get_root_directory", lambda: str(tmp_path))


def run(
    connect: Any = None,
    values: Any = None,
    config: dict[str, str] | None = None,
    secret_keys: tuple[str, ...] = (),
    **vault: Any,
) -> Graph:
    import consul

    said = {"kind": "consul", "version": "2.0.3", "cluster": {"context": "c", "platform": "kind"}}
    more = ({"ca": connect} if connect else {}) | ({"values": values} if values else {})
    mesh: Any = parse_config({**said, **more, "vault": {"address": ADDRESS, **vault}}, None, None).mesh
    return record(
        lambda: consul.deploy(mesh, "stacks/Pulumi.x.yaml"), stack="x", config=config, secret_keys=secret_keys
    )


def refused(**wanted: Any) -> str:
    with pytest.raises(MeshwrightError) as error:
        run(**wanted)
    return str(error.value)


def test_consul_comes_after_its_vault_and_is_told_of_it() -> None:
    graph = run(api_address="https://vault.example.com")
    assert inputs(graph, "vault")["address"] == ADDRESS
    (provider,) = [each for each in graph if each.type == "pulumi:providers:vault"]
    assert provider.inputs["address"] == "https://vault.example.com"
    # With a token of the namespace it would be put before each resource's, which has it already.
    assert provider.inputs["setNamespaceFromToken"] == "false"
    told = inputs(graph, "mesh-release")["values"]["global"]["secretsBackend"]["vault"]
    assert told["consulServerRole"] == "consul-dc1-server"
    assert {"vault-server-role", "vault-gossip"} <= names(find(graph, "mesh-release").dependencies)
    assert [each.message for each in graph.logs if "not looked at" in each.message]


def test_everything_that_a_stack_says_reaches_the_component(tmp_path: Path) -> None:
    (tmp_path / "k.pem").write_text("PEM")
    graph = run(
        namespace="mesh",
        ca={"secret_name": "vault-ca", "secret_key": "tls.crt"},
        ca_file="k.pem",
        token="config:vault:token",
        gossip_key="config:consul:gossip",
        bootstrap_token="config:consul:bootstrap",
        kv={"path": "secret", "existing": True},
        intermediate={"path": "corp/inter"},
        auth={
            "kubernetes_host": "https://k",
            "kubernetes_ca_certificate": "k.pem",
            "reviewer_token": "config:vault:reviewer",
        },
        retain=True,
        config={
            "vault:token": "t",
            "consul:gossip": GOSSIP,
            "consul:bootstrap": "b1c2d3e4-0000-4000-8000-000000000001",
            "vault:reviewer": "r",
        },
        secret_keys=("vault:token", "consul:gossip", "consul:bootstrap", "vault:reviewer"),
    )
    said = inputs(graph, "vault-auth-config")
    assert (said["kubernetesHost"], said["kubernetesCaCert"], said["tokenReviewerJwt"]) == (
        "https://k",
        "PEM",
        Secret("r"),
    )
    assert inputs(graph, "vault-gossip")["dataJson"] == Secret('{"key": "' + GOSSIP + '"}')
    assert inputs(graph, "vault-gossip")["mount"] == "secret"
    assert inputs(graph, "vault-connect-intermediate")["path"] == "corp/inter"
    assert find(graph, "vault-server-tls").options.retain_on_delete is True
    (provider,) = [each for each in graph if each.type == "pulumi:providers:vault"]
    assert provider.inputs["token"] == Secret("t")
    assert provider.inputs["caCertFile"].endswith("k.pem")


def test_names_that_the_charts_values_add_are_issued() -> None:
    graph = run(values={"global": {"tls": {"serverAdditionalDNSSANs": ["consul.example.com"]}}})
    assert inputs(graph, "vault-server-tls-role")["allowedDomains"][-1] == "consul.example.com"


def test_a_secret_that_nobody_decrypted_is_not_known() -> None:
    hidden = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    graph = run(gossip_key="config:consul:gossip", config={"consul:gossip": hidden}, secret_keys=("consul:gossip",))
    assert hidden not in str(inputs(graph, "vault-gossip"))


def test_a_secret_that_is_none_or_is_not_set() -> None:
    assert "names the config value consul:gossip, which isn't set" in refused(gossip_key="config:consul:gossip")
    assert "names the config value vault:token, which is no secret" in refused(
        token="config:vault:token", config={"vault:token": "t"}
    )
    assert "mesh.vault.auth.public_keys names no.pem, which can't be read" in refused(
        auth={"method": "jwt", "public_keys": ["no.pem"], "audience": "a"}
    )


def test_keys_of_a_cluster_and_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "k.pem").write_text("PEM")
    graph = run(
        connect={"root": {"path": "corp/root", "existing": True, "namespace": "roots"}},
        auth={"method": "jwt", "public_keys": ["k.pem"], "audience": "a"},
    )
    assert inputs(graph, "vault-auth")["jwtValidationPubkeys"] == ["PEM"]
    assert "corp/root" not in {each.inputs.get("path") for each in graph}


def test_nothing_of_consul_is_there_until_the_root_has_signed(tmp_path: Path) -> None:
    root = {"held": "elsewhere"}
    waiting = run(connect={"root": root})
    assert "requests" in waiting.outputs
    assert "mesh" not in {each.name for each in waiting}
    assert [each.message for each in waiting.logs if "has not signed" in each.message]
    top = signer("top")
    began = {"step": "cross-signing", "since": "2026-11-20", "previous": {"step": "steady"}}
    rotating = run(connect={"consul": API, "rotation": {**began, "next": {**root, "path": "dc1/next"}}})
    assert "mesh" in {each.name for each in rotating}
    assert [each.message for each in rotating.logs if each.message == "the root of dc1/next has not signed its request"]
    (tmp_path / "ours.pem").write_text(signer("ours", top, path_length=1).pem + top.pem)
    assert "mesh" in {each.name for each in run(connect={"root": {**root, "certificate": "ours.pem"}})}


def test_the_chart_keeps_consuls_own_authority_until_the_root_in_vault_has_taken_its_place() -> None:
    def told(**connect: Any) -> Any:
        return inputs(run(connect=connect), "mesh-release")["values"]["global"]["secretsBackend"]["vault"]

    began = {"step": "cross-signing", "since": "2026-11-20", "previous": {"step": "steady"}}
    assert "connectCA" not in told(root={"provider": "consul"})
    assert "connectCA" not in told(
        consul=API, root={"provider": "consul"}, rotation={**began, "next": {"path": "dc1/root"}}
    )
    assert told(root={"path": "dc1/root"})["connectCA"]["rootPKIPath"] == "dc1/root"


def test_vault_is_looked_at_as_its_provider_would_reach_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import consul_vault

    asked: list[VaultAccess] = []

    def look(_: object, access: VaultAccess, *__: object, **___: object) -> tuple[str, ...]:
        asked.append(access)
        return ()

    monkeypatch.setattr(consul_vault, "check_vault", look)
    monkeypatch.setattr(consul_vault, "is_offline", lambda: False)
    monkeypatch.setenv("VAULT_CACERT", "/etc/vault/ca.pem")
    run()
    assert [each.ca_file for each in asked] == ["/etc/vault/ca.pem"]
    monkeypatch.setenv("VAULT_NAMESPACE", "admin")
    assert refused(namespace="admin") == (
        f"Vault {ADDRESS}: VAULT_NAMESPACE is admin, and Vault's provider would put all of it there, or below; unset it "
        "where Pulumi runs, and name the whole path in vault.namespace (MW-E238)"
    )


def test_a_running_vault_is_asked_with_the_stacks_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import consul_vault

    asked: list[VaultAccess] = []

    def look(_: object, access: VaultAccess, owner: str, *, is_alone: bool, is_live_known: bool) -> tuple[str, ...]:
        asked.append(access)
        assert (owner, is_alone, is_live_known) == ("meshwright test/x", True, False)
        return ("sys/mounts",)

    monkeypatch.setattr(consul_vault, "check_vault", look)
    monkeypatch.setattr(consul_vault, "is_offline", lambda: False)
    monkeypatch.setenv("VAULT_TOKEN", "from the shell")
    graph = run(ca_file="ca.pem")
    assert (asked[0].address, asked[0].token) == (ADDRESS, "from the shell")
    assert str(asked[0].ca_file).endswith("ca.pem")
    assert [each.message for each in graph.logs if "the token may not read sys/mounts" in each.message]
    run(token="config:vault:token", config={"vault:token": "t"}, secret_keys=("vault:token",))
    assert asked[1].token == "t"
    monkeypatch.delenv("VAULT_TOKEN")
    monkeypatch.setenv("HOME", str(tmp_path))
    run()
    (tmp_path / ".vault-token").write_text("of vault login\n")
    run()
    assert [each.token for each in asked[2:]] == ["", "of vault login"]
    hidden = {"vault:token": "04da6b54-80e4-46f7-96ec-b56ff0331ba9"}
    run(token="config:vault:token", config=hidden, secret_keys=("vault:token",))
    assert len(asked) == 4
