"""What one certificate of an authority has to be like, so that all proxies of a mesh take what it signs."""

from collections.abc import Iterator

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from meshwright.certs.x509_authority import Complaint, Names, no_authority

_CURVES = (ec.SECP256R1, ec.SECP384R1)
"""What every build of ztunnel verifies; P-521 and Ed25519 depend on the cryptography it was built with."""
_LEAST_RSA_BITS = 2048
_NAMES = Names("istiod's own name, istiod.<namespace>.svc", "svc")
_WEAK = (hashes.MD5, hashes.SHA1)


def unfit(certificate: x509.Certificate, *, authorities_below: int, with_crl: bool) -> Iterator[Complaint]:
    """What keeps a certificate from being an authority above ``authorities_below`` others and a leaf."""
    yield from no_authority(certificate, authorities_below=authorities_below, with_crl=with_crl, names=_NAMES)
    yield from _algorithms(certificate)


def _algorithms(certificate: x509.Certificate) -> Iterator[Complaint]:
    key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        if not isinstance(key.curve, _CURVES):
            yield f"has a key on {key.curve.name}, which not every proxy verifies", "use P-256 or P-384"
    elif isinstance(key, rsa.RSAPublicKey):
        if key.key_size < _LEAST_RSA_BITS:
            yield f"has an RSA key of {key.key_size} bits", f"use P-256, or RSA of {_LEAST_RSA_BITS} bits or more"
    else:
        yield "has a key that is neither ECDSA nor RSA", "use P-256 or P-384; not every proxy verifies others"
    if isinstance(certificate.signature_hash_algorithm, _WEAK):
        yield f"is signed with {certificate.signature_hash_algorithm.name}", "sign it with SHA-256"
