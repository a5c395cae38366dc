"""What every mesh asks of a certificate that signs: Go, rustls and BoringSSL verify what it signed."""

from collections.abc import Iterator
from contextlib import suppress

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID

_BOTH_WAYS = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)

Complaint = tuple[str, str]
"""What goes on after the certificate's name, and the remedy."""


def name_of(certificate: x509.Certificate) -> str:
    """How messages call a certificate."""
    return certificate.subject.rfc4514_string()


def issued(lower: x509.Certificate, upper: x509.Certificate) -> bool:
    """Whether one certificate was signed by another's key, and names it."""
    try:
        lower.verify_directly_issued_by(upper)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def no_authority(certificate: x509.Certificate, *, authorities_below: int, with_crl: bool) -> Iterator[Complaint]:
    """What keeps a certificate from signing ``authorities_below`` others and a leaf, whatever its key is."""
    yield from _may_sign(certificate, authorities_below)
    yield from _usage(certificate, with_crl)
    yield from _names(certificate)


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
