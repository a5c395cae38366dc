"""What one certificate of an authority has to be like, so that all proxies of a mesh take what it signs."""

from collections.abc import Iterator
from contextlib import suppress

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

_CURVES = (ec.SECP256R1, ec.SECP384R1)
"""What every build of ztunnel verifies; P-521 and Ed25519 depend on the cryptography it was built with."""
_LEAST_RSA_BITS = 2048
_WEAK = (hashes.MD5, hashes.SHA1)
_BOTH_WAYS = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)

Complaint = tuple[str, str]
"""What goes on after the certificate's name, and the remedy."""


def unfit(certificate: x509.Certificate, *, authorities_below: int, with_crl: bool) -> Iterator[Complaint]:
    """What keeps a certificate from being an authority above ``authorities_below`` others and a leaf."""
    yield from _may_sign(certificate, authorities_below)
    yield from _usage(certificate, with_crl)
    yield from _names(certificate)
    yield from _algorithms(certificate)


def _may_sign(certificate: x509.Certificate, authorities_below: int) -> Iterator[Complaint]:
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        yield "is no authority: it has no basic constraints", "issue it with CA:TRUE"
        return
    if not constraints.ca:
        yield "is no authority: its basic constraints say CA:FALSE", "issue it with CA:TRUE"
    elif constraints.path_length is not None and constraints.path_length < authorities_below:
        yield (
            f"allows {constraints.path_length} authorities below it, and there are {authorities_below}",
            f"issue it with a path length of {authorities_below} or more",
        )


def _usage(certificate: x509.Certificate, with_crl: bool) -> Iterator[Complaint]:
    # Go, rustls and BoringSSL let one without a key usage sign anything; older roots, and OpenSSL's own, have none.
    with suppress(x509.ExtensionNotFound):
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        if not usage.key_cert_sign:
            yield "may not sign certificates", "issue it with the key usage keyCertSign"
        if with_crl and not usage.crl_sign:
            yield "may not sign revocation lists", "issue it with the key usage cRLSign"
    try:
        extended = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return
    # Go and rustls hold an authority's extended usage against what it signs.
    if ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE not in extended and not set(_BOTH_WAYS) <= set(extended):
        yield (
            "is limited to an extended key usage, and a workload is a server and a client",
            "issue it without one, or with serverAuth and clientAuth",
        )


def _names(certificate: x509.Certificate) -> Iterator[Complaint]:
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return
    permitted, excluded = constraints.permitted_subtrees or [], constraints.excluded_subtrees or []
    if any(isinstance(each, x509.UniformResourceIdentifier) for each in (*permitted, *excluded)):
        yield (
            "has name constraints on URIs, and a workload's name is one: rustls refuses all such chains",
            "issue it without; constraints on other kinds of names may stay",
        )
    allowed, refused = (
        [each.value for each in names if isinstance(each, x509.DNSName)] for names in (permitted, excluded)
    )
    if (allowed and not any(map(_covers_istiod, allowed))) or any(map(_covers_istiod, refused)):
        yield (
            "has name constraints that leave out istiod's own name, istiod.<namespace>.svc",
            "issue it without, or permit the DNS names below svc",
        )


def _covers_istiod(constraint: str) -> bool:
    """Whether a DNS constraint is on names such as ``istiod.istio-system.svc``, whatever the namespace."""
    return constraint.strip(".") in ("", "svc") or constraint.endswith(".svc")


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
