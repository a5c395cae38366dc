"""Consul's roles and engines in Vault: who logs in, which names are signed, where secrets are."""

from collections.abc import Iterator
from typing import Any

from meshwright_policy.consul.fragments import chart, path, plain, policy
from meshwright_policy.consul.hcl import grants
from meshwright_policy.consul.objects import (
    HELM,
    LEAST_PRIVILEGE,
    installed,
    setting,
    told,
)
from meshwright_policy.consul.vault import POLICY, consuls, policy_called
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
from meshwright_policy.values import UNKNOWN, at, elements

MOUNT = ("vault:index/mount:Mount",)
JWT_LOGIN = "vault:jwt/authBackendRole:AuthBackendRole"
LOGIN = ("vault:kubernetes/authBackendRole:AuthBackendRole", JWT_LOGIN)
PKI_ROLE = ("vault:pkiSecret/secretBackendRole:SecretBackendRole",)
_ON_KUBERNETES = "https://developer.hashicorp.com/consul/docs/deploy/server/k8s/vault"


def _bound(subject: Subject, _: Config) -> Iterator[Answer]:
    keys = ("roleName", "backend", "tokenPolicies")
    name, backend, policies = (at(subject.properties, key) for key in keys)
    if not consuls(name, backend, subject.name, *elements(policies)):
        raise NotApplicableError("nothing says that it is Consul's")
    spaces, accounts = _accounts(subject)
    called = f"the role {told(name, subject.name)}"
    if not spaces and subject.type == JWT_LOGIN:
        yield Violation(f"{called} is for whoever has a token of its issuer's")
    elif "*" in spaces:
        yield Violation(f"{called} is for service accounts of every namespace")
    elif "default" in accounts:
        yield Violation(f"{called} is for the service account default, which every pod has that names none")
    elif "*" in accounts and (writing := _writing(subject.stack, policies)):
        yield Violation(f"{called} is for every service account, and {writing} lets it write")
    elif UNKNOWN in (*spaces, *accounts) or ("*" in accounts and UNKNOWN in elements(policies)):
        yield Undecided("whom it is for is known only at the update")


def _accounts(subject: Subject) -> tuple[list[Any], list[Any]]:
    """Namespaces and names of the service accounts that may log in by a role."""
    given = subject.properties
    if subject.type != JWT_LOGIN:
        spaces, accounts = (elements(at(given, f"boundServiceAccount{what}")) for what in ("Namespaces", "Names"))
        return spaces, accounts
    bound = at(given, "boundSubject") or at(given, "boundClaims", "sub")
    if bound is UNKNOWN:
        return [UNKNOWN], [UNKNOWN]
    claims = at(given, "boundClaims")
    who = [one.strip().split(":") for one in bound.split(",")] if isinstance(bound, str) else []
    if not who and claims:
        return [""], [""]  # Bound by another claim, which says nothing of accounts.
    parts = [([*one, "*", "*", "*", "*"][2:4]) for one in who]
    return [space for space, _ in parts], [account for _, account in parts]


def _writing(stack: Stack | None, names: Any) -> str:
    """A policy among these that allows more than to look, its own token aside; empty for none that the stack has."""
    for subject in stack.of(*POLICY) if stack is not None else ():
        given = [
            grant for grant in grants(at(subject.properties, "policy")) if not grant.path.startswith("auth/token/")
        ]
        if at(subject.properties, "name") in elements(names) and any(grant.writes for grant in given):
            return policy_called(subject)
    return ""


def _any_name(subject: Subject, _: Config) -> Iterator[Answer]:
    name, backend, anything = (at(subject.properties, key) for key in ("name", "backend", "allowAnyName"))
    if not consuls(name, backend, subject.name):
        raise NotApplicableError("nothing says that it is Consul's")
    called = f"the PKI role {told(name, subject.name)}"
    if anything is True:
        yield Violation(f"{called} issues certificates for any name")
    elif anything is UNKNOWN:
        yield Undecided("which names it issues certificates for is known only at the update")


def _kv_version(stack: Stack, _: Config) -> Iterator[Answer]:
    wanted: dict[str, str] = {}
    for one in installed(stack):
        for key in ("global.gossipEncryption", "global.acls.bootstrapToken", "global.acls.replicationToken"):
            name = setting(one, f"{key}.secretName")
            if isinstance(name, str) and "/data/" in name:
                wanted[name.partition("/data/")[0].strip("/")] = key
    found = [
        mount
        for mount in stack.of(*MOUNT)
        if at(mount.properties, "type") in ("kv", "kv-v2", "generic")
        and str(at(mount.properties, "path")).strip("/") in wanted
    ]
    if not found:
        raise NotApplicableError("the stack doesn't mount the engine of Consul's secrets")
    for mount in found:
        version = at(mount.properties, "options", "version")
        key = wanted[str(at(mount.properties, "path")).strip("/")]
        if version is UNKNOWN:
            yield Undecided("which version of KV it is is known only at the update", mount)
        elif at(mount.properties, "type") != "kv-v2" and str(version).removesuffix(".0") != "2":
            yield Violation(f"it is mounted as version 1 of KV, and {key} has a path of version 2", mount)


_READ = policy(path("dc1/server_tls/cert/ca", "read"), "consul-server-ca")


def _login(accounts: str, spaces: str = "consul") -> str:
    bound = f"boundServiceAccountNames: ['{accounts}'], boundServiceAccountNamespaces: ['{spaces}']"
    return plain(
        "role", LOGIN[0], f"backend: kubernetes, roleName: consul-ca, {bound}, tokenPolicies: [consul-server-ca]"
    )


def _kv(version: int) -> str:
    return plain("kv", MOUNT[0], f"path: consul, type: kv, options: {{version: '{version}'}}") + chart(
        "global: {gossipEncryption: {secretName: consul/data/secret/gossip, secretKey: key}}"
    )


BOUND = Rule(
    id="MW-CON-008",
    slug="vault-roles-are-bound",
    title="A role of Consul's in Vault is for service accounts of Consul's",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=LOGIN,
    context=POLICY,
    why="A pod of any namespace that logs in by such a role is Consul to Vault.",
    remedy="name Consul's namespace and the service account, such as consul-server",
    notes="A role for every account of a named namespace passes while all its policies only read, as consulCARole's.",
    bad=Example(_READ + _login("consul-server", "*"), "the role consul-ca is for service accounts of every namespace"),
    good=Example(_READ + _login("*")),
    references=(_ON_KUBERNETES,),
    frameworks=LEAST_PRIVILEGE,
    check=_bound,
)
ANY_NAME = Rule(
    id="MW-CON-009",
    slug="pki-roles-name-their-names",
    title="A PKI role of Consul's issues certificates for the names that the chart asks for",
    severity=Severity.HIGH,
    level=Level.ADVISORY,
    applies_to=PKI_ROLE,
    why="With `allow_any_name` a server's token has certificates issued for any host that trusts this CA.",
    remedy="list `allowed_domains`; VaultCertificateAuthority has the names that the chart asks for",
    bad=Example(
        plain("role", PKI_ROLE[0], "backend: dc1/server_tls, name: consul-server, allowAnyName: true"),
        "the PKI role consul-server issues certificates for any name",
    ),
    good=Example(
        plain("role", PKI_ROLE[0], "backend: dc1/server_tls, name: consul-server, allowedDomains: [server.dc1.consul]")
    ),
    references=(_ON_KUBERNETES,),
    frameworks=LEAST_PRIVILEGE,
    check=_any_name,
)
KV_VERSION = Rule(
    id="MW-CON-010",
    slug="kv-of-version-2",
    title="Consul's secrets are in KV of the version that its paths are written for",
    severity=Severity.HIGH,
    level=Level.MANDATORY,
    applies_to=MOUNT,
    context=HELM,
    why="A path with `/data/` doesn't exist in version 1: Vault's agents wait for the secret, and no server starts.",
    remedy="set `options: {version: '2'}` on the mount",
    bad=Example(_kv(1), "it is mounted as version 1 of KV, and global.gossipEncryption has a path of version 2"),
    good=Example(_kv(2)),
    references=("https://developer.hashicorp.com/vault/docs/secrets/kv/kv-v2",),
    check_stack=_kv_version,
)

RULES = (
    BOUND,
    ANY_NAME,
    KV_VERSION,
)
