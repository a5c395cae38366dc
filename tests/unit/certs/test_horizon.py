"""What is wrong with a cluster's certificates, by horizons of their own."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from meshwright.certs.horizon import days, horizon, shown, troubles
from meshwright.certs.observed import SKIPPED, UPDATED, Controller, Managed, Served
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
    assert said(issuer=()) == []


def test_what_cannot_be_read_is_told() -> None:
    assert said(gaps={"pods": "forbidden"}) == [("unknown", "pods can't be read: forbidden")]


def test_spans() -> None:
    assert [days(each) for each in (-HOUR, HOUR, 71 * HOUR, 72 * HOUR)] == ["0 hours", "1 hour", "71 hours", "3 days"]
