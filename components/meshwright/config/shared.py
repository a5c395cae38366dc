"""What all kinds of mesh have in common in a stack's config."""

from collections.abc import Iterator
from typing import Annotated, Any, Generic, Literal, TypeVar, get_args

from pydantic import Field

from meshwright.config.base import (
    Count,
    Day,
    Flag,
    MinorVersion,
    Mistake,
    Model,
    NamespaceName,
    Number,
    PastDay,
    ServiceName,
    Spelt,
    Text,
    repeated,
)
from meshwright.errors import Code

PlatformName = Literal["eks", "gke", "aks", "openshift", "k3s", "k3d", "kind", "minikube", "microk8s", "generic"]
Compute = Literal["nodes", "ec2", "fargate", "autopilot", "virtual-nodes"]
Cni = Literal["aws-vpc-cni", "azure-cni", "calico", "cilium", "flannel", "gke", "kindnet", "ovn-kubernetes", "other"]
Cloud = Literal["aws", "azure", "gcp", "on-premises"]
EnvironmentName = Literal["production", "staging", "test", "dev"]
PhaseName = Literal["unmeshed", "permissive", "strict"]
P = TypeVar("P", bound=str)


class Cluster(Model):
    """The cluster that the mesh runs in. It is named here; a shell's current context is never used."""

    context: Text | None = None
    """The context in the kubeconfig."""
    kubeconfig: Text | None = None
    """Path of the kubeconfig. Default: the one that kubectl would read."""
    stack: Text | None = None
    """Another stack, `organisation/project/stack`, that exports the kubeconfig."""
    output: Text = "kubeconfig"
    """The output of that stack."""
    platform: PlatformName = Field(default_factory=lambda: "generic", examples=["eks"])
    """What the cluster runs on. It decides where CNI files lie and which node agents can run. Default: what the
    kubeconfig tells; it has to be named where that tells nothing, or where another stack exports the kubeconfig."""
    kubernetes_version: MinorVersion | None = None
    """The cluster's version, quoted: "1.34". Where it is given, it is checked against what the mesh supports."""
    cni: Cni | None = None
    """The network plugin. Some need settings of their own beside a mesh."""
    compute: tuple[Compute, ...] = ()
    """What pods run on. Node agents can't run on fargate, autopilot and virtual-nodes."""

    def mistakes(self) -> Iterator[Mistake]:
        """The cluster is named in one way, and only one."""
        if self.stack and self.kubeconfig:
            message = "names a kubeconfig, and stack gives one too"
            yield Mistake(Code.CONTRADICTION, message, "keep kubeconfig or stack", ("kubeconfig",))
        if "output" in self.model_fields_set and not self.stack:
            message = "is the output of a stack, and no stack is named"
            yield Mistake(Code.CONTRADICTION, message, "add stack, or remove output", ("output",))
        if not (self.context or self.kubeconfig or self.stack):
            yield Mistake(Code.MISSING_KEY, "names no cluster", "add context, kubeconfig or stack")
        elif "platform" not in self.model_fields_set:  # the loader sets it where the kubeconfig tells it
            untold = "what another stack exports can't be read yet" if self.stack else "no kubeconfig here tells it"
            message, remedy = f"is missing, and {untold}", 'name it, for example platform: "eks"'
            yield Mistake(Code.PLATFORM_UNTOLD, message, remedy, ("platform",))
        yield from repeated("compute", self.compute)


class Compliance(Model):
    """What auditors ask for."""

    mtls_required: Flag = False
    """Traffic between services has to be encrypted and authenticated on both sides."""
    regime: Text | None = None
    """The rules that apply, such as pci-dss-4, hipaa or fedramp-high."""
    ca_hierarchy: Literal["any", "dedicated-root", "corporate-root"] = "any"
    """Where the mesh's certificates have to come from: anywhere, a root of its own, or a root of the company's."""
    hsm: Flag = False
    """The root's key has to be in a hardware security module."""


class Workload(Model):
    """Facts about what runs. They are optional; policy and guidance judge by them."""

    services: Count | None = None
    """Services in all clusters."""
    pods: Count | None = None
    """Pods in all clusters."""
    nodes: Count | None = None
    """Nodes in all clusters."""
    clusters: Count | None = None
    """Clusters that the mesh has to span."""
    clouds: tuple[Cloud, ...] = ()
    """Where they are."""
    async_share: Annotated[Number, Field(ge=0, le=1)] | None = None
    """The share of calls that goes through queues, 0 to 1."""

    def mistakes(self) -> Iterator[Mistake]:
        """A cloud is named once."""
        return repeated("clouds", self.clouds)


class PhaseRecord(Model, Generic[P]):
    """A phase that a namespace was in before."""

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """The name in the JSON Schema, from the phases: PhaseRecord_unmeshed_audit_authenticated_deny."""
        return "_".join((cls.__name__, *get_args(params[0])))

    phase: P = Field(examples=["permissive"])
    """The phase."""
    since: PastDay | None = None
    """The day it began."""


class Rung(PhaseRecord[P], Generic[P]):
    """Where something stands on the ladder of the rollout, and where it stood before."""

    since: PastDay | None = None
    """The day the phase began. Rules on soak times read it."""
    previous: PhaseRecord[P] | None = None
    """The phase before this one, as it was applied. Rules on the order of phases read it."""

    def mistakes(self) -> Iterator[Mistake]:
        """The phase before this one began before it."""
        before = self.previous.since if self.previous else None
        if before and self.since and before > self.since:
            message = f"is {before}, after the phase that followed it ({self.since})"
            yield Mistake(Code.BAD_DATE, message, "write the day on which that phase began", ("previous", "since"))


class Namespace(Rung[P], Generic[P]):
    """A namespace and its phase."""

    name: NamespaceName = Field(examples=["checkout"])
    """The namespace's name."""
    services: tuple[ServiceName, ...] = ()
    """Its services, for policy and guidance."""
    adopt: Flag = False
    """The namespace exists: it is labelled, and stays when the stack goes. Default: it is created and deleted."""

    def mistakes(self) -> Iterator[Mistake]:
        """A service is named once."""
        yield from super().mistakes()
        yield from repeated("services", self.services)


class ChartSource(Model):
    """Where charts come from."""

    source: Literal["oci", "repository", "mirror", "path"] = Field(examples=["oci"])
    """`oci`: the project's registry. `repository`: its HTTP repository. `mirror`: an address of yours that holds the
    same charts under the same names. `path`: a folder with one folder a chart."""
    url: (
        Annotated[str, Spelt(r"(oci|https?|file)://\S+", "address", "begin it with oci:// or https://", limit=2000)]
        | None
    ) = None
    """The mirror: `oci://...` or `https://...`."""
    path: Text | None = None
    """The folder, from the stack file's project."""

    @property
    def address(self) -> str | None:
        """The mirror or the folder; None for the project's own places."""
        return self.url or self.path

    def mistakes(self) -> Iterator[Mistake]:
        """A mirror has its address and a path its folder, and nothing has what it does not use."""
        needs = {"mirror": "url", "path": "path"}.get(self.source)
        for key in ("url", "path"):
            given = getattr(self, key) is not None
            if key == needs and not given:
                yield Mistake(Code.MISSING_KEY, f"is {self.source}, which needs {key}", f"add {key}", ("source",))
            if key != needs and given:
                message = f"is not used with source: {self.source}"
                yield Mistake(Code.CONTRADICTION, message, f"remove {key}, or choose another source", (key,))


class Waiver(Model):
    """An exception from one rule, with a reason and an end."""

    rule: Annotated[str, Spelt(r"MW-[A-Z]{2,4}-\d{3}", "rule", "write its id, as MW-ADO-007")] = Field(
        examples=["MW-ADO-007"]
    )
    """The rule's id."""
    resource: Text = Field(examples=["catalog"])
    """The name of the resource it is for; `*` and `?` stand for any characters and one character."""
    reason: Text = Field(examples=["second team moves with us"])
    """Why the rule may be broken here."""
    expires: Day = Field(examples=["2026-12-31"])
    """The last day on which the waiver holds. After it, the gate fails."""
    owner: Text | None = None
    """Who answers for it."""
    ticket: Text | None = None
    """Where it is tracked."""
