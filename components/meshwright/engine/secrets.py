"""Decrypting a stack's secrets with its passphrase.

Format: ``v1:nonce:ciphertext`` in base64, AES-256-GCM; the key comes from the passphrase by PBKDF2 (SHA-256, 1,000,000
rounds) with the stack's salt. ``encryptionsalt`` is ``v1:salt:`` followed by the word "pulumi", encrypted. Sources:
sdk/go/common/resource/config/crypt.go and pkg/secrets/passphrase/manager.go.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from meshwright.errors import Code, ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROUNDS: Final = 1_000_000
_NONCE_BYTES: Final = 12


class Decrypter:
    """Decrypts the values of one stack."""

    def __init__(self, key: bytes, place: str) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(key)
        self._place = place

    def decrypt(self, value: str) -> str:
        """The plain text of ``v1:nonce:ciphertext``. Raises `ConfigError` (MW-E068)."""
        plain = self.try_decrypt(value)
        if plain is None:
            message = "an encrypted value was not made with this stack's passphrase, or is damaged"
            raise ConfigError(
                Problem(Code.SECRETS, message, "set it again with `pulumi config set --secret`", self._place)
            )
        return plain

    def try_decrypt(self, value: str) -> str | None:
        """The plain text, or ``None``."""
        from cryptography.exceptions import InvalidTag

        version, _, rest = value.partition(":")
        try:
            nonce, ciphertext = (base64.b64decode(part, validate=True) for part in rest.split(":"))
            if version != "v1" or len(nonce) != _NONCE_BYTES:
                return None
            return self._cipher.decrypt(nonce, ciphertext, None).decode("utf-8")
        except (ValueError, binascii.Error, InvalidTag):
            return None


def passphrase(environment: Mapping[str, str] = os.environ) -> str | None:
    """The passphrase that the user gives to Pulumi: a variable, or the first line of a file.

    Raises:
        ConfigError: MW-E068, the file can't be read.
    """
    if "PULUMI_CONFIG_PASSPHRASE" in environment:
        return environment["PULUMI_CONFIG_PASSPHRASE"]
    file = environment.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    if not file:
        return None
    try:
        return Path(file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        message = f"PULUMI_CONFIG_PASSPHRASE_FILE can't be read ({error})"
        raise ConfigError(Problem(Code.SECRETS, message, "name a file with the passphrase", file)) from None


def decrypter(salt: str, phrase: str, place: str) -> Decrypter:
    """A decrypter for a stack with this ``encryptionsalt``. Raises `ConfigError` (MW-E068) for a wrong passphrase."""
    version, _, rest = salt.partition(":")
    encoded, _, check = rest.partition(":")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raw = b""
    if version != "v1" or not raw or not check:
        raise ConfigError(Problem(Code.SECRETS, "encryptionsalt is damaged", "take it from an earlier commit", place))
    candidate = Decrypter(hashlib.pbkdf2_hmac("sha256", phrase.encode(), raw, _ROUNDS, 32), place)
    if candidate.try_decrypt(check) != "pulumi":
        message = "the passphrase in PULUMI_CONFIG_PASSPHRASE is not this stack's"
        remedy = "correct it, or unset it: secrets are then unknown"
        raise ConfigError(Problem(Code.SECRETS, message, remedy, place))
    return candidate
