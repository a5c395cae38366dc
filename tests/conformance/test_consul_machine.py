"""A machine's rendered files, by the real Consul: they are valid; its agent joins, logs in and registers its service.

The servers have ACLs, TLS and gossip as the chart's do. The gossip key is fetched from OpenBao, by the rendered script.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import urllib3

from meshwright.consul.hybrid.login import canonical
from meshwright.consul.hybrid.machine.args import ConsulVirtualMachineArgs, Places
from meshwright.consul.hybrid.machine.boot import template
from meshwright.consul.hybrid.machine.cloud_init import files
from tests.servers.consul_secured import GOSSIP, SecuredConsul, issued
from tests.servers.process import Server, free_ports
from tests.servers.programs import find_program, require_programs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.openbao import OpenBao


@pytest.fixture(autouse=True)
def _programs() -> None:
    require_programs("consul", "bao")


def args_of(consul: SecuredConsul, openbao_url: str, key_file: Path) -> ConsulVirtualMachineArgs:
    token = f"cat {key_file}"
    return {
        "service": "billing",
        "port": 8080,
        "check": {"tcp": True},
        "tags": ["v1"],
        "meta": {"team": "money"},
        "datacenter": "dc1",
        "servers": [f"127.0.0.1:{consul.serf}"],
        "ca_certificate": "",
        "login": {"method": "machines", "address": consul.url, "token_command": token},
        "gossip": {
            "vault": {
                "address": openbao_url,
                "key": {"path": "machine/data/gossip", "key": "gossip"},
                "auth_path": "machine-jwt",
                "role": "machine",
                "token_command": token,
                "flavor": "openbao",
            }
        },
        "upstreams": [{"service": "stock", "local_port": 9001}],
    }


@pytest.fixture
def consul(tmp_path: Path) -> Iterator[SecuredConsul]:
    with SecuredConsul(tmp_path / "servers") as running:
        yield running


@pytest.fixture
def identity(tmp_path: Path) -> tuple[str, Path]:
    """The public key of an issuer, and a file with a token of its for the machine."""
    public_key, token = issued("billing")
    (tmp_path / "token.jwt").write_text(token)
    return public_key, tmp_path / "token.jwt"


@pytest.fixture
def _gossip(openbao: OpenBao, identity: tuple[str, Path]) -> Iterator[None]:
    openbao.request("POST", "sys/mounts/machine", type="kv", options={"version": "2"})
    openbao.request("POST", "machine/data/gossip", data={"gossip": GOSSIP})
    rules = 'path "machine/data/gossip" { capabilities = ["read"] }\npath "auth/token/revoke-self" { capabilities = ["update"] }'
    openbao.request("PUT", "sys/policies/acl/machine", policy=rules)
    openbao.request("POST", "sys/auth/machine-jwt", type="jwt")
    openbao.request("POST", "auth/machine-jwt/config", jwt_validation_pubkeys=[identity[0]])
    role = {"role_type": "jwt", "user_claim": "sub", "bound_audiences": ["consul"], "bound_subject": "billing"}
    openbao.request("POST", "auth/machine-jwt/role/machine", token_policies=["machine"], **role)
    yield
    openbao.request("DELETE", "sys/auth/machine-jwt")
    openbao.request("DELETE", "sys/mounts/machine")


def let_in(consul: SecuredConsul, public_key: str) -> None:
    """As `ConsulLogin` does it: the unit tests hold that it asks for this."""
    config = {
        "BoundIssuer": "https://issuer.test",
        "BoundAudiences": ["consul"],
        "JWTValidationPubKeys": [public_key],
        "ClaimMappings": {"sub": "sub"},
    }
    consul.request("PUT", "acl/auth-method", {"Name": "machines", "Type": "jwt", "Config": config})
    rules = 'agent_prefix "billing-" {\n  policy = "read"\n}\nnode_prefix "billing-" {\n  policy = "write"\n}\n'
    consul.request("PUT", "acl/policy", {"Name": "billing-nodes", "Rules": rules})
    role = {
        "Name": "billing-outside",
        "ServiceIdentities": [{"ServiceName": "billing"}],
        "Policies": [{"Name": "billing-nodes"}],
    }
    consul.request("PUT", "acl/role", role)
    bound = {"BindType": "role", "BindName": "billing-outside", "Selector": 'value.sub=="billing"'}
    consul.request("PUT", "acl/binding-rule", {"AuthMethod": "machines", **bound})


def write(args: ConsulVirtualMachineArgs, ca: str, folder: Path) -> Places:
    """The files of a machine, below a folder; those of systemd, which is not here, too."""
    etc = folder / "etc"
    places = Places(
        str(etc / "consul"), str(folder / "data"), str(folder / "run"), str(folder / "envoy"), str(etc / "script")
    )
    for path, (mode, text) in files(args, ca, places).items():
        where = Path(path) if path.startswith(str(folder)) else etc / path.lstrip("/")
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_text(text)
        where.chmod(int(mode, 8))
    return places


def test_the_agents_files_are_valid(consul: SecuredConsul, tmp_path: Path) -> None:
    places = write(args_of(consul, "https://vault.internal", tmp_path), consul.ca.read_text(), tmp_path / "machine")
    told = subprocess.run(
        [find_program("consul"), "validate", places.config, template(places)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert "Configuration is valid!" in told.stdout


@pytest.mark.usefixtures("_gossip")
def test_a_machine_comes_into_the_mesh_by_who_it_is(
    consul: SecuredConsul, openbao: OpenBao, identity: tuple[str, Path], tmp_path: Path
) -> None:
    public_key, token_file = identity
    let_in(consul, public_key)
    places = write(args_of(consul, openbao.url, token_file), consul.ca.read_text(), tmp_path / "machine")
    folders = [str(Path(find_program(each)).parent) for each in ("consul", "bao")]
    path = os.pathsep.join([*folders, os.environ["PATH"]])
    # The server's certificate is for localhost and server.dc1.consul; its address here is 127.0.0.1, which is in it too.
    ran = subprocess.run([places.script], env={"PATH": path, "HOME": str(tmp_path)}, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    secrets = Path(places.secrets)
    assert {each.name: oct(each.stat().st_mode & 0o777) for each in (secrets / "config").iterdir()} == {
        "gossip.json": "0o600",
        "node.json": "0o600",
        "service.json": "0o600",
        "tokens.json": "0o600",
    }
    assert json.loads((secrets / "config" / "gossip.json").read_text()) == {"encrypt": GOSSIP}
    assert not list(secrets.glob("*jwt"))
    token = (secrets / "token").read_text()

    http, serf, grpc, dns = free_ports(4)
    # Many machines are one here: what the rendered file has fixed is moved.
    moved = {
        "bind_addr": "127.0.0.1",
        "ports": {"http": http, "serf_lan": serf, "grpc": grpc, "dns": dns, "server": consul.rpc},
    }
    (secrets / "config" / "zz.json").write_text(json.dumps(moved))
    arguments = [find_program("consul"), "agent", f"-config-dir={places.config}", f"-config-dir={secrets / 'config'}"]
    agent = Server(arguments, tmp_path / "agent.log", {"HOME": str(tmp_path)})
    agent.start()
    try:
        agent.wait_until(
            lambda: len(consul.request("GET", "catalog/service/billing")) == 1, "registered", timeout_s=60.0
        )
        (found,) = consul.request("GET", "catalog/service/billing")
        assert found["Node"].startswith("billing-")
        assert (found["ServicePort"], found["ServiceTags"], found["ServiceMeta"]["team"]) == (8080, ["v1"], "money")
        agent.wait_until(
            lambda: len(consul.request("GET", "catalog/service/billing-sidecar-proxy")) == 1,
            "a sidecar",
            timeout_s=60.0,
        )
        (sidecar,) = consul.request("GET", "catalog/service/billing-sidecar-proxy")
        (upstream,) = sidecar["ServiceProxy"]["Upstreams"]
        assert (upstream["DestinationName"], upstream["LocalBindPort"]) == ("stock", 9001)
        members = [each["Name"] for each in consul.request("GET", "agent/members")]
        assert sorted(members) == sorted(["one", found["Node"]])
        # What Envoy starts with: the agent's answer, by the token of the machine.
        made = subprocess.run(
            [
                *(find_program("consul"), "connect", "envoy", "-sidecar-for=billing", f"-grpc-addr=127.0.0.1:{grpc}"),
                *(f"-token-file={secrets / 'token'}", "-bootstrap", f"-http-addr=127.0.0.1:{http}"),
            ],
            capture_output=True,
            text=True,
        )
        assert made.returncode == 0, made.stderr
        assert json.loads(made.stdout)["node"]["id"] == "billing-sidecar-proxy"
        # The sidecar's intentions, certificates and upstreams are the servers' answers to the machine's own token.
        time.sleep(3.0)
        assert "Permission denied" not in (tmp_path / "agent.log").read_text()
        # No other service, no other node, no secret of anybody's.
        for path, body in (
            ("agent/service/register", {"Name": "stock", "Port": 1}),
            ("agent/service/register", {"Name": "billing-2", "Port": 1}),
        ):
            answer = urllib3.request(
                "PUT", f"http://127.0.0.1:{http}/v1/{path}", json=body, headers={"X-Consul-Token": token}, retries=False
            )
            assert answer.status == 403, answer.data
        other = {"Node": "stock-1", "Address": "10.0.0.9"}
        with pytest.raises(AssertionError, match="403"):
            consul.request("PUT", "catalog/register", other, token=token)
        # And who has no token registers nothing by the agent, however near.
        bare = urllib3.request(
            "PUT", f"http://127.0.0.1:{http}/v1/agent/service/register", json={"Name": "billing"}, retries=False
        )
        assert bare.status == 403
    finally:
        agent.stop()
    # The agent left: it is no failed node. Then its unit logs out.
    consul.server.wait_until(
        lambda: not consul.request("GET", "catalog/service/billing"), "deregistered", timeout_s=30.0
    )
    out = [f"-http-addr={consul.url}", f"-ca-file={consul.ca}", f"-token-file={secrets / 'token'}"]
    subprocess.run([find_program("consul"), "logout", *out], check=True, capture_output=True)
    with pytest.raises(AssertionError, match="403"):
        consul.request("GET", "acl/token/self", token=token)
    # Nothing that is secret came to the disk.
    kept = [each for each in Path(places.data).rglob("*") if each.is_file() and GOSSIP.encode() in each.read_bytes()]
    assert kept == []


def test_a_role_is_named_as_sts_names_it() -> None:
    assert canonical("arn:aws:iam::123456789012:role/consul-ecs/billing-task") == (
        "arn:aws:iam::123456789012:role/billing-task"
    )
