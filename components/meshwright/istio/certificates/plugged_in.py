"""Istio's own authority, signing with an intermediate of yours: the Secret ``cacerts``, and its rotation."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NotRequired, TypedDict, cast

import pulumi
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from meshwright.config.clock import today
from meshwright.errors import Code, MeshwrightError
from meshwright.istio.certificates.authority import Authority, AuthorityPem, pem, read_authority
from meshwright.istio.certificates.rotation import STEPS, stand, step_mistakes
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import ComponentError, refuse
from meshwright.kubernetes.providers import require_kubernetes_provider
from meshwright.kubernetes.secrets import secret_in_place

SECRET = "cacerts"  # noqa: S105  (its name; the chart istiod mounts no other)


class AuthorityArgs(TypedDict):
    """An authority: an intermediate of this cluster alone, signed by a root whose key is elsewhere. All PEM."""

    certificate: pulumi.Input[str]
    """The intermediate's certificate."""
    key: pulumi.Input[str]
    """Its private key, unencrypted. It becomes a Pulumi secret at once."""
    root: pulumi.Input[str]
    """The root that the mesh trusts; the same in every cluster of a mesh."""
    chain: NotRequired[pulumi.Input[str]]
    """The certificates between, from the intermediate upwards. Default: none, the root signed it."""
    crl: NotRequired[pulumi.Input[str]]
    """Revocation lists, one of each authority in the chain and of the root. Default: none."""
    root_signs: NotRequired[bool]
    """The certificate is a root: only to take over the key of istiod's own ``istio-ca-secret``, so as to rotate away
    from it. Default: false."""


class StepRecord(TypedDict):
    """A step of a rotation, as it was applied."""

    step: str
    """``steady``, ``both-trusted``, ``switched`` or ``old-removed``."""
    since: NotRequired[str]
    """The day it began, ``YYYY-MM-DD``."""


class RotationArgs(StepRecord):
    """Where the change to another authority stands."""

    previous: NotRequired[StepRecord]
    """The step before. Required from ``both-trusted`` on."""
    next: NotRequired[AuthorityArgs]
    """The new authority, whole: all of it is checked before anything trusts it. Required from ``both-trusted`` on."""


class PluggedInCaArgs(TypedDict):
    """Arguments of `PluggedInCa`."""

    namespace: pulumi.Input[str]
    """Istio's root namespace; it must exist."""
    authority: AuthorityArgs
    """What signs; during a rotation, what signed before it began."""
    rotation: NotRequired[RotationArgs]
    """Where the change to another authority stands. Default: there is none."""


@dataclass(frozen=True, slots=True)
class Cacerts:
    """What istiod is given, checked."""

    files: dict[str, str] = field(repr=False)
    """The data of the Secret, base64."""
    digest: str
    """Over what is public; another one means another authority, root or revocation list."""
    expires: str
    """The last day on which everything above a leaf is valid, ``YYYY-MM-DD``."""
    signs: str
    """What signs: its name and the beginning of its fingerprint."""
    trusts: tuple[str, ...]
    """The roots that proxies trust, likewise."""


class PluggedInCa(pulumi.ComponentResource):
    """The Secret ``cacerts``, which istiod mounts.

    It has to be there before istiod starts, or istiod signs with a root of its own making. That is also why it changes
    in place, and is never replaced.

    Raises:
        ComponentError: MW-E051 without a provider, MW-E145 to MW-E148 for certificates that Istio or its proxies can't
            use, MW-E149 for a step that can't follow the one before. PEM that is an output is checked when it is known,
            before the Secret is written.
    """

    digest: pulumi.Output[str]
    """Over what is public: changes with the authority, the roots and the revocation lists."""
    expires: pulumi.Output[str]
    """The last day on which everything above a leaf is valid, ``YYYY-MM-DD``."""

    def __init__(self, name: str, args: PluggedInCaArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"PluggedInCa {name}"
        require_kubernetes_provider(opts, label)
        made = plan_cacerts(args["authority"], args.get("rotation"), label)
        # So that a preview shows who signs and who is trusted from now on.
        shown: dict[str, Any] = {
            "namespace": args["namespace"],
            "signs": pulumi.Output.unsecret(made.apply(lambda cacerts: cacerts.signs)),
            "trusts": pulumi.Output.unsecret(made.apply(lambda cacerts: list(cacerts.trusts))),
        }
        if rotation := args.get("rotation"):
            shown["rotation"] = without_pem(rotation)
        super().__init__("meshwright:index:PluggedInCa", name, shown, opts)
        secret_in_place(
            f"{name}-secret",
            {"name": SECRET, "namespace": args["namespace"]},
            made.apply(lambda cacerts: cacerts.files),
            opts=below(self, opts),
        )
        self.digest = digest_of(made)
        self.expires = pulumi.Output.unsecret(made.apply(lambda cacerts: cacerts.expires))
        self.register_outputs({"digest": self.digest, "expires": self.expires})


def without_pem(rotation: RotationArgs) -> dict[str, Any]:
    """What may be seen of a rotation: where it stands."""
    return {key: value for key, value in rotation.items() if key != "next"}


def digest_of(made: pulumi.Output[Cacerts]) -> pulumi.Output[str]:
    """Of an authority whose key is a secret, too: it is made of what is public."""
    return pulumi.Output.unsecret(made.apply(lambda cacerts: cacerts.digest))


def plan_cacerts(authority: AuthorityArgs, rotation: RotationArgs | None, label: str) -> pulumi.Output[Cacerts]:
    """Check the authorities and the step, and make what istiod is given.

    Raises:
        ComponentError: As `PluggedInCa`; for PEM that is an output, the output raises it.
    """
    given = {"current": authority, **({"next": rotation["next"]} if rotation and "next" in rotation else {})}
    step = _step(rotation, label)
    if any(isinstance(value, pulumi.Output) for each in given.values() for value in each.values()):
        return pulumi.Output.from_input(given).apply(lambda plain: make_cacerts(plain, step, label))
    return pulumi.Output.from_input(make_cacerts(given, step, label))


def many_roots(rotation: RotationArgs | None) -> bool:
    """Whether istiod has to take another root-cert.pem than the one it started with."""
    return rotation is not None and rotation["step"] != STEPS[0]


def _step(rotation: RotationArgs | None, label: str) -> str:
    if rotation is None:
        return STEPS[0]
    if (step := rotation["step"]) not in STEPS:
        raise refuse(Code.ROTATION_STEP, label, f"the step {step!r} is unknown", f"one of: {', '.join(STEPS)}")
    previous = rotation.get("previous")
    if previous and previous["step"] not in STEPS:
        remedy = f"one of: {', '.join(STEPS)}"
        raise refuse(Code.ROTATION_STEP, label, f"the step before, {previous['step']!r}, is unknown", remedy)
    for message, remedy in step_mistakes(
        step,
        _day(rotation.get("since")),
        previous["step"] if previous else None,
        _day(previous.get("since")) if previous else None,
        has_next="next" in rotation,
    ):
        raise refuse(Code.ROTATION_STEP, label, message, remedy)
    return step


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def make_cacerts(given: Mapping[str, AuthorityArgs], step: str, label: str) -> Cacerts:
    """What istiod is given at a step by the authorities ``current`` and ``next``, all of it plain text.

    Raises:
        ComponentError: MW-E145 to MW-E148.
    """
    places = {"current": f"{label}, authority", "next": f"{label}, next authority"}
    try:
        read = {
            which: read_authority(AuthorityPem(**cast("dict[str, Any]", each)), places[which], today())
            for which, each in given.items()
        }
    except MeshwrightError as error:
        raise ComponentError(error.problems) from None
    if len({bool(each.crls) for each in read.values()}) > 1:
        raise refuse(
            Code.CERTIFICATE_REVOCATION,
            label,
            "one of the two authorities has revocation lists and the other has none",
            "give both theirs: with lists of some alone, Envoy refuses the certificates of the other",
        )
    stands = stand(step, read["current"], read.get("next"))
    crls = "".join(crl.public_bytes(Encoding.PEM).decode() for each in read.values() for crl in each.crls)
    return _files(stands.signs, tuple(dict.fromkeys(root for each in stands.trusts for root in each.roots)), crls)


def _files(signs: Authority, roots: tuple[x509.Certificate, ...], crl: str) -> Cacerts:
    public = {
        "ca-cert.pem": pem(signs.chain[:1]),
        "cert-chain.pem": signs.chain_pem,
        "root-cert.pem": pem(roots),
        **({"ca-crl.pem": crl} if crl else {}),
    }
    digest = hashlib.sha256("\0".join(f"{name}\0{text}" for name, text in public.items()).encode())
    files = {**public, "ca-key.pem": signs.key}
    return Cacerts(
        {name: base64.b64encode(text.encode()).decode() for name, text in files.items()},
        digest.hexdigest()[:16],
        min(signs.expires, *(root.not_valid_after_utc.date() for root in roots)).isoformat(),
        _named(signs.chain[0]),
        tuple(map(_named, roots)),
    )


def _named(certificate: x509.Certificate) -> str:
    return f"{certificate.subject.rfc4514_string()}, sha256:{certificate.fingerprint(hashes.SHA256()).hex()[:16]}"
