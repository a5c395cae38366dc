"""What Consul's live CA is told, and what it would refuse, or take and not do.

The limits are Consul's (consul 1.22 ``agent/structs/connect_ca.go`` ``CommonCAProviderConfig.Validate``), but for the
longest lifetimes: it allows leaves of a year, and our own are its defaults.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from meshwright.consul.ca.rotation import Root
    from meshwright.consul.vault.backend import VaultBackendArgs

HOUR_S: Final = 3600
LEAF_MOST_H: Final = 72
"""A stolen leaf is of use for as long: nothing revokes it."""
LEAF_LEAST_H: Final = 1
INTERMEDIATE_MOST_H: Final = 8760
INTERMEDIATE_LEAST_H: Final = 3
LEAVES_IN_INTERMEDIATE: Final = 3
"""A proxy hears of a new intermediate with its next leaf."""
KEYS: Final[Mapping[str, tuple[int, ...]]] = {"ec": (256, 384, 521), "rsa": (2048, 4096)}
"""Type -> bits. P-224 is left out, which Consul takes: Go's and BoringSSL's TLS don't."""
VAULT_CA_FILE: Final = "/consul/vault-ca/tls.crt"
"""Where the chart mounts what Vault's own certificate is verified with (``server-config-configmap.yaml``)."""
TOKENS: Final = ("token", "Token")
_CAMEL: Final[Mapping[str, str]] = {
    "root_pki_namespace": "RootPKINamespace",
    "intermediate_pki_namespace": "IntermediatePKINamespace",
    "ca_file": "CAFile",
    "ca_path": "CAPath",
    "cert_file": "CertFile",
    "key_file": "KeyFile",
    "tls_server_name": "TLSServerName",
    "tls_skip_verify": "TLSSkipVerify",
    "namespace": "Namespace",
    "csr_max_per_second": "CSRMaxPerSecond",
    "csr_max_concurrent": "CSRMaxConcurrent",
}
"""Keys of ``ca_config`` in a server's file -> in the API (consul ``agent/config/builder.go``)."""
_GO_ESCAPES: Final = str.maketrans({each: f"\\u{ord(each):04x}" for each in ("<", ">", "&", chr(0x2028), chr(0x2029))})


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long what Consul's CA signs is valid, in hours."""

    leaf_h: int = LEAF_MOST_H
    intermediate_h: int = INTERMEDIATE_MOST_H
    root_h: int = 87_600
    """Of a root that Consul makes itself; one in Vault has the lifetime that it was made with."""


@dataclass(frozen=True, slots=True)
class SettingMistake:
    """A setting with which the CA would not work, or not as it reads."""

    key: str
    message: str
    remedy: str


def lifetime_mistakes(lifetimes: Lifetimes) -> Iterator[SettingMistake]:
    """Lifetimes that Consul refuses, or that are longer than they have to be."""
    leaf, intermediate, root = lifetimes.leaf_h, lifetimes.intermediate_h, lifetimes.root_h
    if not LEAF_LEAST_H <= leaf <= LEAF_MOST_H:
        yield SettingMistake(
            "leaf_lifetime",
            f"is {leaf} hours",
            f"from {LEAF_LEAST_H} hour, below which Consul refuses it, to {LEAF_MOST_H}: nothing revokes a leaf",
        )
    if intermediate > INTERMEDIATE_MOST_H:
        yield SettingMistake(
            "intermediate_lifetime", f"is {intermediate} hours", f"{INTERMEDIATE_MOST_H} hours, a year, at most"
        )
    least = max(INTERMEDIATE_LEAST_H, LEAVES_IN_INTERMEDIATE * leaf)
    if intermediate < least:
        message = f"is {intermediate} hours, and a leaf lives {leaf}: Consul refuses it"
        yield SettingMistake("intermediate_lifetime", message, f"{least} hours or more, three times a leaf's")
    if root < intermediate:
        message = f"is {root} hours, less than an intermediate's ({intermediate}): Consul refuses it"
        yield SettingMistake("root_lifetime", message, "make it longer")


def key_mistakes(key_type: str, key_bits: int) -> Iterator[SettingMistake]:
    """A key that Consul's provider doesn't make."""
    if key_type not in KEYS:
        yield SettingMistake("key_type", f"is {key_type}", f"one of: {', '.join(KEYS)}")
    elif key_bits not in KEYS[key_type]:
        given = ", ".join(map(str, KEYS[key_type]))
        yield SettingMistake("key_bits", f"is {key_bits}, and the type is {key_type}", f"one of: {given}")


def additional_mistakes(additional: Mapping[str, Any]) -> Iterator[SettingMistake]:
    """Keys of the chart's ``additionalConfig`` that can't be kept in the live configuration."""
    for key in additional:
        if key in TOKENS:
            yield SettingMistake(
                key, "logs Consul in by a token, which ends: its CA is uninitialised then", "leave auth_method to it"
            )
        elif key not in _CAMEL:
            known = ", ".join(sorted(_CAMEL))
            yield SettingMistake(
                key, "is set for the servers' files, which Consul reads once", f"say it in mesh.ca, or one of: {known}"
            )


def ca_config(root: Root, lifetimes: Lifetimes, backend: VaultBackendArgs | None) -> dict[str, Any]:
    """The ``Config`` of ``PUT /v1/connect/ca/configuration``, every default spelt out.

    Args:
        root: The one that signs.
        lifetimes: How long certificates are valid.
        backend: Where Vault is; not needed for Consul's own provider.
    """
    common = {
        "IntermediateCertTTL": f"{lifetimes.intermediate_h}h",
        "LeafCertTTL": f"{lifetimes.leaf_h}h",
        "PrivateKeyBits": root.key_bits,
        "PrivateKeyType": root.key_type,
        "RootCertTTL": f"{lifetimes.root_h}h",
    }
    if root.provider == "consul" or backend is None:
        return common
    kind = backend.get("auth_type", "kubernetes")
    parameters = {"role": backend["roles"]["server"]}
    if kind == "jwt":
        from meshwright.consul.vault.backend import TOKEN_FILE

        parameters["path"] = TOKEN_FILE
    connect_ca = backend["connect_ca"]
    config = {
        **{_CAMEL[key]: value for key, value in connect_ca.get("additional", {}).items()},
        **common,
        "Address": backend["address"],
        "AuthMethod": {"MountPath": backend["auth_path"], "Params": parameters, "Type": kind},
        "IntermediatePKIPath": connect_ca["intermediate_path"],
        "RootPKIPath": root.path,
    }
    if "ca" in backend:
        config.setdefault("CAFile", VAULT_CA_FILE)
    if "namespace" in backend:
        config["Namespace"] = backend["namespace"]
    if root.namespace:
        config["RootPKINamespace"] = "/".join(part for part in (backend.get("namespace", ""), root.namespace) if part)
    else:
        config.pop("RootPKINamespace", None)
    return config


def as_go(config: Mapping[str, Any]) -> str:
    """JSON to the letter as Go writes it.

    pulumi_consul compares it with what it made of Consul's answer: with another order of keys, or a space more, each
    `up` would set the CA anew (terraform-provider-consul ``resource_consul_certificate_authority.go``).
    """
    text = json.dumps(config, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.translate(_GO_ESCAPES)


def live_root(provider: str, config: Mapping[str, Any]) -> tuple[str, str]:
    """Provider and root path of a live configuration, as Consul's API, or its servers' files, have them."""
    path = config.get("RootPKIPath") or config.get("root_pki_path") or ""
    return provider, str(path).strip("/") if provider == "vault" else ""
