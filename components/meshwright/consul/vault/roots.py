"""Whether what a root made of a request, offline or in an HSM, can be the authority that Consul works below."""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import pairwise

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from meshwright.certs.x509_authority import Complaint, issued, name_of, no_authority
from meshwright.config.clock import today
from meshwright.consul.vault.engines import Root
from meshwright.errors import Code, Problem
from meshwright.kubernetes.errors import ComponentError, refuse

_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_DER = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def check_roots(roots: Iterable[Root], label: str) -> None:
    """Check the certificates of roots that are held elsewhere.

    Raises:
        ComponentError: MW-E240.
    """
    problems = [
        Problem(Code.VAULT_ROOT, f"{root.engine.path}: {message}", remedy, label)
        for root in roots
        if root.certificate
        for message, remedy in _mistakes(root.certificate, today())
    ]
    if problems:
        raise ComponentError(problems)


def of_request(request: str, certificate: str, label: str) -> str:
    """The certificate, if it was made of the request. Vault takes another one in, and then signs with no key.

    Raises:
        ComponentError: MW-E240.
    """
    asked, made = x509.load_pem_x509_csr(request.encode()), x509.load_pem_x509_certificate(certificate.encode())
    if asked.public_key().public_bytes(*_DER) != made.public_key().public_bytes(*_DER):
        message = f"{name_of(made)} has another key than the request of Vault's"
        raise refuse(Code.VAULT_ROOT, label, message, "sign the request that is in the stack's outputs")
    return certificate


def _mistakes(text: str, day: date) -> Iterator[Complaint]:
    if _PRIVATE_KEY.search(text):
        yield (
            "the certificate has a private key with it",
            "give the certificates alone; whoever has read it has the key",
        )
        return
    try:
        chain = x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        yield "no certificate can be read", "give it as PEM: -----BEGIN CERTIFICATE-----"
        return
    for below, each in enumerate(chain, start=1):
        # Consul has an intermediate below, and another datacenter's intermediates are signed here, too.
        yield from (
            (f"{name_of(each)} {what}", right)
            for what, right in no_authority(each, authorities_below=below, with_crl=False, names=None)
        )
        if not each.not_valid_before_utc.date() <= day < each.not_valid_after_utc.date():
            until = f"from {each.not_valid_before_utc.date()} until {each.not_valid_after_utc.date()}"
            yield f"{name_of(each)} is valid {until}, and today is {day}", "sign the request anew"
    for lower, upper in pairwise(chain):
        if not issued(lower, upper):
            yield (
                f"{name_of(lower)} is followed by {name_of(upper)}, which didn't sign it",
                "put the signer of each after it",
            )
    if not issued(chain[-1], chain[-1]):
        top = f"{name_of(chain[-1])} is not the root"
        yield top, "add the certificates above it: proxies verify up to a root"
