"""Certificates out of PEM, and what can be told of one. A private key beside them is never looked at, nor kept."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from datetime import datetime, timedelta

_BLOCK: Final = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def certificates_in(text: str) -> tuple[x509.Certificate, ...]:
    """The certificates in a text, in order, whatever else is in it; raises `ValueError` for one that is broken."""
    return tuple(x509.load_pem_x509_certificate(block.encode()) for block in _BLOCK.findall(text))


@lru_cache(maxsize=4096)
def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the whole certificate, hexadecimal."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def called(certificate: x509.Certificate) -> str:
    """How a person tells one from another: its subject, and the beginning of its fingerprint."""
    name = certificate.subject.rfc4514_string() or f"serial {certificate.serial_number:x}"
    return f"{name} ({fingerprint(certificate)[:8]})"


@lru_cache(maxsize=65536)
def is_signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether an authority's key made this certificate's signature, and their names say so; dates don't count."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def is_same_authority(one: x509.Certificate, other: x509.Certificate) -> bool:
    """Whether what one of them has signed leads to the other as well: same name, same key."""
    return one.subject == other.subject and one.public_key() == other.public_key()


def has_unit(certificate: x509.Certificate, name: str) -> bool:
    """Whether its subject has this organizational unit."""
    return name in (each.value for each in certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME))


def is_valid(certificate: x509.Certificate, now: datetime) -> bool:
    """Whether a moment lies between its first and its last."""
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def lifetime(certificate: x509.Certificate) -> timedelta:
    """From its first moment to its last."""
    return certificate.not_valid_after_utc - certificate.not_valid_before_utc


def is_trusted(chain: tuple[x509.Certificate, ...], anchors: frozenset[x509.Certificate], now: datetime) -> bool:
    """Whether a certificate, with those between, leads to one of the anchors, all of them valid now.

    Args:
        chain: The certificate, then who signed it, and so on; the anchor itself may be left out.
        anchors: What is trusted.
        now: The moment.
    """
    reached: list[x509.Certificate] = []
    for each in chain:
        if reached and not is_signed_by(reached[-1], each):
            break
        if not is_valid(each, now):
            return False
        reached.append(each)
        if each in anchors or any(is_signed_by(each, one) and is_valid(one, now) for one in anchors):
            return True
    return False
