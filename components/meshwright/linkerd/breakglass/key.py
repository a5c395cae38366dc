"""The anchor's key is lost: while the issuer lives, another anchor can still join the bundle, without an outage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshwright.breakglass.plan import Plan, refused
from meshwright.certs.pem import called, is_valid
from meshwright.certs.proxies import restarts
from meshwright.health.objects import at, mapping, name_of
from meshwright.linkerd.breakglass.replaced import replaced
from meshwright.linkerd.breakglass.restarting import ORDER, control_plane, workloads
from meshwright.linkerd.breakglass.trust import OTHER_CLUSTERS, moment, read
from meshwright.linkerd.labels import ISSUER_SECRET, NAMESPACE

if TYPE_CHECKING:
    from meshwright.linkerd.breakglass.looking import Look
    from meshwright.linkerd.breakglass.trust import Trust

SCENARIO = "anchor-key-lost"
_CERT_MANAGER = "cert-manager"


def plan(look: Look, *, is_lost: bool = False) -> Plan:
    """Have everybody trust a second anchor before the issuer, which nobody can renew, has ended.

    Args:
        look: The cluster.
        is_lost: What the operator knows of a key that was kept elsewhere.

    Raises:
        ConfigError: MW-E172: the key is there, it can't be told, or there is nothing left to do here.
    """
    trust = read(look)
    if trust.is_alive and trust.cut_off and len(trust.seen.bundle) == 1:
        return replaced(look, trust, SCENARIO, f"the anchor before {called(trust.signers[0])}")
    _refuse_unless_lost(look, trust, is_lost=is_lost)
    if not trust.is_alive and is_valid(trust.issuer, trust.now) and not trust.signers:
        raise refused(
            f"{called(trust.issuer)} is valid, but its anchor has left the bundle",
            "put the old anchor's certificate back beside the new one: running proxies have it in their environment",
        )
    if not trust.is_alive:
        return replaced(look, trust, SCENARIO, f"the key of {_anchors(trust)}: its issuer has ended as well")
    return _joined(look, trust)


def _joined(look: Look, trust: Trust) -> Plan:
    has_both = len(trust.seen.bundle) > 1
    lacking = set(restarts(trust.seen))
    if has_both and not lacking:
        raise refused(
            "every proxy was started with the bundle of now, which has more than one anchor",
            f"go on with `meshwright certs advance`: the issuer has to be another before {moment(trust.ends)}",
        )
    proxies = [each for each in trust.seen.proxies if not has_both or (each.namespace, each.workload) in lacking]
    found = workloads(look, proxies, at_once=False)
    switch_by = trust.ends - trust.leaf_lifetime
    return Plan(
        SCENARIO,
        "every proxy trusts the anchor of now and the one that follows it",
        f"the key of {_anchors(trust)}",
        (
            f"no downtime yet: all works until {moment(trust.ends)}, when the issuer ends, and nobody can renew it",
            f"the new anchor's issuer has to sign by {moment(switch_by)}, for every proxy to ask it in time by itself"
            if switch_by > trust.now
            else f"less than {_hours(trust)} are left: after the switch, restart everything once more; order: {ORDER}",
            f"after {moment(trust.ends)} downtime is not avoidable: the same as with an anchor that has expired",
            "cert-manager makes another anchor where its Secret is gone: see that the bundle keeps the old one",
            *found.by_hand,
            OTHER_CLUSTERS,
        ),
        (*control_plane(look), *found.steps),
        (
            "`meshwright certs advance`, then `meshwright up STACK`: the step issuer-switched needs no old key either",
            "`meshwright certs advance` once more when its gate allows: the old anchor leaves the bundle",
            "keep the new key where it is backed up",
        ),
        mesh="linkerd",
        before=()
        if has_both
        else (
            "`meshwright certs advance --stack STACK --next '{name: …}'`, of each stack of the trust domain",
            "`meshwright up STACK`: the new anchor joins the bundle; the old key signs nothing for this",
            "run this command again: it looks whether both are there, and restarts what has to read them",
        ),
    )


def _refuse_unless_lost(look: Look, trust: Trust, *, is_lost: bool) -> None:
    place = _kept(look, trust)
    if place is None and not is_lost:
        raise refused(
            f"it can't be told whether the key of {_anchors(trust)} is lost: it isn't kept in this cluster",
            "look where it is kept; then say so with --key-is-lost",
        )
    for namespace, secret in place or ():
        if look.has_secret(namespace, secret):
            raise refused(
                f"Secret {namespace}/{secret} is there: the key is not lost",
                "rotate as always: `meshwright certs plan`",
            )


def _kept(look: Look, trust: Trust) -> list[tuple[str, str]] | None:
    """Where the Secret of the authority that signs the issuer may be; None where cert-manager doesn't hold its key."""
    for each in look.all("Certificate", NAMESPACE):
        if at(each, "spec", "secretName") != ISSUER_SECRET:
            continue
        kind = str(at(each, "spec", "issuerRef", "kind") or "Issuer")
        if kind not in ("Issuer", "ClusterIssuer"):
            return None
        home = NAMESPACE if kind == "Issuer" else ""
        wanted = at(each, "spec", "issuerRef", "name")
        signer = next((one for one in look.all(kind, home) if name_of(one) == wanted), {})
        secret = mapping(signer, "spec", "ca").get("secretName")
        if not secret:
            return None
        written = {one.name.partition("/")[0] for one in trust.seen.managed if one.secret == secret}
        return [(namespace, str(secret)) for namespace in ([home] if home else sorted({_CERT_MANAGER, *written}))]
    return None


def _anchors(trust: Trust) -> str:
    return " and ".join(map(called, trust.signers)) or "the anchor"


def _hours(trust: Trust) -> str:
    return f"{trust.leaf_lifetime.total_seconds() / 3600:g} hours"
