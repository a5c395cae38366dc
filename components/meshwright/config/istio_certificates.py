"""Where a mesh's certificates come from, in the config of a stack of kind `istio-ambient`."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from meshwright.config.base import (
    ChartValues,
    Flag,
    Mistake,
    Model,
    NamespaceName,
    PastDay,
    Replicas,
    Spelt,
    Text,
)
from meshwright.config.shared import ChartSource, Compliance
from meshwright.errors import Code
from meshwright.istio.certificates.issuer_kinds import is_acme, issuer_mistakes
from meshwright.istio.certificates.rotation import step_mistakes
from meshwright.istio.certificates.sources import source_mistakes

StepName = Literal["steady", "both-trusted", "switched", "old-removed"]
GoDuration = Annotated[str, Spelt(r"[1-9]\d{0,4}[mh]", "duration", 'write minutes or hours: "1h"', limit=6)]


class Authority(Model):
    """An authority: an intermediate of this cluster alone.

    Each value is the path of a PEM file, from the project, or `config:<namespace>:<key>`, a config value of the stack.
    """

    folder: Text | None = None
    """A folder with the files by Istio's names: ca-cert.pem, ca-key.pem, root-cert.pem, and, where they are there,
    cert-chain.pem and ca-crl.pem. Instead of the other keys."""
    certificate: Text | None = None
    """The intermediate's certificate."""
    key: Text | None = None
    """Its private key. As a config value it has to be encrypted: `pulumi config set --secret`."""
    root: Text | None = None
    """The root that the mesh trusts; the same in every cluster of a mesh."""
    chain: Text | None = None
    """The certificates between, from the intermediate upwards. Default: none."""
    crl: Text | None = None
    """Revocation lists, one of each authority in the chain and of the root. Default: none."""
    root_signs: Flag = False
    """The certificate is a root: only to take over the key of istiod's own Secret istio-ca-secret."""

    def mistakes(self) -> Iterator[Mistake]:
        """It is a folder, or all the files that Istio needs."""
        given = [key for key in ("certificate", "key", "root", "chain", "crl") if getattr(self, key) is not None]
        if self.folder is not None:
            for key in given:
                yield Mistake(Code.CONTRADICTION, "is given, and folder has it too", f"keep folder or {key}", (key,))
            return
        for key in ("certificate", "key", "root"):
            if key not in given:
                yield Mistake(Code.MISSING_KEY, f"names no {key}", f"add folder, or {key}")


class StepRecord(Model):
    """A step of a rotation, as it was applied."""

    step: StepName = Field(examples=["steady"])
    """The step."""
    since: PastDay | None = None
    """The day it began."""


class Rotation(StepRecord):
    """Where the change to another authority stands. Each step is an `up` of its own, two days apart."""

    step: StepName = Field(examples=["both-trusted"])
    """`steady`: only the old. `both-trusted`: the old signs, both roots are trusted. `switched`: the new signs, both
    are trusted. `old-removed`: only the new; then `next` takes the place of `authority`."""
    previous: StepRecord | None = None
    """The step before this one, as it was applied."""
    next: Authority | None = None
    """The new authority, whole: it is checked before anything trusts it."""

    def mistakes(self) -> Iterator[Mistake]:
        """No step is left out, and none comes too early."""
        before = self.previous
        for message, remedy in step_mistakes(
            self.step,
            self.since,
            before.step if before else None,
            before.since if before else None,
            has_next=self.next is not None,
        ):
            yield Mistake(Code.ROTATION_STEP, f": {message}", remedy)


class Issuer(Model):
    """The issuer of cert-manager that signs. `type` decides which of the other keys it takes."""

    type: Literal["existing", "ca", "vault", "aws-private-ca", "acme"] = Field(examples=["vault"])
    """`existing`: one that is there, of any kind but ACME: Google CAS, KMS, EJBCA, Venafi. `ca`: an intermediate in a
    TLS Secret. `vault`: OpenBao or Vault. `aws-private-ca`: AWS Private CA. `acme` can't sign for workloads."""
    name: Text | None = None
    """existing: its name."""
    kind: Text | None = None
    """existing: its kind, such as ClusterIssuer. An Issuer stands in istio-system."""
    group: Text | None = None
    """existing: its API group, such as cert-manager.io."""
    secret: Text | None = None
    """ca: the name of a TLS Secret in istio-system with an intermediate and its key."""
    server: Annotated[str, Spelt(r"https://\S+", "address", "begin it with https://", limit=2000)] | None = None
    """vault: its address."""
    path: Text | None = None
    """vault: what signs, such as pki_istio/sign/mesh."""
    role: Text | None = None
    """vault: the role of its kubernetes auth method, for the service account istio-ca-vault in istio-system."""
    mount: Text | None = None
    """vault: where that auth method is mounted. Default: /v1/auth/kubernetes."""
    ca_bundle: Text | None = None
    """vault: what its TLS certificate is verified with, PEM in base64. Default: the system's roots."""
    vault_namespace: Text | None = None
    """vault: its namespace. Default: none."""
    arn: Text | None = None
    """aws-private-ca: the authority."""
    region: Text | None = None
    """aws-private-ca: its region."""

    def mistakes(self) -> Iterator[Mistake]:
        """It has what its type needs, and can sign SPIFFE URIs."""
        given = {key for key in type(self).model_fields if key != "type" and getattr(self, key) is not None}
        code = Code.UNFIT_AUTHORITY if is_acme(self.type, self.name or "") else Code.CONTRADICTION
        for message, remedy in issuer_mistakes(self.type, given, self.name or ""):
            yield Mistake(code, f": {message}", remedy)


class IstioCsr(Model):
    """istio-csr, through which cert-manager signs. cert-manager has to be in the cluster."""

    issuer: Issuer = Field(examples=[{"type": "existing", "name": "mesh", "kind": "ClusterIssuer"}])
    """What signs."""
    root: Text = Field(examples=["pki/root-cert.pem"])
    """The root that the mesh trusts: the path of a PEM file, from the project, or `config:<namespace>:<key>`. Both, one
    after the other, while one replaces the other."""
    namespace: NamespaceName = "cert-manager"
    """Where cert-manager is, and istio-csr goes."""
    replicas: Replicas = 2
    """Its replicas. While none runs, no pod gets or renews a certificate."""
    max_duration: GoDuration | None = None
    """How long a workload's certificate lives at most. Default: the chart's, 1h."""
    charts: ChartSource | None = None
    """Where the chart comes from. Default: Jetstack's OCI registry."""
    values: ChartValues = Field(default_factory=dict)
    """Chart values of yours, merged last."""


class Certificates(Model):
    """Where the mesh's certificates come from."""

    source: Literal["self-signed", "cacerts", "istio-csr", "spire"] = Field(examples=["cacerts"])
    """`self-signed`: istiod makes a root and keeps its key in the cluster; for development. `cacerts`: istiod signs
    with an intermediate of yours. `istio-csr`: cert-manager signs. `spire` can't sign for ztunnel."""
    authority: Authority | None = None
    """cacerts: what istiod signs with; during a rotation, what signed before it began."""
    rotation: Rotation | None = None
    """cacerts: where the change to another authority stands. Default: there is none."""
    istio_csr: IstioCsr | None = None
    """istio-csr: its issuer and the root."""

    def mistakes(self) -> Iterator[Mistake]:
        """The source can be used, and has what it needs and nothing else."""
        for message, remedy in source_mistakes(self.source):
            yield Mistake(Code.UNFIT_AUTHORITY, f": {message}", remedy, ("source",))
        needs = {"cacerts": "authority", "istio-csr": "istio_csr"}.get(self.source)
        for key in ("authority", "rotation", "istio_csr"):
            given = getattr(self, key) is not None
            if key == needs and not given:
                yield Mistake(Code.MISSING_KEY, f"is {self.source}, which needs {key}", f"add {key}", ("source",))
            if given and key != needs and not (key == "rotation" and self.source == "cacerts"):
                message = f"is not used with source: {self.source}"
                yield Mistake(Code.CONTRADICTION, message, f"remove {key}, or choose another source", (key,))


def unsuited(certificates: Certificates | None, environment: str | None, compliance: Compliance) -> Iterator[Mistake]:
    """Why what a stack says of its certificates can't be used for what it says of itself."""
    if certificates is not None and certificates.source == "self-signed":
        for message, remedy in source_mistakes(
            certificates.source,
            production=environment == "production",
            mtls_required=compliance.mtls_required,
            hsm=compliance.hsm,
            corporate=compliance.ca_hierarchy == "corporate-root",
        ):
            yield Mistake(Code.UNFIT_AUTHORITY, f": {message}", remedy, ("certificates", "source"))
