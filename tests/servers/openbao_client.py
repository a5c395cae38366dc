"""A token's view of OpenBao: what it may do, in one namespace."""

import json
from dataclasses import dataclass, replace
from typing import Any

import urllib3

from tests.servers.openbao import OpenBaoError


@dataclass
class Client:
    """One token, in one namespace."""

    url: str
    token: str = "root"
    namespace: str = ""

    def request(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        """The answer to a request below `/v1/`; empty where there is no content. Raises `OpenBaoError`."""
        text = self._send(method, path, body or None)
        return dict(json.loads(text)) if text else {}

    def text(self, path: str) -> str:
        """An answer that is no JSON, such as PEM. Raises `OpenBaoError`."""
        return self._send("GET", path, None)

    def status(self, method: str, path: str, **body: Any) -> int:
        """The status of the answer alone."""
        try:
            self._send(method, path, body or None)
        except OpenBaoError as error:
            return error.status
        return 200

    def with_token(self, token: str) -> "Client":
        """The same server and namespace, seen by another token."""
        return replace(self, token=token)

    def below(self, namespace: str) -> "Client":
        """The same token in a namespace below; in the same one where it is empty."""
        return replace(self, namespace="/".join(part for part in (self.namespace, namespace) if part))

    def _send(self, method: str, path: str, body: dict[str, Any] | None) -> str:
        headers = {"X-Vault-Token": self.token} | ({"X-Vault-Namespace": self.namespace} if self.namespace else {})
        url = f"{self.url}/v1/{path}"
        answer = urllib3.request(method, url, headers=headers, json=body, retries=False, timeout=30.0)
        if answer.status >= 300:
            raise OpenBaoError(answer.status, answer.data.decode())
        return answer.data.decode()
