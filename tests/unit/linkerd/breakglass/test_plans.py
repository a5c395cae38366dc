"""Each scenario's plan: its commands to the letter, what it says of downtime, and what is refused."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from meshwright.errors import ConfigError
from meshwright.kubernetes.reading import ReadError
from meshwright.linkerd.breakglass import anchor, injector, issuer, key
from tests.servers.pki import signer
from tests.unit.certs import scenes
from tests.unit.certs.objects import bundle_text, identity, pod, stamp
from tests.unit.certs.scenes import HOUR, NOW, root
from tests.unit.linkerd.breakglass.clusters import (
    LINKERD,
    OBJECTS,
    PLAIN_PODS,
    PODS,
    kept_by_cert_manager,
    look,
    owned,
    proxies,
    served,
    trust,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshwright.breakglass.plan import Plan

LATE = datetime(2036, 6, 1, tzinfo=UTC)
EXPIRED_ISSUER = datetime(2027, 1, 2, tzinfo=UTC)
CONTROL_PLANE = ["linkerd-identity", "linkerd-destination", "linkerd-proxy-injector"]
AVAILABLE = OBJECTS.replace("availableReplicas: 0", "availableReplicas: 3")
GUARDED = OBJECTS.replace("{config.linkerd.io/admission-webhooks: disabled}", "{}")
IGNORE = OBJECTS.replace("failurePolicy: Fail", "failurePolicy: Ignore")
PATCH = "patch mutatingwebhookconfiguration linkerd-proxy-injector-webhook-config --type=json --patch="


def commands(plan: Plan) -> list[str]:
    return [" ".join(step.command) for step in plan.steps]


def control_plane() -> list[str]:
    return [
        line
        for name in CONTROL_PLANE
        for line in (
            f"rollout restart deployment/{name} --namespace=linkerd",
            f"rollout status deployment/{name} --namespace=linkerd --timeout=300s",
        )
    ]


def said(make: Callable[[], object]) -> str:
    with pytest.raises(ConfigError) as error:
        make()
    return str(error.value)


def event(reason: str, ago: Any = HOUR) -> dict[str, Any]:
    return {
        f"{LINKERD}/events": [{"metadata": {}, "reason": reason, "message": "m", "lastTimestamp": stamp(NOW - ago)}]
    }


def test_an_expired_anchor_waits_for_the_up_and_previews_every_restart() -> None:
    pods = [
        *proxies("shop/cart-1", "shop/paused-1", "linkerd-viz/web-1", trusts="old"),
        owned("StatefulSet", "db", "old"),
        owned("Job", "report", "old"),
        identity(),
    ]
    plan = anchor.plan(look(more={PODS: pods}, now=LATE))
    assert "`meshwright up STACK`" in plan.before[1]
    assert plan.target.endswith("expired on 2036-01-01 00:00 UTC")
    assert commands(plan) == [
        *control_plane(),
        "rollout restart deployment/web --namespace=linkerd-viz",
        "rollout restart deployment/cart --namespace=shop",
        "rollout status deployment/web --namespace=linkerd-viz --timeout=300s",
        "rollout status deployment/cart --namespace=shop --timeout=300s",
    ]
    assert plan.risks[0] == (
        "downtime: no certificate is valid since 2026-12-30 00:00 UTC, and none was signed since 2026-12-30 00:00 UTC"
    )
    assert "not avoidable" in plan.risks[1]
    assert plan.risks[4:7] == (
        "deployment/paused in shop: its rollout is paused: `kubectl rollout resume`, then restart it",
        "job/report in shop: kubectl can't restart it: make its pods anew",
        "statefulset/db in shop: its updateStrategy is OnDelete: delete its pods",
    )


def test_certificates_last_a_while_after_their_anchor() -> None:
    short = signer("short root", first=date(2026, 1, 1), last=date(2026, 11, 23))
    below = signer("issuer", short, first=date(2026, 11, 1), last=date(2026, 12, 30))
    plan = anchor.plan(look(more=trust([short], below)))
    assert plan.risks[0] == (
        "nothing was signed since 2026-11-23 00:00 UTC: proxies lose their certificates one after the other, and the "
        "last of them does by 2026-11-24 00:00 UTC"
    )
    hours = OBJECTS.replace("lifetime=24h0m0s", "lifetime=13h0m0s")
    assert (
        "last of them does by 2026-11-23 13:00 UTC"
        in anchor.plan(look(objects=hours, more=trust([short], below))).risks[0]
    )
    default = OBJECTS.replace("-identity-issuance-lifetime=24h0m0s", "-x")
    assert "by 2026-11-24 00:00 UTC" in anchor.plan(look(objects=default, more=trust([short], below))).risks[0]


def test_once_the_new_anchor_is_there_what_does_not_trust_it_is_restarted() -> None:
    new = signer("next root", first=date(2036, 1, 1), last=date(2046, 1, 1))
    below = signer("next issuer", new, first=date(2036, 1, 1), last=date(2036, 12, 1))
    pods = [*proxies("shop/cart-1", trusts="old"), pod("done-1", value=new.pem), identity()]
    plan = anchor.plan(look(more={**trust([new], below), PODS: pods}, now=LATE))
    assert plan.before == ()
    assert commands(plan)[-2:] == [
        "rollout restart deployment/cart --namespace=shop",
        "rollout status deployment/cart --namespace=shop --timeout=300s",
    ]
    assert not any("done" in each for each in commands(plan))
    assert plan.risks[0].endswith(" signs now, and proxies that don't trust it: 1")


def test_where_no_anchor_is_to_blame() -> None:
    assert said(lambda: anchor.plan(look())).startswith("no anchor has expired: the next is ")
    new = signer("next root", first=date(2036, 1, 1), last=date(2046, 1, 1))
    below = signer("next issuer", new, first=date(2036, 1, 1), last=date(2036, 12, 1))
    both = {**trust([root(), new], below), PODS: [pod("cart-1", value=root().pem + new.pem)]}
    assert "nothing is down by this" in said(lambda: anchor.plan(look(more=both, now=LATE)))
    stale = signer("next issuer", new, first=date(2036, 1, 1), last=date(2036, 5, 1))
    assert "see the scenario issuer-expired" in said(
        lambda: anchor.plan(look(more=trust([root(), new], stale), now=LATE))
    )
    stray = signer("stray", signer("nobody", first=date(2036, 1, 1)), first=date(2036, 1, 1), last=date(2036, 12, 1))
    assert "leads to no anchor of the bundle" in said(
        lambda: anchor.plan(look(more=trust([root(), new], stray), now=LATE))
    )


def test_what_cannot_be_told_is_refused() -> None:
    forbidden = ReadError(403, "forbidden")
    for path, what in (
        (f"{LINKERD}/configmaps/linkerd-identity-trust-roots", "ConfigMap linkerd-identity-trust-roots"),
        (f"{LINKERD}/secrets/linkerd-identity-issuer", "Secret linkerd-identity-issuer"),
        (PODS, "pods"),
    ):
        for scenario in (anchor.plan, issuer.plan, key.plan):
            assert said(lambda: scenario(look(more={path: forbidden}))) == (  # noqa: B023
                f"it can't be told: {what} can't be read: forbidden; use an account that may read it (MW-E172)"
            )
    empty = ReadError(404, "not found")
    assert "has no anchor" in said(
        lambda: anchor.plan(look(more={f"{LINKERD}/configmaps/linkerd-identity-trust-roots": empty}))
    )
    assert "has no issuer" in said(
        lambda: issuer.plan(look(more={f"{LINKERD}/secrets/linkerd-identity-issuer": empty}))
    )
    assert "no control plane" in said(lambda: issuer.plan(look(objects="[]")))


def test_an_expired_issuer_waits_for_another_and_previews_every_restart() -> None:
    plan = issuer.plan(look(objects=OBJECTS + kept_by_cert_manager(), now=EXPIRED_ISSUER))
    assert plan.before[0] == (
        "see why cert-manager didn't renew it: `kubectl describe certificate linkerd-identity-issuer "
        "--namespace=linkerd`; it says: no key"
    )
    assert "the same anchor" in plan.before[1]
    assert commands(plan)[:6] == control_plane()
    assert "deployment/cart" in commands(plan)[6]
    assert plan.risks[0].startswith("downtime: no certificate is valid since 2026-12-30 00:00 UTC")


def test_an_issuer_that_the_controller_skipped_or_may_not_use() -> None:
    plan = issuer.plan(look(more=event("IssuerUpdateSkipped")))
    assert commands(plan) == control_plane()[:2]
    assert plan.risks[0] == (
        "no downtime yet: the identity controller skipped it at 2026-11-23 11:00 UTC, and still has the one before"
    )
    plan = issuer.plan(look(more=event("IssuerValidationFailed")))
    assert plan.before == ()
    assert "deployment/cart" in commands(plan)[6]
    assert plan.risks[0].startswith("downtime: at 2026-11-23 11:00 UTC")


def test_what_was_there_before_the_new_issuer_is_restarted() -> None:
    fresh = signer("issuer", root(), first=date(2026, 11, 23), last=date(2026, 12, 30))
    more = {**trust([root()], fresh), PODS: proxies("shop/cart-1", trusts="old")}
    plan = issuer.plan(look(more=more), had_ended=True)
    assert plan.before == ()
    assert commands(plan)[6] == "rollout restart deployment/cart --namespace=shop"
    assert plan.risks[0] == (
        "downtime: the issuer signs since 2026-11-23 00:00 UTC, and proxies that were started before: 1"
    )
    refused_and_mended = (
        event("IssuerValidationFailed", 2 * HOUR)[f"{LINKERD}/events"] + event("IssuerUpdated")[f"{LINKERD}/events"]
    )
    assert commands(issuer.plan(look(more={**more, f"{LINKERD}/events": refused_and_mended}))) == commands(plan)
    old = signer("issuer", root(), first=date(2026, 11, 1), last=date(2026, 12, 30))
    later = {**more, **trust([root()], old)}
    assert "every proxy was started since" in said(lambda: issuer.plan(look(more=later), had_ended=True))


def test_where_the_issuer_is_not_to_blame() -> None:
    fresh = signer("issuer", root(), first=date(2026, 11, 23), last=date(2026, 12, 30))
    here = {**trust([root()], fresh), PODS: proxies("shop/cart-1", trusts="old")}
    path = f"{LINKERD}/events"
    assert "say so with --had-ended" in said(lambda: issuer.plan(look(more=here)))
    before_its_start = event("IssuerUpdateSkipped", 40 * HOUR)
    assert "no event tells" in said(lambda: issuer.plan(look(more={**here, **before_its_start})))
    told = event("IssuerUpdateSkipped", 2 * HOUR)[path] + event("IssuerUpdated")[path]
    assert "no event tells" in said(lambda: issuer.plan(look(more={**here, path: told})))
    assert "every proxy was started since" in said(lambda: issuer.plan(look()))
    assert "can't be told whether" in said(lambda: issuer.plan(look(more={path: ReadError(403, "no")})))
    assert "see the scenario anchor-expired" in said(lambda: issuer.plan(look(now=LATE)))
    stray = trust([root("new")], scenes.issuer("old"))
    assert "leads to no anchor of the bundle" in said(lambda: issuer.plan(look(more=stray)))


def test_a_lost_key_with_the_issuer_alive_asks_for_a_second_anchor() -> None:
    plan = key.plan(look(objects=OBJECTS + kept_by_cert_manager()))
    assert "certs advance --stack STACK --next" in plan.before[0]
    assert commands(plan) == [
        *control_plane(),
        "rollout restart deployment/cart --namespace=shop",
        "rollout status deployment/cart --namespace=shop --timeout=300s",
    ]
    assert plan.risks[0].startswith("no downtime yet: all works until 2026-12-30 00:00 UTC")
    assert "has to sign by 2026-12-29 00:00 UTC" in plan.risks[1]
    late = key.plan(look(now=datetime(2026, 12, 29, 12, tzinfo=UTC)), is_lost=True)
    assert late.risks[1].startswith("less than 24 hours are left")


def test_with_both_anchors_in_the_bundle_what_lacks_one_is_restarted() -> None:
    pods = [*proxies("shop/cart-1", trusts="old"), pod("web-1", "linkerd-viz", value=bundle_text("both-trusted"))]
    plan = key.plan(look("both-trusted", more={PODS: pods}), is_lost=True)
    assert plan.before == ()
    assert commands(plan)[6:] == [
        "rollout restart deployment/cart --namespace=shop",
        "rollout status deployment/cart --namespace=shop --timeout=300s",
    ]
    assert "has to be another before 2026-12-30 00:00 UTC" in said(lambda: key.plan(look("both-trusted"), is_lost=True))


def test_a_lost_key_whose_issuer_has_ended_means_downtime() -> None:
    plan = key.plan(look(now=EXPIRED_ISSUER), is_lost=True)
    assert "trust.anchor another name" in plan.before[0]
    assert plan.risks[0].startswith("downtime: ")
    after = {PODS: [*proxies("shop/cart-1", trusts="old"), identity()]}
    plan = key.plan(look("old-removed", more=after), is_lost=True)
    assert plan.before == ()
    assert commands(plan)[-1] == "rollout status deployment/cart --namespace=shop --timeout=300s"


def test_a_key_that_is_not_lost_or_of_which_nothing_is_known() -> None:
    assert "say so with --key-is-lost" in said(lambda: key.plan(look()))
    vault = OBJECTS + kept_by_cert_manager("{vault: {}}")
    other = OBJECTS + kept_by_cert_manager(kind="AWSPCAClusterIssuer").rsplit("- ", 1)[0]
    for objects in (vault, other):
        assert "isn't kept in this cluster" in said(lambda: key.plan(look(objects=objects)))  # noqa: B023
    for namespace in ("pki", "cert-manager"):
        there: dict[str, Any] = {f"/api/v1/namespaces/{namespace}/secrets?metadata.name=linkerd-trust-2026": [{}]}
        for is_lost in (False, True):
            assert said(
                lambda: key.plan(look(objects=OBJECTS + kept_by_cert_manager(), more=there), is_lost=is_lost)  # noqa: B023
            ).startswith(f"Secret {namespace}/linkerd-trust-2026 is there: the key is not lost; rotate")
    local: dict[str, Any] = {f"{LINKERD}/secrets?metadata.name=linkerd-trust-2026": [{}]}
    assert "Secret linkerd/linkerd-trust-2026" in said(
        lambda: key.plan(look(objects=OBJECTS + kept_by_cert_manager(kind="Issuer"), more=local))
    )
    stray = trust([root("new")], scenes.issuer("old"))
    assert "put the old anchor's certificate back" in said(lambda: key.plan(look(more=stray), is_lost=True))


def test_the_injector_is_restarted_while_pods_are_refused() -> None:
    plan = injector.plan(look())
    assert commands(plan) == control_plane()[4:]
    assert plan.risks[0].startswith("until it is back no pod and no Service can be made")
    assert plan.before == ()
    scaled = injector.plan(look(objects=OBJECTS.replace("replicas: 3", "replicas: 0")))
    assert commands(scaled)[0] == "scale deployment/linkerd-proxy-injector --namespace=linkerd --replicas=2"
    assert scaled.steps[0].undo[-1] == "--replicas=0"


def test_pods_are_let_through_and_undo_refuses_them_again() -> None:
    plan = injector.plan(look(objects=OBJECTS + PLAIN_PODS), relax_webhook=True)
    patches = [json.loads(each[-1].removeprefix("--patch=")) for each in (plan.steps[0].command, plan.steps[0].undo)]
    test = {"op": "test", "path": "/webhooks/0/name", "value": "linkerd-proxy-injector.linkerd.io"}
    assert patches == [
        [test, {"op": "add", "path": "/webhooks/0/failurePolicy", "value": policy}] for policy in ("Ignore", "Fail")
    ]
    assert commands(plan)[0].startswith(PATCH)
    assert commands(plan)[1:] == control_plane()[4:]
    assert plan.risks[0].startswith("new pods of shop start without a proxy")
    assert plan.risks[1] == "pods that have no proxy already: plain/asks, shop/web-7d9-a"
    absent = OBJECTS.replace("    failurePolicy: Fail\n", "")
    assert len(injector.plan(look(objects=absent), relax_webhook=True).steps) == 3
    nobody = injector.plan(look(objects=OBJECTS.replace("{linkerd.io/inject: enabled}", "{}")), relax_webhook=True)
    assert nobody.risks[0].startswith("new pods that ask for one start")


def test_pods_that_started_without_a_proxy_are_restarted_once_it_is_back() -> None:
    plan = injector.plan(look(objects=AVAILABLE + PLAIN_PODS))
    assert commands(plan) == [
        "rollout restart deployment/cart --namespace=shop",
        "rollout status deployment/cart --namespace=shop --timeout=300s",
    ]
    assert plan.risks[0].endswith("without an identity: plain/asks, shop/web-7d9-a")
    assert "pod/asks in plain: kubectl can't restart it: make its pods anew" in plan.risks
    open_still = injector.plan(look(objects=AVAILABLE.replace("Fail", "Ignore") + PLAIN_PODS))
    assert "the webhook is Ignore" in open_still.risks[1]
    many = "".join(PLAIN_PODS.splitlines(keepends=True)[0].replace("-a,", f"-{n},") for n in range(22))
    assert injector.plan(look(objects=AVAILABLE + many)).risks[0].endswith(" and 2 more")


@pytest.mark.parametrize("kind", ["expired", "untrusted"])
def test_a_certificate_of_the_webhook_that_is_broken(kind: str) -> None:
    other = signer("other", first=date(2026, 1, 1))
    more = served(date(2026, 11, 1)) if kind == "expired" else served(date(2027, 1, 1), other)
    plan = injector.plan(look(objects=AVAILABLE, more=more))
    assert plan.before[0].startswith("renew the c")
    assert commands(plan) == control_plane()[4:]
    opened = injector.plan(look(objects=AVAILABLE, more=more), relax_webhook=True)
    assert opened.before == ()
    assert len(opened.steps) == 1
    assert opened.goal == "pods can be made again, without a proxy"
    assert opened.afterwards[0].startswith("renew the c")


def test_where_the_injector_is_not_to_blame() -> None:
    fine = served(date(2027, 1, 1))
    assert "available, and no pod lacks its proxy" in said(lambda: injector.plan(look(objects=AVAILABLE)))
    assert "available, and no pod lacks its proxy" in said(lambda: injector.plan(look(objects=AVAILABLE, more=fine)))
    foreign = {PODS: ReadError(403, "no")}
    assert "no pod lacks its proxy" in said(lambda: injector.plan(look(objects=AVAILABLE, more=foreign)))
    assert "is Ignore already" in said(lambda: injector.plan(look(objects=IGNORE), relax_webhook=True))
    assert commands(injector.plan(look(objects=IGNORE))) == control_plane()[4:]
    assert "add --relax-webhook" in said(lambda: injector.plan(look(objects=GUARDED)))
    assert len(injector.plan(look(objects=GUARDED), relax_webhook=True).steps) == 3
    missing = OBJECTS.replace("name: linkerd-proxy-injector,", "name: x,")
    assert "there is no Deployment linkerd/linkerd-proxy-injector" in said(lambda: injector.plan(look(objects=missing)))
    secret = {f"{LINKERD}/secrets/linkerd-proxy-injector-k8s-tls": ReadError(403, "no")}
    assert said(lambda: injector.plan(look(objects=AVAILABLE, more=secret))).startswith("it can't be told: Secret")


def test_no_key_is_in_any_plan() -> None:
    plans = [
        anchor.plan(look(now=LATE)),
        issuer.plan(look(now=EXPIRED_ISSUER)),
        key.plan(look(), is_lost=True),
        injector.plan(look(more=served(date(2027, 1, 1)))),
    ]
    assert all(plan.mesh == "linkerd" for plan in plans)
    text = json.dumps([asdict(plan) for plan in plans])
    assert "PRIVATE" not in text
    assert "BEGIN" not in text
