"""The calls of Consul's CA provider for Vault, in its order, with the token of its role.

Source: consul 1.22 ``agent/connect/ca/provider_vault.go``; every method here has its name there.
"""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import urllib3
from cryptography import x509

from tests.servers.openbao import OpenBao, OpenBaoError

LEAF_ROLE = "leaf-cert"
_DENIED, _NOT_FOUND, _NO_CONTENT = 403, 404, 204


class DeniedError(Exception):
    """The token may not do this; the message is the path."""


@dataclass
class Provider:
    """One configuration of the provider: what Consul has in `ca_config`, and a token of its login."""

    openbao: OpenBao
    token: str
    root: str
    intermediate: str
    leaf_ttl: str = "72h"
    intermediate_ttl: str = "8760h"
    cluster: str = "11111111-2222-3333-4444-555555555555"
    key_type: str = "ec"
    key_bits: int = 256

    @property
    def spiffe(self) -> str:
        """The signing identity, which every authority carries."""
        return f"spiffe://{self.cluster}.consul"

    def configure(self) -> None:
        """Look at the token, then set the intermediate's mount up: its lifetime, its role, its tidying."""
        self._call("GET", "auth/token/lookup-self")
        if self.get_ca(self.intermediate):
            self._call("POST", f"sys/mounts/{self.intermediate}/tune", max_lease_ttl=self.intermediate_ttl)
        role = {
            "allow_any_name": True,
            "allowed_uri_sans": "spiffe://*",
            "key_type": "any",
            "max_ttl": self.leaf_ttl,
            "no_store": True,
            "require_cn": False,
        }
        self._call("PUT", f"{self.intermediate}/roles/{LEAF_ROLE}", **role)
        self._call("PUT", f"{self.intermediate}/config/auto-tidy", enabled=True, tidy_expired_issuers=True)

    def renew(self) -> None:
        """Renew the token."""
        self._call("PUT", "auth/token/renew-self")

    def get_ca(self, mount: str) -> str:
        """The certificate of a mount, PEM; empty where there is none yet."""
        return self._raw(f"{mount}/ca/pem")

    def generate_ca_chain(self) -> str:
        """The root, PEM; it is there already where Vault's owner mounts it."""
        pem = self.get_ca(self.root)
        if not pem:
            name = f"pri-{uuid4().hex[:8]}.vault.ca.11111111.consul"
            made = self._call(
                "PUT",
                f"{self.root}/root/generate/internal",
                common_name=name,
                uri_sans=self.spiffe,
                key_type=self.key_type,
                key_bits=self.key_bits,
            )
            pem = str(made["certificate"])
        return self._raw(f"{self.root}/ca_chain") or pem

    def generate_intermediate_csr(self) -> tuple[str, str]:
        """A request for another intermediate, and the id of its key."""
        made = self._call(
            "PUT",
            f"{self.intermediate}/intermediate/generate/internal",
            common_name=f"pri-{uuid4().hex[:8]}.vault.ca.11111111.consul",
            key_type=self.key_type,
            key_bits=self.key_bits,
            uri_sans=self.spiffe,
        )
        return str(made["csr"]), str(made["key_id"])

    def generate_leaf_signing_cert(self) -> str:
        """Another intermediate, signed by the root and in use, PEM."""
        csr, key_id = self.generate_intermediate_csr()
        signed = self._call("PUT", f"{self.root}/root/sign-intermediate", **self._signing(csr))
        self._set_signed(str(signed["certificate"]), key_id)
        return self.get_ca(self.intermediate)

    def sign_intermediate(self, csr: str) -> str:
        """The intermediate of another datacenter, PEM: nothing can be below it but leaves."""
        return str(
            self._call("PUT", f"{self.root}/root/sign-intermediate", **self._signing(csr), max_path_length=0)[
                "certificate"
            ]
        )

    def set_intermediate(self, pem: str, key_id: str) -> None:
        """Take in what the primary datacenter signed."""
        self._set_signed(pem, key_id)

    def sign(self, csr: str) -> str:
        """A leaf, PEM."""
        return str(
            self._call("PUT", f"{self.intermediate}/sign/{LEAF_ROLE}", csr=csr, ttl=self.leaf_ttl)["certificate"]
        )

    def cross_sign_ca(self, certificate: x509.Certificate, pem: str) -> str:
        """Another root, signed by this one, PEM. Raises `DeniedError` outside of a rotation's step."""
        assert certificate == x509.load_pem_x509_certificate(pem.encode())
        self.get_ca(self.root)
        return str(self._call("PUT", f"{self.root}/root/sign-self-issued", certificate=pem)["certificate"])

    def _signing(self, csr: str) -> dict[str, Any]:
        return {
            "csr": csr,
            "use_csr_values": False,
            "uri_sans": self.spiffe,
            "format": "pem_bundle",
            "ttl": self.intermediate_ttl,
        }

    def _set_signed(self, pem: str, key_id: str) -> None:
        """Take a certificate in, make its issuer the default one, and delete the one before with its key."""
        taken = self._call("PUT", f"{self.intermediate}/intermediate/set-signed", certificate=pem)
        (issuer,) = (each for each, key in taken["mapping"].items() if key == key_id)
        issuers = self._call("GET", f"{self.intermediate}/config/issuers")
        before = str(issuers["default"])
        if before == issuer:
            return
        self._call("PUT", f"{self.intermediate}/config/issuers", **{**issuers, "default": issuer})
        if before:
            old = self._call("GET", f"{self.intermediate}/issuer/{before}")
            self._call("DELETE", f"{self.intermediate}/issuer/{before}")
            self._call("DELETE", f"{self.intermediate}/key/{old['key_id']}")

    def _call(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        held, self.openbao.token = self.openbao.token, self.token
        try:
            return dict(self.openbao.request(method, path, **body).get("data") or {})
        except OpenBaoError as error:
            if error.status == _DENIED:
                raise DeniedError(path) from None
            raise
        finally:
            self.openbao.token = held

    def _raw(self, path: str) -> str:
        headers = {"X-Vault-Token": self.token}
        answer = urllib3.request("GET", f"{self.openbao.url}/v1/{path}", headers=headers, retries=False, timeout=30.0)
        if answer.status == _DENIED:
            raise DeniedError(path)
        return answer.data.decode() if answer.status not in (_NOT_FOUND, _NO_CONTENT) else ""
