"""An anchor that can't sign any more gives way to another at one go: with downtime, for there is no way without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meshwright.breakglass.plan import Plan
from meshwright.certs.pem import called
from meshwright.linkerd.breakglass.restarting import ORDER, control_plane, workloads
from meshwright.linkerd.breakglass.trust import OPEN_STAY, OTHER_CLUSTERS

if TYPE_CHECKING:
    from meshwright.linkerd.breakglass.looking import Look
    from meshwright.linkerd.breakglass.trust import Trust

_NEW_ANCHOR: Final = (
    "in the stack file, give trust.anchor another name (of PEM of yours: a new certificate and key), and drop rotation",
    "`meshwright up STACK`, in every cluster of the trust domain: kubectl can't make the new bundle and issuer",
    "run this command again: it looks whether they are there, and restarts what has to read them",
)
_AFTER: Final = (
    "`meshwright certs status`: every proxy was started with the bundle, and the issuer leads to it",
    "delete the Secret of the old anchor, where cert-manager left one",
)


def replaced(look: Look, trust: Trust, scenario: str, target: str) -> Plan:
    """Restarts that make everybody trust the issuer of now; and before them the `up` that makes it, if it isn't there.

    Args:
        look: The cluster.
        trust: Its certificates.
        scenario: Which one it is.
        target: What is wrong, as a person names it.
    """
    is_there = trust.is_alive
    found = workloads(look, trust.cut_off if is_there else trust.seen.proxies, at_once=True)
    return Plan(
        scenario,
        "every proxy trusts a new anchor, and has a certificate below it",
        target,
        (
            f"downtime: {called(trust.issuer)} signs now, and proxies that don't trust it: {len(trust.cut_off)}"
            if is_there
            else trust.ended(),
            f"downtime is not avoidable: a call works again once both of its ends have new pods; order: {ORDER}",
            OPEN_STAY,
            "workloads restart all at once: rolling, but caches are cold and nodes are busy",
            *found.by_hand,
            OTHER_CLUSTERS,
        ),
        (*control_plane(look), *found.steps),
        _AFTER,
        mesh="linkerd",
        before=() if is_there else _NEW_ANCHOR,
    )
