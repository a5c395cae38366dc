"""A certificate authority for the servers of one test run, and hierarchies of them for a mesh."""

import datetime
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFETIME = datetime.timedelta(days=2)


@dataclass(frozen=True)
class KeyPair:
    """A certificate and its private key, both PEM."""

    certificate: bytes
    key: bytes


class Authority:
    """A root CA whose key never leaves memory unless it is asked for."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _subject(name)
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        self._certificate = (
            _builder(self._name, self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.pair = KeyPair(_pem(self._certificate), _private(self._key))

    def server(self, *names: str) -> KeyPair:
        """A server's certificate for host names and IP addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(_subject(names[0]), self._name, key.public_key())
            .add_extension(x509.SubjectAlternativeName([_name(each) for each in names]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return KeyPair(_pem(certificate), _private(key))


@dataclass(frozen=True)
class Signer:
    """A root or intermediate of a mesh, and its key."""

    certificate: x509.Certificate
    key: Any

    @property
    def pem(self) -> str:
        return _pem(self.certificate).decode()

    @property
    def key_pem(self) -> str:
        return _private(self.key).decode()

    def leaf(self, uri: str) -> x509.Certificate:
        """A workload's certificate."""
        name = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        key = ec.generate_private_key(ec.SECP256R1())
        return (
            _builder(x509.Name([]), self.certificate.subject, key.public_key())
            .add_extension(name, critical=True)
            .add_extension(usage, critical=False)
            .add_extension(_issuer(self), critical=False)
            .sign(self.key, hashes.SHA256())
        )

    def authority(self, request: str, *, path_length: int | None) -> str:
        """What it makes of a request, PEM: an authority below it."""
        asked = x509.load_pem_x509_csr(request.encode())
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        made = (
            _builder(asked.subject, self.certificate.subject, asked.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(asked.public_key()), critical=False)
            .add_extension(_issuer(self), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return _pem(made).decode()

    def crl(self, *revoked: x509.Certificate, renewed_by: datetime.date = datetime.date(2046, 1, 1)) -> str:
        """Its revocation list, PEM."""
        when = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject).last_update(when)
        builder = builder.next_update(datetime.datetime.combine(renewed_by, datetime.time(), datetime.UTC))
        for each in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(each.serial_number).revocation_date(when).build()
            builder = builder.add_revoked_certificate(entry)
        builder = builder.add_extension(x509.CRLNumber(1), critical=False).add_extension(_issuer(self), critical=False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def signer(
    name: str,
    issuer: Signer | None = None,
    *,
    key: Any = None,
    path_length: int | None = None,
    authority: bool | None = True,
    usages: Iterable[str] | None = ("key_cert_sign", "crl_sign"),
    extended: Iterable[x509.ObjectIdentifier] = (),
    constraints: x509.NameConstraints | None = None,
    first: datetime.date = datetime.date(2026, 1, 1),
    last: datetime.date = datetime.date(2046, 1, 1),
    unit: str = "",
) -> Signer:
    """A root, or what `issuer` signed; `authority` and `usages` of None leave the extension out."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    above = issuer.certificate.subject if issuer else _subject(name, unit)
    start, end = (datetime.datetime.combine(day, datetime.time(), datetime.UTC) for day in (first, last))
    builder = _builder(_subject(name, unit), above, key.public_key(), (start, end))
    if authority is not None:
        length = path_length if authority else None
        builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=length), critical=True)
    if usages is not None:
        names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
        asked = {each: each in set(usages) for each in (*names, "key_cert_sign", "crl_sign")}
        builder = builder.add_extension(x509.KeyUsage(**asked, encipher_only=False, decipher_only=False), critical=True)
    if extended := tuple(extended):
        builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
    if constraints is not None:
        builder = builder.add_extension(constraints, critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    if issuer is not None:
        builder = builder.add_extension(_issuer(issuer), critical=False)
    signing = issuer.key if issuer else key
    digest = None if isinstance(signing, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return Signer(builder.sign(signing, digest), key)


def _issuer(above: Signer) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(above.key.public_key())


def rsa_key() -> bytes:
    """A private RSA key, PEM."""
    return _private(rsa.generate_private_key(public_exponent=65537, key_size=2048))


def _subject(name: str, unit: str = "") -> x509.Name:
    units = [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit)] if unit else []
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name), *units])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: Any,
    valid: tuple[datetime.datetime, datetime.datetime] | None = None,
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    first, last = valid or (now - datetime.timedelta(hours=1), now + _LIFETIME)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(first)
        .not_valid_after(last)
    )


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _private(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
