"""What every mesh asks of a certificate that signs: Go, rustls and BoringSSL verify what it signed."""

from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

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


class Names(NamedTuple):
    """The DNS names of what a mesh's authority signs."""

    called: str
    """In messages: ``istiod's own name, istiod.<namespace>.svc``."""
    below: str
    """The domain that they are in: ``svc``."""


def no_authority(
    certificate: x509.Certificate, *, authorities_below: int, with_crl: bool, names: Names | None
) -> Iterator[Complaint]:
    """What keeps a certificate from signing ``authorities_below`` others and a leaf, whatever its key is.

    Args:
        certificate: The certificate.
        authorities_below: How many authorities are between it and the leaf.
        with_crl: Whether it has to sign a revocation list, too.
        names: What a leaf is called; None where that isn't known.
    """
    yield from _may_sign(certificate, authorities_below)
    yield from _usage(certificate, with_crl)
    yield from _constraints(certificate, names)


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


def _constraints(certificate: x509.Certificate, names: Names | None) -> Iterator[Complaint]:
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return
    permitted, excluded = constraints.permitted_subtrees or [], constraints.excluded_subtrees or []
    if any(isinstance(each, x509.UniformResourceIdentifier) for each in (*permitted, *excluded)):
        yield (
            "has name constraints on URIs: rustls, by which proxies verify, refuses all such chains",
            "issue it without; constraints on other kinds of names may stay",
        )
    allowed, refused = (
        [each.value.strip(".") for each in given if isinstance(each, x509.DNSName)] for given in (permitted, excluded)
    )
    if names is None:
        return
    if (allowed and not any(_meet(each, names.below) for each in allowed)) or any(
        _meet(each, names.below) for each in refused
    ):
        yield (
            f"has name constraints that leave out {names.called}",
            f"issue it without, or permit the DNS names below {names.below}",
        )


def _meet(one: str, other: str) -> bool:
    """Whether a name can be in both domains: one of them is in the other."""
    return one in ("", other) or one.endswith(f".{other}") or other.endswith(f".{one}")
