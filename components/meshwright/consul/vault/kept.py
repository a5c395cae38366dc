"""Whether an update would take from Vault what proxies and pods rely on: keys, certificates, secrets.

Pulumi takes away what a program registers no more, and makes anew what has changed too much. Of a key that is right
nowhere else: proxies are below the certificate that goes with it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from meshwright.consul.vault.engines import ROOT_TITLE
from meshwright.errors import Code

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from meshwright.consul.vault.engines import Root
    from meshwright.consul.vault.live import LiveVault
    from meshwright.consul.vault.plan import VaultPlan
    from meshwright.errors import Problem

_BY_ROTATION = "another root comes by a rotation, at a path of its own"
_FOUND = 200


class Kept:
    """One plan, held against what its stack has in one Vault.

    Args:
        vault: The Vault.
        plan: What is to be there.
        owner: As `meshwright.consul.vault.preflight.check_vault` has it.
        is_alone: As there.
        is_live_known: As there.
    """

    def __init__(self, vault: LiveVault, plan: VaultPlan, owner: str, *, is_alone: bool, is_live_known: bool) -> None:
        self._vault, self._plan, self._is_live_known = vault, plan, is_live_known
        datacenter = ".+" if is_alone else re.escape(plan.names.datacenter)
        # What is retained has another mark, and is nobody's to lose.
        self._mine = re.compile(rf"Consul in {datacenter}: (.+) \({re.escape(owner)}\)")

    def roots(self) -> Iterator[Problem]:
        """Roots that have a certificate keep it, and its key."""
        for root in self._plan.engines.roots:
            if root.engine.existing or self._plan.engines.managed_by == "consul":
                continue
            if pem := certificate_in(self._vault, root.engine.path, root.engine.namespace):
                yield from self._root(root, x509.load_pem_x509_certificate(pem.encode()))

    def engines(self, namespace: str, mounts: Mapping[str, Any]) -> Iterator[Problem]:
        """The stack's engines stay, but for a root that another has taken the place of.

        Args:
            namespace: Below the plan's.
            mounts: All of it: path -> what it is.
        """
        engines = self._plan.engines
        planned = {(each.namespace, each.path): each for each in engines.not_consuls}
        for path, found in sorted(mounts.items()):
            title = self._mine.fullmatch(str(found.get("description", "")))
            each = planned.get((namespace, path))
            if title is None or (each is not None and not each.existing):
                continue
            if each is not None:
                yield self._taken(path, title[1], "remove existing: true; it is for what others have mounted")
            elif any((namespace, path) == (one.namespace, one.path) for one in engines.connect):
                yield self._taken(path, title[1], "leave managed_by: vault, by which it was made")
            elif title[1] != engines.intermediate.title and not self._is_replaced(title[1], path, namespace):
                remedy = f"leave its path, and the datacenter's name, as they were; {_BY_ROTATION}"
                yield self._taken(path, title[1], remedy)

    def _root(self, root: Root, certificate: x509.Certificate) -> Iterator[Problem]:
        path = root.engine.path
        if root.held == "elsewhere" and not root.certificate:
            message = f"{path} has a certificate, and the stack waits for one: Consul would be taken away"
            yield self._problem(message, f"give the certificate; {_BY_ROTATION}")
        elif root.certificate and certificate != x509.load_pem_x509_certificate(root.certificate.encode()):
            message = f"{path} has another certificate than the stack's, and Vault goes on with the one that it has"
            yield self._problem(message, f"give that one; {_BY_ROTATION}")
        if (key := _key_of(certificate)) != (root.key_type, root.key_bits):
            message = f"{path} has a key of {key[0]} {key[1]}, and the stack says {root.key_type} {root.key_bits}"
            yield self._problem(message, f"write down the key that it has; {_BY_ROTATION}")

    def _is_replaced(self, title: str, path: str, namespace: str) -> bool:
        """Of a root: whether another one is there, or it never had a certificate, or Consul's own takes its place."""
        roots = [each.engine for each in self._plan.engines.roots]
        if title != ROOT_TITLE:
            return False
        if not certificate_in(self._vault, path, namespace):
            return True
        return self._is_live_known and (
            not roots or any(certificate_in(self._vault, each.path, each.namespace) for each in roots)
        )

    def _taken(self, path: str, title: str, remedy: str) -> Problem:
        return self._problem(f"{path} ({title}) is this stack's, and would be taken away with what is in it", remedy)

    def _problem(self, message: str, remedy: str) -> Problem:
        return self._vault.problem(Code.VAULT_MOUNT, message, remedy)


def certificate_in(vault: LiveVault, path: str, namespace: str) -> str:
    """PEM, which Vault tells anybody; empty where the engine has none, or is not there."""
    status, answer = vault.ask("GET", f"{path}/ca/pem", below=namespace)
    return str(answer.get("text", "")).strip() if status == _FOUND else ""


def _key_of(certificate: x509.Certificate) -> tuple[str, int]:
    """Type and bits, as a stack has them."""
    key = certificate.public_key()
    assert isinstance(key, EllipticCurvePublicKey | RSAPublicKey)  # noqa: S101 - Consul's providers make no others
    return "rsa" if isinstance(key, RSAPublicKey) else "ec", key.key_size
