"""A whole rotation, acted out with certificates: no two proxies that meet distrust each other, unless a step is left out."""

import base64
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import pairwise, product
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from meshwright.istio.certificates.plugged_in import make_cacerts
from meshwright.istio.certificates.rotation import STEPS, step_mistakes
from tests.servers.pki import Signer
from tests.unit.istio.certificates.mesh import args, intermediate

WORKLOAD = "spiffe://cluster.local/ns/shop/sa/cart"
SIGNS = {"steady": "old", "both-trusted": "old", "switched": "new", "old-removed": "new"}


class Proxy:
    """A proxy with the leaf, the chain and the roots that it got when it last asked, at some step."""

    def __init__(self, step: str) -> None:
        files = made_at(step)
        self.roots = x509.load_pem_x509_certificates(files["root-cert.pem"])
        self.chain = x509.load_pem_x509_certificates(files["cert-chain.pem"])
        key = files["ca-key.pem"].decode()
        signing: Signer = next(each for each in map(intermediate, ("old", "new")) if each.key_pem == key)
        assert files["ca-cert.pem"].decode() == signing.pem
        self.leaf = signing.leaf(WORKLOAD)

    def takes(self, other: "Proxy") -> bool:
        """Whether the other's certificate is good here."""
        verifier = (
            PolicyBuilder()
            .store(Store(self.roots))
            .time(datetime.now(UTC).replace(tzinfo=None))
            .build_client_verifier()
        )
        try:
            verifier.verify(other.leaf, other.chain)
        except VerificationError:
            return False
        return True


def made_at(step: str) -> dict[str, bytes]:
    given: Any = {"current": args()} | ({} if step == "steady" else {"next": args("new")})
    return {name: base64.b64decode(text) for name, text in make_cacerts(given, step, "here").files.items()}


@pytest.fixture
def proxies() -> dict[str, Proxy]:
    return {step: Proxy(step) for step in STEPS}


def both_ways(one: Proxy, other: Proxy) -> bool:
    return one.takes(other) and other.takes(one)


def neighbours() -> Iterator[tuple[str, str]]:
    yield from pairwise(STEPS)


def test_a_step_and_the_one_before_understand_each_other(proxies: dict[str, Proxy]) -> None:
    for before, after in neighbours():
        for one, other in product((before, after), repeat=2):
            assert proxies[one].takes(proxies[other]), f"{one} takes {other}"


def test_who_leaves_a_step_out_breaks_connections(proxies: dict[str, Proxy]) -> None:
    apart = [(one, other) for one, other in product(STEPS, STEPS) if abs(STEPS.index(one) - STEPS.index(other)) > 1]
    broken = {pair for pair in apart if not both_ways(proxies[pair[0]], proxies[pair[1]])}
    assert broken == set(apart)
    # What exactly breaks: the one that was left behind knows nothing of the other's root.
    assert not proxies["steady"].takes(proxies["switched"])
    assert proxies["switched"].takes(proxies["steady"])
    assert not proxies["old-removed"].takes(proxies["both-trusted"])


def test_at_each_step_the_authority_that_signs(proxies: dict[str, Proxy]) -> None:
    signed = {step: proxy.leaf.issuer.rfc4514_string() for step, proxy in proxies.items()}
    assert signed == {step: f"CN={which} eu" for step, which in SIGNS.items()}
    trusted = {step: [each.subject.rfc4514_string() for each in proxy.roots] for step, proxy in proxies.items()}
    assert trusted == {
        "steady": ["CN=old root"],
        "both-trusted": ["CN=old root", "CN=new root"],
        "switched": ["CN=new root", "CN=old root"],
        "old-removed": ["CN=new root"],
    }


def test_the_steps_that_may_follow_each_other(proxies: dict[str, Proxy]) -> None:
    """Exactly those whose proxies understand each other: one on, or one back."""
    for step, before in product(STEPS, STEPS):
        allowed = not list(mistakes(step, before))
        # The last step's new authority is the next steady's old one.
        around = {step, before} == {"steady", "old-removed"}
        assert allowed == (step != before and (around or both_ways(proxies[step], proxies[before]))), (before, step)


def mistakes(step: str, before: str | None, **more: Any) -> Iterator[tuple[str, str]]:
    days = {"since": date(2026, 11, 10), "before_since": date(2026, 11, 8), "has_next": step != "steady", **more}
    return step_mistakes(step, before=before, **days)


@pytest.mark.parametrize(
    ("step", "before", "more", "line"),
    [
        (
            "switched",
            "steady",
            {},
            (
                "step is switched, and the step before it was steady: proxies of the two don't trust each other; "
                "one of both-trusted or old-removed comes before it"
            ),
        ),
        (
            "old-removed",
            "both-trusted",
            {},
            (
                "step is old-removed, and the step before it was both-trusted: proxies of the two don't trust each other; "
                "one of switched or steady comes before it"
            ),
        ),
        (
            "switched",
            "both-trusted",
            {"before_since": date(2026, 11, 9)},
            (
                "step is switched since 2026-11-10, and both-trusted had begun on 2026-11-09; wait 2 days: until then some "
                "proxies still hold certificates and roots of the step before"
            ),
        ),
        (
            "both-trusted",
            "steady",
            {"has_next": False},
            "step is both-trusted, and there is no next; name the new authority in next",
        ),
        (
            "steady",
            None,
            {"has_next": True},
            "step is steady, and next names another authority; remove next, or go on to both-trusted",
        ),
        (
            "both-trusted",
            None,
            {},
            (
                "step is both-trusted, and since or previous is missing; record the day, and the step that was applied "
                "before"
            ),
        ),
        (
            "switched",
            "both-trusted",
            {"since": None},
            "step is switched, and since or previous is missing; record the day, and the step that was applied before",
        ),
    ],
)
def test_steps_that_are_refused(step: str, before: str | None, more: dict[str, Any], line: str) -> None:
    assert ["; ".join(each) for each in mistakes(step, before, **more)] == [line]


def test_a_first_day_needs_no_step_before_it() -> None:
    assert list(mistakes("steady", None)) == []
    assert list(mistakes("both-trusted", "steady", before_since=None)) == []
    assert list(mistakes("switched", "both-trusted", before_since=None)) == [
        ("step is switched, and nobody knows since when both-trusted was on", "record the day in previous")
    ]
