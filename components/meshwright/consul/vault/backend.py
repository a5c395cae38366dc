"""Where Consul finds its secrets in Vault: what the chart has to be told. Nothing in it is secret itself."""

import json
from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypedDict

AuthType = Literal["kubernetes", "jwt"]
TOKEN_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105  a path
"""The service account's token. Consul reads credentials of Vault's from this directory and no other (CVE-2026-2808)."""


class SecretKey(TypedDict):
    """A key of a Secret in Consul's namespace."""

    secret_name: str
    secret_key: str


class KvKey(TypedDict):
    """A key of a secret in KV v2."""

    path: str
    """As the API has it, with ``data``: ``dc1/consul/data/gossip``."""
    key: str


class VaultRoles(TypedDict):
    """Roles of the auth method, each bound to its service accounts."""

    server: str
    acl_init: str
    injector: str
    ca: str
    """Read by every other component: the servers' CA certificate alone."""
    client: NotRequired[str]
    """Where there are client agents."""


class ConnectCaPaths(TypedDict):
    """Consul's own authority, whose keys Vault holds."""

    root_path: str
    """Mount of the root, without a slash at its ends."""
    intermediate_path: str
    """Mount of the datacenter's intermediate."""
    additional: NotRequired[Mapping[str, Any]]
    """More keys of Consul's ``ca_config``, such as ``leaf_cert_ttl``."""


class VaultBackendArgs(TypedDict):
    """What Consul is told of Vault. `VaultCertificateAuthority.backend` has it; all of it is known at preview."""

    address: str
    """``https://vault.internal:8200``."""
    namespace: NotRequired[str]
    """Vault's namespace. Default: none."""
    ca: NotRequired[SecretKey]
    """What Vault's own certificate is verified with. Default: the system's roots."""
    auth_path: str
    """Mount of the auth method, without ``auth/``: ``kubernetes``."""
    auth_type: NotRequired[AuthType]
    """Default: ``kubernetes``."""
    roles: VaultRoles
    server_certificate: str
    """Path that issues the servers' certificates: ``dc1/server_tls/issue/consul-server``."""
    ca_certificate: str
    """Path that their CA is read from: ``dc1/server_tls/cert/ca``."""
    injector_certificate: str
    """Path that issues the webhook's certificates."""
    injector_ca: str
    """Path that their CA is read from."""
    connect_ca: NotRequired[ConnectCaPaths]
    """Default: Consul's own authority."""
    gossip: KvKey
    bootstrap_token: KvKey
    agent_annotations: NotRequired[Mapping[str, str]]
    """Annotations for every pod with an agent of Vault's, beside those that ``auth_path`` and ``auth_type`` need."""


def chart_values(backend: VaultBackendArgs) -> dict[str, Any]:
    """The chart's values for this backend, to be merged with the others.

    ``additionalConfig`` is rendered to a file that Consul reads before the chart's own, which wins. What has to win
    over the chart is in ``server.extraConfig``: `extra_config`.
    """
    roles = backend["roles"]
    vault: dict[str, Any] = {
        "enabled": True,
        "consulServerRole": roles["server"],
        "manageSystemACLsRole": roles["acl_init"],
        "connectInjectRole": roles["injector"],
        "consulCARole": roles["ca"],
        "connectInject": {
            "tlsCert": {"secretName": backend["injector_certificate"]},
            "caCert": {"secretName": backend["injector_ca"]},
        },
    }
    if "client" in roles:
        vault["consulClientRole"] = roles["client"]
    if "namespace" in backend:
        vault["vaultNamespace"] = backend["namespace"]
    if "ca" in backend:
        vault["ca"] = {"secretName": backend["ca"]["secret_name"], "secretKey": backend["ca"]["secret_key"]}
    if annotations := agent_annotations(backend):
        vault["agentAnnotations"] = "\n".join(
            f"{json.dumps(key)}: {json.dumps(annotations[key])}" for key in annotations
        )
    if "connect_ca" in backend:
        vault["connectCA"] = _connect_values(backend, backend["connect_ca"])
    gossip, bootstrap = backend["gossip"], backend["bootstrap_token"]
    return {
        "global": {
            "secretsBackend": {"vault": vault},
            "tls": {"enabled": True, "enableAutoEncrypt": True, "caCert": {"secretName": backend["ca_certificate"]}},
            "gossipEncryption": {"secretName": gossip["path"], "secretKey": gossip["key"]},
            "acls": {
                "manageSystemACLs": True,
                "bootstrapToken": {"secretName": bootstrap["path"], "secretKey": bootstrap["key"]},
            },
        },
        "server": {"serverCert": {"secretName": backend["server_certificate"]}},
    }


def _connect_values(backend: VaultBackendArgs, paths: ConnectCaPaths) -> dict[str, Any]:
    values = {
        "address": backend["address"],
        "authMethodPath": backend["auth_path"],
        "rootPKIPath": paths["root_path"],
        "intermediatePKIPath": paths["intermediate_path"],
    }
    if more := paths.get("additional"):
        values["additionalConfig"] = json.dumps({"connect": [{"ca_config": [dict(more)]}]}, sort_keys=True)
    return values


def extra_config(backend: VaultBackendArgs) -> dict[str, Any]:
    """What ``server.extraConfig`` has to hold: the login by JWT, where the chart knows Kubernetes alone. Else empty."""
    if backend.get("auth_type", "kubernetes") == "kubernetes" or "connect_ca" not in backend:
        return {}
    method = {
        "type": "jwt",
        "mount_path": backend["auth_path"],
        "params": {"role": backend["roles"]["server"], "path": TOKEN_FILE},
    }
    return {"connect": {"ca_config": {"auth_method": method}}}


def agent_annotations(backend: VaultBackendArgs) -> dict[str, str]:
    """Annotations for the agents' injector, of ``hashicorp/vault-k8s``: the one that knows the chart's annotations."""
    made: dict[str, str] = {}
    kind, path = backend.get("auth_type", "kubernetes"), backend["auth_path"]
    if (kind, path) != ("kubernetes", "kubernetes"):
        made["vault.hashicorp.com/auth-path"] = f"auth/{path}"
    if kind == "jwt":
        made |= {"vault.hashicorp.com/auth-type": "jwt", "vault.hashicorp.com/auth-config-path": TOKEN_FILE}
    return made | dict(backend.get("agent_annotations", {}))
