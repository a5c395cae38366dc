"""The life of the CA by a real Consul server with OpenBao: what is live, what each gate says, which leaves are taken.

That a root is dropped takes Consul an hour at least; what leads to it, and what follows from it, is here and in
`test_consul_ca`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from meshwright.certs.checks import Check, Verdict, verdict_of
from meshwright.certs.consul_gates import ConsulTold, consul_gate, is_cross_signed
from meshwright.certs.consul_horizon import consul_troubles
from meshwright.certs.consul_seen import ConsulAddress, ConsulSeen, observe_consul
from meshwright.cli.certs_looking import moment
from meshwright.consul.ca.rotation import Root, root_stand
from meshwright.consul.ca.settings import Lifetimes, as_go, ca_config
from meshwright.consul.vault.plan import plan_vault
from tests.conformance.consul_leaves import Leaf, load
from tests.conformance.test_consul_ca import make_intermediate, make_root
from tests.servers.consul import Consul, ConsulError
from tests.servers.programs import require_programs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from meshwright.consul.vault.arguments import ConnectArgs
    from tests.servers.openbao import OpenBao

DATACENTER, AUTH = "life4", "life4-approle"
OLD, NEW = Root(path="life4/connect_root"), Root(path="life4/connect_root_2027")
TOLD = ConsulTold(OLD, NEW)
POLICIES = ("own-token", "connect-ca", "cross-signing")


@pytest.fixture
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    require_programs("consul")
    monkeypatch.delenv("MESHWRIGHT_AS_OF", raising=False)  # OpenBao and Consul date by the clock


def plan_of(openbao: OpenBao, step: str) -> Any:
    stand = root_stand(step, OLD, NEW)
    connect: ConnectArgs = {
        "roots": [{"path": each} for each in stand.mounts],
        "cross_signing": bool(stand.cross_signs),
    }
    return plan_vault({"address": openbao.url, "datacenter": DATACENTER, "connect": connect}, "test")


def take_step(openbao: OpenBao, step: str) -> None:
    """What the `up` of a step changes in Vault."""
    planned = plan_of(openbao, step).policies
    for short in POLICIES:
        name = f"consul-{DATACENTER}-{short}"
        if short in planned:
            openbao.request("PUT", f"sys/policies/acl/{name}", policy=planned[short].text)
        else:
            openbao.request("DELETE", f"sys/policies/acl/{name}")


@pytest.fixture
def login(_now: None, openbao: OpenBao) -> Iterator[dict[str, Any]]:
    """An auth method with the servers' role. AppRole: no API server is here that would review Kubernetes' tokens."""
    openbao.request("POST", f"sys/auth/{AUTH}", type="approle")
    names = [f"consul-{DATACENTER}-{short}" for short in POLICIES]
    role = {"token_policies": names, "token_no_default_policy": True, "token_ttl": "1h"}
    openbao.request("POST", f"auth/{AUTH}/role/server", **role)
    held = openbao.request("GET", f"auth/{AUTH}/role/server/role-id")["data"]["role_id"]
    secret = openbao.request("POST", f"auth/{AUTH}/role/server/secret-id")["data"]["secret_id"]
    yield {"role_id": held, "secret_id": secret}
    openbao.request("DELETE", f"sys/auth/{AUTH}")


@pytest.fixture
def engines(login: dict[str, Any], openbao: OpenBao) -> Iterator[None]:
    """Both roots and the intermediate, with the rights of the first step."""
    make_root(openbao, OLD)
    make_root(openbao, NEW)
    make_intermediate(openbao, DATACENTER)
    take_step(openbao, "steady")
    yield
    for mount in (OLD.path, NEW.path, f"{DATACENTER}/connect_inter"):
        openbao.request("DELETE", f"sys/mounts/{mount}")


@pytest.fixture
def consul(engines: None, openbao: OpenBao, login: dict[str, Any], tmp_path: Path) -> Iterator[Consul]:
    """Started for the first time, with what the chart writes into its file."""
    written = {
        "address": openbao.url,
        "root_pki_path": OLD.path,
        "intermediate_pki_path": f"{DATACENTER}/connect_inter",
        "auth_method": {"type": "approle", "mount_path": AUTH, "params": login},
    }
    with Consul(tmp_path / "consul", {"ca_provider": "vault", "ca_config": written}, DATACENTER) as running:
        yield running


def config_of(openbao: OpenBao, login: dict[str, Any], root: Root) -> dict[str, Any]:
    """What the component tells Consul, with this login."""
    made = ca_config(root, Lifetimes(), plan_of(openbao, "switched").backend)
    return {**made, "AuthMethod": {"MountPath": AUTH, "Params": login, "Type": "approle"}}


def configure(consul: Consul, config: dict[str, Any], provider: str = "vault", **more: Any) -> None:
    """As pulumi_consul does."""
    body = {"Provider": provider, "Config": json.loads(as_go(config)), **more}
    consul.request("PUT", "connect/ca/configuration", body)


def look(consul: Consul) -> ConsulSeen:
    return observe_consul(ConsulAddress(consul.url), DATACENTER)


def gate(consul: Consul, step: str, to: str) -> tuple[Check, ...]:
    return consul_gate([look(consul)], [TOLD], step, to, moment())


def failed(checks: tuple[Check, ...]) -> list[str]:
    return [check.title for check in checks if check.verdict is not Verdict.PASSED]


def leaf_of(consul: Consul, service: str) -> Leaf:
    certificate, *beside = load(consul.request("GET", f"agent/connect/ca/leaf/{service}")["CertPEM"])
    return Leaf(certificate, tuple(beside))


def test_the_life_of_the_ca(consul: Consul, openbao: OpenBao, login: dict[str, Any]) -> None:
    (root,) = look(consul).roots
    old_root = root.certificate
    assert leaf_of(consul, "first").is_taken_by(old_root)
    assert failed(gate(consul, "steady", "cross-signing")) == []
    assert [each.message for each in consul_troubles(look(consul), TOLD, "steady", moment())] == []

    # The first `up`: what Consul answers is to the letter what it was told, so that the second one changes nothing.
    told = config_of(openbao, login, OLD)
    configure(consul, told)
    answered = consul.request("GET", "connect/ca/configuration")["Config"]
    assert as_go(answered) == as_go(told)
    assert [each.certificate for each in look(consul).roots] == [old_root]

    # Another key for the same root: Consul takes it, and changes nothing. The gate tells.
    configure(consul, {**told, "PrivateKeyType": "rsa", "PrivateKeyBits": 2048})
    assert look(consul).active == look(consul).roots[0]
    rsa = ConsulTold(Root(path=OLD.path, key_type="rsa", key_bits=2048))
    (found,) = failed(consul_gate([look(consul)], [rsa], "steady", "steady", moment()))
    assert found == "the root's key is rsa of 2048 bits, as the stack says"
    with pytest.raises(ConsulError, match="cannot update the PrivateKeyType field without changing RootPKIPath"):
        configure(consul, told)


def test_a_rotation(consul: Consul, openbao: OpenBao, login: dict[str, Any]) -> None:
    (root,) = look(consul).roots
    old_root = root.certificate
    configure(consul, config_of(openbao, login, OLD))
    wanted = config_of(openbao, login, NEW)

    # Without the step before it, Vault refuses, and nothing is changed.
    with pytest.raises(ConsulError, match="permission denied"):
        configure(consul, wanted)
    assert [each.certificate for each in look(consul).roots] == [old_root]
    assert leaf_of(consul, "before").is_taken_by(old_root)
    assert failed(gate(consul, "switched", "old-pruned")) == [
        f"the live configuration is that of switched: {NEW}",
    ]

    take_step(openbao, "cross-signing")
    assert failed(gate(consul, "cross-signing", "switched")) == []
    configure(consul, wanted)
    seen = look(consul)
    assert seen.active is not None
    new_root = seen.active.certificate
    assert {each.certificate for each in seen.roots} == {old_root, new_root}
    assert is_cross_signed(seen.active, seen.roots)
    leaf = leaf_of(consul, "late")
    assert leaf.is_taken_by(old_root)
    assert leaf.is_taken_by(new_root)
    assert failed(gate(consul, "switched", "old-pruned")) == ["Consul has dropped the old root"]
    assert verdict_of(gate(consul, "switched", "cross-signing")) is Verdict.PASSED

    # The way back, and on again.
    configure(consul, config_of(openbao, login, OLD))
    assert leaf_of(consul, "back").is_taken_by(new_root)
    configure(consul, wanted)

    # Another leader makes the chain anew, without what the old root signed of the new one; both are published still.
    consul.stop()
    consul.start()
    seen = look(consul)
    assert seen.active is not None
    assert seen.active.certificate == new_root
    assert not is_cross_signed(seen.active, seen.roots)
    assert len(seen.roots) == 2

    # What is taken back at the end, Consul does not miss.
    take_step(openbao, "old-pruned")
    assert leaf_of(consul, "last").is_taken_by(new_root)


def test_a_root_that_is_lost(consul: Consul, openbao: OpenBao, login: dict[str, Any]) -> None:
    (root,) = look(consul).roots
    configure(consul, config_of(openbao, login, OLD))
    take_step(openbao, "cross-signing")
    openbao.request("DELETE", f"sys/mounts/{OLD.path}")
    wanted = config_of(openbao, login, NEW)
    with pytest.raises(ConsulError, match="500"):
        configure(consul, wanted)
    assert [each.certificate for each in look(consul).roots] == [root.certificate]

    # By hand, once; what the `up` after it says is then live already, and changes nothing.
    configure(consul, wanted, ForceWithoutCrossSigning=True)
    seen = look(consul)
    assert seen.active is not None
    assert not is_cross_signed(seen.active, seen.roots)
    leaf = leaf_of(consul, "forced")
    assert leaf.is_taken_by(seen.active.certificate)
    assert not leaf.is_taken_by(root.certificate)
    configure(consul, wanted)
    assert look(consul) == seen
    lost = replace(TOLD, is_forced=True)
    assert failed(consul_gate([seen], [lost], "switched", "old-pruned", moment())) == [
        "Consul has dropped the old root"
    ]


def test_another_provider(engines: None, openbao: OpenBao, login: dict[str, Any], tmp_path: Path) -> None:
    own = Root("consul")
    take_step(openbao, "cross-signing")
    with Consul(tmp_path / "consul", {}, DATACENTER) as consul:
        configure(consul, ca_config(own, Lifetimes(), None), "consul")
        (root,) = look(consul).roots
        for to, provider, before in ((OLD, "vault", own), (own, "consul", OLD)):
            told = ConsulTold(before, to)
            assert verdict_of(consul_gate([look(consul)], [told], "cross-signing", "switched", moment())) is (
                Verdict.PASSED if before == own else Verdict.FAILED  # the first root is published still
            )
            is_ours = provider == "consul"
            configure(
                consul, ca_config(own, Lifetimes(), None) if is_ours else config_of(openbao, login, OLD), provider
            )
            seen = look(consul)
            assert seen.active is not None
            assert is_cross_signed(seen.active, seen.roots)
            leaf = leaf_of(consul, f"by-{provider}")
            assert leaf.is_taken_by(seen.active.certificate)
            assert leaf.is_taken_by(root.certificate)
            root = seen.active
