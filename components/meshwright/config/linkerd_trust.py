"""Where Linkerd's certificates come from, and how far a rotation has come, in the config of a stack."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from meshwright.certs.rotation import LINKERD_STEPS, step_mistakes
from meshwright.config.base import (
    ChartValues,
    Duration,
    Flag,
    Mistake,
    Model,
    NamespaceName,
    PastDay,
    Spelt,
    Text,
    seconds,
)
from meshwright.config.shared import ChartSource
from meshwright.errors import Code
from meshwright.linkerd.certificates.lifetimes import STATE_ISSUER_LIFETIME, anchor_mistakes, issuer_mistakes
from meshwright.linkerd.certificates.sources import anchor_problems

LinkerdStep = Literal["steady", "both-trusted", "issuer-switched", "old-removed"]
SourceName = Literal["cert-manager", "vault", "aws-pca", "google-cas", "pem", "pulumi-tls"]


class Anchor(Model):
    """One generation of the trust anchor: the root that all proxies trust.

    PEM is the path of a file, from the project, or `config:<namespace>:<key>`, a config value of the stack.
    """

    name: NamespaceName = "anchor"
    """Names the generation, such as 2026: every object is named after it."""
    lifetime: Duration = "10y"
    """cert-manager, pulumi-tls: how long it is valid."""
    renew_before: Duration | None = None
    """cert-manager: how long before its end it is signed anew, with its old key. Default: a tenth of its lifetime."""
    rotation_policy: Literal["Never", "Always"] = "Never"
    """cert-manager: `Never`. Another key comes by a rotation alone."""
    certificate: Text | None = None
    """vault, aws-pca, google-cas, pem: the anchor's PEM."""
    key: Text | None = None
    """pem: its private key. As a config value it has to be encrypted: `pulumi config set --secret`."""
    issuer_certificate: Text | None = None
    """pem: an issuer that the anchor signed, instead of `key`."""
    issuer_key: Text | None = None
    """pem: the issuer's private key."""
    server: Annotated[str, Spelt(r"https://\S+", "address", "begin it with https://", limit=2000)] | None = None
    """vault: its address."""
    path: Text | None = None
    """vault: what signs, such as pki/root/sign-intermediate."""
    role: Text | None = None
    """vault: the role of its kubernetes auth method, for the service account linkerd-issuer-vault-<name>."""
    mount: Text | None = None
    """vault: where that auth method is mounted. Default: /v1/auth/kubernetes."""
    ca_bundle: Text | None = None
    """vault: what its TLS certificate is verified with, PEM in base64. Default: the system's roots."""
    vault_namespace: Text | None = None
    """vault: its namespace. Default: none."""
    arn: Text | None = None
    """aws-pca: the authority."""
    region: Text | None = None
    """aws-pca: its region."""
    project: Text | None = None
    """google-cas: its project."""
    location: Text | None = None
    """google-cas: its location."""
    pool: Text | None = None
    """google-cas: the CA pool."""

    def mistakes(self) -> Iterator[Mistake]:
        """Nobody renews it with another key."""
        for each in anchor_mistakes(self.lifetime, self.renew_before, self.rotation_policy):
            yield Mistake(each.code, each.message, each.remedy, (each.key,))


class Issuer(Model):
    """The identity issuer, which signs the proxies' certificates."""

    lifetime: Duration = "48h"
    """How long it is valid."""
    renew_before: Duration = "25h"
    """How long before its end it is renewed. The proxies' certificates last 24 hours."""
    rotation_policy: Literal["Always", "Never"] = "Always"
    """`Always`: each renewal makes a new key."""

    def mistakes(self) -> Iterator[Mistake]:
        """An issuer lives before it is renewed, and ends after the proxies' certificates."""
        if seconds(self.renew_before) >= seconds(self.lifetime):
            message = f"is {self.renew_before}, the whole lifetime ({self.lifetime}) or more"
            yield Mistake(Code.CONTRADICTION, message, "make it shorter than lifetime", ("renew_before",))
            return
        for each in issuer_mistakes(self.lifetime, self.renew_before, self.rotation_policy, None):
            yield Mistake(each.code, each.message, each.remedy, (each.key,))


class AnchorStepRecord(Model):
    """A step of a rotation, as it was applied."""

    step: LinkerdStep = Field(examples=["steady"])
    """The step."""
    since: PastDay | None = None
    """The day it began."""


class AnchorRotation(AnchorStepRecord):
    """Where the change to another anchor stands. Each step is an `up` of its own."""

    step: LinkerdStep = Field(examples=["both-trusted"])
    """`steady`: only the old. `both-trusted`: the old signs. `issuer-switched`: the new signs, both are trusted.
    `old-removed`: only the new; then `next` takes the place of `anchor`."""
    previous: AnchorStepRecord | None = None
    """The step before this one, as it was applied."""
    next: Anchor | None = None
    """The new anchor."""

    def mistakes(self) -> Iterator[Mistake]:
        """No step is left out, and none comes too early."""
        before = self.previous
        for message, remedy in step_mistakes(
            LINKERD_STEPS,
            self.step,
            self.since,
            before.step if before else None,
            before.since if before else None,
            has_next=self.next is not None,
        ):
            yield Mistake(Code.ROTATION_STEP, f": {message}", remedy)


def _of_step(given: object) -> object:
    return {"step": given} if isinstance(given, str) else given


class Trust(Model):
    """Where certificates come from, and how far a rotation has come."""

    source: SourceName = "cert-manager"
    """Who makes the anchor and the issuer. With `cert-manager` their keys stay in the cluster."""
    anchor: Anchor = Field(default_factory=Anchor)
    """The trust anchor; during a rotation, the one before it."""
    issuer: Issuer = Field(default_factory=Issuer)
    """The identity issuer."""
    rotation: Annotated[AnchorRotation, BeforeValidator(_of_step)] = Field(
        default_factory=lambda: AnchorRotation(step="steady")
    )
    """Where the change to another anchor stands. The word `steady` alone stands for a mapping with that step."""
    also_trusted: tuple[Text, ...] = ()
    """Anchors of other clusters of the trust domain, PEM: paths, or `config:<namespace>:<key>`."""

    def mistakes(self) -> Iterator[Mistake]:
        """An issuer does not outlive its anchor, and each anchor has what its source needs."""
        upcoming = self.rotation.next
        is_default = "lifetime" not in self.issuer.model_fields_set
        lifetime = STATE_ISSUER_LIFETIME if self.source == "pulumi-tls" and is_default else self.issuer.lifetime
        shortest = min((each.lifetime for each in (self.anchor, upcoming) if each), key=seconds)
        if seconds(lifetime) > seconds(shortest):
            message = f"is {lifetime}, longer than the anchor's ({shortest})"
            yield Mistake(Code.CONTRADICTION, message, "shorten it, or lengthen the anchor's", ("issuer", "lifetime"))
        for at, anchor in ((("anchor",), self.anchor), (("rotation", "next"), upcoming)):
            if anchor is None:
                continue
            for code, message, remedy in anchor_problems(self.source, anchor.model_fields_set - {"name"}):
                shown = Code.CONTRADICTION if code is Code.BAD_ARGUMENT else code
                yield Mistake(shown, f": {message}", remedy, at)
        if upcoming is not None and upcoming.name == self.anchor.name:
            message, remedy = f"is {upcoming.name}, as is the anchor's", "name it by its year"
            yield Mistake(Code.DUPLICATE_ANCHOR, message, remedy, ("rotation", "next", "name"))


class CertManagerValues(Model):
    """Values of yours for each chart, merged last."""

    cert_manager: ChartValues = Field(default_factory=dict)
    """For the chart cert-manager."""
    trust_manager: ChartValues = Field(default_factory=dict)
    """For the chart trust-manager."""


class CertManager(Model):
    """cert-manager, which issues certificates in the cluster, and trust-manager, which hands out the bundle."""

    mode: Literal["existing", "create"] = "existing"
    """`existing`: both are in the cluster. `create`: this stack installs them; namespace and CRDs stay when it goes."""
    namespace: NamespaceName = "cert-manager"
    """Where both run. It is cert-manager's cluster resource namespace and trust-manager's trust namespace."""
    adopt_namespace: Flag = False
    """create: the namespace exists."""
    charts: ChartSource | None = None
    """create: where the charts come from. Default: Jetstack's OCI registry."""
    values: CertManagerValues = Field(default_factory=CertManagerValues)
    """create: chart values of yours, merged last."""

    def mistakes(self) -> Iterator[Mistake]:
        """What exists is not set up here."""
        if self.mode == "existing":
            for key in sorted(self.model_fields_set & {"adopt_namespace", "charts", "values"}):
                remedy = f"remove {key}, or set mode: create"
                yield Mistake(Code.CONTRADICTION, "is not used with mode: existing", remedy, (key,))
