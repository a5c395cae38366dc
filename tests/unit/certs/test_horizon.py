"""What is wrong with a cluster's certificates, by horizons of their own."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from meshwright.certs.horizon import days, horizon, shown, troubles
from meshwright.certs.lockstep import Recorded
from meshwright.certs.observed import SKIPPED, UPDATED, Controller, Managed, Served
from meshwright.certs.plan import make_plan
from meshwright.certs.rotation import LINKERD_STEPS
from tests.servers.pki import signer
from tests.unit.certs.scenes import HOUR, NOW, event, issuer, proxy, root, seen

MANAGED = Managed(
    "linkerd/linkerd-identity-issuer",
    "linkerd-identity-issuer",
    True,
    True,
    "",
    None,
    timedelta(days=20),
    timedelta(hours=25),
    True,
    (),
)


def said(**differs: Any) -> list[tuple[str, str]]:
    return [(each.verdict, each.message) for each in troubles(seen("steady", **differs), NOW)]


def test_all_is_well() -> None:
    assert said(managed=(MANAGED,)) == []


def test_a_horizon_is_the_certificates_own() -> None:
    certificate = root().certificate
    assert horizon(certificate, None) == (certificate.not_valid_after_utc - certificate.not_valid_before_utc) / 10
    assert horizon(certificate, 25 * HOUR) == 24 * HOUR
    assert horizon(certificate, 5 * HOUR) == 4.5 * HOUR


def test_a_short_issuer_that_is_renewed_in_time_is_well_and_an_overdue_one_is_not() -> None:
    two_days = signer("short", root("old"), first=date(2026, 11, 23), last=date(2026, 11, 25)).certificate
    assert said(issuer=(two_days,), managed=(MANAGED,)) == []
    one_day = signer("short", root("old"), first=date(2026, 11, 22), last=date(2026, 11, 24)).certificate
    ((verdict, message),) = said(issuer=(one_day,), managed=(MANAGED,))
    assert verdict == "failed"
    assert message.endswith("ends on 2026-11-24 00:00: less than 24 hours are left")


def test_an_expired_certificate_of_a_webhook() -> None:
    over = signer("hook", first=date(2025, 1, 1), last=date(2026, 11, 1)).certificate
    ((verdict, message),) = said(served=(Served("Secret hook", over),))
    assert verdict == "failed"
    assert "expired on 2026-11-01 00:00" in message
    assert [each.role for each in shown(seen("steady", served=(Served("Secret hook", over),)), NOW)] == [
        "anchor",
        "issuer",
        "webhook",
    ]


@pytest.mark.parametrize(
    ("differs", "message"),
    [
        ({"issuer": (issuer("new").certificate,)}, "does not lead to an anchor of the bundle"),
        ({"issuer": (issuer("old", date(2040, 1, 1)).certificate,)}, "outlives its anchor"),
        ({"events": (event(SKIPPED, HOUR, "no"),)}, "IssuerUpdateSkipped at 2026-11-23 11:00: no"),
        (
            {"proxies": (proxy("shop/a", "deployment/a", "new"),)},
            "deployment/a in shop was started with another bundle",
        ),
        ({"managed": (replace(MANAGED, ready=False, message="no issuer"),)}, "is not ready: no issuer"),
        (
            {"managed": (replace(MANAGED, duration=8760 * HOUR, renew_before=7320 * HOUR, secret="anchor"),)},
            "cert-manager replaces it 60 days after its issue",
        ),
        ({"managed": (replace(MANAGED, renew_before=20 * HOUR),)}, "is renewed 20 hours before its end"),
    ],
)
def test_what_is_wrong(differs: dict[str, Any], message: str) -> None:
    found = said(**differs)
    assert [verdict for verdict, _ in found] == ["failed"]
    assert message in found[0][1]


def test_what_is_over_or_elsewhere_is_no_trouble() -> None:
    assert said(events=(event(SKIPPED, 2 * HOUR), event(UPDATED, HOUR))) == []
    assert said(events=(event(SKIPPED, 2 * HOUR),), controllers=(Controller("x", NOW - HOUR),)) == []
    assert (
        said(managed=(replace(MANAGED, name="shop/x", secret="x", is_authority=False, ready=False, duration=None),))
        == []
    )
    long = replace(MANAGED, duration=timedelta(days=60), renew_before=timedelta(days=31))
    assert said(managed=(long,)) == []


def test_other_authorities_of_a_cluster_are_no_trouble() -> None:
    other = replace(MANAGED, name="payments/own-ca", secret="own-ca", duration=timedelta(days=365), ready=False)
    assert said(managed=(other,)) == []
    assert len(said(managed=(replace(other, ends=root().certificate.not_valid_after_utc),))) == 2


def test_an_anchor_whose_key_a_renewal_changes() -> None:
    ours = replace(
        MANAGED,
        name="cert-manager/linkerd-trust-anchor",
        secret="linkerd-trust-anchor",
        duration=timedelta(days=365),
        renew_before=timedelta(days=30),
    )
    for rotates, words in ((True, "is Always"), (None, "is not written")):
        ((verdict, message),) = said(managed=(replace(ours, rotates_key=rotates),))
        assert verdict == "failed"
        assert words in message
    assert said(managed=(replace(ours, rotates_key=False),)) == []


def test_an_authority_that_signs_other_things_may_change_its_key_whatever_it_is_called() -> None:
    hooks = ("linkerd/linkerd-proxy-injector-k8s-tls",)
    other = replace(MANAGED, name="linkerd/own-ca", secret="own-ca", is_authority=True, signs=hooks)
    other = replace(other, duration=timedelta(days=365), renew_before=timedelta(days=30), rotates_key=True)
    assert said(managed=(other,)) == []
    called = replace(other, name="linkerd/webhook-trust", secret="x", signs=("linkerd/linkerd-identity-issuer",))
    assert len(said(managed=(called,))) == 1
    assert len(said(managed=(replace(called, name="pki/root"),))) == 1
    # Nobody can tell what it signs, but for an anchor that the bundle has.
    hidden = replace(called, signs=None)
    assert said(managed=(hidden,)) == []
    assert len(said(managed=(replace(hidden, ends=root().certificate.not_valid_after_utc),))) == 1


def test_an_anchor_that_is_signed_anew_in_time_is_well() -> None:
    ends = signer("near", first=date(2026, 1, 1), last=date(2027, 1, 1)).certificate
    near = seen("steady", bundle=(ends,))
    renewed = replace(MANAGED, ends=ends.not_valid_after_utc, renew_before=timedelta(days=10), rotates_key=False)
    wanted = [each.horizon for each in shown(replace(near, managed=(renewed,)), NOW) if each.role == "anchor"]
    assert wanted == [timedelta(days=10) - HOUR]
    assert [each.horizon.days for each in shown(near, NOW) if each.role == "anchor"] == [36]


def test_a_mesh_without_its_bundle_or_issuer_is_not_well() -> None:
    unknown = "proxies run, and {} in linkerd is not there or has no certificate"
    assert said(issuer=()) == [("unknown", unknown.format("Secret linkerd-identity-issuer"))]
    assert said(bundle=()) == [("unknown", unknown.format("ConfigMap linkerd-identity-trust-roots"))]
    told = {"ConfigMap linkerd-identity-trust-roots": "forbidden"}
    assert len(said(bundle=(), gaps=told)) == 1
    assert said(bundle=(), issuer=(), proxies=(), controllers=()) == []


@pytest.mark.parametrize(
    ("workload", "command"),
    [
        ("statefulset/a", "kubectl rollout restart statefulset/a -n shop"),
        ("job/a", "kubectl wait --for=condition=complete job/a -n shop"),
        ("pod/a", "have whoever made pod/a in shop make its pods anew"),
    ],
)
def test_what_kubectl_restarts(workload: str, command: str) -> None:
    stale = seen("steady", proxies=(proxy("shop/a", workload, "new"),))
    assert [each.remedy for each in troubles(stale, NOW)] == [command]
    flag = " --context eu" if command.startswith("kubectl") else ""
    assert make_plan([Recorded("eu", "old-removed", NOW.date())], LINKERD_STEPS, [("eu", stale)]).restart_now == (
        command + flag,
    )


def test_what_cannot_be_read_is_told() -> None:
    assert said(gaps={"pods": "forbidden"}) == [("unknown", "pods can't be read: forbidden")]


def test_spans() -> None:
    assert [days(each) for each in (-HOUR, HOUR, 71 * HOUR, 72 * HOUR)] == ["0 hours", "1 hour", "71 hours", "3 days"]
