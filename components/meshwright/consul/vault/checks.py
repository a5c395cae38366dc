"""What can be said of arguments without Pulumi: the stack's config asks it, and so does the component."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.consul.vault.arguments import AuthArgs, VaultCertificateAuthorityArgs
    from meshwright.consul.vault.engines import Complaint

_KUBERNETES_KEYS = ("kubernetes_host", "kubernetes_ca_certificate", "reviewer_token")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def secret_problem(kind: str, value: str) -> Complaint | None:
    """Why a text can't be the ``gossip`` key or the ``bootstrap-token``. Nothing of it is in the answer."""
    if kind == "bootstrap-token":
        right = _UUID.fullmatch(value.lower())
        return None if right else ("the bootstrap token is no UUID", "make one with uuidgen")
    try:
        length = len(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        return "the gossip key is not base64", "make one with consul keygen"
    if length not in (16, 24, 32):
        return f"the gossip key has {length} bytes, and 16, 24 or 32 are right", "make one with consul keygen"
    return None


def auth_mistakes(auth: AuthArgs) -> Iterator[Complaint]:
    """Why pods can't log in so."""
    method = auth.get("method", "kubernetes")
    wrong = ("issuer_url", "public_keys") if method == "kubernetes" else _KUBERNETES_KEYS
    given = sorted(key for key in wrong if key in auth)
    if given:
        yield f"auth.{given[0]} is not used with the method {method}", f"remove {', '.join(given)}"
    made_here = not (auth.get("existing") or "roles" in auth)
    made = sorted({*_KUBERNETES_KEYS, "issuer_url", "public_keys"} & set(auth))
    if made and not made_here:
        yield (
            f"auth.{made[0]} is set, and the auth method exists already",
            "remove it, or let this stack make the method",
        )
    if method == "jwt" and "roles" not in auth and "audience" not in auth:
        yield "auth has no audience, and a service account's token has one", "add the API server's audience"
    if method == "jwt" and made_here and ("issuer_url" in auth) == ("public_keys" in auth):
        yield "the method jwt needs one of issuer_url and public_keys", "add the cluster's OIDC issuer, or its keys"


def secret_mistakes(args: VaultCertificateAuthorityArgs) -> Iterator[Complaint]:
    """Why these secrets can't be."""
    for key, kind in (("gossip_key", "gossip"), ("bootstrap_token", "bootstrap-token")):
        value = args.get(key)
        if value is None:
            continue
        if args.get("existing_secrets"):
            yield f"{key} is given, and existing_secrets says that Vault has it", "remove one of the two"
        elif isinstance(value, str) and (wrong := secret_problem(kind, value)):
            yield wrong
