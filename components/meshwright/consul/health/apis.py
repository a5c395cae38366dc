"""What the HTTP APIs of Consul and of Vault show, by GET alone. Both are asked only where an address is given.

Sources: consul 1.22 ``agent/operator_endpoint.go`` (``OperatorServerHealth``); Vault's and
OpenBao's ``/v1/sys/health``, which asks for no token, and answers with another status than 200 where it is sealed.
"""

from __future__ import annotations

import json
import os
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from meshwright.certs.consul_seen import ConsulAddress, answer_of, observe_consul
from meshwright.consul.health.kinds import AUTHORITY_SEEN, SERVERS_SEEN, VAULT_SEEN
from meshwright.errors import Code, ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVERS: Final = "/v1/operator/autopilot/health"
VAULT_HEALTH: Final = "/v1/sys/health?standbyok=true&perfstandbyok=true"
VAULT_CA_VARIABLE: Final = "VAULT_CACERT"
_SERVED: Final = (HTTPStatus.OK, HTTPStatus.TOO_MANY_REQUESTS)
"""Autopilot answers with 429 where it finds the servers unhealthy."""
_ANSWER_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Shown:
    """What was read, by kind, and why something was not."""

    objects: Mapping[str, tuple[dict[str, Any], ...]]
    gaps: Mapping[str, str]


def ask_consul(at: ConsulAddress) -> Shown:
    """Its servers and its certificate authority, of which no secret is kept.

    Raises:
        ConfigError: there is no answer, or one that is not Consul's (MW-E195).
    """
    authority = observe_consul(at, at.address)
    body = {"kind": AUTHORITY_SEEN, "metadata": {"name": at.address}, "seen": authority}
    objects: dict[str, tuple[dict[str, Any], ...]] = {AUTHORITY_SEEN: (body,)}
    gaps: dict[str, str] = {}
    status, content = answer_of(at, SERVERS)
    if status in _SERVED:
        objects[SERVERS_SEEN] = ({"kind": SERVERS_SEEN, "metadata": {"name": at.address}, **_object(content)},)
    else:
        gaps[SERVERS_SEEN] = f"{at.address}{SERVERS} answers with {status}; the token needs operator:read"
    return Shown(objects, gaps)


def ask_vault(address: str) -> Shown:
    """Whether it is there, set up and open.

    Raises:
        ConfigError: the address is none (MW-E270).
    """
    if not address.startswith(("http://", "https://")):
        message = f"{address} is no address of Vault's API"
        raise ConfigError(Problem(Code.VAULT_ADDRESS, message, "write it as https://vault.internal:8200"))
    request = Request(f"{address.rstrip('/')}{VAULT_HEALTH}")  # noqa: S310 - the scheme was looked at
    context = ssl.create_default_context(cafile=os.environ.get(VAULT_CA_VARIABLE) or None)
    try:
        with urlopen(request, timeout=_ANSWER_S, context=context) as answer:  # noqa: S310 - the same
            content = answer.read()
    except HTTPError as error:
        content = error.read()
    except (URLError, OSError) as error:
        return Shown({}, {VAULT_SEEN: f"{address} does not answer: {getattr(error, 'reason', error)}"})
    body = _object(content)
    if "sealed" not in body:
        return Shown({}, {VAULT_SEEN: f"what answers at {address} is no Vault"})
    return Shown({VAULT_SEEN: ({"kind": VAULT_SEEN, "metadata": {"name": address}, **body},)}, {})


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
