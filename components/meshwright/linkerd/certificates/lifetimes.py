"""How long anchors and issuers live, and when they are renewed. Without Pulumi: config and components ask it.

An anchor is renewed by nobody's leave: cert-manager does it by itself when ``renewBefore`` is reached, and as soon as
its request is another (name, duration, usages; ``NewTriggerPolicyChain``). With ``rotationPolicy: Never`` it signs the
same key anew (``keymanager_controller.go``: ``createNextPrivateKeyRotationPolicyNever``), under the same name, so
whatever chained to the old certificate chains to the new one, and a pod that still holds the old one goes on until its
end. Its key identifier may be another, where another version of Go made it: verifiers look at it to choose, not to
refuse. The key is another only where its Secret is gone, empty or can't be read; where it doesn't fit the Certificate
(algorithm, size) cert-manager renews nothing, says so in an event, and the anchor runs to its end.

``Never`` has to be written: since cert-manager 1.18 what is left out is ``Always``. With that the key is another: the
issuer moves to it within hours, ``linkerd-identity`` knows the anchors that it started with alone, skips the issuer
(``IssuerUpdateSkipped``), and stops issuing when the old one ends. Read in cert-manager 1.21.1.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from meshwright.errors import Code
from meshwright.linkerd.labels import LEAF_LIFETIME_HOURS

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "y": 365 * 86_400}
_LEAF_S: Final = LEAF_LIFETIME_HOURS * 3600
CLOCK_SKEW_S: Final = 20
"""The chart's ``identity.issuer.clockSkewAllowance``."""
ANCHOR_LIFETIME: Final = "10y"
ISSUER_LIFETIME: Final = "48h"
ISSUER_RENEW_BEFORE: Final = "25h"
STATE_ISSUER_LIFETIME: Final = "1y"
"""Of an issuer that is renewed by an `up` alone."""


class Mistake(NamedTuple):
    """What is wrong with a lifetime."""

    code: Code
    key: str
    message: str
    """Goes on after the key."""
    remedy: str


def in_seconds(duration: str) -> int:
    """How long ``48h`` is; a year has 365 days. Raises `ValueError` or `KeyError` for what is no duration."""
    return int(duration[:-1]) * _SECONDS[duration[-1]]


def as_go(duration: str) -> str:
    """A duration as Kubernetes reads it, in hours or seconds: it has no days."""
    seconds = in_seconds(duration)
    return f"{seconds // 3600}h" if seconds % 3600 == 0 else f"{seconds}s"


def anchor_renew_before(lifetime: str) -> str:
    """When an anchor is signed anew with its old key: a tenth of its life before its end, for restarts to spread it."""
    return f"{max(in_seconds(lifetime) // 10 // 3600, 1)}h"


def anchor_mistakes(lifetime: str, renew_before: str | None, rotation_policy: str) -> Iterator[Mistake]:
    """Why nobody may leave an anchor of cert-manager's alone with these settings."""
    if rotation_policy != "Never":
        yield Mistake(
            Code.ANCHOR_RENEWAL,
            "rotation_policy",
            f"is {rotation_policy}: cert-manager would give the anchor another key unattended, and no proxy knows it",
            "leave it at Never, and change the key by a rotation",
        )
    if renew_before is not None and 3 * in_seconds(renew_before) > in_seconds(lifetime):
        days = (in_seconds(lifetime) - in_seconds(renew_before)) // 86_400
        yield Mistake(
            Code.ANCHOR_RENEWAL,
            "renew_before",
            f"is {renew_before}, which counts back from the end: renewed {max(days, 0)} days after it was issued",
            f"leave it out, or make it a third of the lifetime ({lifetime}) or less",
        )


def issuer_mistakes(
    lifetime: str, renew_before: str, rotation_policy: str, anchor_lifetime: str | None
) -> Iterator[Mistake]:
    """Why an issuer of cert-manager's can't have these settings. The anchor's lifetime is None where it isn't ours."""
    if rotation_policy != "Always":
        yield Mistake(
            Code.ISSUER_RENEWAL,
            "rotation_policy",
            f"is {rotation_policy}: each renewal would keep the same key in the cluster",
            "leave it at Always",
        )
    if in_seconds(renew_before) <= _LEAF_S + CLOCK_SKEW_S:
        yield Mistake(
            Code.ISSUER_RENEWAL,
            "renew_before",
            f"is {renew_before}: a proxy's certificate lives for {LEAF_LIFETIME_HOURS}h and {CLOCK_SKEW_S}s of clock "
            "skew, and would outlive the issuer",
            f"make it longer, {ISSUER_RENEW_BEFORE} or more",
        )
    if anchor_lifetime is not None and in_seconds(lifetime) > in_seconds(anchor_lifetime):
        message = f"is {lifetime}, longer than the anchor's ({anchor_lifetime})"
        yield Mistake(Code.ISSUER_OUTLIVES_ANCHOR, "lifetime", message, "shorten it, or lengthen the anchor's")
