"""A Consul server as the chart's are: with ACLs, TLS and gossip. And an issuer of tokens that it may believe."""

import base64
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import urllib3
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.servers.process import Server, free_ports
from tests.servers.programs import find_program

GOSSIP = base64.b64encode(bytes(range(32))).decode()
ROOT = "11111111-2222-3333-4444-555555555555"
OFF = -1


def issued(subject: str) -> tuple[str, str]:
    """An issuer's public key, as PEM, and a token of its for a subject, whose audience is `consul`."""
    key = rsa.generate_private_key(65537, 2048)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def part(value: object) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    now = int(time.time())
    claims = {"iss": "https://issuer.test", "aud": "consul", "sub": subject, "nbf": now - 60, "iat": now - 60}
    signed = part({"alg": "RS256", "typ": "JWT"}) + b"." + part({**claims, "exp": now + 600})
    signature = key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    return public.decode(), (signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


class SecuredConsul:
    """One server, a datacenter by itself; a context manager that starts and stops it.

    Args:
        folder: Where its certificates, configuration, log and data go.
        datacenter: Its name.
    """

    def __init__(self, folder: Path, datacenter: str = "dc1") -> None:
        folder.mkdir()
        https, self.serf, self.rpc, grpc = free_ports(4)
        self.url = f"https://127.0.0.1:{https}"
        run = {"cwd": folder, "check": True, "capture_output": True}
        subprocess.run([find_program("consul"), "tls", "ca", "create"], **run)  # type: ignore[call-overload]
        subprocess.run([find_program("consul"), "tls", "cert", "create", "-server", f"-dc={datacenter}"], **run)  # type: ignore[call-overload]
        self.ca = folder / "consul-agent-ca.pem"
        self._http = urllib3.PoolManager(ca_cert_data=self.ca.read_text(), assert_hostname="localhost")
        config = {
            "server": True,
            "datacenter": datacenter,
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
                    "cert_file": str(folder / f"{datacenter}-server-consul-0.pem"),
                    "key_file": str(folder / f"{datacenter}-server-consul-0-key.pem"),
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

    def __enter__(self) -> "SecuredConsul":
        self.server.start()
        self.server.wait_until(self.is_ready, "ready, with a CA", timeout_s=60.0)
        return self

    def __exit__(self, *_: object) -> None:
        self.server.kill()

    def request(self, method: str, path: str, body: Any = None, token: str = ROOT) -> Any:
        """The answer to a request below `/v1/`. Raises `AssertionError` for one that is not 2xx."""
        answer = self._http.request(
            method, f"{self.url}/v1/{path}", json=body, headers={"X-Consul-Token": token}, retries=False, timeout=10.0
        )
        assert answer.status < 300, f"{path}: {answer.status} {answer.data.decode()}"
        return json.loads(answer.data) if answer.data else None

    def is_ready(self) -> bool:
        """Whether its CA is."""
        try:
            return bool(self.request("GET", "connect/ca/roots")["Roots"])
        except (AssertionError, urllib3.exceptions.HTTPError):
            return False
