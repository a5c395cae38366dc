"""What each source and each step of a rotation registers, and what is refused before anything is."""

import datetime
from typing import Any

import pulumi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from meshwright import IdentityIssuer, TrustAnchor
from meshwright.engine.graph import UNKNOWN, Graph, Secret
from meshwright.kubernetes.errors import ComponentError
from tests.servers.pki import Signer, signer
from tests.unit.graphs import find, inputs, names, with_provider

OLD, NEW = signer("old"), signer("new")
ISSUER = signer("issuer", OLD, path_length=0, last=datetime.date(2027, 1, 1))
DAY = "2026-11-20"
STEPS: dict[str, Any] = {
    "both-trusted": {"step": "both-trusted", "since": DAY, "previous": {"step": "steady"}},
    "issuer-switched": {
        "step": "issuer-switched",
        "since": DAY,
        "previous": {"step": "both-trusted", "since": "2026-11-10"},
    },
    "old-removed": {
        "step": "old-removed",
        "since": DAY,
        "previous": {"step": "issuer-switched", "since": "2026-11-10"},
    },
}


def trust(anchor: Any, upcoming: Any = None, **more: Any) -> Graph:
    """An anchor, the next one if there is one, and the issuer."""

    def program(opts: pulumi.ResourceOptions) -> None:
        args: Any = dict(more)
        for key, each in (("anchor", anchor), ("next", upcoming)):
            if each is not None:
                args[key] = TrustAnchor(f"anchor-{each['name']}", each, opts)
        IdentityIssuer("identity", args, opts)

    return with_provider(program)


def own(name: str = "a", **more: Any) -> dict[str, Any]:
    return {"source": "cert-manager", "name": name, **more}


def pair(anchor: Signer = OLD, issuer: Signer = ISSUER, name: str = "a") -> dict[str, Any]:
    files = {"certificate": anchor.pem, "issuer_certificate": issuer.pem, "issuer_key": issuer.key_pem}
    return {"source": "pem", "name": name, **files}


def refused(*given: Any, **more: Any) -> str:
    with pytest.raises(ComponentError) as error:
        trust(*given, **more)
    return str(error.value)


def sources_of(graph: Graph) -> list[str]:
    return [each["secret"]["name"] for each in inputs(graph, "identity-bundle")["spec"]["sources"]]


def marker(graph: Graph) -> Any:
    return find(graph, "identity").outputs["marker"]


def test_an_anchor_in_the_cluster_keeps_its_key_when_it_is_renewed() -> None:
    graph = trust(own())
    assert inputs(graph, "anchor-a-certificate")["spec"] == {
        "isCA": True,
        "commonName": "root.linkerd.cluster.local",
        "subject": {"organizationalUnits": ["a"]},
        "secretName": "linkerd-trust-a",
        "duration": "87600h",
        "renewBefore": "8760h",
        "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Never"},
        "usages": ["cert sign", "crl sign"],
        "issuerRef": {"name": "linkerd-trust-a", "kind": "Issuer", "group": "cert-manager.io"},
    }
    issuer = inputs(graph, "identity-certificate")["spec"]
    assert (issuer["duration"], issuer["renewBefore"]) == ("48h", "25h")
    assert issuer["privateKey"]["rotationPolicy"] == "Always"
    assert issuer["secretName"] == "linkerd-identity-issuer"
    assert "identity-bundle" in names(find(graph, "identity-certificate").dependencies)
    assert find(graph, "identity").outputs["external_ca"] is True


def test_each_step_moves_one_thing() -> None:
    steady = trust(own())
    at = {step: trust(own(), own("b"), rotation=STEPS[step]) for step in ("both-trusted", "issuer-switched")}
    at["old-removed"] = trust(None, own("b"), rotation=STEPS["old-removed"])
    assert {step: sources_of(graph) for step, graph in at.items()} == {
        "both-trusted": ["linkerd-trust-a", "linkerd-trust-b"],
        "issuer-switched": ["linkerd-trust-a", "linkerd-trust-b"],
        "old-removed": ["linkerd-trust-b"],
    }
    signs = {step: inputs(graph, "identity-certificate")["spec"]["issuerRef"]["name"] for step, graph in at.items()}
    assert signs == {
        "both-trusted": "linkerd-trust-a",
        "issuer-switched": "linkerd-trust-b",
        "old-removed": "linkerd-trust-b",
    }
    assert marker(steady) != marker(at["both-trusted"]) == marker(at["issuer-switched"]) != marker(at["old-removed"])


def test_after_the_last_step_the_new_anchor_takes_the_place_of_the_old_and_nothing_changes() -> None:
    last, first = trust(None, own("b"), rotation=STEPS["old-removed"]), trust(own("b"))
    assert [(each.type, each.name) for each in last.resources] == [(each.type, each.name) for each in first.resources]
    for name in ("identity-bundle", "identity-certificate", "anchor-b-certificate", "anchor-b-signer"):
        assert inputs(last, name) == inputs(first, name)
    assert marker(last) == marker(first)


def test_anchors_of_other_clusters_join_the_bundle() -> None:
    graph = trust(own(), also_trusted=[NEW.pem])
    assert inputs(graph, "identity-bundle")["spec"]["sources"][1] == {"inLine": NEW.pem}
    assert marker(graph) != marker(trust(own()))


def test_a_pair_is_a_secret_and_its_anchor_the_bundle() -> None:
    graph = trust(pair())
    data = inputs(graph, "identity-secret-content")["data"]
    assert isinstance(data, Secret)
    assert sorted(data.value) == ["ca.crt", "tls.crt", "tls.key"]
    assert find(graph, "identity").outputs["bundle"] == OLD.pem
    assert find(graph, "identity").outputs["external_ca"] is False
    assert ISSUER.key_pem not in str(find(graph, "anchor-a").inputs)


def test_a_key_of_yours_goes_into_a_secret_that_cert_manager_signs_with() -> None:
    graph = trust({"source": "pem", "name": "a", "certificate": OLD.pem, "key": OLD.key_pem})
    assert isinstance(inputs(graph, "anchor-a-secret")["stringData"], Secret)
    assert inputs(graph, "identity-certificate")["spec"]["issuerRef"]["name"] == "linkerd-trust-a"


VAULT = {"server": "https://bao.example", "path": "pki/root/sign-intermediate", "role": "linkerd"}
EXTERNAL: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    (
        {"source": "vault", **VAULT, "ca_bundle": "YQ==", "vault_namespace": "n"},
        "Issuer",
        {
            "vault": {
                "server": "https://bao.example",
                "path": "pki/root/sign-intermediate",
                "auth": {
                    "kubernetes": {
                        "role": "linkerd",
                        "mountPath": "/v1/auth/kubernetes",
                        "serviceAccountRef": {"name": "linkerd-issuer-vault-a"},
                    }
                },
                "caBundle": "YQ==",
                "namespace": "n",
            }
        },
    ),
    (
        {"source": "aws-pca", "arn": "arn:aws:x", "region": "eu-west-1"},
        "AWSPCAIssuer",
        {"arn": "arn:aws:x", "region": "eu-west-1"},
    ),
    (
        {"source": "google-cas", "project": "p", "location": "l", "pool": "c"},
        "GoogleCASClusterIssuer",
        {"project": "p", "location": "l", "caPoolId": "c"},
    ),
]


@pytest.mark.parametrize(("given", "kind", "spec"), EXTERNAL, ids=[each[1] for each in EXTERNAL])
def test_a_root_elsewhere_signs_through_an_issuer(given: dict[str, Any], kind: str, spec: dict[str, Any]) -> None:
    graph = trust({"name": "a", "certificate": OLD.pem, **given})
    made = inputs(graph, "anchor-a-signer")
    assert (made["kind"], made["spec"]) == (kind, spec)
    assert inputs(graph, "identity-certificate")["spec"]["issuerRef"]["kind"] == kind
    assert find(graph, "identity").outputs["bundle"] == OLD.pem


def test_an_anchor_of_pulumi_tls() -> None:
    graph = trust({"source": "pulumi-tls", "name": "a", "lifetime": "5y"})
    assert inputs(graph, "anchor-a-certificate")["validityPeriodHours"] == 43800
    assert inputs(graph, "anchor-a-certificate")["subject"]["organizationalUnit"] == "a"
    assert inputs(graph, "identity-a-certificate")["isCaCertificate"] is True
    data = inputs(graph, "identity-secret-content")["data"]
    assert data is UNKNOWN or (isinstance(data, Secret) and data.value is UNKNOWN)


def test_pulumi_tls_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshwright.linkerd.certificates.state_keys.find_spec", lambda _: None)
    assert "MW-E190" in refused({"source": "pulumi-tls", "name": "a"})


def only(zone: str) -> Signer:
    return signer("narrow", constraints=x509.NameConstraints([x509.DNSName(zone)], None))


P384 = signer("p384", key=ec.generate_private_key(ec.SECP384R1()))
RSA3072 = signer("rsa", key=rsa.generate_private_key(public_exponent=65537, key_size=3072))
RSA2048 = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EXPIRED = signer("gone", last=datetime.date(2026, 2, 1))
SHORT = signer("short", last=datetime.date(2026, 12, 1))
MISTAKES: dict[str, tuple[Any, str, str]] = {
    "the documentation's sample": (own(lifetime="365d", renew_before="7320h"), "MW-E185", "renewed 60 days after"),
    "another key unattended": (own(rotation_policy="Always"), "MW-E185", "another key unattended"),
    "P-384": (pair(P384, signer("i", P384)), "MW-E147", "secp384r1, which Linkerd refuses"),
    "RSA 3072": (pair(RSA3072, signer("i", RSA3072)), "MW-E147", "3072 bits"),
    "an RSA issuer": (pair(OLD, signer("i", OLD, key=RSA2048)), "MW-E147", "an issuer's is ECDSA"),
    "no authority": (pair(OLD, signer("i", OLD, authority=False)), "MW-E147", "is no authority"),
    "path length": (pair(z := signer("z", path_length=0), signer("i", z)), "MW-E147", "allows 0 authorities"),
    "another's": (pair(NEW), "MW-E146", "the anchor didn't sign CN=issuer"),
    "another key": ({**pair(), "issuer_key": OLD.key_pem}, "MW-E146", "is not the key of CN=issuer"),
    "no key": ({**pair(), "issuer_key": "x"}, "MW-E145", "the key can't be read"),
    "no certificate": ({**pair(), "certificate": "x"}, "MW-E145", "no certificate that can be read"),
    "a key in the anchor": ({**pair(), "certificate": OLD.pem + OLD.key_pem}, "MW-E145", "has a private key in it"),
    "expired": (pair(EXPIRED, signer("i", EXPIRED)), "MW-E147", "valid until 2026-02-01"),
    "not yet": (pair(f := signer("f", first=datetime.date(2030, 1, 1)), signer("i", f)), "MW-E147", "valid from 2030"),
    "outlives": (pair(SHORT, signer("i", SHORT)), "MW-E187", "after its anchor (2026-12-01)"),
    "constraints": (pair(z := only("example.com"), signer("i", z)), "MW-E147", "that leave out the workloads' names"),
    "another trust domain's": (
        {**pair(z := only("identity.linkerd.cluster.local"), signer("i", z)), "trust_domain": "mesh.example"},
        "MW-E147",
        "<account>.<namespace>.serviceaccount.identity.linkerd.mesh.example",
    ),
    "twice": ({**pair(), "certificate": OLD.pem * 2}, "MW-E188", "2 times"),
    "a key alone": ({"source": "pem", "name": "a", "key": OLD.key_pem}, "MW-E189", "no anchor that it belongs to"),
    "wrong anchor key": (
        {"source": "pem", "name": "a", "certificate": OLD.pem, "key": NEW.key_pem},
        "MW-E146",
        "is not the key of CN=old",
    ),
    "nothing to sign with": (
        {"source": "pem", "name": "a", "certificate": OLD.pem},
        "MW-E050",
        "needs the anchor's key",
    ),
    "what it needs": ({"source": "aws-pca", "name": "a", "certificate": OLD.pem}, "MW-E050", "needs arn"),
    "what it takes": (own(arn="x"), "MW-E050", "takes no arn"),
    "unknown source": ({"source": "acme", "name": "a"}, "MW-E050", "is unknown"),
    "out of order": (
        {**pair(), "issuer_certificate": ISSUER.pem + NEW.pem},
        "MW-E146",
        "is followed by CN=new, which didn't sign it",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_anchors_and_issuers_that_linkerd_can_not_use(mistake: str) -> None:
    given, code, says = MISTAKES[mistake]
    message = refused(given)
    assert code in message
    assert says in message
    assert "PRIVATE KEY" not in message


def test_a_certificate_that_is_an_output_is_checked_too() -> None:
    def program(opts: pulumi.ResourceOptions) -> None:
        given: Any = {**pair(NEW), "issuer_key": pulumi.Output.secret(ISSUER.key_pem)}
        IdentityIssuer("identity", {"anchor": TrustAnchor("a", given, opts)}, opts)

    with pytest.raises(ComponentError, match="MW-E146"):
        with_provider(program)


SETTINGS: list[tuple[dict[str, Any], str]] = [
    ({"lifetime": "30h", "renew_before": "24h"}, "MW-E186"),
    ({"rotation_policy": "Never"}, "MW-E186"),
    ({"lifetime": "400d", "anchor_lifetime": "1y"}, "MW-E187"),
    ({"lifetime": "25h", "renew_before": "25h"}, "MW-E050"),
    ({"also_trusted": [OLD.pem * 2]}, "MW-E188"),
    ({"rotation": {"step": "later"}}, "MW-E149"),
    ({"rotation": STEPS["both-trusted"]}, "MW-E149"),
]


@pytest.mark.parametrize(("given", "code"), SETTINGS)
def test_issuers_that_can_not_work(given: dict[str, Any], code: str) -> None:
    assert code in refused(own(), **given)


def test_rotations_that_can_not_work() -> None:
    back = {"step": "issuer-switched", "since": DAY, "previous": {"step": "old-removed", "since": "2026-11-01"}}
    skipped = {"step": "issuer-switched", "since": DAY, "previous": {"step": "steady", "since": "2026-11-01"}}
    for rotation in (back, skipped):
        assert "MW-E149" in refused(own(), own("b"), rotation=rotation)
    both = STEPS["both-trusted"]
    assert "MW-E050" in refused(own(), pair(name="b"), rotation=both)
    assert "MW-E050" in refused(None)


def test_the_bundle_refuses_an_anchor_that_is_there_already() -> None:
    assert "MW-E188" in refused(pair(), also_trusted=[OLD.pem])


def test_an_anchor_may_be_limited_to_the_names_of_its_trust_domain() -> None:
    for zone in ("cluster.local", "serviceaccount.identity.linkerd.cluster.local"):
        narrow = only(zone)
        issuer = signer("i", narrow, path_length=0, last=datetime.date(2027, 1, 1))
        assert find(trust(pair(narrow, issuer)), "anchor-a").inputs["source"] == "pem"


AGED = signer("aged", first=datetime.date(2016, 12, 1), last=datetime.date(2026, 12, 1))
ELSEWHERE: dict[str, Any] = {
    "source": "vault",
    "name": "a",
    "certificate": AGED.pem,
    "server": "https://bao.example:8200",
    "path": "pki/root/sign-intermediate",
    "role": "linkerd",
}


def test_an_aged_anchor_ends_before_an_issuer_that_it_signs_today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHWRIGHT_AS_OF", "2026-11-28")
    assert find(trust(ELSEWHERE), "anchor-a").inputs["source"] == "vault"
    assert "after its anchor CN=aged (2026-12-01)" in refused(ELSEWHERE, lifetime="4d")
    monkeypatch.setenv("MESHWRIGHT_AS_OF", "2026-11-30")
    assert "MW-E187" in refused(ELSEWHERE)
    # At both-trusted the other one signs; once it is switched, this one does.
    other = {**ELSEWHERE, "name": "b", "certificate": NEW.pem}
    assert inputs(trust(other, ELSEWHERE, rotation=STEPS["both-trusted"]), "identity")["signs"] == "b"
    assert "MW-E187" in refused(other, ELSEWHERE, rotation=STEPS["issuer-switched"])


@pytest.mark.parametrize("day", ["2026-11-28", "2026-11-30"])
def test_an_aged_anchor_that_is_an_output_is_compared_when_it_is_known(
    day: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def program(opts: pulumi.ResourceOptions) -> None:
        given: Any = {**ELSEWHERE, "certificate": pulumi.Output.from_input(AGED.pem)}
        IdentityIssuer("identity", {"anchor": TrustAnchor("a", given, opts)}, opts)

    monkeypatch.setenv("MESHWRIGHT_AS_OF", day)
    if day == "2026-11-28":
        assert "CERTIFICATE" in find(with_provider(program), "identity").outputs["bundle"]
    else:
        with pytest.raises(ComponentError, match="MW-E187"):
            with_provider(program)
