"""Consul's live CA by the real engine and provider, and a real server: set, unchanged, rotated, and a step refused."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshwright.certs.consul_gates import is_cross_signed
from meshwright.certs.consul_seen import ConsulAddress, ConsulSeen, observe_consul
from meshwright.consul.vault.plan import plan_vault
from tests.engine.conftest import Projects, Pulumi
from tests.servers.consul import Consul
from tests.servers.programs import require_programs

PROJECT = "name: connect-ca\nruntime: {name: python, options: {virtualenv: .venv}}\n"
PROGRAM = """\
import pulumi
import pulumi_consul as consul
from meshwright import ConnectCertificateAuthority

config = pulumi.Config()
provider = consul.Provider("consul", address=config.require("address"))
opts = pulumi.ResourceOptions(providers=[provider])
ConnectCertificateAuthority("connect-ca", config.require_object("ca"), opts)
"""
OLD, NEW = {"provider": "consul"}, {"provider": "consul", "key_type": "rsa", "key_bits": 2048}
DAY = "2026-11-20"
CROSS_SIGNING = {"step": "cross-signing", "since": DAY, "previous": {"step": "steady"}}
SWITCHED = {"step": "switched", "since": DAY, "previous": {"step": "cross-signing", "since": DAY}}


@pytest.fixture
def consul(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Consul]:
    """With Consul's own CA: nothing else has to run."""
    require_programs("consul", "pulumi-resource-consul")
    monkeypatch.delenv("MESHWRIGHT_AS_OF", raising=False)
    with Consul(tmp_path / "consul", {}) as running:
        yield running


@pytest.fixture
def pulumi(real: Projects, consul: Consul, tmp_path: Path) -> Pulumi:
    source = tmp_path / "source"
    source.mkdir()
    (source / "Pulumi.yaml").write_text(PROJECT)
    (source / "__main__.py").write_text(PROGRAM)
    made = real.project(source)
    made.select("dev")
    made.run("config", "set", "address", consul.url)
    return made


def tell(pulumi: Pulumi, **args: Any) -> None:
    pulumi.run("config", "set", "ca", json.dumps(args))


def up(pulumi: Pulumi, **args: Any) -> None:
    tell(pulumi, **args)
    pulumi.run("up", "--yes", "--skip-preview")
    pulumi.run("preview", "--expect-no-changes")


def look(consul: Consul) -> ConsulSeen:
    return observe_consul(ConsulAddress(consul.url), "dc1")


def test_the_root_is_changed_step_by_step(pulumi: Pulumi, consul: Consul) -> None:
    (first,) = look(consul).roots
    up(pulumi, root=OLD, leaf_lifetime_hours=24)
    assert [each.certificate for each in look(consul).roots] == [first.certificate]
    told = consul.request("GET", "connect/ca/configuration")["Config"]
    assert (told["LeafCertTTL"], told["IntermediateCertTTL"]) == ("24h", "8760h")

    up(pulumi, root=OLD, next=NEW, leaf_lifetime_hours=24, rotation=CROSS_SIGNING)
    assert [each.certificate for each in look(consul).roots] == [first.certificate]

    up(pulumi, root=OLD, next=NEW, leaf_lifetime_hours=24, rotation=SWITCHED)
    seen = look(consul)
    assert seen.active is not None
    assert (seen.active.key, len(seen.roots)) == (("rsa", 2048), 2)
    assert is_cross_signed(seen.active, seen.roots)
    pulumi.run("destroy", "--yes", "--skip-preview")
    assert look(consul).active == seen.active


def test_a_step_that_does_not_follow_from_what_is_live(pulumi: Pulumi, consul: Consul) -> None:
    before = look(consul)
    backend = plan_vault({"address": "https://vault.internal:8200"}, "test").backend
    following = {"path": "dc1/connect_root_2027"}
    tell(pulumi, root={"path": "dc1/connect_root"}, next=following, rotation=CROSS_SIGNING, backend=backend)
    for command in (("preview",), ("up", "--yes", "--skip-preview")):
        done = pulumi.run(*command, check=False)
        assert done.returncode != 0
        said = "Consul's live root is that of the provider consul, and the step cross-signing follows from"
        assert said in done.stdout + done.stderr
        assert "MW-E249" in done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
    assert look(consul) == before
