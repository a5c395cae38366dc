"""What `consul break-glass` says of a real Consul server, with OpenBao: each way out of trouble is the one that works."""

from __future__ import annotations

import json
import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from meshwright.certs.consul_seen import ConsulAddress, observe_consul
from meshwright.consul.ca.rotation import Root
from meshwright.consul.health.apis import Shown, ask_consul, ask_vault
from meshwright.consul.health.catalogue import CHECKS
from meshwright.health.snapshot import Snapshot
from meshwright.health.verdicts import Verdict, ask
from tests.conformance.test_consul_ca import make_intermediate, make_root
from tests.servers.consul import Consul, ConsulError
from tests.servers.programs import require_programs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.openbao import OpenBao

DATACENTER = "glass"
ROOT, NEXT = Root(path="glass/connect_root"), Root(path="glass/connect_root_2027")


def token_of(openbao: OpenBao) -> str:
    """A token that ends when the test says so."""
    return str(openbao.request("POST", "auth/token/create", policies=["root"], ttl="1h")["auth"]["client_token"])


@pytest.fixture
def mounts(openbao: OpenBao, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What the chart writes of them into the servers' file."""
    require_programs("consul")
    monkeypatch.delenv("MESHWRIGHT_AS_OF", raising=False)  # OpenBao and Consul date by the clock
    make_root(openbao, ROOT)
    make_intermediate(openbao, DATACENTER)
    intermediate = f"{DATACENTER}/connect_inter"
    yield {"address": openbao.url, "root_pki_path": ROOT.path, "intermediate_pki_path": intermediate}
    for mount in (ROOT.path, NEXT.path, intermediate):
        openbao.request("DELETE", f"sys/mounts/{mount}")


def is_signed(consul: Consul, service: str) -> bool:
    try:
        return bool(consul.request("GET", f"agent/connect/ca/leaf/{service}"))
    except ConsulError as error:
        assert "CA is uninitialized and unable to sign certificates yet" in str(error)  # noqa: PT017 - that, and no other
        return False


@contextmanager
def stopped_ca(openbao: OpenBao, mounts: dict[str, Any], folder: Path) -> Iterator[Consul]:
    """A server whose token has ended, and that was started again."""
    old = token_of(openbao)
    with Consul(folder, {"ca_provider": "vault", "ca_config": {**mounts, "token": old}}, DATACENTER) as consul:
        assert is_signed(consul, "before")
        openbao.request("POST", "auth/token/revoke", token=old)
        consul.stop()
        consul.start()
        # Its roots are published still: they don't show that nothing is signed.
        assert not is_signed(consul, "without")
        yield consul


def told(openbao: OpenBao, mounts: dict[str, Any], root: str) -> dict[str, Any]:
    """Another configuration, with a token that is valid."""
    intermediate = mounts["intermediate_pki_path"]
    config = {"Address": openbao.url, "RootPKIPath": root, "IntermediatePKIPath": intermediate}
    return {"Provider": "vault", "Config": {**config, "Token": token_of(openbao)}}


def roots_of(consul: Consul) -> list[Any]:
    return [each.certificate for each in observe_consul(ConsulAddress(consul.url), DATACENTER).roots]


def test_a_token_that_ended_gives_way_to_another_login_for_the_same_root(
    openbao: OpenBao, mounts: dict[str, Any], tmp_path: Path
) -> None:
    with stopped_ca(openbao, mounts, tmp_path) as consul:
        before = roots_of(consul)
        consul.request("PUT", "connect/ca/configuration", told(openbao, mounts, ROOT.path))
        assert is_signed(consul, "after")
        assert roots_of(consul) == before


def test_a_lost_root_gives_way_to_another_by_force_alone(
    openbao: OpenBao, mounts: dict[str, Any], tmp_path: Path
) -> None:
    with stopped_ca(openbao, mounts, tmp_path) as consul:
        openbao.request("DELETE", f"sys/mounts/{ROOT.path}")
        make_root(openbao, NEXT)
        change = told(openbao, mounts, NEXT.path)
        with pytest.raises(ConsulError):
            consul.request("PUT", "connect/ca/configuration", change)
        assert not is_signed(consul, "without")
        consul.request("PUT", "connect/ca/configuration", {**change, "ForceWithoutCrossSigning": True})
        assert is_signed(consul, "after")
        assert len(roots_of(consul)) == 2


def test_the_index_in_the_leaders_file_gives_another_bootstrap_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_programs("consul")
    monkeypatch.delenv("MESHWRIGHT_AS_OF", raising=False)
    with Consul(tmp_path, {}, acls=True) as consul:
        first = consul.request("PUT", "acl/bootstrap")["SecretID"]
        with pytest.raises(ConsulError, match="reset index") as refused:
            consul.request("PUT", "acl/bootstrap")
        index = re.search(r"reset index: (\d+)", str(refused.value))
        assert index
        file = consul.data / "acl-bootstrap-reset"
        file.write_text(index[1])
        second = consul.request("PUT", "acl/bootstrap")["SecretID"]
        assert second != first
        assert not file.exists()
        for token in (first, second):
            answer = urllib3.request("GET", f"{consul.url}/v1/acl/token/self", headers={"X-Consul-Token": token})
            assert answer.status == 200
            assert "global-management" in json.dumps(answer.json())


def healthy(consul: Consul) -> Shown:
    """What it shows once autopilot has watched it for long enough."""
    deadline = time.monotonic() + 40
    while True:
        shown = ask_consul(ConsulAddress(consul.url))
        if shown.objects["ConsulServers"][0]["Healthy"] or time.monotonic() > deadline:
            return shown
        time.sleep(0.5)


def test_the_checks_read_a_real_server_and_a_real_vault(
    openbao: OpenBao, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_programs("consul")
    monkeypatch.delenv("MESHWRIGHT_AS_OF", raising=False)
    by_id = {check.id: check for check in CHECKS}
    injector = {"kind": "Deployment", "metadata": {"namespace": "consul", "name": "consul-connect-injector"}}
    pod = {
        **injector,
        "spec": {"template": {"metadata": {"annotations": {"vault.hashicorp.com/agent-inject": "true"}}}},
    }
    with Consul(tmp_path, {}) as consul:
        shown = [healthy(consul), ask_vault(openbao.url)]
    objects: dict[str, Any] = {"Deployment": (pod,)}
    for each in shown:
        assert each.gaps == {}
        objects |= each.objects
    found = Snapshot(objects, live=True)
    for check in ("one-leader", "ca-alive", "vault-open"):
        result = ask(by_id[check], found)
        assert (result.verdict, result.findings) == (Verdict.PASSED, ()), check
