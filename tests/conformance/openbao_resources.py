"""Vault's resources of a recorded graph, written to OpenBao as the provider writes them.

What a graph can't know, a random key for instance, the caller gives.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from meshwright.engine.graph import UNKNOWN, Resource, Secret
from tests.servers.openbao_client import Client

GOSSIP = {"key": "uvUjgU8lZ5QdjVDCiUeZUn9W4Os5QxTjHvCfqAWCHUY="}
TOKEN = {"token": "b1c2d3e4-0000-4000-8000-000000000001"}
_PLAIN = {"backend", "namespace", "type", "path", "name", "roleName"}


def apply(openbao: Client, graph: Iterable[Resource]) -> dict[str, Any]:
    """Write every resource, in the order of dependencies that the graph has them in.

    Returns:
        Name of the resource -> the data of Vault's answer, where it gave any.
    """
    answers: dict[str, Any] = {}
    for resource in sorted(graph, key=lambda each: _ORDER.get(each.type, 0)):
        if (write := _WRITERS.get(resource.type)) is not None:
            there = openbao.below(str(resource.inputs.get("namespace") or ""))
            answers[resource.name] = write(there, resource).get("data")
    return answers


def _mount(openbao: Client, resource: Resource) -> dict[str, Any]:
    given = resource.inputs
    config = {"max_lease_ttl": f"{given['maxLeaseTtlSeconds']}s"} if "maxLeaseTtlSeconds" in given else {}
    return openbao.request(
        "POST",
        f"sys/mounts/{given['path']}",
        type=given["type"],
        description=given["description"],
        options=given.get("options") or {},
        config=config,
    )


def _written(path: str, *also: str) -> Any:
    """A writer of a resource whose inputs are the body, but for those that are in the path."""

    def write(openbao: Client, resource: Resource) -> dict[str, Any]:
        where = path.format_map(resource.inputs)
        body = {
            _snake(key): value
            for key, value in resource.inputs.items()
            if (key not in _PLAIN or key in also) and value is not UNKNOWN
        }
        return openbao.request("POST", where, **body)

    return write


def _secret(openbao: Client, resource: Resource) -> dict[str, Any]:
    given = resource.inputs["dataJson"]
    assert isinstance(given, Secret)
    name = str(resource.inputs["name"])
    data = json.loads(given.value) if isinstance(given.value, str) else GOSSIP if name.endswith("gossip") else TOKEN
    return openbao.request("POST", f"{resource.inputs['mount']}/data/{name}", data=data)


def _jwt(openbao: Client, resource: Resource) -> dict[str, Any]:
    given = resource.inputs
    openbao.request("POST", f"sys/auth/{given['path']}", type="jwt", description=given["description"])
    return openbao.request("POST", f"auth/{given['path']}/config", jwt_validation_pubkeys=given["jwtValidationPubkeys"])


def _snake(key: str) -> str:
    return re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", key)


_WRITERS: Mapping[str, Any] = {
    "vault:index/mount:Mount": _mount,
    "vault:index/policy:Policy": _written("sys/policies/acl/{name}"),
    "vault:index/authBackend:AuthBackend": _written("sys/auth/{path}", "type"),
    "vault:jwt/authBackend:AuthBackend": _jwt,
    "vault:kubernetes/authBackendConfig:AuthBackendConfig": _written("auth/{backend}/config"),
    "vault:kubernetes/authBackendRole:AuthBackendRole": _written("auth/{backend}/role/{roleName}"),
    "vault:jwt/authBackendRole:AuthBackendRole": _written("auth/{backend}/role/{roleName}"),
    "vault:pkiSecret/secretBackendRootCert:SecretBackendRootCert": _written("{backend}/root/generate/{type}"),
    "vault:pkiSecret/secretBackendIntermediateCertRequest:SecretBackendIntermediateCertRequest": _written(
        "{backend}/intermediate/generate/{type}"
    ),
    "vault:pkiSecret/secretBackendRole:SecretBackendRole": _written("{backend}/roles/{name}"),
    "vault:kv/secretV2:SecretV2": _secret,
}
_ORDER = {
    "vault:index/mount:Mount": -2,
    "vault:index/authBackend:AuthBackend": -2,
    "vault:jwt/authBackend:AuthBackend": -2,
}
