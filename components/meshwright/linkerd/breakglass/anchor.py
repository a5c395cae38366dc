"""The trust anchor has expired: nobody signs, and nobody is believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshwright.breakglass.plan import refused
from meshwright.certs.pem import called
from meshwright.linkerd.breakglass.replaced import replaced
from meshwright.linkerd.breakglass.trust import moment, named, read

if TYPE_CHECKING:
    from meshwright.breakglass.plan import Plan
    from meshwright.linkerd.breakglass.looking import Look

SCENARIO = "anchor-expired"


def plan(look: Look) -> Plan:
    """Give the mesh another anchor, and every proxy a certificate below it.

    Raises:
        ConfigError: MW-E172: no anchor that somebody needs has expired, or it can't be told.
    """
    trust = read(look)
    if not trust.expired:
        first = min(trust.seen.bundle, key=lambda each: each.not_valid_after_utc)
        raise refused(f"no anchor has expired: the next is {named(first)}", "see `meshwright certs status`")
    old = trust.expired[0]
    if trust.is_alive and not trust.cut_off:
        raise refused(
            f"{called(old)} has expired, but every proxy trusts {called(trust.issuer)} by another anchor",
            "nothing is down by this; take it out of the bundle: `meshwright certs advance`",
        )
    if not trust.is_alive:
        if any(not trust.has_ended(each) for each in trust.signers):
            raise refused(f"the anchor of {called(trust.issuer)} has not expired", "see the scenario issuer-expired")
        if not trust.signers and any(not trust.has_ended(each) for each in trust.seen.bundle):
            raise refused(
                f"{called(trust.issuer)} leads to no anchor of the bundle, of which one is valid", "finish the `up`"
            )
    return replaced(look, trust, SCENARIO, f"{called(old)}, expired on {moment(old.not_valid_after_utc)}")
