"""What Consul may do in Vault: rights that are too wide, and those for a rotation alone."""

import re
from collections.abc import Iterator
from typing import Any

from meshwright_policy.consul.fragments import path, plain, policy
from meshwright_policy.consul.hcl import Grant, grants
from meshwright_policy.consul.objects import (
    CONNECT_CA,
    LEAST_PRIVILEGE,
    VAULT_CA,
    told,
)
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
from meshwright_policy.values import UNKNOWN, at, elements, listed

POLICY = ("vault:index/policy:Policy",)
KEYS = (
    "vault:pkiSecret/secretBackendRootCert:SecretBackendRootCert",
    "vault:pkiSecret/secretBackendIntermediateCertRequest:SecretBackendIntermediateCertRequest",
)
_CROSS_SIGN = "root/sign-self-issued"
_SYSTEM = ("sys", "auth", "identity")
_ESCALATING = (
    "sys/policies/acl/any",
    "sys/policy/any",
    "sys/auth/any",
    "auth/token/create",
    "auth/token/create-orphan",
    "auth/kubernetes/role/any",
    "identity/entity",
)
_CONSULS = re.compile(r"consul|connect[-_/](?:ca|inject|root|inter)", re.IGNORECASE)
_RULES_OF_VAULT = re.compile(r"(?:^|/)(?:sys/(?:policies|policy|auth)\b|auth/token/create|identity/)")
_LEAF = re.compile(r"(?P<mount>.+?)/(?:intermediate/.*|sign/.*|sign\*|roles/leaf-cert|\*)")
_PAGE = "https://developer.hashicorp.com/consul/docs/secure-mesh/certificate/vault"
_POLICIES = "https://developer.hashicorp.com/vault/docs/concepts/policies"


def consuls(*texts: Any) -> bool:
    """Whether names or texts say that something is Consul's."""
    return any(isinstance(text, str) and _CONSULS.search(text) for text in texts)


def _grants(subject: Subject) -> tuple[Grant, ...] | None:
    """What a policy of Consul's allows; ``None`` where only the update will know."""
    text, name = at(subject.properties, "policy"), at(subject.properties, "name")
    if text is UNKNOWN:
        if not consuls(name, subject.name):
            raise NotApplicableError("nothing says that it is Consul's")
        return None
    if not consuls(text, name, subject.name):
        raise NotApplicableError("nothing says that it is Consul's")
    return grants(text)


_OPEN = Undecided("what the policy allows is known only at the update")


def policy_called(subject: Subject) -> str:
    """How a policy is named in what is said of it."""
    return f"the policy {told(at(subject.properties, 'name'), subject.name)}"


def _wide(subject: Subject, _: Config) -> Iterator[Answer]:
    found = _grants(subject)
    if found is None:
        yield _OPEN
        return
    for grant in found:
        stem, rest = [*grant.path.split("/", 1), ""][:2]
        everywhere = "*" in stem or stem == "+"
        mounts = rest.removeprefix("mounts/").split("/")[0] if grant.path.startswith("sys/mounts/") else ""
        if everywhere or "*" in mounts or mounts == "+" or (stem in _SYSTEM and rest in ("*", "+", "+/*")):
            yield Violation(f"{policy_called(subject)} reaches engines that aren't Consul's: {grant.shown}")


def _sudo(subject: Subject, _: Config) -> Iterator[Answer]:
    found = _grants(subject)
    if found is None:
        yield _OPEN
    for grant in found or ():
        if grant.capabilities & {"sudo", "root"} and not grant.path.endswith(f"/{_CROSS_SIGN}"):
            yield Violation(f"{policy_called(subject)} has sudo at {grant.shown}, and Consul needs it nowhere")


def _escalating(subject: Subject, _: Config) -> Iterator[Answer]:
    found = _grants(subject)
    if found is None:
        yield _OPEN
    for grant in found or ():
        changes_roles = grant.path.startswith("auth/") and "/role" in grant.path
        named = _RULES_OF_VAULT.search(grant.path)
        if grant.writes and (named or changes_roles or any(map(grant.covers, _ESCALATING))):
            yield Violation(f"{policy_called(subject)} lets Consul give itself more rights: {grant.shown}")


def _in_rotation(stack: Stack) -> bool | None:
    """Whether the stack shows a change of the root under way; ``None`` where only the update will know."""
    steps = [at(one.properties, "rotation", "step") for one in stack.of(CONNECT_CA)]
    if any(step in ("cross-signing", "switched") for step in steps):
        return True
    roots = [elements(at(one.properties, "connect", "roots")) for one in stack.of(VAULT_CA)]
    if not steps and any(len(each) > 1 for each in roots):
        return True
    return None if UNKNOWN in (*steps, *(root for each in roots for root in each)) else False


def _cross_signing(stack: Stack, _: Config) -> Iterator[Answer]:
    under_way = _in_rotation(stack)
    judged = False
    for subject in stack.of(*POLICY):
        try:
            found = _grants(subject)
        except NotApplicableError:
            continue
        judged = True
        if found is None:
            yield Undecided(_OPEN.reason, subject)
        for grant in found or ():
            if not grant.path.endswith(_CROSS_SIGN) or not grant.writes or under_way:
                continue
            if under_way is None:
                yield Undecided("whether a root is being changed is known only at the update", subject)
            else:
                what = (
                    f"{policy_called(subject)} may have any root signed ({grant.shown}), and no root is being changed"
                )
                yield Violation(what, subject)
    if not judged:
        raise NotApplicableError("no policy of the stack is Consul's")


def _one_datacenter(subject: Subject, _: Config) -> Iterator[Answer]:
    found = _grants(subject)
    if found is None:
        yield _OPEN
        return
    leaves = [match["mount"] for grant in found if grant.writes and (match := _LEAF.fullmatch(grant.path))]
    mounts = sorted({mount for mount in leaves if "inter" in mount.rpartition("/")[2]})
    if len(mounts) > 1 and all(re.fullmatch(r"[\w./+-]+", mount) for mount in mounts):
        yield Violation(f"{policy_called(subject)} signs for {listed(mounts)}: with it one datacenter is any other's")


def _leaves_vault(subject: Subject, _: Config) -> Iterator[Answer]:
    given = [at(subject.properties, key) for key in ("type", "backend", "commonName")]
    if given[0] is UNKNOWN:
        yield Undecided("whether its key leaves Vault is known only at the update")
    elif not consuls(*given[1:], subject.name):
        raise NotApplicableError("nothing says that it is Consul's")
    elif given[0] == "exported":
        yield Violation("its private key leaves Vault, and is in Pulumi's state")


def _may_leave_vault(subject: Subject, _: Config) -> Iterator[Answer]:
    found = _grants(subject)
    if found is None:
        yield _OPEN
    for grant in found or ():
        stem = grant.path.removesuffix("*").rstrip("/")
        is_pki = re.search(r"pki|inter|root|ca\b", stem) is not None
        ways = [f"{stem}/{kind}/generate/exported" for kind in ("root", "intermediate")]
        covered = grant.path != stem and is_pki and any(map(grant.covers, ways))
        if grant.writes and (covered or grant.path.endswith("generate/exported")):
            yield Violation(f"with {policy_called(subject)} a key can be made that leaves Vault: {grant.shown}")


_SIGN = path("dc1/connect_inter/sign/leaf-cert", "update")
_CROSS = policy(path("dc1/connect_root/root/sign-self-issued", "sudo", "update"), "consul-cross-signing")
_ROTATING = plain("ca", CONNECT_CA, "root: {path: dc1/connect_root}, rotation: {step: cross-signing}")


def _key(kind: str) -> str:
    return plain("root", KEYS[0], f"backend: dc1/connect_root, commonName: Consul dc1, type: {kind}")


WIDE = Rule(
    id="MW-CON-001",
    slug="policies-reach-consuls-engines-alone",
    title="A policy of Consul's reaches the engines of its datacenter alone",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=POLICY,
    why=(
        "A wildcard in the place of a mount gives a mesh's servers every secret of Vault's, and each datacenter every "
        "other's authority."
    ),
    remedy="name the mounts, such as dc1/connect_inter/sign/leaf-cert",
    notes=(
        "A policy is taken for Consul's where its name or text has `consul`, or `connect` as Consul's mounts have it. "
        'HCL and JSON are read, and the old `policy = "write"`.'
    ),
    bad=Example(
        policy(path("+/connect_inter/*", "update")),
        "the policy consul-connect-ca reaches engines that aren't Consul's: +/connect_inter/*",
    ),
    good=Example(policy(_SIGN)),
    references=(_PAGE, _POLICIES),
    frameworks=LEAST_PRIVILEGE,
    check=_wide,
)
SUDO = Rule(
    id="MW-CON-002",
    slug="no-sudo-for-consul",
    title="Consul has sudo in Vault for cross-signing alone",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=POLICY,
    why="`sudo` opens Vault's paths for its root. Consul makes one such call, when one root signs another.",
    remedy="take `sudo` from the capabilities",
    bad=Example(
        policy(path("sys/mounts/dc1/connect_inter", "update", "sudo")),
        "the policy consul-connect-ca has sudo at sys/mounts/dc1/connect_inter, and Consul needs it nowhere",
    ),
    good=Example(policy(path("sys/mounts/dc1/connect_inter/tune", "update"))),
    references=(_PAGE, _POLICIES),
    frameworks=LEAST_PRIVILEGE,
    check=_sudo,
)
ESCALATING = Rule(
    id="MW-CON-003",
    slug="consul-gives-itself-no-rights",
    title="No policy lets Consul change policies, roles or tokens of Vault's",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=POLICY,
    why="Whoever writes policies or roles has every right: a token of one server then opens all of Vault.",
    remedy="leave auth/token/renew-self and auth/token/lookup-self to Consul, and the rest to whoever runs Vault",
    bad=Example(
        policy(path("sys/policies/acl/*", "create", "update")),
        "the policy consul-connect-ca lets Consul give itself more rights: sys/policies/acl/*",
    ),
    good=Example(policy(path("auth/token/renew-self", "update"))),
    references=(_POLICIES,),
    frameworks=LEAST_PRIVILEGE,
    check=_escalating,
)
CROSS_SIGNING = Rule(
    id="MW-CON-004",
    slug="cross-signing-inside-a-rotation",
    title="Consul may have a root signed only while its root is changed",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=POLICY,
    context=(CONNECT_CA, VAULT_CA),
    why=(
        "With `sign-self-issued` any self-made root is trusted by the whole mesh. Consul needs it once, when its root "
        "or its provider changes; without it that change breaks the mesh (consul#13090)."
    ),
    remedy="remove the policy, or take the step cross-signing of a rotation; a change by hand is a case for a waiver",
    notes=(
        "A change is under way where ConnectCertificateAuthority is in the step cross-signing or switched, or where "
        "VaultCertificateAuthority has two roots and no such component is there."
    ),
    bad=Example(
        _CROSS,
        "the policy consul-cross-signing may have any root signed (dc1/connect_root/root/sign-self-issued), and no "
        "root is being changed",
    ),
    good=Example(_CROSS + _ROTATING),
    references=(_PAGE, "https://github.com/hashicorp/consul/issues/13090"),
    frameworks=LEAST_PRIVILEGE,
    check_stack=_cross_signing,
)
ONE_DATACENTER = Rule(
    id="MW-CON-005",
    slug="policy-of-one-datacenter",
    title="A policy of Consul's is for one datacenter's intermediate",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=POLICY,
    why="Servers that sign with another datacenter's intermediate can be any service of it.",
    remedy="write a policy for each datacenter, and bind each to that datacenter's servers",
    notes="An intermediate is a mount with `inter` in the last part of its path, as in Consul's documentation.",
    bad=Example(
        policy(_SIGN + path("dc2/connect_inter/sign/leaf-cert", "update")),
        "the policy consul-connect-ca signs for dc1/connect_inter and dc2/connect_inter: with it one datacenter is any "
        "other's",
    ),
    good=Example(policy(_SIGN)),
    references=(_PAGE,),
    frameworks=LEAST_PRIVILEGE,
    check=_one_datacenter,
)
LEAVES_VAULT = Rule(
    id="MW-CON-006",
    slug="ca-keys-stay-in-vault",
    title="The key of a root or an intermediate doesn't leave Vault",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=KEYS,
    why="A key of type `exported` is in Vault's answer and in Pulumi's state. Whoever reads it can be any service.",
    remedy="set `type: internal`, or `kms` for a key that an HSM holds",
    bad=Example(_key("exported"), "its private key leaves Vault, and is in Pulumi's state"),
    good=Example(_key("internal")),
    references=("https://developer.hashicorp.com/vault/api-docs/secret/pki#generate-root",),
    check=_leaves_vault,
)
MAY_LEAVE_VAULT = Rule(
    id="MW-CON-007",
    slug="no-right-to-make-exported-keys",
    title="With Consul's rights no key can be made that leaves Vault",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=POLICY,
    why=(
        "`<intermediate>/*`, as the vendor's page has it, includes intermediate/generate/exported: a server that is "
        "taken over makes a new intermediate whose key it keeps."
    ),
    remedy="name each call, as VaultCertificateAuthority does, such as intermediate/generate/internal",
    notes="It looks at mounts with `pki`, `inter`, `root` or `ca` in their path.",
    bad=Example(
        policy(path("dc1/connect_inter/*", "create", "read", "update", "delete", "list")),
        "with the policy consul-connect-ca a key can be made that leaves Vault: dc1/connect_inter/*",
    ),
    good=Example(policy(path("dc1/connect_inter/intermediate/generate/internal", "update"))),
    references=(_PAGE,),
    frameworks=LEAST_PRIVILEGE,
    check=_may_leave_vault,
)

RULES = (
    WIDE,
    SUDO,
    ESCALATING,
    CROSS_SIGNING,
    ONE_DATACENTER,
    LEAVES_VAULT,
    MAY_LEAVE_VAULT,
)
