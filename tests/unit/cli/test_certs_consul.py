"""`meshwright certs` for Consul: what is asked of its API, what is printed, what is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from meshwright.certs.consul_seen import ADDRESS_VARIABLE, CA_VARIABLE, TOKEN_VARIABLE
from meshwright.cli import certs_status
from meshwright.config.clock import VARIABLE
from tests.unit.certs.consul_scenes import NEW, NOW, PRUNED, STEADY, SWITCHED, configuration, server

if TYPE_CHECKING:
    from tests.unit.cli.test_preview import Command

STACK = """\
config:
  meshwright:mesh:
    kind: consul
    cluster: {{context: prod, platform: eks}}
    vault: {{address: "https://vault.internal:8200", flavor: openbao}}
    ca:
      consul: {{address: "{address}"}}
      root: {{path: dc1/connect_root}}   # since 2025
{rotation}"""
CROSS_SIGNING = (
    '{step: cross-signing, since: "2026-11-23", previous: {step: steady}, next: {path: dc1/connect_root_2027}}'
)
AT_CROSS = '{step: cross-signing, since: "2026-11-22", previous: {step: steady}, next: {path: dc1/connect_root_2027}}'
AT_SWITCHED = (
    '{step: switched, since: "2026-11-10", previous: {step: cross-signing, since: "2026-11-09"}, '
    "next: {path: dc1/connect_root_2027}}"
)
PRUNED_NOW = (
    '{step: old-pruned, since: "2026-11-23", previous: {step: switched, since: "2026-11-10"}, '
    "next: {path: dc1/connect_root_2027}}"
)


@pytest.fixture(autouse=True)
def _project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "2026-11-23")
    for name in (ADDRESS_VARIABLE, TOKEN_VARIABLE, CA_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    for module in ("certs_advance", "certs_plan"):
        monkeypatch.setattr(f"meshwright.cli.{module}.moment", lambda: NOW)
    monkeypatch.setattr(certs_status, "moment", lambda: NOW)
    monkeypatch.setattr("meshwright.cli.certs_advance._clock_day", NOW.date)
    Path("Pulumi.yaml").write_text("name: shop\nruntime: python\nmain: .\n")
    Path("__main__.py").write_text("")


def stack(address: str, rotation: str = "", name: str = "prod") -> Path:
    path = Path(f"Pulumi.{name}.yaml")
    line = f"      rotation: {rotation}\n" if rotation else ""
    path.write_text(STACK.format(address=address, rotation=line))
    return path


def test_a_rotation_begins(meshwright: Command) -> None:
    with server(STEADY) as address:
        path = stack(address)
        status, out, err = meshwright("certs", "advance", "--next", "{path: dc1/connect_root_2027}")
        assert (status, err) == (0, "")
        assert "✓ prod: the live configuration is that of steady: dc1/connect_root in Vault" in out
        assert "✓ prod: no earlier rotation is under way" in out
        assert path.read_text() == STACK.format(address=address, rotation=f"      rotation: {CROSS_SIGNING}\n")
        status, out, err = meshwright("certs", "advance")
    assert (status, err) == (0, "")
    assert "step: switched" in path.read_text()


def test_the_last_step_waits_for_consul(meshwright: Command) -> None:
    with server(SWITCHED) as address:
        path = stack(address, AT_SWITCHED)
        was = path.read_text()
        status, out, _ = meshwright("certs", "advance")
        assert (status, path.read_text()) == (1, was)
        assert "✗ prod: Consul has dropped the old root" in out
        # No reason is better than what Consul says.
        status, _, _ = meshwright("certs", "advance", "--reason", "in a hurry")
        assert (status, path.read_text()) == (1, was)
    with server(PRUNED) as address:
        status, _, _ = meshwright("certs", "advance", "--consul", address)
    assert status == 0
    assert path.read_text() == was.replace(AT_SWITCHED, PRUNED_NOW)


def test_no_step_is_left_out_whatever_the_reason(meshwright: Command) -> None:
    path = stack("http://127.0.0.1:1", AT_CROSS)
    was = path.read_text()
    status, _, err = meshwright("certs", "advance", "--to", "old-pruned", "--reason", "hurry")
    assert (status, path.read_text()) == (2, was)
    assert "switched comes before it" in err


def test_the_last_step_of_a_file_is_too_early(meshwright: Command) -> None:
    early = AT_SWITCHED.replace("2026-11-10", "2026-11-20").replace("2026-11-09", "2026-11-19")
    with server(PRUNED) as address:
        path = stack(address, early)
        was = path.read_text()
        status, _, err = meshwright("certs", "advance", "--reason", "hurry")
    assert (status, path.read_text()) == (2, was)
    assert "wait 6 days, two lifetimes of a leaf" in err


def test_a_reason_stands_for_what_may_not_be_read(meshwright: Command) -> None:
    with server(PRUNED, token="operator") as address:
        path = stack(address, AT_SWITCHED)
        assert meshwright("certs", "advance")[0] == 3
        status, _, _ = meshwright("certs", "advance", "--reason", "read by the owner of the token")
    assert status == 0
    assert "# 2026-11-23 on to old-pruned without its gate: read by the owner of the token" in path.read_text()


def test_no_answer(meshwright: Command) -> None:
    stack("http://127.0.0.1:1")
    status, _, err = meshwright("certs", "advance", "--next", "{path: x}")
    assert status == 2
    assert "Consul does not answer at http://127.0.0.1:1" in err


def test_the_plan_says_where_helms_values_do_nothing(meshwright: Command) -> None:
    with server(STEADY) as address:
        stack(address, AT_SWITCHED)
        status, out, _ = meshwright("certs", "plan", "--consul", address)
        assert status == 0
        assert "1. old-pruned   from 2026-11-16 on" in out
        assert "live, prod: the live configuration is that of switched" in out
        assert "Helm's values, and the servers' files, are read once" in out
        _, out, _ = meshwright("certs", "plan", "--consul", address, "--json")
    assert "dc1/connect_root in Vault" in json.loads(out)["live"][0]
    status, out, _ = meshwright("certs", "plan")
    assert status == 0
    assert "live," not in out


def test_status(meshwright: Command) -> None:
    with server(SWITCHED) as address:
        stack(address, AT_SWITCHED)
        status, out, _ = meshwright("certs", "status", "prod", "--consul", address)
        assert status == 0
        assert "✓ root     CN=new root" in out
        assert "rotation: switched since 2026-11-10; next: old-pruned" in out
        status, out, _ = meshwright("certs", "status", "--consul", address, "--json")
    found: dict[str, Any] = json.loads(out)
    assert status == 0
    assert [each["role"] for each in found["certificates"]] == ["root", "signs", "root"]
    assert found["certificates"][0]["cluster"] == address
    other = (STEADY[0], configuration(NEW.path))
    with server(other) as address:
        status, out, _ = meshwright("certs", "status", "prod", "--consul", address)
        assert status == 0
    with server(STEADY, token="operator") as address:
        status, out, _ = meshwright("certs", "status", "prod", "--consul", address)
    assert status == 3
    assert "? prod: the live configuration can be read" in out
    with server(STEADY) as address:
        status, out, _ = meshwright("certs", "status", "prod", "--consul", address)
    assert status == 1


def test_a_datacenter_that_was_left_behind_is_brought_on(meshwright: Command) -> None:
    with server(SWITCHED) as primary, server((SWITCHED[0], STEADY[1])) as secondary:
        ahead = stack(primary, AT_SWITCHED, name="eu")
        behind = stack(secondary, AT_CROSS.replace("2026-11-22", "2026-11-09"), name="us")
        was = ahead.read_text()
        # By itself it would wait for the root of before; but that has changed by the step of the other one.
        assert meshwright("certs", "advance", "-s", "us")[0] == 1
        status, out, err = meshwright("certs", "advance", "-s", "eu", "-s", "us")
        assert (status, err) == (0, "")
        assert "✓ us: the live configuration is that of cross-signing" in out
    assert "step: switched" in behind.read_text()
    assert ahead.read_text() == was
    with server(SWITCHED) as primary, server((SWITCHED[0], None), token="operator") as secondary:
        stack(primary, AT_SWITCHED, name="eu")
        stack(secondary, AT_CROSS.replace("2026-11-22", "2026-11-09"), name="us")
        status, out, _ = meshwright("certs", "advance", "-s", "eu", "-s", "us")
    assert status == 3
    assert "? us: the live configuration can be read" in out


def test_datacenters_are_told_apart(meshwright: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    following = ("--next", "{path: dc1/connect_root_2027}")
    with server(STEADY) as one, server(STEADY) as other:
        stack(one, name="eu")
        stack(other, name="us")
        monkeypatch.setenv(ADDRESS_VARIABLE, one)
        status, out, err = meshwright("certs", "advance", "-s", "eu", "-s", "us", *following, "--dry-run")
        assert (status, err) == (0, "")
        assert "✓ us: every datacenter" not in out
        status, _, err = meshwright("certs", "advance", "-s", "eu", "-s", "us", *following, "--consul", one)
        assert status == 2
        assert "1 addresses of Consul are given for 2 stacks" in err
        twice = ("--consul", one, "--consul", one)
        status, _, err = meshwright("certs", "advance", "-s", "eu", "-s", "us", *following, *twice)
    assert status == 2
    assert "eu and us are not told apart by Consul's addresses" in err
