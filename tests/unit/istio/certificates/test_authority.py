"""An authority that Istio or its proxies can't use is refused, and what is wrong with it is said."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from meshwright.errors import MeshwrightError
from meshwright.istio.certificates.authority import AuthorityPem, read_authority, read_roots
from tests.servers.pki import Signer, signer
from tests.unit.istio.certificates.mesh import args, given, intermediate, root, with_lists

TODAY = date(2026, 11, 23)


def lines(authority: AuthorityPem) -> list[str]:
    with pytest.raises(MeshwrightError) as refused:
        read_authority(authority, "here", TODAY)
    return str(refused.value).removeprefix("here: ").split("\nhere: ")


def below(issuer: Signer | None = None, **how: Any) -> AuthorityPem:
    made = signer("odd", issuer or root(), **how)
    return AuthorityPem(made.pem, made.key_pem, root().pem)


def test_an_intermediate_and_its_root() -> None:
    read = read_authority(given(), "here", TODAY)
    assert read.chain == (intermediate().certificate,)
    assert read.roots == (root().certificate,)
    assert read.chain_pem == intermediate().pem
    assert read.expires == date(2046, 1, 1)


def test_a_longer_hierarchy_in_the_form_that_istio_has() -> None:
    policy = signer("policy", root(), path_length=1)
    issuing = signer("issuing", policy, path_length=0, last=date(2027, 1, 1))
    plain = AuthorityPem(issuing.pem, issuing.key_pem, root().pem, policy.pem)
    istio = AuthorityPem(issuing.pem, issuing.key_pem, root().pem, issuing.pem + policy.pem + root().pem)
    bundled = AuthorityPem(issuing.pem + policy.pem, issuing.key_pem, root().pem)
    for authority in (plain, istio, bundled):
        read = read_authority(authority, "here", TODAY)
        assert read.chain == (issuing.certificate, policy.certificate)
        assert read.chain_pem == issuing.pem + policy.pem
        assert read.expires == date(2027, 1, 1)


def test_two_roots_are_trusted_and_one_of_them_signed() -> None:
    read = read_authority(given(root=root("new").pem + root().pem), "here", TODAY)
    assert read.roots == (root("new").certificate, root().certificate)


@pytest.mark.parametrize("key", [ec.SECP384R1(), 2048])
def test_other_keys_that_every_proxy_verifies(key: Any) -> None:
    made = rsa.generate_private_key(65537, key) if isinstance(key, int) else ec.generate_private_key(key)
    assert read_authority(below(key=made), "here", TODAY).key == signer("x", key=made).key_pem


NO_KEY = "give it as PEM, without a passphrase: istiod has none to open it with (MW-E145)"
SMALL = rsa.generate_private_key(65537, 1024)  # noqa: S505  (that it is too small is the point)
LOCKED = serialization.BestAvailableEncryption(b"x")


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            {"certificate": "certificate"},
            "certificate holds no certificate that can be read; give it as PEM: -----BEGIN CERTIFICATE----- (MW-E145)",
        ),
        (
            {"root": ""},
            "root holds no certificate that can be read; give it as PEM: -----BEGIN CERTIFICATE----- (MW-E145)",
        ),
        (
            {"chain": "x"},
            "chain holds no certificate that can be read; give it as PEM: -----BEGIN CERTIFICATE----- (MW-E145)",
        ),
        ({"crl": "x"}, "crl holds no list that can be read; give it as PEM: -----BEGIN X509 CRL----- (MW-E145)"),
        (
            {"crl": "-----BEGIN X509 CRL-----\nAA==\n-----END X509 CRL-----\n"},
            "crl holds no list that can be read; give it as PEM: -----BEGIN X509 CRL----- (MW-E145)",
        ),
        ({"key": "x"}, f"key holds no private key that can be read; {NO_KEY}"),
        (
            {
                "key": intermediate()
                .key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, LOCKED)
                .decode()
            },
            f"key holds no private key that can be read; {NO_KEY}",
        ),
        (
            {"key": root().key_pem},
            "key is not the key of CN=old eu; give the key that the signing request was made with (MW-E146)",
        ),
        (
            {"root": root("new").pem},
            (
                "no root given signed CN=old eu; add what lies between to chain, or the root CN=old root to root (MW-E146)"
            ),
        ),
    ],
)
def test_what_cannot_be_read_or_does_not_belong_together(change: dict[str, str], line: str) -> None:
    assert lines(given(**change)) == [line]


def test_a_root_does_not_sign_for_workloads() -> None:
    top = root()
    alone = {"certificate": top.pem, "key": top.key_pem}
    assert lines(given(**alone)) == [
        (
            "CN=old root is a root, and would sign for workloads with a key that lies in the cluster; sign an "
            "intermediate for each cluster with it, and keep its key outside (MW-E146)"
        )
    ]
    assert read_authority(given(**alone, root_signs=True), "here", TODAY).chain == (top.certificate,)


def test_a_chain_out_of_order() -> None:
    upper = signer("upper", root())
    lower = signer("lower", upper)
    issuing = signer("issuing", lower)
    said = lines(AuthorityPem(issuing.pem, issuing.key_pem, root().pem, upper.pem + lower.pem))
    order = "put the chain in order: what signs first, then the issuer of each (MW-E146)"
    assert said == [
        f"CN=issuing is followed by CN=upper, which didn't sign it; {order}",
        f"CN=upper is followed by CN=lower, which didn't sign it; {order}",
        "no root given signed CN=lower; add what lies between to chain, or the root CN=upper to root (MW-E146)",
    ]


def test_an_intermediate_is_no_root() -> None:
    middle = signer("middle", root())
    issuing = signer("issuing", middle)
    said = "root CN=middle is not signed by itself; give the root alone there, and what lies between in chain (MW-E146)"
    assert lines(AuthorityPem(issuing.pem, issuing.key_pem, middle.pem)) == [said]


@pytest.mark.parametrize(
    ("how", "line"),
    [
        ({"authority": False}, "is no authority: its basic constraints say CA:FALSE; issue it with CA:TRUE"),
        ({"authority": None}, "is no authority: it has no basic constraints; issue it with CA:TRUE"),
        ({"usages": ["crl_sign"]}, "may not sign certificates; issue it with the key usage keyCertSign"),
        (
            {"extended": [ExtendedKeyUsageOID.SERVER_AUTH]},
            (
                "is limited to an extended key usage, and a workload is a server and a client; issue it without one, or "
                "with serverAuth and clientAuth"
            ),
        ),
        (
            {"key": ec.generate_private_key(ec.SECP521R1())},
            "has a key on secp521r1, which not every proxy verifies; use P-256 or P-384",
        ),
        (
            {"key": SMALL},
            "has an RSA key of 1024 bits; use P-256, or RSA of 2048 bits or more",
        ),
        (
            {"key": ed25519.Ed25519PrivateKey.generate()},
            "has a key that is neither ECDSA nor RSA; use P-256 or P-384; not every proxy verifies others",
        ),
        (
            {"first": date(2026, 11, 24)},
            "is valid from 2026-11-24, which is after today (2026-11-23); wait, or issue it anew",
        ),
        (
            {"last": date(2026, 11, 24)},
            "is valid until 2026-11-24, and today is 2026-11-23; issue it anew; a leaf alone lives for a day",
        ),
    ],
)
def test_a_certificate_that_is_no_good_authority(how: dict[str, Any], line: str) -> None:
    assert lines(below(**how)) == [f"CN=odd {line} (MW-E147)"]


@pytest.mark.parametrize(
    "extended",
    [[ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH], [ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]],
)
def test_an_extended_usage_that_allows_workloads(extended: list[Any]) -> None:
    assert read_authority(below(extended=extended), "here", TODAY)


def test_a_path_length_that_is_too_short() -> None:
    top = signer("short root", path_length=0)
    issuing = signer("issuing", top)
    said = "CN=short root allows 0 authorities below it, and there are 1; issue it with a path length of 1 or more (MW-E147)"
    assert lines(AuthorityPem(issuing.pem, issuing.key_pem, top.pem)) == [said]
    beside = given(root=root().pem + top.pem)
    assert read_authority(beside, "here", TODAY).roots == (root().certificate, top.certificate)


def test_a_signature_that_nobody_takes_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    from cryptography.hazmat.primitives import hashes

    from meshwright.istio.certificates import fitness

    monkeypatch.setattr(fitness, "_WEAK", (hashes.SHA256,))
    assert lines(given())[0] == "CN=old eu is signed with sha256; sign it with SHA-256 (MW-E147)"


def test_revocation_lists_of_the_whole_chain() -> None:
    read = read_authority(AuthorityPem(**with_lists()), "here", TODAY)
    assert [each.issuer.rfc4514_string() for each in read.crls] == ["CN=old eu", "CN=old root"]


@pytest.mark.parametrize(
    ("crl", "line"),
    [
        (
            lambda: intermediate().crl(),
            (
                "crl has no list that CN=old root signed; give one of each authority in the chain: with a list of some "
                "alone, Envoy refuses every certificate"
            ),
        ),
        (
            lambda: intermediate().crl() + root().crl(renewed_by=date(2026, 11, 22)),
            "the list of CN=old root was to be renewed on 2026-11-22; issue it anew",
        ),
        (
            lambda: intermediate().crl() + root().crl(intermediate().certificate),
            "CN=old eu is revoked by the list of its issuer; sign with an authority that isn't",
        ),
    ],
)
def test_revocation_lists_that_do_not_hold(crl: Callable[[], str], line: str) -> None:
    assert lines(given(crl=crl())) == [f"{line} (MW-E148)"]


def test_an_authority_that_may_not_sign_lists() -> None:
    odd = signer("odd", root(), usages=["key_cert_sign"])
    lists = odd.crl() + root().crl()
    said = "CN=odd may not sign revocation lists; issue it with the key usage cRLSign (MW-E147)"
    assert lines(AuthorityPem(odd.pem, odd.key_pem, root().pem, crl=lists)) == [said]


def test_a_list_of_an_authority_with_an_odd_key_is_not_looked_at() -> None:
    odd = signer("odd", root(), key=ed25519.Ed25519PrivateKey.generate())
    authority = AuthorityPem(odd.pem, odd.key_pem, root().pem, crl=root().crl())
    assert lines(authority) == [
        "CN=odd has a key that is neither ECDSA nor RSA; use P-256 or P-384; not every proxy verifies others (MW-E147)"
    ]


def test_a_root_without_a_key_usage_signs_all_the_same() -> None:
    top = signer("plain root", usages=None)
    issuing = signer("issuing", top)
    assert read_authority(AuthorityPem(issuing.pem, issuing.key_pem, top.pem), "here", TODAY).roots == (
        top.certificate,
    )
    lists = AuthorityPem(issuing.pem, issuing.key_pem, top.pem, crl=issuing.crl() + top.crl())
    assert len(read_authority(lists, "here", TODAY).crls) == 2


URIS = "has name constraints on URIs: rustls, by which proxies verify, refuses all such chains"
ISTIOD = "has name constraints that leave out istiod's own name, istiod.<namespace>.svc"


@pytest.mark.parametrize(
    ("permitted", "excluded", "message"),
    [
        ([x509.UniformResourceIdentifier("cluster.local")], None, URIS),
        (None, [x509.UniformResourceIdentifier("example.com")], URIS),
        ([x509.DNSName("corp.example.com")], None, ISTIOD),
        (None, [x509.DNSName("svc")], ISTIOD),
        ([x509.DNSName("corp.example.com"), x509.DNSName("svc")], None, ""),
        ([x509.DNSName(".istio-system.svc")], None, ""),
        (None, [x509.DNSName("example.com")], ""),
        ([x509.DirectoryName(x509.Name([]))], None, ""),
    ],
)
def test_constraints_on_names(permitted: Any, excluded: Any, message: str) -> None:
    authority = below(constraints=x509.NameConstraints(permitted, excluded))
    if message:
        assert [line.partition(";")[0] for line in lines(authority)] == [f"CN=odd {message}"]
    else:
        assert read_authority(authority, "here", TODAY).crls == ()


def test_istiod_is_given_the_block_of_the_key_alone() -> None:
    parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    for before in (parameters, intermediate().pem):
        read = read_authority(given(key=before + intermediate().key_pem), "here", TODAY)
        assert read.key == intermediate().key_pem


def test_a_root_with_a_key_beside_it_is_refused() -> None:
    said = (
        "root has a private key in it; give the certificate alone; whoever has read the file has read the key (MW-E145)"
    )
    assert lines(given(root=root().pem + root().key_pem)) == [said]
    with pytest.raises(MeshwrightError, match="root has a private key"):
        read_roots(root().key_pem + root().pem, "here", TODAY)


def test_no_message_has_a_key_in_it() -> None:
    secret = args()["key"].splitlines()[1]
    assert secret not in repr(given())
    assert secret not in repr(read_authority(given(), "here", TODAY))


def test_roots_alone() -> None:
    assert read_roots(root().pem + root("new").pem, "here", TODAY) == (root().certificate, root("new").certificate)
    with pytest.raises(MeshwrightError, match="CN=old eu is not signed by itself"):
        read_roots(intermediate().pem, "here", TODAY)
    with pytest.raises(MeshwrightError, match="is valid until 2026-11-23"):
        read_roots(signer("late", last=date(2026, 11, 23)).pem, "here", TODAY)
