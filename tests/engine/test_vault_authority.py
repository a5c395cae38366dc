"""Consul's Vault by the real engine and provider, on OpenBao: set up, unchanged, rotated, taken away without a trace."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.conftest import Projects, Pulumi
from tests.servers.openbao import OpenBao
from tests.servers.openbao_client import Client
from tests.servers.pki import Authority, signer
from tests.servers.programs import require_programs

PROJECT = "name: consul-vault\nruntime: {name: python, options: {virtualenv: .venv}}\n"
PROGRAM = """\
import pulumi
import pulumi_vault as vault
from meshwright import VaultCertificateAuthority

config = pulumi.Config()
provider = vault.Provider("openbao", address=config.require("address"), token="root")
opts = pulumi.ResourceOptions(providers=[provider])
made = VaultCertificateAuthority("vault", config.require_object("args"), opts)
pulumi.export("requests", made.root_requests)
pulumi.export("ready", made.ready)
"""
GOSSIP, TOKEN = "uvUjgU8lZ5QdjVDCiUeZUn9W4Os5QxTjHvCfqAWCHUY=", "b1c2d3e4-0000-4000-8000-000000000001"
AUTH = {
    "kubernetes_host": "https://cluster",
    "kubernetes_ca_certificate": Authority("cluster").pair.certificate.decode(),
}
NEXT = {"path": "dc1/connect_root_2027"}


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Client]:
    require_programs("bao", "pulumi-resource-vault")
    with OpenBao(tmp_path / "openbao") as running:
        yield Client(running.url)


@pytest.fixture
def pulumi(real: Projects, root: Client, tmp_path: Path) -> Pulumi:
    source = tmp_path / "source"
    source.mkdir()
    (source / "Pulumi.yaml").write_text(PROJECT)
    (source / "__main__.py").write_text(PROGRAM)
    made = real.project(source, MESHWRIGHT_AS_OF="")  # certificates of OpenBao's have today's date
    made.select("dev")
    made.run("config", "set", "address", root.url)
    return made


def tell(pulumi: Pulumi, **connect: Any) -> None:
    # pulumi-random is another plugin: with secrets of ours it isn't asked for.
    args = {"address": "https://vault:8200", "gossip_key": GOSSIP, "bootstrap_token": TOKEN, "auth": AUTH}
    more = {"retain": True} if connect.pop("retain", False) else {}
    pulumi.run("config", "set", "args", json.dumps({**args, **more, "connect": connect}))


def up(pulumi: Pulumi, **connect: Any) -> None:
    tell(pulumi, **connect)
    pulumi.run("up", "--yes", "--skip-preview")
    pulumi.run("preview", "--expect-no-changes")


def is_crossing_allowed(root: Client) -> bool:
    return root.status("GET", "sys/policies/acl/consul-dc1-cross-signing") == 200


def test_from_nothing_through_a_rotation_to_nothing(pulumi: Pulumi, root: Client) -> None:
    mounts, methods = root.request("GET", "sys/mounts")["data"].keys(), root.request("GET", "sys/auth")["data"].keys()
    up(pulumi)
    # What Consul does to its intermediate's engine is its own business.
    root.request("POST", "sys/mounts/dc1/connect_inter/tune", max_lease_ttl="4380h", default_lease_ttl="")
    pulumi.run("refresh", "--yes", "--skip-preview")
    pulumi.run("preview", "--expect-no-changes")
    first = root.text("dc1/connect_root/ca/pem")
    up(pulumi, roots=[{}, NEXT], cross_signing=True)
    assert is_crossing_allowed(root)
    assert root.text("dc1/connect_root/ca/pem") == first != root.text("dc1/connect_root_2027/ca/pem")
    up(pulumi, roots=[NEXT])
    assert not is_crossing_allowed(root)
    assert root.status("GET", "dc1/connect_root/ca/pem") == 404
    state = pulumi.run("stack", "export").stdout
    assert [each in state for each in (GOSSIP, TOKEN, "PRIVATE KEY")] == [False] * 3
    pulumi.run("destroy", "--yes", "--skip-preview")
    assert root.request("GET", "sys/mounts")["data"].keys() == mounts
    assert root.request("GET", "sys/auth")["data"].keys() == methods
    assert sorted(root.request("GET", "sys/policies/acl?list=true")["data"]["keys"]) == ["default", "root"]


def test_a_root_that_is_held_elsewhere_signs_between_two_updates(pulumi: Pulumi, root: Client) -> None:
    elsewhere = {"held": "elsewhere"}
    up(pulumi, roots=[elsewhere])
    outputs = json.loads(pulumi.run("stack", "output", "--json").stdout)
    assert outputs["ready"] is False
    top = signer("top")
    other = signer("other", top, path_length=1).pem + top.pem
    tell(pulumi, roots=[{**elsewhere, "certificate": other}])
    refused = pulumi.run("up", "--yes", "--skip-preview", check=False)
    assert refused.returncode
    assert "CN=other has another key than the request of Vault's" in refused.stdout + refused.stderr
    assert "(MW-E240)" in refused.stdout + refused.stderr
    signed = top.authority(outputs["requests"]["dc1/connect_root"], path_length=1) + top.pem
    up(pulumi, roots=[{**elsewhere, "certificate": signed}])
    assert root.text("dc1/connect_root/ca_chain").count("BEGIN CERTIFICATE") == 2


def test_what_is_retained_can_be_used_again(pulumi: Pulumi, root: Client) -> None:
    up(pulumi, retain=True)
    first = root.text("dc1/connect_root/ca/pem")
    pulumi.run("destroy", "--yes", "--skip-preview")
    assert root.text("dc1/connect_root/ca/pem") == first
    assert "BEGIN CERTIFICATE" in root.text("dc1/server_tls/ca/pem")
    secret = root.request("GET", "dc1/kv/data/consul/dc1/bootstrap-token")["data"]["data"]
    assert secret == {"token": TOKEN}
    assert root.status("GET", "sys/policies/acl/consul-dc1-connect-ca") == 404


def test_another_key_is_not_made_in_the_place_of_the_first(pulumi: Pulumi, root: Client) -> None:
    up(pulumi)
    first = root.text("dc1/connect_root/ca/pem")
    up(pulumi, roots=[{"key_bits": 384}])
    assert root.text("dc1/connect_root/ca/pem") == first
