"""Certificates of cert-manager for the anchor and the issuer: key, kind, lifetime and the time of renewal."""

from collections.abc import Iterator
from typing import Any

from meshwright.linkerd import labels
from meshwright_policy.linkerd.fragments import certificate
from meshwright_policy.linkerd.objects import CERTIFICATE, hours, name_of
from meshwright_policy.record import (
    Answer,
    Config,
    Example,
    Level,
    NotApplicableError,
    Rule,
    Severity,
    Subject,
    Undecided,
    Violation,
)
from meshwright_policy.stack import Stack
from meshwright_policy.values import UNKNOWN, at

_DOCS = "https://linkerd.io/2/tasks/automatically-rotating-control-plane-tls-credentials/"
_SOURCE = "https://github.com/linkerd/linkerd2/blob/main/pkg/issuercerts/issuercerts.go"
_DEFAULT_HOURS = 2160.0
_RSA = (2048, 4096)


def _role(subject: Subject) -> str:
    """``anchor``, ``issuer`` or nothing, by what Linkerd and its documentation call them."""
    told = [at(subject.properties, "spec", key) for key in ("secretName", "commonName")]
    names = [text for text in (name_of(subject), *told) if isinstance(text, str)]
    if any(text.startswith(("linkerd-trust-anchor", "root.linkerd.")) for text in names):
        return "anchor"
    ours = any(text == labels.ISSUER_SECRET or text.startswith("identity.linkerd.") for text in names)
    return "issuer" if ours else ""


def _of(subject: Subject, *roles: str) -> str:
    if (role := _role(subject)) not in roles:
        raise NotApplicableError(f"it is not Linkerd's {' or '.join(roles)}")
    return role


def _policy(subject: Subject) -> Any:
    return at(subject.properties, "spec", "privateKey", "rotationPolicy")


def _keeps_its_key(subject: Subject, _: Config) -> Iterator[Answer]:
    _of(subject, "anchor")
    policy = _policy(subject)
    if policy is UNKNOWN:
        yield Undecided("its rotationPolicy is known only at the update")
    elif policy != "Never":
        whole = _hours(subject, "duration", _DEFAULT_HOURS)
        before = _hours(subject, "renewBefore", whole / 3 if whole else 0)
        when = f", {round((whole - before) / 24)} days after it is issued" if whole and before else ""
        yield Violation(f"cert-manager replaces the anchor {name_of(subject)} by one with a new key{when}")


def _hours(subject: Subject, key: str, otherwise: float) -> float:
    given = at(subject.properties, "spec", key)
    return otherwise if given is None else hours(given) or 0


def _says_policy(subject: Subject, _: Config) -> Iterator[Answer]:
    _of(subject, "issuer")
    if _policy(subject) is UNKNOWN:
        yield Undecided("its rotationPolicy is known only at the update")
    elif _policy(subject) is None:
        yield Violation(f"the issuer {name_of(subject)} leaves its rotationPolicy to cert-manager's version")


def _in_time(subject: Subject, _: Config) -> Iterator[Answer]:
    _of(subject, "issuer")
    given = [at(subject.properties, "spec", key) for key in ("duration", "renewBefore")]
    if UNKNOWN in given:
        yield Undecided("its duration or renewBefore is known only at the update")
        return
    whole = _hours(subject, "duration", _DEFAULT_HOURS)
    before = _hours(subject, "renewBefore", whole / 3)
    if before <= labels.LEAF_LIFETIME_HOURS:
        what = f"the issuer {name_of(subject)} is renewed {before:g}h before its end"
        yield Violation(f"{what}, and proxies' certificates last {labels.LEAF_LIFETIME_HOURS}h")


def _within_anchor(stack: Stack, _: Config) -> Iterator[Answer]:
    found = stack.of(*CERTIFICATE)
    anchors, issuers = ([one for one in found if _role(one) == role] for role in ("anchor", "issuer"))
    if not anchors or not issuers:
        raise NotApplicableError("the stack doesn't make both an anchor and an issuer")
    for issuer in issuers:
        lives = _hours(issuer, "duration", _DEFAULT_HOURS)
        for anchor in anchors:
            given = [at(one.properties, "spec", "duration") for one in (anchor, issuer)]
            if UNKNOWN in given:
                yield Undecided("how long anchor or issuer lasts is known only at the update", issuer)
            elif lives > (whole := _hours(anchor, "duration", _DEFAULT_HOURS)):
                what = f"the issuer {name_of(issuer)} lasts {lives:g}h"
                yield Violation(f"{what}, and its anchor {name_of(anchor)} {whole:g}h", issuer, (anchor,))


def _key(subject: Subject, _: Config) -> Iterator[Answer]:
    role = _of(subject, "anchor", "issuer")
    algorithm, size = (at(subject.properties, "spec", "privateKey", key) for key in ("algorithm", "size"))
    if UNKNOWN in (algorithm, size):
        yield Undecided("its key's algorithm is known only at the update")
        return
    is_p256 = algorithm == "ECDSA" and size in (None, 256)
    is_rsa = role == "anchor" and algorithm in (None, "RSA") and size in (None, *_RSA)
    if not (is_p256 or is_rsa):
        wanted = "ECDSA P-256" if role == "issuer" else "ECDSA P-256, or RSA with 2048 or 4096 bits"
        yield Violation(f"the {role} {name_of(subject)} has a key that Linkerd refuses; it takes {wanted}")


def _signs(subject: Subject, _: Config) -> Iterator[Answer]:
    role = _of(subject, "anchor", "issuer")
    is_ca = at(subject.properties, "spec", "isCA")
    if is_ca is UNKNOWN:
        yield Undecided("whether it may sign is known only at the update")
    elif is_ca is not True:
        yield Violation(f"the {role} {name_of(subject)} may not sign certificates: it has no isCA")


_EC = "isCA: true, privateKey: {algorithm: ECDSA, rotationPolicy: %s}"
_ANCHOR, _ISSUER = "linkerd-trust-anchor", labels.ISSUER_SECRET
_GOOD_ANCHOR = certificate(_ANCHOR, f"duration: 87600h, {_EC % 'Never'}", "cert-manager")
_GOOD_ISSUER = certificate(_ISSUER, f"duration: 48h, renewBefore: 25h, {_EC % 'Always'}")

KEEPS_ITS_KEY = Rule(
    id="MW-LNK-001",
    slug="anchor-keeps-its-key",
    title="A trust anchor keeps its key until somebody rotates it",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=CERTIFICATE,
    why=(
        "`renewBefore` counts back from the end: the 7320h of a year in Linkerd's documentation renews an anchor after "
        "60 days. With a new key, and no proxy restarted, the next issuer is signed by a root that nobody trusts. "
        "Identity skips it, and the whole mesh stops when the old issuer ends."
    ),
    remedy="set `privateKey.rotationPolicy: Never` on the anchor, and give it a new key by a rotation in steps",
    notes="An anchor is known by `linkerd-trust-anchor` or `root.linkerd.` in its name, Secret or common name.",
    bad=Example(
        certificate(_ANCHOR, f"duration: 8760h, renewBefore: 7320h, {_EC % 'Always'}", "cert-manager"),
        "cert-manager replaces the anchor linkerd-trust-anchor by one with a new key, 60 days after it is issued",
    ),
    good=Example(_GOOD_ANCHOR),
    references=(_DOCS,),
    check=_keeps_its_key,
)
SAYS_POLICY = Rule(
    id="MW-LNK-002",
    slug="issuer-says-rotation-policy",
    title="The issuer says whether a renewal makes a new key",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=CERTIFICATE,
    why=(
        "cert-manager 1.18 changed the default of `rotationPolicy` from `Never` to `Always`. An upgrade of "
        "cert-manager then rotates keys that nobody meant to rotate."
    ),
    remedy="set `privateKey.rotationPolicy: Always` on the issuer",
    bad=Example(
        certificate(_ISSUER, "isCA: true, duration: 48h, renewBefore: 25h, privateKey: {algorithm: ECDSA}"),
        "the issuer linkerd-identity-issuer leaves its rotationPolicy to cert-manager's version",
    ),
    good=Example(_GOOD_ISSUER),
    references=("https://cert-manager.io/docs/releases/release-notes/release-notes-1.18/", _DOCS),
    check=_says_policy,
)
IN_TIME = Rule(
    id="MW-LNK-003",
    slug="issuer-renewed-in-time",
    title="The issuer is renewed more than one proxy certificate's lifetime before its end",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=CERTIFICATE,
    why=(
        "A proxy's certificate lasts 24 hours, and never longer than its issuer. An issuer that is renewed later gives "
        "certificates that end early, all at once, and leaves no time to mend a renewal that failed."
    ),
    remedy="set `renewBefore` to 25h or more, as in `duration: 48h, renewBefore: 25h`",
    notes="Without `renewBefore` cert-manager renews after two thirds of `duration`, which is 2160h by default.",
    bad=Example(
        certificate(_ISSUER, f"duration: 48h, renewBefore: 2h, {_EC % 'Always'}"),
        "the issuer linkerd-identity-issuer is renewed 2h before its end, and proxies' certificates last 24h",
    ),
    good=Example(_GOOD_ISSUER),
    references=(_DOCS,),
    check=_in_time,
)
WITHIN_ANCHOR = Rule(
    id="MW-LNK-004",
    slug="issuer-ends-before-anchor",
    title="The issuer doesn't last longer than its anchor",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=CERTIFICATE,
    why="When the anchor ends, everything below it ends too, whatever date the issuer bears: all calls fail at once.",
    remedy="shorten the issuer's `duration`, or lengthen the anchor's",
    bad=Example(
        certificate(_ANCHOR, f"duration: 2160h, {_EC % 'Never'}", "cert-manager")
        + certificate(_ISSUER, f"duration: 8760h, {_EC % 'Always'}"),
        "the issuer linkerd-identity-issuer lasts 8760h, and its anchor linkerd-trust-anchor 2160h",
    ),
    good=Example(_GOOD_ANCHOR + _GOOD_ISSUER),
    references=("https://linkerd.io/2/tasks/generate-certificates/",),
    check_stack=_within_anchor,
)
KEY = Rule(
    id="MW-LNK-005",
    slug="certificates-have-keys-that-linkerd-takes",
    title="Anchor and issuer have keys that Linkerd takes",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=CERTIFICATE,
    why=(
        "Linkerd takes ECDSA P-256 alone for the issuer, and RSA beside it for the anchor. cert-manager makes RSA keys "
        "where nothing is said, and a P-384 root of a company fails as well: identity doesn't start."
    ),
    remedy="set `privateKey: {algorithm: ECDSA, size: 256}`",
    bad=Example(
        certificate(_ISSUER, "isCA: true, duration: 48h, renewBefore: 25h, privateKey: {rotationPolicy: Always}"),
        "the issuer linkerd-identity-issuer has a key that Linkerd refuses; it takes ECDSA P-256",
    ),
    good=Example(_GOOD_ISSUER),
    references=(_SOURCE,),
    check=_key,
)
SIGNS = Rule(
    id="MW-LNK-006",
    slug="anchor-and-issuer-may-sign",
    title="Anchor and issuer may sign certificates",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=CERTIFICATE,
    why="Identity loads no issuer that isn't a certificate authority: no proxy gets a certificate.",
    remedy="set `isCA: true`",
    bad=Example(
        certificate(_ISSUER, "privateKey: {algorithm: ECDSA, rotationPolicy: Always}"),
        "the issuer linkerd-identity-issuer may not sign certificates: it has no isCA",
    ),
    good=Example(_GOOD_ISSUER),
    references=(_SOURCE,),
    check=_signs,
)

RULES = (KEEPS_ITS_KEY, SAYS_POLICY, IN_TIME, WITHIN_ANCHOR, KEY, SIGNS)
