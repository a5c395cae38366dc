"""A certificate authority given as PEM, and whether Istio can sign with it: asked before anything is registered.

istiod reads the Secret ``cacerts`` once it is mounted, and one that it can't use stops it (``security/pkg/pki/ca``).
One that it can use and the proxies can't is worse: nothing connects any more. So what Go, rustls (ztunnel) and
BoringSSL (waypoints) ask of a chain is asked here, together.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from meshwright.certs.x509_authority import issued, name_of
from meshwright.errors import Code, MeshwrightError, Problem
from meshwright.istio.certificates.fitness import unfit

_PRIVATE_KEY = re.compile(r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)
"""istiod reads the first block of ca-key.pem and no other, where OpenSSL writes EC PARAMETERS before a key."""
_CURRENT_FOR = timedelta(days=2)
"""A leaf lives for a day: an authority with less left than this signs leaves that outlive it."""


@dataclass(frozen=True, slots=True)
class AuthorityPem:
    """An authority as PEM text."""

    certificate: str
    """What signs: the certificate of the intermediate of this cluster."""
    key: str = field(repr=False)
    """Its private key, unencrypted."""
    root: str
    """The root, or roots, that the mesh trusts."""
    chain: str = ""
    """The certificates between `certificate` and `root`, from it upwards. Istio's own form of cert-chain.pem, which has
    both ends in it, is understood too."""
    crl: str = ""
    """Revocation lists: one of each authority in the chain, the root's included."""
    root_signs: bool = False
    """`certificate` is a root: allowed only to take over the key of istiod's own ``istio-ca-secret``."""


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority that Istio can sign with."""

    chain: tuple[x509.Certificate, ...]
    """What signs, and the certificates above it but for the root."""
    roots: tuple[x509.Certificate, ...]
    crls: tuple[x509.CertificateRevocationList, ...]
    key: str = field(repr=False)
    """``ca-key.pem``: the block of the key alone."""

    @property
    def chain_pem(self) -> str:
        """``cert-chain.pem``: what a proxy sends after its leaf."""
        return pem(self.chain)

    @property
    def expires(self) -> date:
        """The last day on which everything above a leaf is valid."""
        return min(each.not_valid_after_utc.date() for each in (*self.chain, *self.roots))


def pem(certificates: tuple[x509.Certificate, ...]) -> str:
    """The certificates as PEM, one after the other."""
    return "".join(each.public_bytes(Encoding.PEM).decode() for each in certificates)


def read_authority(given: AuthorityPem, place: str, today: date) -> Authority:
    """Read an authority and check it.

    Raises:
        MeshwrightError: MW-E145 for what is not PEM, MW-E146 for a chain that doesn't hold, MW-E147 for a certificate
            that may not sign or is out of date, MW-E148 for revocation lists. No message has any of a key in it.
    """
    signer, *more = _certificates(given.certificate, "certificate", place)
    roots = _roots(given.root, place)
    between = [*more, *(_certificates(given.chain, "chain", place) if given.chain.strip() else ())]
    between = [each for each in between if each != signer and each not in roots]
    block = _PRIVATE_KEY.search(given.key)
    key = f"{block[0]}\n" if block else ""
    authority = Authority((signer, *between), tuple(roots), tuple(_crls(given.crl, place)), key)
    problems = [
        *_key(signer, key, place),
        *_chain(authority, root_signs=given.root_signs, place=place),
        *_all_in_use(authority, today, place),
        *_revocation(authority, today, place),
    ]
    if problems:
        raise MeshwrightError(problems)
    return authority


def read_roots(text: str, place: str, today: date) -> tuple[x509.Certificate, ...]:
    """Read the roots that a mesh trusts, and check them. Raises as `read_authority` does."""
    roots = tuple(_roots(text, place))
    problems = [
        *_self_signed(roots, place),
        *(each for root in roots for each in _in_use(root, 0, False, today, place)),
    ]
    if problems:
        raise MeshwrightError(problems)
    return roots


def _roots(text: str, place: str) -> list[x509.Certificate]:
    if _PRIVATE_KEY.search(text):
        # Roots are public: they go to state, outputs and ConfigMaps as they are.
        remedy = "give the certificate alone; whoever has read the file has read the key"
        raise MeshwrightError(Problem(Code.CERTIFICATE_UNREADABLE, "root has a private key in it", remedy, place))
    return _certificates(text, "root", place)


def _certificates(text: str, what: str, place: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        remedy = "give it as PEM: -----BEGIN CERTIFICATE-----"
        raise MeshwrightError(
            Problem(Code.CERTIFICATE_UNREADABLE, f"{what} holds no certificate that can be read", remedy, place)
        ) from None


def _crls(text: str, place: str) -> Iterator[x509.CertificateRevocationList]:
    end = "-----END X509 CRL-----"
    for part in text.split(end)[:-1]:
        try:
            yield x509.load_pem_x509_crl((part + end).encode())
        except ValueError:
            raise _no_crl(place) from None
    if text.strip() and end not in text:
        raise _no_crl(place)


def _no_crl(place: str) -> MeshwrightError:
    remedy = "give it as PEM: -----BEGIN X509 CRL-----"
    return MeshwrightError(Problem(Code.CERTIFICATE_UNREADABLE, "crl holds no list that can be read", remedy, place))


def _key(signer: x509.Certificate, text: str, place: str) -> Iterator[Problem]:
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        yield Problem(
            Code.CERTIFICATE_UNREADABLE,
            "key holds no private key that can be read",
            "give it as PEM, without a passphrase: istiod has none to open it with",
            place,
        )
        return
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != signer.public_key().public_bytes(*form):
        yield Problem(
            Code.CERTIFICATE_CHAIN,
            f"key is not the key of {name_of(signer)}",
            "give the key that the signing request was made with",
            place,
        )


def _self_signed(roots: tuple[x509.Certificate, ...], place: str) -> Iterator[Problem]:
    for root in roots:
        if not issued(root, root):
            yield Problem(
                Code.CERTIFICATE_CHAIN,
                f"root {name_of(root)} is not signed by itself",
                "give the root alone there, and what lies between in chain",
                place,
            )


def _chain(authority: Authority, *, root_signs: bool, place: str) -> Iterator[Problem]:
    signer, top = authority.chain[0], authority.chain[-1]
    yield from _self_signed(authority.roots, place)
    if signer in authority.roots:
        if not root_signs:
            yield Problem(
                Code.CERTIFICATE_CHAIN,
                f"{name_of(signer)} is a root, and would sign for workloads with a key that lies in the cluster",
                "sign an intermediate for each cluster with it, and keep its key outside",
                place,
            )
        return
    for lower, upper in pairwise(authority.chain):
        if not issued(lower, upper):
            yield Problem(
                Code.CERTIFICATE_CHAIN,
                f"{name_of(lower)} is followed by {name_of(upper)}, which didn't sign it",
                "put the chain in order: what signs first, then the issuer of each",
                place,
            )
    if not any(issued(top, root) for root in authority.roots):
        yield Problem(
            Code.CERTIFICATE_CHAIN,
            f"no root given signed {name_of(top)}",
            f"add what lies between to chain, or the root {top.issuer.rfc4514_string()} to root",
            place,
        )


def _all_in_use(authority: Authority, today: date, place: str) -> Iterator[Problem]:
    with_crl, chain = bool(authority.crls), authority.chain
    for below, certificate in enumerate(chain):
        yield from _in_use(certificate, below, with_crl, today, place)
    for root in authority.roots:
        if root not in chain:
            yield from _in_use(root, len(chain) if issued(chain[-1], root) else 0, with_crl, today, place)


def _in_use(
    certificate: x509.Certificate, authorities_below: int, with_crl: bool, today: date, place: str
) -> Iterator[Problem]:
    for message, remedy in unfit(certificate, authorities_below=authorities_below, with_crl=with_crl):
        yield Problem(Code.CERTIFICATE_UNFIT, f"{name_of(certificate)} {message}", remedy, place)
    first, last = certificate.not_valid_before_utc.date(), certificate.not_valid_after_utc.date()
    if first > today:
        message = f"{name_of(certificate)} is valid from {first}, which is after today ({today})"
        yield Problem(Code.CERTIFICATE_UNFIT, message, "wait, or issue it anew", place)
    if last < today + _CURRENT_FOR:
        message = f"{name_of(certificate)} is valid until {last}, and today is {today}"
        yield Problem(Code.CERTIFICATE_UNFIT, message, "issue it anew; a leaf alone lives for a day", place)


def _revocation(authority: Authority, today: date, place: str) -> Iterator[Problem]:
    if not authority.crls:
        return
    for certificate in dict.fromkeys((*authority.chain, *authority.roots)):
        key = certificate.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
            continue
        lists = [each for each in authority.crls if each.issuer == certificate.subject and each.is_signature_valid(key)]
        if not lists:
            yield Problem(
                Code.CERTIFICATE_REVOCATION,
                f"crl has no list that {name_of(certificate)} signed",
                "give one of each authority in the chain: with a list of some alone, Envoy refuses every certificate",
                place,
            )
        for each in lists:
            if each.next_update_utc is not None and each.next_update_utc.date() < today:
                message = f"the list of {name_of(certificate)} was to be renewed on {each.next_update_utc.date()}"
                yield Problem(Code.CERTIFICATE_REVOCATION, message, "issue it anew", place)
            yield from _revoked(each, authority, place)


def _revoked(crl: x509.CertificateRevocationList, authority: Authority, place: str) -> Iterator[Problem]:
    for certificate in authority.chain:
        revoked = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
        if revoked is not None and crl.issuer == certificate.issuer:
            message = f"{name_of(certificate)} is revoked by the list of its issuer"
            yield Problem(Code.CERTIFICATE_REVOCATION, message, "sign with an authority that isn't", place)
