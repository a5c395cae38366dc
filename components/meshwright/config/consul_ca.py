"""Consul's certificate authority on day two, in the config of a stack of kind `consul`."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from meshwright.certs.rotation import CONSUL_STEPS, step_mistakes
from meshwright.config.base import Duration, Flag, Mistake, Model, PastDay, Spelt, Text, Whole, seconds
from meshwright.consul.ca.rotation import (
    OLD_PRUNED,
    PRUNED_AFTER_LEAVES,
    STEADY,
    Root,
    default_root_path,
    root_mistakes,
)
from meshwright.consul.ca.settings import HOUR_S, Lifetimes, key_mistakes, lifetime_mistakes
from meshwright.errors import Code

ConnectCaStep = Literal["steady", "cross-signing", "switched", "old-pruned"]
Mount = Annotated[
    str,
    Spelt(
        r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*", "mount", "use letters, digits, '-', '_', and '/' between them", limit=200
    ),
]
StackSecret = Annotated[
    str, Spelt(r"config:[\w.-]+:[\w.-]+", "secret of the stack", 'write it as "config:consul:token"')
]
_DAY_H = 24


class ConsulApi(Model):
    """How Consul's HTTP API is reached from where Pulumi runs."""

    address: Annotated[str, Spelt(r"https?://\S+", "address", "begin it with https://", limit=2000)] = Field(
        examples=["https://consul.internal:8501"]
    )
    """Its address."""
    token: StackSecret | None = None
    """A token with operator:write, as a secret of the stack. Default: the environment's CONSUL_HTTP_TOKEN."""
    ca_certificate: Text | None = None
    """What its certificate is verified with: the path of a PEM file, from the project. Default: the system's roots."""


class ConnectRoot(Model):
    """One generation of the root: its mount in Vault, or Consul's own."""

    provider: Literal["vault", "consul"] = "vault"
    """Who holds its key: Vault (or OpenBao), or Consul's servers themselves."""
    path: Mount | None = Field(default=None, examples=["dc1/connect_root_2027"])
    """vault: its mount; name the next one by its year. Default: `<datacenter>/connect_root`."""
    namespace: Text | None = None
    """vault: the namespace of its mount, below the one in which Consul logs in. Default: the same."""
    existing: Flag = False
    """vault: the mount is there, with a root in it, and is somebody else's."""
    held: Literal["vault", "elsewhere"] = "vault"
    """`elsewhere`: the root is offline or in an HSM, and has signed an authority whose key is in Vault."""
    certificate: Text | None = None
    """elsewhere: what the root signed, PEM, with what lies above it: a path, from the project."""
    key_type: Literal["ec", "rsa"] = "ec"
    """The type of its key, and of the intermediate's. Another comes by a rotation alone."""
    key_bits: Whole = 256
    """The length of that key: 256, 384 or 521 for ec; 2048 or 4096 for rsa."""

    def mistakes(self) -> Iterator[Mistake]:
        """Consul's own root has no mount, and the key is one that Consul makes."""
        if self.provider == "consul":
            for key in ("path", "namespace", "existing", "held", "certificate"):
                if key in self.model_fields_set:
                    yield Mistake(Code.CONTRADICTION, "is not used with provider: consul", f"remove {key}", (key,))
        if self.certificate is not None and self.held == "vault":
            yield Mistake(Code.CONTRADICTION, "is not used with held: vault", "set held: elsewhere", ("certificate",))
        for each in key_mistakes(self.key_type, self.key_bits):
            yield Mistake(Code.CONNECT_CA_SETTING, each.message, each.remedy, (each.key,))

    def root(self, datacenter: str) -> Root:
        """As the rotation has it."""
        path = (self.path or default_root_path(datacenter)) if self.provider == "vault" else ""
        return Root(self.provider, path, self.key_type, self.key_bits, self.namespace or "")


class ConnectCaRecord(Model):
    """A step of a rotation, as it was applied."""

    step: ConnectCaStep = Field(examples=["steady"])
    """The step."""
    since: PastDay | None = None
    """The day it began."""


class ConnectCaRotation(ConnectCaRecord):
    """Where the change to another root stands. Each step is an `up` of its own."""

    step: ConnectCaStep = Field(examples=["cross-signing"])
    """`steady`: the old. `cross-signing`: the new root is there, and Consul may ask for cross-signing. `switched`: the
    new one signs, both are trusted. `old-pruned`: only the new; then `next` takes the place of `root`."""
    previous: ConnectCaRecord | None = None
    """The step before this one, as it was applied."""
    next: ConnectRoot | None = None
    """The new root."""
    without_cross_signing: Text | None = None
    """Why the change was made by hand with ForceWithoutCrossSigning: proxies that had not heard of the new root refused
    its leaves. The old root is lost, or can't cross-sign."""

    def mistakes(self) -> Iterator[Mistake]:
        """No step is left out, and none comes too early."""
        before = self.previous
        for message, remedy in step_mistakes(
            CONSUL_STEPS,
            self.step,
            self.since,
            before.step if before else None,
            before.since if before else None,
            has_next=self.next is not None,
        ):
            yield Mistake(Code.ROTATION_STEP, f": {message}", remedy)
        if self.next is not None and self.next.provider == "vault" and self.next.path is None:
            remedy = "name its mount by the year: path: dc1/connect_root_2027"
            yield Mistake(Code.MISSING_KEY, "names no path", remedy, ("next",))
        upcoming = self.next
        if (
            upcoming
            and upcoming.held == "elsewhere"
            and not upcoming.certificate
            and self.step in CONSUL_STEPS.names[2:]
        ):
            message = f"has no certificate, and step is {self.step}: what can't sign can't take the root's place"
            remedy = "have the request signed that cross-signing exports, and give certificate"
            yield Mistake(Code.CONNECT_CA_ROOT, message, remedy, ("next",))
        reason = self.without_cross_signing
        if reason is not None and self.step not in CONSUL_STEPS.names[2:]:
            message = f"is given, and step is {self.step}: Consul's root was not changed yet"
            yield Mistake(Code.CONNECT_CA_FORCED, message, "remove it", ("without_cross_signing",))
        if reason is not None and not reason.strip():
            message, remedy = "gives no reason", "say why the old root could not cross-sign"
            yield Mistake(Code.CONNECT_CA_FORCED, message, remedy, ("without_cross_signing",))


def _of_step(given: object) -> object:
    return {"step": given} if isinstance(given, str) else given


class ConnectCa(Model):
    """Consul's certificate authority, kept in its live configuration: Helm's values count at its first start alone."""

    consul: ConsulApi | None = None
    """How Consul is reached. Without it the live configuration is left alone."""
    root: ConnectRoot = Field(default_factory=ConnectRoot)
    """The root; during a rotation, the one before it."""
    leaf_lifetime: Duration = "72h"
    """How long a service's certificate is valid: 72h at most, for nothing revokes it."""
    intermediate_lifetime: Duration = "1y"
    """How long what signs them is valid: a year at most, three times a leaf's at least."""
    root_lifetime: Duration = "10y"
    """How long a root is valid that Consul makes itself."""
    rotation: Annotated[ConnectCaRotation, BeforeValidator(_of_step)] = Field(
        default_factory=lambda: ConnectCaRotation(step="steady")
    )
    """Where the change to another root stands. The word `steady` alone stands for a mapping with that step."""

    @property
    def lifetimes(self) -> Lifetimes:
        """In hours, as Consul is told."""
        leaf, intermediate, root = (
            seconds(each) // HOUR_S for each in (self.leaf_lifetime, self.intermediate_lifetime, self.root_lifetime)
        )
        return Lifetimes(leaf, intermediate, root)

    def mistakes(self) -> Iterator[Mistake]:
        """Lifetimes that Consul takes, in whole hours, and a root that Consul has dropped."""
        for key in ("leaf_lifetime", "intermediate_lifetime", "root_lifetime"):
            if seconds(getattr(self, key)) % HOUR_S:
                message = f"is {getattr(self, key)}, which is no number of hours"
                yield Mistake(Code.CONNECT_CA_SETTING, message, "write whole hours", (key,))
        for each in lifetime_mistakes(self.lifetimes):
            yield Mistake(Code.CONNECT_CA_SETTING, each.message, each.remedy, (each.key,))
        if self.rotation.step != STEADY and self.consul is None:
            remedy = "add consul with its address: Helm's values change nothing in a CA that is made"
            yield Mistake(Code.MISSING_KEY, ": a rotation is under way, and nothing would change the live CA", remedy)
        before = self.rotation.previous
        since, began = self.rotation.since, before.since if before else None
        if self.rotation.step != OLD_PRUNED or since is None or began is None:
            return
        days = PRUNED_AFTER_LEAVES * self.lifetimes.leaf_h // _DAY_H
        if (since - began).days < days:
            message = f": step is {OLD_PRUNED} since {since}, and the root was changed on {began}"
            remedy = f"wait {days} days, two lifetimes of a leaf: until then Consul publishes the old root"
            yield Mistake(Code.ROTATION_STEP, message, remedy, ("rotation",))


def root_in(ca: ConnectCa, datacenter: str, *, has_vault: bool) -> Iterator[Mistake]:
    """Roots that are in a Vault, which the stack has, and that can take each other's place."""
    upcoming = ca.rotation.next
    for at, each in ((("root",), ca.root), (("rotation", "next"), upcoming)):
        if each is not None and each.provider == "vault" and not has_vault:
            message, remedy = "is in Vault, and the stack names none", "add vault, or set provider: consul"
            yield Mistake(Code.CONTRADICTION, message, remedy, ("ca", *at))
    if upcoming is not None:
        for message, remedy in root_mistakes(ca.root.root(datacenter), upcoming.root(datacenter)):
            yield Mistake(Code.CONNECT_CA_ROOT, message, remedy, ("ca", "rotation", "next"))
