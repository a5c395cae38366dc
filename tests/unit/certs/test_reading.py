"""What is read of certificates: from a cluster's objects, a graph and files."""

import base64
import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from meshwright.certs.cert_manager import duration_of
from meshwright.certs.checks import Move, Verdict, verdict_of
from meshwright.certs.from_cluster import observe
from meshwright.certs.from_files import is_authority, observe_files
from meshwright.certs.from_graph import observe_graph
from meshwright.certs.gates import gate
from meshwright.certs.observed import Observed
from meshwright.certs.pem import called, certificates_in, is_signed_by, is_trusted
from meshwright.engine.graph import UNKNOWN, Graph, Resource, Secret
from meshwright.errors import ConfigError
from meshwright.kubernetes.reading import ReadError
from tests.servers.pki import signer
from tests.unit.certs.objects import answers, bundle_text, identity, issuer_secret, metadata, pod, secret, stamp
from tests.unit.certs.scenes import CHANGED, HOUR, NOW, anchors, issuer, root, seen
from tests.unit.istio.health.test_snapshots import FakeReader

LINKERD = "/api/v1/namespaces/linkerd"
PODS = "/api/v1/pods?linkerd.io/control-plane-ns"
CERTIFICATES = "/apis/cert-manager.io/v1/certificates"


def look(**more: Any) -> Observed:
    return observe(FakeReader(answers() | more), "eu")  # type: ignore[arg-type]


def test_a_cluster_is_seen_as_it_is() -> None:
    found = look()
    assert (found.bundle, found.bundle_since) == (anchors("old", "new"), CHANGED)
    assert (found.issuer, found.issuer_since) == ((issuer("old").certificate,), CHANGED)
    assert found.issuer_scheme == "kubernetes.io/tls"
    assert found.controllers == seen().controllers
    assert [(each.name, each.workload) for each in found.proxies] == [
        ("shop/cart-1", "deployment/cart"),
        ("linkerd/linkerd-identity-1", "deployment/linkerd-identity"),
    ]
    assert verdict_of(gate([found], Move("both-trusted", "issuer-switched"), NOW)) is Verdict.PASSED


def test_no_private_key_is_kept() -> None:
    key = base64.b64decode(issuer_secret("both-trusted")["data"]["tls.key"]).decode()
    assert "PRIVATE KEY" in key
    assert key.splitlines()[1] not in repr(look())


def test_a_hash_tells_what_an_injected_pod_has() -> None:
    def anchored(written: str) -> Any:
        one = pod("cart-1")
        one["metadata"]["annotations"] = {"linkerd.io/trust-root-sha256": written}
        return look(**{PODS: [one]}).proxies[0].anchors

    assert anchored(hashlib.sha256(bundle_text("both-trusted").encode()).hexdigest()) == set(anchors("old", "new"))
    assert anchored("0" * 64) == frozenset()


def test_pods_of_all_kinds() -> None:
    own = pod("set-0", value="-----BEGIN CERTIFICATE-----\nbroken\n-----END CERTIFICATE-----")
    own["metadata"]["ownerReferences"] = [{"kind": "StatefulSet", "name": "set"}]
    alone = pod("alone", value=bundle_text("steady"))
    del alone["metadata"]["ownerReferences"]
    over = pod("job-1")
    over["status"]["phase"] = "Succeeded"
    found = look(**{PODS: [own, alone, over]}).proxies
    assert [(each.workload, each.anchors) for each in found] == [
        ("statefulset/set", frozenset()),
        ("pod/alone", frozenset(anchors("old"))),
    ]


def test_what_may_not_be_read_is_a_gap_and_what_is_not_there_is_none() -> None:
    found = look(**{PODS: ReadError(403, "pods is forbidden")})
    assert found.gaps == {"pods": "pods is forbidden"}
    hook = "linkerd-proxy-injector-k8s-tls"
    found = look(**{f"{LINKERD}/secrets/{hook}": ReadError(403, "forbidden")})
    assert (found.gaps, found.asides) == ({}, {f"Secret {hook}": "forbidden"})
    empty = observe(FakeReader({}), "eu")  # type: ignore[arg-type]
    assert empty == Observed("eu")
    broken = answers()[f"{LINKERD}/configmaps/linkerd-identity-trust-roots"]
    broken["data"]["ca-bundle.crt"] = "-----BEGIN CERTIFICATE-----\nbroken\n-----END CERTIFICATE-----"
    found = look(**{f"{LINKERD}/configmaps/linkerd-identity-trust-roots": broken})
    assert found.gaps == {"the bundle": "it holds a certificate that is broken"}


def test_events_certificates_and_webhooks() -> None:
    hook = signer("hook").pem
    certificate = {
        "metadata": metadata("identity", field="f:spec"),
        "spec": {"secretName": "linkerd-identity-issuer", "isCA": True, "privateKey": {"rotationPolicy": "Always"}},
        "status": {
            "notBefore": "2026-11-22T00:00:00Z",
            "notAfter": "2026-11-24T00:00:00Z",
            "renewalTime": "2026-11-22T23:00:00Z",
            "conditions": [{"type": "Ready", "status": "True", "message": "ok"}],
        },
    }
    configuration = {
        "metadata": {"name": "linkerd-proxy-injector-webhook-config"},
        "webhooks": [{"clientConfig": {"caBundle": base64.b64encode(hook.encode()).decode()}}],
    }
    told = {
        "reason": "IssuerUpdated",
        "message": "Updated\nidentity issuer",
        "lastTimestamp": stamp(NOW),
        "metadata": {"creationTimestamp": stamp(CHANGED)},
    }
    path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/linkerd-proxy-injector-webhook-config"
    found = look(
        **{
            CERTIFICATES: [certificate],
            path: configuration,
            f"{LINKERD}/events": [told, {**told, "reason": "Pulled"}],
            f"{LINKERD}/secrets/linkerd-proxy-injector-k8s-tls": secret("linkerd-proxy-injector-k8s-tls", hook, ""),
        }
    )
    assert found.issuer_since == CHANGED
    assert [(each.reason, each.message, each.last) for each in found.events] == [
        ("IssuerUpdated", "Updated identity issuer", NOW)
    ]
    (managed,) = found.managed
    assert (managed.duration, managed.renew_before, managed.ready) == (48 * HOUR, 25 * HOUR, True)
    assert managed.rotates_key is True
    assert [each.place for each in found.served] == [
        "Secret linkerd/linkerd-proxy-injector-k8s-tls",
        "mutatingwebhookconfigurations/linkerd-proxy-injector-webhook-config, caBundle",
    ]


def test_what_viz_serves_is_read_where_its_webhook_is() -> None:
    hook = signer("tap").pem
    bundle = base64.b64encode(hook.encode()).decode()
    viz = "/api/v1/namespaces/linkerd-viz/secrets"
    injector = {
        "metadata": {"name": "linkerd-tap-injector-webhook-config"},
        "webhooks": [{"clientConfig": {"caBundle": bundle}}],
    }
    tap = {"metadata": {"name": "v1alpha1.tap.linkerd.io"}, "spec": {"caBundle": bundle}}
    renewed = {"metadata": {"name": "tap", "namespace": "linkerd-viz"}, "spec": {"secretName": "tap-k8s-tls"}}
    other = {
        "metadata": {"name": "tap", "namespace": "shop"},
        "spec": {"secretName": "tap-k8s-tls", "renewBefore": "9h"},
    }
    there = {
        "/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.tap.linkerd.io": tap,
        f"{viz}/tap-k8s-tls": secret("tap-k8s-tls", hook, ""),
        f"{viz}/tap-injector-k8s-tls": ReadError(403, "forbidden"),
        CERTIFICATES: [{**renewed, "spec": {**renewed["spec"], "renewBefore": "5h"}}, other],
    }
    assert look(**there).served == ()
    path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/linkerd-tap-injector-webhook-config"
    found = look(**there, **{path: injector})
    assert [(each.place, each.renew_before) for each in found.served] == [
        ("Secret linkerd-viz/tap-k8s-tls", 5 * HOUR),
        ("mutatingwebhookconfigurations/linkerd-tap-injector-webhook-config, caBundle", None),
        ("apiservices/v1alpha1.tap.linkerd.io, caBundle", None),
    ]
    assert (found.gaps, found.asides) == ({}, {"Secret tap-injector-k8s-tls": "forbidden"})


def test_issuers_tell_what_an_authority_signs() -> None:
    def asked(name: str, secret: str, by: dict[str, str], **spec: Any) -> dict[str, Any]:
        return {
            "metadata": {"namespace": "linkerd", "name": name},
            "spec": {"secretName": secret, "issuerRef": by, **spec},
        }

    def authority(kind: str, name: str, **spec: Any) -> dict[str, Any]:
        return {"kind": kind, "metadata": {"namespace": "linkerd", "name": name}, "spec": spec}

    certificates = [
        asked("anchor", "anchor-secret", {"name": "own"}, isCA=True),
        asked("identity", "linkerd-identity-issuer", {"name": "anchor", "kind": "ClusterIssuer"}, isCA=True),
        asked("hooks-ca", "hooks-secret", {"name": "own"}, isCA=True),
        asked("hook", "hook-secret", {"name": "hooks"}),
    ]
    everywhere = "/apis/cert-manager.io/v1/clusterissuers"
    issuers = {
        "/apis/cert-manager.io/v1/issuers": [
            authority("Issuer", "own", selfSigned={}),
            authority("Issuer", "hooks", ca={"secretName": "hooks-secret"}),
        ],
        everywhere: [authority("ClusterIssuer", "anchor", ca={"secretName": "anchor-secret"})],
    }
    found = look(**issuers, **{CERTIFICATES: certificates})
    assert {each.name: each.signs for each in found.managed} == {
        "linkerd/anchor": ("linkerd/linkerd-identity-issuer",),
        "linkerd/identity": (),
        "linkerd/hooks-ca": ("linkerd/hook-secret",),
        "linkerd/hook": (),
    }
    found = look(**{**issuers, everywhere: ReadError(403, "forbidden"), CERTIFICATES: certificates})
    assert {each.signs for each in found.managed} == {None}
    assert (found.gaps, found.asides) == ({}, {"ClusterIssuers": "forbidden"})


def test_text_that_is_no_base64_holds_no_certificate() -> None:
    odd = issuer_secret("steady")
    odd["data"] = {"crt.pem": "***"}
    assert look(**{f"{LINKERD}/secrets/linkerd-identity-issuer": odd}).issuer == ()
    odd["data"] = {}
    assert look(**{f"{LINKERD}/secrets/linkerd-identity-issuer": odd}).issuer_scheme == ""


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("25h0m0s", 90000), ("1h30m", 5400), ("500ms", 0.5), ("", None), ("soon", None), ("1h and more", None)],
)
def test_durations_as_go_writes_them(text: str, seconds: float | None) -> None:
    assert duration_of(text) == (None if seconds is None else timedelta(seconds=seconds))


def test_files_tell_what_their_certificates_are(tmp_path: Path) -> None:
    every = tmp_path / "all.pem"
    leaf = root("old").leaf("spiffe://x/ns/a/sa/b")
    leaf_pem = leaf.public_bytes(Encoding.PEM).decode()
    every.write_text(root("old").pem + issuer("old").pem + issuer("old").key_pem + leaf_pem)
    found = observe_files([every])
    assert (found.bundle, found.issuer) == (anchors("old"), (issuer("old").certificate,))
    assert [each.certificate for each in found.served] == [leaf]
    assert not is_authority(leaf)


def test_files_that_hold_nothing(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text(issuer().key_pem)
    (tmp_path / "bad.pem").write_text("-----BEGIN CERTIFICATE-----\nbroken\n-----END CERTIFICATE-----")
    for name, message in (
        ("key", "has no certificate"),
        ("bad", "has a broken certificate"),
        ("none", "can't be read"),
    ):
        with pytest.raises(ConfigError, match="MW-E195") as told:
            observe_files([tmp_path / f"{name}.pem"])
        assert message in str(told.value)


def made(kind: str, name: str, **inputs: Any) -> Resource:
    return Resource(f"urn::{name}", f"kubernetes:{kind}", name, inputs={"metadata": {"name": name}, **inputs})


def test_a_graph_tells_what_is_given() -> None:
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in {"tls.crt": issuer("old").pem}.items()}
    spec = {"secretName": "linkerd-identity-issuer", "isCA": True, "duration": "48h", "renewBefore": "25h"}
    anchor = {"secretName": "anchor", "privateKey": {"rotationPolicy": "Never"}}
    found = observe_graph(
        Graph(
            "shop",
            "dev",
            "",
            (
                made("core/v1:ConfigMap", "linkerd-identity-trust-roots", data={"ca-bundle.crt": root("old").pem}),
                made("core/v1:Secret", "linkerd-identity-issuer", data=Secret(encoded)),
                made("core/v1:Secret", "cacerts", data={"root-cert.pem": UNKNOWN, "ca-cert.pem": "***"}),
                made("helm.sh/v3:Release", "linkerd", values={"identityTrustAnchorsPEM": root("new").pem}),
                made("cert-manager.io/v1:Certificate", "identity", spec=spec),
                made("cert-manager.io/v1:Certificate", "anchor", spec=anchor),
                made("core/v1:ConfigMap", "other", data={"ca-bundle.crt": "x"}),
                made("core/v1:Secret", "x", stringData=None),
            ),
        )
    )
    assert found.bundle == anchors("old", "new")
    assert found.issuer == (issuer("old").certificate,)
    assert [(each.is_authority, each.duration, each.rotates_key) for each in found.managed] == [
        (True, 48 * HOUR, None),
        (False, timedelta(days=90), False),
    ]


def test_a_chain_leads_to_an_anchor_or_not() -> None:
    above = root("old").certificate
    between = signer("between", root("old"))
    last = signer("last", between)
    chain = (last.certificate, between.certificate)
    assert is_trusted(chain, frozenset({above}), NOW)
    assert not is_trusted(chain[:1], frozenset({above}), NOW)
    assert not is_trusted((last.certificate, above), frozenset({above}), NOW)
    assert not is_trusted(chain, frozenset({above}), NOW + timedelta(days=9000))
    assert not is_trusted((), frozenset({above}), NOW)
    assert not is_signed_by(above, last.certificate)
    assert certificates_in("nothing") == ()
    assert called(above).startswith("OU=2026,CN=old root (")
    assert identity()["metadata"]["name"] == "linkerd-identity-1"


def test_a_container_that_was_started_anew_may_have_found_old_files() -> None:
    again = identity()
    again["metadata"]["creationTimestamp"] = stamp(NOW - 100 * HOUR)
    found = look(**{PODS: [again]}).proxies[0].started
    assert found == NOW - 29 * HOUR - timedelta(minutes=2)


def test_what_was_never_changed_was_read_by_whoever_read_it() -> None:
    first = answers()[f"{LINKERD}/configmaps/linkerd-identity-trust-roots"]
    first["metadata"]["creationTimestamp"] = stamp(CHANGED)
    found = look(**{f"{LINKERD}/configmaps/linkerd-identity-trust-roots": first})
    assert found.bundle_since == CHANGED - timedelta(seconds=1)


def _issuer_certificate(changed: timedelta, ready: timedelta | None, status: str = "True") -> dict[str, Any]:
    body: dict[str, Any] = {
        "metadata": metadata("linkerd-identity-issuer", field="f:spec"),
        "spec": {"secretName": "linkerd-identity-issuer"},
        "status": {},
    }
    body["metadata"]["managedFields"][0]["time"] = stamp(NOW - changed)
    if ready is not None:
        body["status"]["conditions"] = [{"type": "Ready", "status": status, "lastTransitionTime": stamp(NOW - ready)}]
    return body


def test_an_issuer_is_of_the_moment_at_which_its_authority_has_signed() -> None:
    def since(*arguments: Any) -> Any:
        return look(**{CERTIFICATES: [_issuer_certificate(*arguments)]}).issuer_since

    # Vault was away for a day: what was asked for then came later.
    assert since(40 * HOUR, 10 * HOUR) == NOW - 10 * HOUR
    assert since(40 * HOUR, 10 * HOUR, "False") == NOW - 40 * HOUR
    assert since(40 * HOUR, None) == NOW - 40 * HOUR
    unknown = _issuer_certificate(HOUR, HOUR)
    unknown["metadata"]["managedFields"] = []
    assert look(**{CERTIFICATES: [unknown]}).issuer_since is None


def test_what_meets_the_certificates_outside_is_seen() -> None:
    signs = identity()
    signs["spec"]["containers"].append(
        {"name": "identity", "args": ["identity", "-identity-issuance-lifetime=72h0m0s"]}
    )
    found = look(
        **{
            f"{LINKERD}/pods?linkerd.io/control-plane-component=identity": [signs],
            "/apis/workload.linkerd.io/v1beta1/externalworkloads": [{"metadata": metadata("vm-1", "shop")}],
            "/apis/multicluster.linkerd.io/v1alpha3/links": [
                {"metadata": metadata("us", "linkerd-multicluster"), "spec": {"targetClusterName": "us"}}
            ],
        }
    )
    assert (found.leaf_lifetime, found.outside, found.linked) == (72 * HOUR, ("shop/vm-1",), ("us",))
