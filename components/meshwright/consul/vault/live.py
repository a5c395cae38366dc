"""A look at a running Vault or OpenBao. It reads, and changes nothing."""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

from meshwright.errors import Code, Problem
from meshwright.kubernetes.errors import ComponentError

if TYPE_CHECKING:
    from urllib.request import OpenerDirector

_TIMEOUT_S = 10.0
_FOUND, _NOT_FOUND, _NOT_INITIALISED, _SEALED = 200, 404, 501, 503
_MOST_PATHS = 64


@dataclass(frozen=True)
class VaultAccess:
    """How Vault is reached from here."""

    address: str
    token: str
    ca_file: str | None = None
    """What its certificate is verified with, a PEM file. Default: the system's roots."""


class LiveVault:
    """A Vault that answers, and knows the token.

    Raises:
        ComponentError: MW-E235 where nothing answers, MW-E236 where it is sealed or not initialised, MW-E237 for an
            unknown token.
    """

    def __init__(self, access: VaultAccess, namespace: str) -> None:
        self._access, self._namespace = access, namespace
        self.place = f"Vault {access.address}"
        status, _ = self._send("GET", "sys/health?standbyok=true&perfstandbyok=true", {})
        if status == _SEALED:
            raise self.refusal(Code.VAULT_SEALED, "it is sealed", "unseal it: bao operator unseal")
        if status == _NOT_INITIALISED:
            raise self.refusal(Code.VAULT_SEALED, "it was never initialised", "initialise it: bao operator init")
        status, _ = self.ask("GET", "auth/token/lookup-self")
        if status == _NOT_FOUND and namespace:
            raise ComponentError(self.no_namespace(namespace))
        if status != _FOUND:
            where = f" in the namespace {namespace}" if namespace else ""
            remedy = "set VAULT_TOKEN, or vault.token, to one that has not expired"
            raise self.refusal(Code.VAULT_TOKEN, f"it doesn't know the token{where}", remedy)

    def ask(self, method: str, path: str, *, below: str = "", **body: Any) -> tuple[int, dict[str, Any]]:
        """The status of an answer, and its data.

        Args:
            method: ``GET``, or ``POST`` for what is a question all the same.
            path: Below ``/v1/``.
            below: A namespace below the plan's.
            body: Sent as JSON.
        """
        namespace = "/".join(part for part in (self._namespace, below) if part)
        headers = {"X-Vault-Token": self._access.token} | ({"X-Vault-Namespace": namespace} if namespace else {})
        status, text = self._send(method, path, headers, body)
        try:
            answer = json.loads(text) if text else {}
        except ValueError:
            return status, {"text": text}
        data = answer.get("data") if isinstance(answer, dict) else None
        return status, data if isinstance(data, dict) else {}

    def mounts(self, kind: str, below: str = "") -> dict[str, dict[str, Any]] | None:
        """``sys/mounts`` or ``sys/auth``: path without slash -> what it is; None where the token may not look.

        Raises:
            ComponentError: MW-E238 where the namespace isn't there.
        """
        status, found = self.ask("GET", f"sys/{kind}", below=below)
        if status == _NOT_FOUND and below:
            raise ComponentError(self.no_namespace(f"{self._namespace}/{below}" if self._namespace else below))
        if status != _FOUND:
            return None
        return {path.rstrip("/"): each for path, each in found.items()}

    def not_writable(self, paths: list[str]) -> list[str]:
        """Those of the paths that the token may not write; none where it may not ask."""
        refused: list[str] = []
        for start in range(0, len(paths), _MOST_PATHS):
            some = paths[start : start + _MOST_PATHS]
            _, found = self.ask("POST", "sys/capabilities-self", paths=some)
            refused += [each for each in some if each in found and not {"root", "update", "create"} & set(found[each])]
        return refused

    def refusal(self, code: Code, message: str, remedy: str) -> ComponentError:
        """An error placed at this Vault."""
        return ComponentError(self.problem(code, message, remedy))

    def no_namespace(self, name: str) -> Problem:
        """A namespace that isn't there."""
        remedy = f"create it: bao namespace create {name}"
        return self.problem(Code.VAULT_MOUNT, f"the namespace {name} doesn't exist", remedy)

    def problem(self, code: Code, message: str, remedy: str) -> Problem:
        """A problem placed at this Vault."""
        return Problem(code, message, remedy, self.place)

    def _send(self, method: str, path: str, headers: dict[str, str], body: Any = None) -> tuple[int, str]:
        data = json.dumps(body).encode() if body else None
        request = Request(  # noqa: S310  the address is the stack's, http or https
            f"{self._access.address}/v1/{path}", data, {**headers, "X-Vault-Request": "true"}, method=method
        )
        try:
            with self._opener.open(request, timeout=_TIMEOUT_S) as answer:
                return int(answer.status), answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode(errors="replace")
        except (URLError, OSError, ValueError) as error:
            why = getattr(error, "reason", error)
            remedy = "start it, mend vault.address, or open the way to it"
            if isinstance(why, ssl.SSLCertVerificationError):
                remedy = "name the authority of its certificate: vault.ca_file"
            raise self.refusal(Code.VAULT_UNREACHABLE, f"it doesn't answer: {_short(why)}", remedy) from None

    @cached_property
    def _opener(self) -> OpenerDirector:
        try:
            context = ssl.create_default_context(cafile=self._access.ca_file)
        except (OSError, ssl.SSLError) as error:
            message = f"{self._access.ca_file} can't be read: {_short(error)}"
            raise self.refusal(Code.VAULT_UNREACHABLE, message, "give the path of a PEM file") from None
        return build_opener(HTTPSHandler(context=context), ProxyHandler())


def _short(error: object) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)
