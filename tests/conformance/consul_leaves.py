"""Leaves of Consul's mesh: their requests, and whether a proxy that trusts a root would take them."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

_MOST_BELOW = 3


@dataclass(frozen=True)
class Leaf:
    """A service's certificate, with what its proxy hands out beside it."""

    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]

    def is_taken_by(self, *roots: x509.Certificate) -> bool:
        """Whether it leads to one of these roots, as Envoy looks for a way: by any of the certificates beside it."""
        now = datetime.datetime.now(datetime.UTC)
        return any(_leads(self.certificate, (*self.chain, *roots), root, now, 0) for root in roots)

    @property
    def identity(self) -> str:
        """The SPIFFE ID."""
        names = self.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        (identity,) = names.get_values_for_type(x509.UniformResourceIdentifier)
        return identity


def load(*pems: str) -> tuple[x509.Certificate, ...]:
    """All certificates of these texts, in order."""
    return tuple(each for pem in pems if pem.strip() for each in x509.load_pem_x509_certificates(pem.encode()))


def request_of(spiffe: str) -> str:
    """The request of a service, PEM, as its proxy's client makes it: no name but the SPIFFE ID."""
    identity = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(spiffe)])
    made = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(identity, critical=False)
    return made.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def _leads(
    lower: x509.Certificate,
    known: Sequence[x509.Certificate],
    root: x509.Certificate,
    now: datetime.datetime,
    below: int,
) -> bool:
    """Whether signatures, dates, constraints and lengths hold from one certificate up to a root."""
    if not lower.not_valid_before_utc <= now <= lower.not_valid_after_utc or below > _MOST_BELOW:
        return False
    if lower == root:
        return True
    return any(
        _has_signed(upper, lower, below) and _leads(upper, known, root, now, below + 1)
        for upper in known
        if upper != lower
    )


def _has_signed(upper: x509.Certificate, lower: x509.Certificate, below: int) -> bool:
    try:
        lower.verify_directly_issued_by(upper)
        constraints = upper.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = upper.extensions.get_extension_for_class(x509.KeyUsage).value
    except Exception:
        return False
    return (
        constraints.ca and usage.key_cert_sign and (constraints.path_length is None or constraints.path_length >= below)
    )
