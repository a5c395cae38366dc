"""A Consul server of its own: the released program, where it is on PATH. No package registry has it."""

import json
from pathlib import Path
from typing import Any

import urllib3

from meshwright.consul.vault.backend import TOKEN_FILE
from tests.servers.process import Server, free_ports
from tests.servers.programs import find_program

_WITH_A_TOKEN = f"""\
token="$(cat "$0")"
mount -t tmpfs none /run
mkdir -p {Path(TOKEN_FILE).parent}
printf %s "$token" > {TOKEN_FILE}
exec "$@"
"""
_IN_A_POD = ("unshare", "--mount", "--map-root-user", "sh", "-euc", _WITH_A_TOKEN)
"""Runs a program with a folder /run of its own: Consul takes a token from one place alone."""


class ConsulError(Exception):
    """An answer that is not 2xx; `status` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class Consul:
    """One server, a datacenter by itself; a context manager that starts and stops it.

    Args:
        folder: Where its configuration, log and data go.
        connect: The key `connect` of its configuration: what the chart writes into a file.
        datacenter: Its name.
        account: The token of a service account, which it finds where a pod would, and nobody else does. Default: none.
        acls: Whether whoever has no token may do nothing.
    """

    def __init__(
        self,
        folder: Path,
        connect: dict[str, Any],
        datacenter: str = "dc1",
        *,
        account: str | None = None,
        acls: bool = False,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.data = folder / "data"
        http, serf, rpc, grpc = free_ports(4)
        self.url = f"http://127.0.0.1:{http}"
        off = -1
        config = {
            "server": True,
            "bootstrap_expect": 1,
            "datacenter": datacenter,
            "node_name": "one",
            "bind_addr": "127.0.0.1",
            "client_addr": "127.0.0.1",
            "data_dir": str(self.data),
            "ports": {
                "http": http,
                "https": off,
                "dns": off,
                "grpc": grpc,
                "grpc_tls": off,
                "serf_lan": serf,
                "serf_wan": off,
                "server": rpc,
            },
            "performance": {"raft_multiplier": 1},
            "disable_update_check": True,
            "log_level": "DEBUG",
            "telemetry": {"prometheus_retention_time": "2h"},
            "connect": {"enabled": True, **connect},
            **({"acl": {"enabled": True, "default_policy": "deny"}} if acls else {}),
        }
        (folder / "consul.json").write_text(json.dumps(config))
        arguments = [find_program("consul"), "agent", f"-config-file={folder / 'consul.json'}"]
        if account is not None:
            (folder / "token").write_text(account)
            arguments = [*_IN_A_POD, str(folder / "token"), *arguments]
        self._server = Server(arguments, folder / "consul.log", {"HOME": str(folder)})

    def __enter__(self) -> "Consul":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.kill()

    def start(self) -> None:
        """Start it, again if it was stopped; its data is still there. It is ready when its CA is."""
        self._server.start()
        self._server.wait_until(self._has_root, "ready, with a CA", timeout_s=60.0)

    def stop(self) -> None:
        """Ask it to end."""
        self._server.stop()

    def _has_root(self) -> bool:
        try:
            return bool(self.request("GET", "connect/ca/roots").get("ActiveRootID"))
        except (ConsulError, urllib3.exceptions.HTTPError):
            return False

    def request(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """The answer to a request below `/v1/`; empty where there is no object. Raises `ConsulError`."""
        found = self._ask(method, path, body)
        return found if isinstance(found, dict) else {}

    def listed(self, path: str) -> list[dict[str, Any]]:
        """The answer to a GET below `/v1/` that is a list. Raises `ConsulError`."""
        return list(self._ask("GET", path, None) or [])

    def _ask(self, method: str, path: str, body: Any) -> Any:
        answer = urllib3.request(method, f"{self.url}/v1/{path}", json=body, retries=False, timeout=60.0)
        if answer.status >= 300:
            raise ConsulError(answer.status, answer.data.decode())
        return json.loads(answer.data) if answer.data else None
