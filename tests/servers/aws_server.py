"""moto's server with our own VPC Lattice in front: ``python -m tests.servers.aws_server PORT``.

moto keeps what it is given and has half of Lattice's operations; ours enforces AWS's rules. Requests tell their service
in the signature's credential scope, ``.../20261123/eu-west-1/vpc-lattice/aws4_request``.
"""

import re
import sys
from collections.abc import Callable, Iterable
from http import HTTPStatus
from threading import Lock
from typing import Any, Final

from botocore import xform_name
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import run_simple

from tests.servers import aws_access, aws_networks, aws_resources, aws_routing
from tests.servers.aws_account import Account, Item, LatticeError
from tests.servers.aws_protocol import Answer, Protocol

_SCOPE: Final = re.compile(r"Credential=[^/]+/\d+/(?P<region>[^/]+)/vpc-lattice/")
_MODULES: Final = (aws_networks, aws_routing, aws_access, aws_resources)

Environ = dict[str, Any]


class Lattice:
    """VPC Lattice in all Regions of one account."""

    def __init__(self) -> None:
        self._protocol = Protocol()
        self._accounts: dict[str, Account] = {}
        self._lock = Lock()

    def reset(self) -> None:
        """Forget everything."""
        with self._lock:
            self._accounts.clear()

    def answer(self, region: str, method: str, uri: str, body: bytes) -> Answer:
        """One request, start to end, before the next."""
        path, _, query = uri.partition("?")
        with self._lock:
            account = self._accounts.setdefault(region, Account(region))
            try:
                operation, in_path = self._protocol.operation(method, path)
                given = self._protocol.read(operation, in_path, query, body)
                made = _handler(operation.name)(account, given)
                return self._protocol.write(operation, given, made)
            except LatticeError as error:
                return self._protocol.failure(error)


def _handler(operation: str) -> Callable[[Account, Item], Item]:
    for module in _MODULES:
        if handler := getattr(module, xform_name(operation), None):
            return handler  # type: ignore[no-any-return]
    raise LatticeError("UnknownOperationException", f"{operation} is not here")


class Front:
    """A WSGI application that answers for Lattice, and asks moto for everything else."""

    def __init__(self, moto: Callable[..., Iterable[bytes]]) -> None:
        self._moto = moto
        self._lattice = Lattice()

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        if environ["PATH_INFO"] == "/moto-api/reset":
            self._lattice.reset()
        scope = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
        if not scope:
            return self._moto(environ, start_response)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        answer = self._lattice.answer(scope["region"], environ["REQUEST_METHOD"], environ["RAW_URI"], body)
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(answer.body)))]
        if answer.error:
            headers.append(("x-amzn-ErrorType", answer.error))
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", headers)
        return [answer.body]


if __name__ == "__main__":
    application = Front(DomainDispatcherApplication(create_backend_app))
    run_simple("127.0.0.1", int(sys.argv[1]), application, threaded=True, request_handler=MotoRequestHandler)
