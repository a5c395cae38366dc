"""A machine's rendered files, by the real Consul: they are valid; its agent joins, logs in and registers its service.

The servers have ACLs, TLS and gossip as the chart's do. The gossip key is fetched from OpenBao, by the rendered script.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import urllib3
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from meshwright.consul.hybrid.login import canonical
from meshwright.consul.hybrid.machine.args import ConsulVirtualMachineArgs, Places
from meshwright.consul.hybrid.machine.cloud_init import files
from tests.servers.process import Server, free_ports
from tests.servers.programs import find_program, require_programs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.openbao import OpenBao

GOSSIP = base64.b64encode(bytes(range(32))).decode()
ROOT = "11111111-2222-3333-4444-555555555555"
OFF = -1


@pytest.fixture(autouse=True)
def _programs() -> None:
    require_programs("consul", "bao")


def args_of(consul: Servers, openbao_url: str, key_file: Path) -> ConsulVirtualMachineArgs:
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


class Servers:
    """One server with ACLs, TLS and gossip."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        https, self.serf, self.rpc, grpc = free_ports(4)
        self.url = f"https://127.0.0.1:{https}"
        run = {"cwd": folder, "check": True, "capture_output": True}
        subprocess.run([find_program("consul"), "tls", "ca", "create"], **run)  # type: ignore[call-overload]
        subprocess.run([find_program("consul"), "tls", "cert", "create", "-server"], **run)  # type: ignore[call-overload]
        self.ca = folder / "consul-agent-ca.pem"
        self._http = urllib3.PoolManager(ca_cert_data=self.ca.read_text(), assert_hostname="localhost")
        config = {
            "server": True,
            "bootstrap_expect": 1,
            "node_name": "one",
            "bind_addr": "127.0.0.1",
            "data_dir": str(folder / "data"),
            "encrypt": GOSSIP,
            "acl": {"enabled": True, "default_policy": "deny", "tokens": {"initial_management": ROOT, "agent": ROOT}},
            "auto_encrypt": {"allow_tls": True},
            "tls": {
                "defaults": {
                    "ca_file": str(self.ca),
                    "cert_file": str(folder / "dc1-server-consul-0.pem"),
                    "key_file": str(folder / "dc1-server-consul-0-key.pem"),
                    "verify_outgoing": True,
                },
                "internal_rpc": {"verify_incoming": True, "verify_server_hostname": True},
            },
            "ports": {
                "http": OFF,
                "https": https,
                "dns": OFF,
                "grpc": OFF,
                "grpc_tls": grpc,
                "serf_lan": self.serf,
                "serf_wan": OFF,
                "server": self.rpc,
            },
            "performance": {"raft_multiplier": 1},
            "disable_update_check": True,
            "connect": {"enabled": True},
        }
        (folder / "server.json").write_text(json.dumps(config))
        arguments = [find_program("consul"), "agent", f"-config-file={folder / 'server.json'}"]
        self.server = Server(arguments, folder / "server.log", {"HOME": str(folder)})

    def request(self, method: str, path: str, body: Any = None, token: str = ROOT) -> Any:
        answer = self._http.request(
            method, f"{self.url}/v1/{path}", json=body, headers={"X-Consul-Token": token}, retries=False, timeout=10.0
        )
        assert answer.status < 300, f"{path}: {answer.status} {answer.data.decode()}"
        return json.loads(answer.data) if answer.data else None

    def is_ready(self) -> bool:
        try:
            return bool(self.request("GET", "connect/ca/roots")["Roots"])
        except (AssertionError, urllib3.exceptions.HTTPError):
            return False


@pytest.fixture
def consul(tmp_path: Path) -> Iterator[Servers]:
    made = Servers(tmp_path / "servers")
    made.server.start()
    made.server.wait_until(made.is_ready, "ready, with a CA", timeout_s=60.0)
    yield made
    made.server.kill()


@pytest.fixture
def identity(tmp_path: Path) -> tuple[str, Path]:
    """The public key of an issuer, and a file with a token of its for the machine."""
    key = rsa.generate_private_key(65537, 2048)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def part(value: object) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    now = int(time.time())
    claims = {
        "iss": "https://issuer.test",
        "aud": "consul",
        "sub": "billing",
        "nbf": now - 60,
        "iat": now - 60,
        "exp": now + 600,
    }
    signed = part({"alg": "RS256", "typ": "JWT"}) + b"." + part(claims)
    signature = key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    token = tmp_path / "token.jwt"
    token.write_bytes(signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"="))
    return public.decode(), token


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


def let_in(consul: Servers, public_key: str) -> None:
    """As `ConsulLogin` does it: the unit tests hold that it asks for this."""
    config = {
        "BoundIssuer": "https://issuer.test",
        "BoundAudiences": ["consul"],
        "JWTValidationPubKeys": [public_key],
        "ClaimMappings": {"sub": "sub"},
    }
    consul.request("PUT", "acl/auth-method", {"Name": "machines", "Type": "jwt", "Config": config})
    rules = 'node_prefix "billing-" {\n  policy = "write"\n}\n'
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


def test_the_agents_files_are_valid(consul: Servers, tmp_path: Path) -> None:
    places = write(args_of(consul, "https://vault.internal", tmp_path), consul.ca.read_text(), tmp_path / "machine")
    told = subprocess.run(
        [find_program("consul"), "validate", places.config], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr
    assert "Configuration is valid!" in told.stdout


@pytest.mark.usefixtures("_gossip")
def test_a_machine_comes_into_the_mesh_by_who_it_is(
    consul: Servers, openbao: OpenBao, identity: tuple[str, Path], tmp_path: Path
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
