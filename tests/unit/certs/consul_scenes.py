"""Consul's certificate authority as its API shows it at each step of a rotation, and a server that answers so."""

from __future__ import annotations

import json
import ssl
import threading
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

from meshwright.certs.consul_gates import ConsulTold
from meshwright.certs.consul_seen import CONFIGURATION, METRICS, ROOTS, ConsulSeen, observed_consul
from meshwright.consul.ca.rotation import Root
from tests.servers.pki import Signer, signer

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
OLD, NEW = Root(path="dc1/connect_root"), Root(path="dc1/connect_root_2027")
TOLD = ConsulTold(OLD, NEW)


@cache
def authority(name: str) -> Signer:
    first = {"old": date(2026, 1, 1), "new": date(2026, 11, 1)}[name]
    return signer(f"{name} root", first=first, last=date(2036, 1, 1))


@cache
def below(name: str, first: date = date(2026, 11, 1), last: date = date(2027, 11, 1)) -> Signer:
    return signer(f"{name} intermediate", authority(name), first=first, last=last)


@cache
def bridge() -> str:
    """What the old root signed of the new one."""
    return signer("new root", authority("old"), key=authority("new").key).pem


def root_body(name: str, *, active: bool = True, beside: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    return {
        "ID": f"{name}:00:11:22",
        "RootCert": authority(name).pem,
        "IntermediateCerts": [*beside, below(name).pem],
        "Active": active,
        "PrivateKeyType": "ec",
        "PrivateKeyBits": 256,
        **more,
    }


def roots_body(*roots: dict[str, Any]) -> dict[str, Any]:
    return {"TrustDomain": "11111111.consul", "Roots": list(roots)}


def configuration(path: str = OLD.path, provider: str = "vault", **more: Any) -> dict[str, Any]:
    """With a token in it, which nobody may see."""
    config = {"RootPKIPath": path, "Token": "s.secret", "LeafCertTTL": "72h", **more}
    return {"Provider": provider, "Config": config}


STEADY = (roots_body(root_body("old")), configuration())
SWITCHED = (
    roots_body(root_body("old", active=False), root_body("new", beside=(bridge(),))),
    configuration(NEW.path),
)
PRUNED = (roots_body(root_body("new")), configuration(NEW.path))
SHOWN = {"steady": STEADY, "cross-signing": STEADY, "switched": SWITCHED, "old-pruned": PRUNED}


def seen(answers: tuple[dict[str, Any] | None, dict[str, Any] | None], name: str = "dc1", **gaps: str) -> ConsulSeen:
    return observed_consul(name, *answers, dict(gaps))


@contextmanager
def server(
    answers: tuple[Any, Any],
    *,
    status: int = 200,
    token: str = "",
    tls: ssl.SSLContext | None = None,
    metrics: bytes = b"",
    datacenter: str = "",
) -> Iterator[str]:
    """An address that answers as Consul does; 403 for a token that is not the one, 500 for another datacenter.

    An answer of bytes is as it is.
    """
    bodies = {ROOTS: answers[0], CONFIGURATION: answers[1], METRICS: metrics}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, _, asked = self.path.partition("?dc=")
            allowed = not token or self.headers.get("X-Consul-Token") == token or path == ROOTS
            answer = bodies[path]
            text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            body = text if allowed else b"Permission denied: token lacks operator:write"
            code = status if allowed else 403
            if datacenter and asked not in ("", datacenter):
                code, body = 500, b"No path to datacenter"
            self.send_response(code)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    made = HTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        made.socket = tls.wrap_socket(made.socket, server_side=True)
    thread = threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{made.server_port}"
    finally:
        made.shutdown()
        thread.join()
        made.server_close()
