"""Whether Linkerd, and its proxies, can work with certificates: asked before anything is registered.

The rules are those of linkerd2's ``pkg/issuercerts/issuercerts.go``, which the CLI asks and Helm doesn't,
and of ``pkg/identity/service.go``, where the control plane would stop or, later, keep its old issuer silently.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from meshwright.certs.x509_authority import Complaint, Names, issued, name_of, no_authority
from meshwright.errors import Code, MeshwrightError, Problem
from meshwright.linkerd.certificates.lifetimes import in_seconds
from meshwright.linkerd.labels import NAMESPACE

_RSA_BITS = (2048, 4096)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_DER = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def workloads(trust_domain: str) -> Names:
    """What the proxies' certificates are called."""
    zone = f"serviceaccount.identity.{NAMESPACE}.{trust_domain}"
    return Names(f"the workloads' names, <account>.<namespace>.{zone}", zone)


def read_anchors(text: str, place: str, today: date, trust_domain: str | None = None) -> tuple[x509.Certificate, ...]:
    """Read trust anchors and check them; without the trust domain, not whether they may sign its names.

    Raises:
        MeshwrightError: MW-E145 for what is not PEM or holds a key, MW-E147 for a certificate that can't be an anchor
            or is out of date, MW-E188 for one that is there twice.
    """
    if _PRIVATE_KEY.search(text):
        remedy = "give the certificates alone; whoever has read them has read the key"
        raise MeshwrightError(Problem(Code.CERTIFICATE_UNREADABLE, "the anchor has a private key in it", remedy, place))
    anchors = tuple(_certificates(text, "the anchor", place))
    problems, names = [*repeated(anchors, place)], workloads(trust_domain) if trust_domain else None
    for anchor in dict.fromkeys(anchors):
        problems += _unfit(anchor, 1, place, names, issuer=False)
        problems += _out_of_date(anchor, today, place)
    if problems:
        raise MeshwrightError(problems)
    return anchors


def repeated(anchors: tuple[x509.Certificate, ...], place: str) -> Iterator[Problem]:
    """Anchors that a bundle holds more than once: the bundle looks rotated and isn't."""
    for anchor in dict.fromkeys(each for each in anchors if anchors.count(each) > 1):
        message = f"{name_of(anchor)} is in the bundle {anchors.count(anchor)} times"
        yield Problem(Code.DUPLICATE_ANCHOR, message, "give each anchor once", place)


def check_issuer(
    certificate: str,
    key: str,
    anchors: tuple[x509.Certificate, ...],
    place: str,
    today: date,
    trust_domain: str | None = None,
) -> tuple[x509.Certificate, ...]:
    """Read an issuer with what lies between it and its anchor, and check them with its key.

    Raises:
        MeshwrightError: MW-E145 for what can't be read, MW-E146 for a chain or key that doesn't hold, MW-E147 for a
            certificate that Linkerd refuses, MW-E187 for one that outlives its anchor. No message has any of a key.
    """
    chain = tuple(_certificates(certificate, "the issuer", place))
    problems, names = [*check_key(chain[0], key, place)], workloads(trust_domain) if trust_domain else None
    for below, each in enumerate(chain):
        problems += _unfit(each, below, place, names, issuer=below == 0)
        problems += _out_of_date(each, today, place)
    problems += _chain(chain, anchors, place, names)
    if problems:
        raise MeshwrightError(problems)
    return chain


def check_key(certificate: x509.Certificate, text: str, place: str) -> Iterator[Problem]:
    """Whether a private key, PEM without a passphrase, belongs to a certificate."""
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        remedy = "give it as PEM, without a passphrase"
        yield Problem(Code.CERTIFICATE_UNREADABLE, "the key can't be read", remedy, place)
        return
    if key.public_key().public_bytes(*_DER) != certificate.public_key().public_bytes(*_DER):
        remedy = "give the key that the certificate was made with"
        yield Problem(Code.CERTIFICATE_CHAIN, f"the key is not the key of {name_of(certificate)}", remedy, place)


def _certificates(text: str, what: str, place: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        message, remedy = f"{what} holds no certificate that can be read", "give it as PEM: -----BEGIN CERTIFICATE-----"
        raise MeshwrightError(Problem(Code.CERTIFICATE_UNREADABLE, message, remedy, place)) from None


def check_lasts(anchors: tuple[x509.Certificate, ...], lifetime: str, place: str, today: date) -> Iterator[Problem]:
    """Whether an issuer that is made today, to live for ``lifetime``, ends before the anchor above it: MW-E187.

    The anchor is the one of these that ends last: which of several signs, is not known before.
    """
    anchor = max(anchors, key=lambda each: each.not_valid_after_utc)
    ends = datetime.combine(today, time(), UTC) + timedelta(seconds=in_seconds(lifetime))
    if ends > anchor.not_valid_after_utc:
        message = (
            f"an issuer of {lifetime} that is made today ({today}) ends on {ends.date()}, after its anchor "
            f"{name_of(anchor)} ({anchor.not_valid_after_utc.date()})"
        )
        remedy = "shorten the issuer's lifetime, or rotate to an anchor that lives longer"
        yield Problem(Code.ISSUER_OUTLIVES_ANCHOR, message, remedy, place)


def _chain(
    chain: tuple[x509.Certificate, ...], anchors: tuple[x509.Certificate, ...], place: str, names: Names | None
) -> Iterator[Problem]:
    for lower, upper in pairwise(chain):
        if not issued(lower, upper):
            message = f"{name_of(lower)} is followed by {name_of(upper)}, which didn't sign it"
            yield Problem(Code.CERTIFICATE_CHAIN, message, "put the issuer first, then the signer of each", place)
    top = chain[-1]
    above = [each for each in anchors if issued(top, each)]
    if not above:
        remedy = f"sign it with the anchor, or give the anchor {top.issuer.rfc4514_string()}"
        yield Problem(Code.CERTIFICATE_CHAIN, f"the anchor didn't sign {name_of(top)}", remedy, place)
    for anchor in above:
        if anchor not in chain:
            yield from _unfit(anchor, len(chain), place, names, issuer=False)
        if chain[0].not_valid_after_utc > anchor.not_valid_after_utc:
            ends = f"{chain[0].not_valid_after_utc.date()}, after its anchor ({anchor.not_valid_after_utc.date()})"
            message = f"the issuer {name_of(chain[0])} ends on {ends}"
            yield Problem(Code.ISSUER_OUTLIVES_ANCHOR, message, "issue it for a shorter time", place)


def _unfit(
    certificate: x509.Certificate, below: int, place: str, names: Names | None, *, issuer: bool
) -> Iterator[Problem]:
    for message, remedy in no_authority(certificate, authorities_below=below, with_crl=False, names=names):
        yield Problem(Code.CERTIFICATE_UNFIT, f"{name_of(certificate)} {message}", remedy, place)
    for message, remedy in algorithms(certificate, issuer=issuer):
        yield Problem(Code.CERTIFICATE_UNFIT, f"{name_of(certificate)} {message}", remedy, place)


def algorithms(certificate: x509.Certificate, *, issuer: bool) -> Iterator[Complaint]:
    """What Linkerd refuses of a certificate's key and of its signature."""
    key = certificate.public_key()
    right = "use ECDSA P-256" if issuer else "use ECDSA P-256, or RSA of 2048 or 4096 bits"
    if isinstance(key, ec.EllipticCurvePublicKey):
        if not isinstance(key.curve, ec.SECP256R1):
            yield f"has a key on {key.curve.name}, which Linkerd refuses", right
    elif not isinstance(key, rsa.RSAPublicKey):
        yield "has a key that is neither ECDSA nor RSA", right
    elif issuer:
        yield "has an RSA key, and an issuer's is ECDSA", right
    elif key.key_size not in _RSA_BITS:
        yield f"has an RSA key of {key.key_size} bits, which Linkerd refuses", right
    signed_by = certificate.signature_hash_algorithm
    if not isinstance(signed_by, hashes.SHA256):
        shown = signed_by.name if signed_by else "no hash"
        yield f"is signed with {shown}, and Linkerd takes SHA-256 alone", "sign it with SHA-256: a P-256 or RSA key"
    elif isinstance(certificate.signature_algorithm_parameters, padding.PSS):
        yield "is signed with RSA-PSS, which Linkerd refuses", "sign it with SHA-256 and RSA PKCS #1 v1.5, or ECDSA"


def _out_of_date(certificate: x509.Certificate, today: date, place: str) -> Iterator[Problem]:
    first, last = certificate.not_valid_before_utc.date(), certificate.not_valid_after_utc.date()
    if first > today:
        message = f"{name_of(certificate)} is valid from {first}, which is after today ({today})"
        yield Problem(Code.CERTIFICATE_UNFIT, message, "wait, or issue it anew", place)
    if last <= today:
        message = f"{name_of(certificate)} is valid until {last}, and today is {today}"
        yield Problem(Code.CERTIFICATE_UNFIT, message, "issue it anew; see break-glass if it is in use", place)
