"""What Consul's live CA is told, to the letter, and what it would refuse or ignore."""

from typing import Any

import pytest

from meshwright.consul.ca.rotation import Root
from meshwright.consul.ca.settings import (
    Lifetimes,
    additional_mistakes,
    as_go,
    ca_config,
    key_mistakes,
    lifetime_mistakes,
    live_root,
)
from meshwright.consul.vault.backend import TOKEN_FILE
from meshwright.consul.vault.plan import plan_vault

BACKEND = plan_vault({"address": "https://vault:8200"}, "test").backend


def test_what_vaults_provider_is_told() -> None:
    assert ca_config(Root(path="dc1/connect_root"), Lifetimes(), BACKEND) == {
        "Address": "https://vault:8200",
        "AuthMethod": {"MountPath": "dc1/kubernetes", "Params": {"role": "consul-dc1-server"}, "Type": "kubernetes"},
        "IntermediateCertTTL": "8760h",
        "IntermediatePKIPath": "dc1/connect_inter",
        "LeafCertTTL": "72h",
        "PrivateKeyBits": 256,
        "PrivateKeyType": "ec",
        "RootCertTTL": "87600h",
        "RootPKIPath": "dc1/connect_root",
    }


def test_namespaces_a_ca_and_a_login_by_jwt() -> None:
    backend: Any = {
        **BACKEND,
        "namespace": "mesh",
        "ca": {"secret_name": "vault-ca", "secret_key": "tls.crt"},
        "auth_type": "jwt",
        "connect_ca": {
            **BACKEND["connect_ca"],
            "additional": {"root_pki_namespace": "mesh/old", "intermediate_pki_namespace": "mesh/below"},
        },
    }
    made = ca_config(Root(path="r", namespace="roots"), Lifetimes(), backend)
    assert (made["Namespace"], made["RootPKINamespace"]) == ("mesh", "mesh/roots")
    assert made["IntermediatePKINamespace"] == "mesh/below"
    assert made["CAFile"] == "/consul/vault-ca/tls.crt"
    assert made["AuthMethod"]["Params"] == {"role": "consul-dc1-server", "path": TOKEN_FILE}
    # The next root may be in the login's own namespace; the one before was not.
    assert "RootPKINamespace" not in ca_config(Root(path="r"), Lifetimes(), backend)


def test_what_consuls_own_provider_is_told() -> None:
    made = ca_config(Root("consul", key_type="rsa", key_bits=2048), Lifetimes(leaf_h=24), None)
    assert made == {
        "IntermediateCertTTL": "8760h",
        "LeafCertTTL": "24h",
        "PrivateKeyBits": 2048,
        "PrivateKeyType": "rsa",
        "RootCertTTL": "87600h",
    }


def test_json_as_go_writes_it() -> None:
    given = {"b": {"d": "<ü&>", "c": [1, True]}, "a": chr(0x2028)}
    assert as_go(given) == '{"a":"\\u2028","b":{"c":[1,true],"d":"\\u003cü\\u0026\\u003e"}}'


@pytest.mark.parametrize(
    ("lifetimes", "keys"),
    [
        (Lifetimes(), []),
        (Lifetimes(leaf_h=1, intermediate_h=3, root_h=3), []),
        (Lifetimes(leaf_h=0), ["leaf_lifetime"]),
        (Lifetimes(leaf_h=73), ["leaf_lifetime"]),
        (Lifetimes(intermediate_h=8761), ["intermediate_lifetime"]),
        (Lifetimes(intermediate_h=215), ["intermediate_lifetime"]),
        (Lifetimes(leaf_h=1, intermediate_h=2), ["intermediate_lifetime"]),
        (Lifetimes(root_h=8759), ["root_lifetime"]),
    ],
)
def test_lifetimes(lifetimes: Lifetimes, keys: list[str]) -> None:
    assert [each.key for each in lifetime_mistakes(lifetimes)] == keys


def test_keys() -> None:
    assert list(key_mistakes("ec", 256)) == []
    assert [each.key for each in key_mistakes("ed25519", 256)] == ["key_type"]
    assert [each.remedy for each in key_mistakes("rsa", 1024)] == ["one of: 2048, 4096"]


def test_additional_keys() -> None:
    found = {
        each.key: each.message for each in additional_mistakes({"token": "x", "leaf_cert_ttl": "9h", "ca_file": "f"})
    }
    assert list(found) == ["token", "leaf_cert_ttl"]
    assert "uninitialised" in found["token"]


def test_what_is_live() -> None:
    assert live_root("vault", {"RootPKIPath": "dc1/connect_root/"}) == ("vault", "dc1/connect_root")
    assert live_root("vault", {"root_pki_path": "r"}) == ("vault", "r")
    assert live_root("consul", {"RootPKIPath": "left over"}) == ("consul", "")
