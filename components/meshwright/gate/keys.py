"""Ed25519 keys in PEM, as `openssl genpkey -algorithm ed25519` writes them."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from meshwright.errors import Code, ConfigError, Problem

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


def private_key(path: Path) -> Ed25519PrivateKey:
    """The key that signs. Raises `ConfigError` (MW-E045)."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, Ed25519PrivateKey):
        return key
    remedy = "write one with `openssl genpkey -algorithm ed25519 -out FILE`"
    raise _refused(path, "isn't the PEM of an Ed25519 private key without a passphrase", remedy)


def public_key(path: Path) -> Ed25519PublicKey:
    """The key that signatures are checked with. Raises `ConfigError` (MW-E045)."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(_read(path))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, Ed25519PublicKey):
        return key
    remedy = "write it with `openssl pkey -in PRIVATE -pubout -out FILE`"
    raise _refused(path, "isn't the PEM of an Ed25519 public key", remedy)


def public_text(key: Ed25519PublicKey) -> str:
    """A public key as text: base64 of its 32 bytes."""
    return base64.b64encode(key.public_bytes_raw()).decode()


def is_signature(signature: bytes, data: bytes, by: str) -> bool:
    """Whether a signature of some bytes is by the key whose text this is."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(base64.b64decode(by, validate=True)).verify(signature, data)
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        why = f"can't be read: {(error.strerror or str(error)).lower()}"
        raise _refused(path, why, "name the PEM file of an Ed25519 key") from None


def _refused(path: Path, why: str, remedy: str) -> ConfigError:
    return ConfigError(Problem(Code.EVIDENCE_KEY, why, remedy, f"{path}"))
