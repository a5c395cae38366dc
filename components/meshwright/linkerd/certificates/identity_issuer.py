"""What signs the proxies' certificates, and the bundle that they trust."""

import base64
import hashlib
from collections.abc import Sequence
from datetime import date
from typing import Any, NotRequired, TypedDict

import pulumi
from cryptography import x509
from pulumi_kubernetes.apiextensions import CustomResource

from meshwright.certs.rotation import LINKERD_STEPS, stand, step_mistakes
from meshwright.config.clock import today
from meshwright.errors import Code, MeshwrightError
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import ComponentError, refuse
from meshwright.kubernetes.providers import require_kubernetes_provider
from meshwright.kubernetes.secrets import secret_in_place
from meshwright.linkerd import labels
from meshwright.linkerd.certificates.fitness import check_lasts, read_anchors
from meshwright.linkerd.certificates.lifetimes import (
    ISSUER_LIFETIME,
    ISSUER_RENEW_BEFORE,
    STATE_ISSUER_LIFETIME,
    as_go,
    in_seconds,
    issuer_mistakes,
)
from meshwright.linkerd.certificates.trust_anchor import TRUST_DOMAIN, TrustAnchor


class StepRecord(TypedDict):
    """A step of a rotation, as it was applied."""

    step: str
    """``steady``, ``both-trusted``, ``issuer-switched`` or ``old-removed``."""
    since: NotRequired[str]
    """The day it began, ``YYYY-MM-DD``."""


class RotationArgs(StepRecord):
    """Where the change to another anchor stands."""

    previous: NotRequired[StepRecord]
    """The step before. Required from ``both-trusted`` on."""


class IdentityIssuerArgs(TypedDict):
    """Arguments of `IdentityIssuer`."""

    anchor: NotRequired[TrustAnchor]
    """What signed before a rotation began. Left out at ``old-removed``."""
    next: NotRequired[TrustAnchor]
    """The anchor that takes its place."""
    rotation: NotRequired[RotationArgs]
    """Where the change stands. Default: there is none."""
    namespace: NotRequired[str]
    """Linkerd's; it must exist, with its label ``linkerd.io/is-control-plane``. Default: ``linkerd``."""
    trust_domain: NotRequired[str]
    """Default: ``cluster.local``."""
    lifetime: NotRequired[str]
    """Default: 48h; 1y from pulumi-tls, which an `up` alone renews."""
    renew_before: NotRequired[str]
    """How long before its end cert-manager renews it, with a new key. Default: 25h."""
    rotation_policy: NotRequired[str]
    """``Always``."""
    anchor_lifetime: NotRequired[str]
    """The anchor's, where we make it: the issuer may not outlive it."""
    also_trusted: NotRequired[list[pulumi.Input[str]]]
    """Anchors of other clusters of the trust domain, PEM."""


class IdentityIssuer(pulumi.ComponentResource):
    """The Secret ``linkerd-identity-issuer``, and what becomes the ConfigMap ``linkerd-identity-trust-roots``.

    From cert-manager, trust-manager writes the ConfigMap. From any other source the anchors are known, and the chart
    writes it: `bundle` is its value ``identityTrustAnchorsPEM``.

    Raises:
        ComponentError: MW-E050 for arguments that cannot work, MW-E051 without a provider, MW-E145, MW-E147 and MW-E188
            for anchors, MW-E149 for a step that can't follow the one before, MW-E186 and MW-E187 for lifetimes.
    """

    scheme: str
    """``kubernetes.io/tls``."""
    external_ca: bool
    """Whether the ConfigMap is not the chart's: its value ``identity.externalCA``."""
    bundle: pulumi.Output[str] | None
    """The anchors, PEM; None where trust-manager gathers them."""
    gathered: pulumi.Output[str] | None
    """The id of trust-manager's Bundle, known once it is there; None where `bundle` is."""
    anchor: pulumi.Output[str] | None
    """The anchor above the issuer, PEM; None where it is known in the cluster alone."""
    marker: pulumi.Output[str]
    """Changes with the set of trusted anchors, and with nothing else: an annotation of the control plane's pods, which
    read the bundle when they start."""

    def __init__(self, name: str, args: IdentityIssuerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"IdentityIssuer {name}"
        require_kubernetes_provider(opts, label)
        signs, trusts = _stand(args, label)
        check_lifetimes(args, label)
        domain, lifetime = args.get("trust_domain", TRUST_DOMAIN), args.get("lifetime", ISSUER_LIFETIME)
        if signs.signs_by is not None and signs.plain is not None:
            check_ends(signs.plain, lifetime, label)
        others = [_others(each, domain, label) for each in args.get("also_trusted", [])]
        shown: dict[str, Any] = {
            key: value for key, value in args.items() if key not in ("anchor", "next", "also_trusted")
        }
        names = [each.anchor_name for each in trusts]
        super().__init__(
            "meshwright:index:IdentityIssuer", name, {**shown, "signs": signs.anchor_name, "trusts": names}, opts
        )
        children = pulumi.ResourceOptions.merge(below(self, opts), pulumi.ResourceOptions(depends_on=list(trusts)))
        self.scheme = labels.ISSUER_SCHEME
        self.external_ca = all(each.secret_name for each in trusts)
        known = [each.certificate for each in trusts if each.certificate is not None]
        if signs.signs_by is not None and signs.certificate is not None and signs.plain is None:
            lasting: pulumi.Output[str] = signs.certificate.apply(lambda text: check_ends(text, lifetime, label))
            known = [lasting if each is signs.certificate else each for each in known]
        self.bundle = None if self.external_ca else _joined([*known, *others], domain, label)
        self.gathered, self.anchor = None, signs.certificate
        if self.external_ca:
            parts = [pulumi.Output.from_input(each) for each in names]
            bundle = _bundle(name, trusts, others, children)
            self.gathered, children = bundle.id, _after(children, bundle)
        else:
            parts = [*known]
        self.marker = pulumi.Output.all(*parts, *others).apply(_digest)
        _secret(self, name, signs, args, children)
        self.register_outputs({"external_ca": self.external_ca, "bundle": self.bundle, "marker": self.marker})


def _secret(
    component: pulumi.Resource, name: str, signs: TrustAnchor, args: IdentityIssuerArgs, opts: pulumi.ResourceOptions
) -> None:
    metadata = {"name": labels.ISSUER_SECRET, "namespace": args.get("namespace", labels.NAMESPACE)}
    called = f"identity.linkerd.{args.get('trust_domain', TRUST_DOMAIN)}"
    if signs.signs_by is not None:
        _certificate(name, metadata, called, signs, args, opts)
        return
    certificate: pulumi.Input[str]
    key: pulumi.Input[str]
    if signs.in_state is not None:
        lifetime = args.get("lifetime", STATE_ISSUER_LIFETIME)
        certificate, key = signs.in_state.issue(f"{name}-{signs.anchor_name}", lifetime, called, component)
    else:
        certificate, key = signs.pair or ("", "")
    parts: dict[str, Any] = {"tls.crt": certificate, "tls.key": key, "ca.crt": signs.certificate}
    data = pulumi.Output.from_input(parts).apply(
        lambda files: {file: base64.b64encode((text or "").encode()).decode() for file, text in files.items()}
    )
    secret_in_place(f"{name}-secret", metadata, data, opts=opts)


def check_lifetimes(args: IdentityIssuerArgs, label: str) -> None:
    """Refuse lifetimes that can't work. Raises `ComponentError`: MW-E050, MW-E186, MW-E187."""
    renew_before = args.get("renew_before", ISSUER_RENEW_BEFORE)
    lifetime = args.get("lifetime", ISSUER_LIFETIME)
    policy = args.get("rotation_policy", "Always")
    for each in issuer_mistakes(lifetime, renew_before, policy, args.get("anchor_lifetime")):
        raise refuse(each.code, label, f"{each.key} {each.message}", each.remedy)
    if in_seconds(renew_before) >= in_seconds(lifetime):
        message = f"renew_before is {renew_before}, the whole lifetime ({lifetime}) or more"
        raise refuse(Code.BAD_ARGUMENT, label, message, "make it shorter than lifetime")


def check_ends(anchor: str, lifetime: str, label: str) -> str:
    """An anchor, PEM, that ends after an issuer that it signs today. Raises `ComponentError`: MW-E187."""
    anchors = tuple(x509.load_pem_x509_certificates(anchor.encode()))
    if problems := list(check_lasts(anchors, lifetime, label, today())):
        raise ComponentError(problems)
    return anchor


def check_rotation(rotation: RotationArgs | None, *, has_next: bool, label: str) -> str:
    """The step, if it can follow the one before it. Raises `ComponentError`: MW-E149."""
    if rotation is None:
        rotation = {"step": LINKERD_STEPS.names[0]}
    before = rotation.get("previous")
    for step in (rotation["step"], *([before["step"]] if before else [])):
        if step not in LINKERD_STEPS.names:
            remedy = f"one of: {', '.join(LINKERD_STEPS.names)}"
            raise refuse(Code.ROTATION_STEP, label, f"the step {step!r} is unknown", remedy)
    for message, remedy in step_mistakes(
        LINKERD_STEPS,
        rotation["step"],
        _day(rotation.get("since")),
        before["step"] if before else None,
        _day(before.get("since")) if before else None,
        has_next=has_next,
    ):
        raise refuse(Code.ROTATION_STEP, label, message, remedy)
    return rotation["step"]


def _stand(args: IdentityIssuerArgs, label: str) -> tuple[TrustAnchor, tuple[TrustAnchor, ...]]:
    """Which anchor signs, and which are trusted: the older first, so that no step reorders a bundle."""
    old, new = args.get("anchor"), args.get("next")
    step = check_rotation(args.get("rotation"), has_next=new is not None, label=label)
    if step == LINKERD_STEPS.names[-1] and old is None and new is not None:
        return new, (new,)
    if old is None:
        raise refuse(Code.BAD_ARGUMENT, label, "no anchor is given", "give anchor")
    if new is not None and new.anchor_name == old.anchor_name:
        message = f"both anchors are called {old.anchor_name}"
        raise refuse(Code.DUPLICATE_ANCHOR, label, message, "give the next one a name of its own, such as its year")
    stands = stand(step, old, new)
    if len({each.secret_name is None for each in stands.trusts}) > 1:
        message = "one anchor is cert-manager's, and the other is given: no bundle gathers both"
        raise refuse(Code.BAD_ARGUMENT, label, message, "keep to one kind of source for a rotation")
    return stands.signs, tuple(each for each in (old, new) if each is not None and each in stands.trusts)


def _certificate(
    name: str,
    metadata: dict[str, str],
    common_name: str,
    signs: TrustAnchor,
    args: IdentityIssuerArgs,
    opts: pulumi.ResourceOptions,
) -> None:
    CustomResource(
        f"{name}-certificate",
        api_version="cert-manager.io/v1",
        kind="Certificate",
        metadata={**metadata, "annotations": {"pulumi.com/waitFor": "condition=Ready"}},
        spec={
            "isCA": True,
            "commonName": common_name,
            "dnsNames": [common_name],
            "secretName": labels.ISSUER_SECRET,
            "duration": as_go(args.get("lifetime", ISSUER_LIFETIME)),
            "renewBefore": as_go(args.get("renew_before", ISSUER_RENEW_BEFORE)),
            "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
            "usages": ["cert sign", "crl sign", "server auth", "client auth"],
            "issuerRef": dict(signs.signs_by or {}),
        },
        opts=opts,
    )


def _bundle(
    name: str, trusts: tuple[TrustAnchor, ...], others: list[pulumi.Output[str]], opts: pulumi.ResourceOptions
) -> CustomResource:
    secrets: list[Any] = [{"secret": {"name": each.secret_name, "key": "tls.crt"}} for each in trusts]
    made: CustomResource = CustomResource(
        f"{name}-bundle",
        api_version="trust.cert-manager.io/v1alpha1",
        kind="Bundle",
        # The provider holds the condition against the generation: what comes after reads the new bundle.
        metadata={"name": labels.TRUST_ROOTS, "annotations": {"pulumi.com/waitFor": "condition=Synced"}},
        spec={
            "sources": [*secrets, *({"inLine": each} for each in others)],
            "target": {
                "configMap": {"key": labels.TRUST_ROOTS_KEY},
                "namespaceSelector": {"matchLabels": {labels.IS_CONTROL_PLANE: "true"}},
            },
        },
        opts=opts,
    )
    return made


def _others(given: pulumi.Input[str], domain: str, label: str) -> pulumi.Output[str]:
    if isinstance(given, str):
        return pulumi.Output.from_input(_checked(given, domain, label))
    checked: pulumi.Output[str] = pulumi.Output.all(given).apply(lambda texts: _checked(texts[0], domain, label))
    return checked


def check_bundle(anchors: Sequence[str], domain: str, label: str) -> None:
    """Refuse anchors that can't be in one bundle. Raises `ComponentError`: MW-E145, MW-E147, MW-E188."""
    for each in anchors:
        _checked(each, domain, label)
    if anchors:
        _checked("".join(f"{each.strip()}\n" for each in anchors), domain, label)


def _checked(text: str, domain: str, label: str) -> str:
    try:
        read_anchors(text, f"{label}, bundle", today(), domain)
    except MeshwrightError as error:
        raise ComponentError(error.problems) from None
    return text if text.endswith("\n") else f"{text}\n"


def _joined(parts: list[pulumi.Output[str]], domain: str, label: str) -> pulumi.Output[str]:
    joined: pulumi.Output[str] = pulumi.Output.all(*parts).apply(
        lambda texts: _checked("".join(f"{text.strip()}\n" for text in texts), domain, label)
    )
    return joined


def _digest(parts: list[str]) -> str:
    return hashlib.sha256("\0".join(sorted(parts)).encode()).hexdigest()[:16]


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _after(opts: pulumi.ResourceOptions, resource: pulumi.Resource) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[resource]))
