"""Certificates in PEM files: what each is, is told by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509

from meshwright.certs.observed import Observed, Served
from meshwright.certs.pem import certificates_in, is_signed_by
from meshwright.errors import Code, ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def observe_files(paths: Sequence[Path]) -> Observed:
    """Anchors are what has signed itself, issuers the other authorities. A private key beside them is passed over.

    Raises:
        ConfigError: a file that can't be read, or that has no certificate (MW-E195).
    """
    found = [(path, each) for path in paths for each in _certificates(path)]
    authorities = [each for _, each in found if is_authority(each)]
    anchors = [each for each in authorities if is_signed_by(each, each)]
    return Observed(
        name=", ".join(map(str, paths)),
        bundle=tuple(dict.fromkeys(anchors)),
        issuer=tuple(dict.fromkeys(each for each in authorities if each not in anchors)),
        served=tuple(Served(str(path), each) for path, each in found if not is_authority(each)),
    )


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether its basic constraints let it sign certificates."""
    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except x509.ExtensionNotFound:
        return False


def _certificates(path: Path) -> tuple[x509.Certificate, ...]:
    remedy = "name a file with certificates in PEM"
    try:
        found = certificates_in(path.read_text("utf-8", "replace"))
    except OSError as error:
        why = f"can't be read: {(error.strerror or str(error)).lower()}"
        raise ConfigError(Problem(Code.CERTIFICATES_INPUT, why, remedy, str(path))) from None
    except ValueError:
        raise ConfigError(Problem(Code.CERTIFICATES_INPUT, "has a broken certificate", remedy, str(path))) from None
    if not found:
        raise ConfigError(Problem(Code.CERTIFICATES_INPUT, "has no certificate", remedy, str(path)))
    return found
