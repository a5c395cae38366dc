"""What Vault holds for one datacenter, and where Consul finds it: checked, and not yet registered."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from meshwright.consul.names import Names
from meshwright.consul.vault import policies
from meshwright.consul.vault.arguments import VaultCertificateAuthorityArgs
from meshwright.consul.vault.backend import AuthType, ConnectCaPaths, VaultBackendArgs, VaultRoles
from meshwright.consul.vault.checks import auth_mistakes, secret_mistakes
from meshwright.consul.vault.engines import Engine, Engines, engine_mistakes, plan_engines
from meshwright.consul.vault.policies import Policy
from meshwright.errors import Code, Problem
from meshwright.kubernetes.errors import ComponentError

GOSSIP_KEY, TOKEN_KEY = "key", "token"
SERVER_ROLE, INJECTOR_ROLE = "consul-server", "consul-connect-injector"
"""PKI roles of the servers' certificates and of the webhook's, in engines that are the datacenter's alone."""
EVERY_ACCOUNT = "*"
_PARTS: Mapping[str, tuple[str, ...]] = {
    "server": ("own-token", "server-tls", "gossip", "bootstrap-token", "connect-ca", "cross-signing"),
    "acl_init": ("own-token", "server-ca", "bootstrap-token"),
    "injector": ("own-token", "server-ca", "injector-tls"),
    "ca": ("own-token", "server-ca"),
    "client": ("own-token", "server-ca", "gossip"),
}
"""Part of Consul, as in `VaultRoles` -> its policies. The injector's agent reads the servers' CA with its one role."""


@dataclass(frozen=True, slots=True)
class Login:
    """A role of the auth method."""

    part: str
    """Key of `VaultRoles`."""
    name: str
    account: str
    """Its service account, or `EVERY_ACCOUNT` of Consul's namespace."""
    policies: tuple[str, ...]
    """Names of its policies; ``cross-signing`` is among a server's also while there is none of that name."""


@dataclass(frozen=True, slots=True)
class VaultPlan:
    """All of it."""

    names: Names
    namespace: str
    """Vault's; empty for none."""
    engines: Engines
    auth_method: AuthType
    auth_path: str
    auth_existing: bool
    policies: Mapping[str, Policy]
    """By a short name. Empty where the roles exist."""
    logins: tuple[Login, ...]
    logins_existing: bool
    """Whether the roles, with their policies, are somebody else's."""
    secrets: str
    """Folder of the gossip key and the bootstrap token in KV."""
    secrets_existing: bool
    backend: VaultBackendArgs
    server_role: str
    """PKI role of the servers' certificates."""
    injector_role: str
    """That of the webhook's."""

    @property
    def waiting(self) -> tuple[str, ...]:
        """Mounts of roots that are held elsewhere and have not signed their request."""
        return tuple(
            each.engine.path for each in self.engines.roots if each.held == "elsewhere" and not each.certificate
        )

    @property
    def ready(self) -> bool:
        """Whether Consul can start. A next root that has yet to sign keeps nothing that runs from running."""
        return not self.engines.roots or self.engines.roots[0].engine.path not in self.waiting


def plan_vault(args: VaultCertificateAuthorityArgs, label: str) -> VaultPlan:
    """Check arguments, and plan what they make.

    Raises:
        ComponentError: MW-E050 for arguments that can't work.
    """
    names = Names(
        args.get("full_name", "consul"),
        args.get("consul_namespace", "consul"),
        args.get("datacenter", "dc1"),
        args.get("domain", "consul"),
    )
    engines, auth = plan_engines(args, names), args.get("auth", {})
    complaints = [*engine_mistakes(args, engines), *auth_mistakes(auth), *secret_mistakes(args)]
    if complaints:
        raise ComponentError([Problem(Code.BAD_ARGUMENT, *each, label) for each in complaints])
    secrets, method = f"{names.full_name}/{names.datacenter}", auth.get("method", "kubernetes")
    logins = tuple(_logins(args, names))
    auth_path = auth.get("path", f"{names.datacenter}/{method}")
    return VaultPlan(
        names,
        args.get("namespace", ""),
        engines,
        method,
        auth_path,
        auth.get("existing", False) or "roles" in auth,
        {} if "roles" in auth else _policies(args, names, engines, secrets),
        logins,
        "roles" in auth,
        secrets,
        args.get("existing_secrets", False),
        _backend(args, names, engines, logins, auth_path, secrets),
        _pki_role(SERVER_ROLE, names, engines.server_tls),
        _pki_role(INJECTOR_ROLE, names, engines.injector_tls),
    )


def _logins(args: VaultCertificateAuthorityArgs, names: Names) -> Iterator[Login]:
    given = args.get("auth", {}).get("roles")
    accounts = {"server": names.server, "acl_init": names.acl_init, "injector": names.injector, "ca": EVERY_ACCOUNT}
    if args.get("clients") or (given and "client" in given):
        accounts["client"] = names.client
    for part, account in accounts.items():
        name = str(given[part]) if given else f"{names.full_name}-{names.datacenter}-{part.replace('_', '-')}"  # type: ignore[literal-required]
        yield Login(part, name, account, tuple(_policy_name(names, each) for each in _PARTS[part]))


def _pki_role(usual: str, names: Names, engine: Engine) -> str:
    """In an engine that exists other datacenters may have theirs, too, for other names."""
    return usual.replace("consul", f"{names.full_name}-{names.datacenter}", 1) if engine.existing else usual


def _policy_name(names: Names, short: str) -> str:
    return f"{names.full_name}-{names.datacenter}-{short}"


def _policies(
    args: VaultCertificateAuthorityArgs, names: Names, engines: Engines, secrets: str
) -> Mapping[str, Policy]:
    kv, server = f"{engines.kv.path}/data/{secrets}", engines.server_tls.path
    server_role = _pki_role(SERVER_ROLE, names, engines.server_tls)
    injector_role = _pki_role(INJECTOR_ROLE, names, engines.injector_tls)
    texts = {
        "own-token": policies.own_token(),
        "server-ca": policies.server_ca(server),
        "server-tls": policies.issue(server, server_role),
        "injector-tls": policies.issue(engines.injector_tls.path, injector_role),
        "gossip": policies.read_secret(f"{kv}/gossip"),
        "bootstrap-token": policies.read_secret(f"{kv}/bootstrap-token"),
    }
    if engines.roots:
        texts["connect-ca"] = _connect(engines)
    if args.get("connect", {}).get("cross_signing"):
        texts["cross-signing"] = policies.cross_signing(tuple(each.engine.policy_path for each in engines.roots))
    return {short: Policy(_policy_name(names, short), text) for short, text in texts.items()}


def _connect(engines: Engines) -> str:
    roots = tuple(each.engine.policy_path for each in engines.roots)
    below, tune = engines.intermediate.policy_path, f"{engines.intermediate.mounted_by}/tune"
    if engines.managed_by == "vault":
        return policies.connect_authority(roots, below, tune)
    mounts = tuple(each.mounted_by for each in engines.connect)
    return policies.connect_authority_that_mounts(roots, below, mounts, tune)


def _backend(
    args: VaultCertificateAuthorityArgs,
    names: Names,
    engines: Engines,
    logins: tuple[Login, ...],
    auth_path: str,
    secrets: str,
) -> VaultBackendArgs:
    kv, server, injector = f"{engines.kv.path}/data/{secrets}", engines.server_tls.path, engines.injector_tls.path
    roles: VaultRoles = {each.part: each.name for each in logins}  # type: ignore[assignment]
    backend: VaultBackendArgs = {
        "address": args["address"],
        "auth_path": auth_path,
        "auth_type": args.get("auth", {}).get("method", "kubernetes"),
        "roles": roles,
        "server_certificate": f"{server}/issue/{_pki_role(SERVER_ROLE, names, engines.server_tls)}",
        "ca_certificate": f"{server}/cert/ca",
        "injector_certificate": f"{injector}/issue/{_pki_role(INJECTOR_ROLE, names, engines.injector_tls)}",
        "injector_ca": f"{injector}/cert/ca",
        "gossip": {"path": f"{kv}/gossip", "key": GOSSIP_KEY},
        "bootstrap_token": {"path": f"{kv}/bootstrap-token", "key": TOKEN_KEY},
    }
    if engines.roots:
        backend["connect_ca"] = _connect_paths(engines.roots[0].engine, engines.intermediate, args.get("namespace", ""))
    if "namespace" in args:
        backend["namespace"] = args["namespace"]
    if "ca" in args:
        backend["ca"] = args["ca"]
    return backend


def _connect_paths(root: Engine, intermediate: Engine, namespace: str) -> ConnectCaPaths:
    paths: ConnectCaPaths = {"root_path": root.path, "intermediate_path": intermediate.path}
    # As its client has them: from the top.
    apart = {
        f"{key}_pki_namespace": f"{namespace}/{each.namespace}" if namespace else each.namespace
        for key, each in (("root", root), ("intermediate", intermediate))
        if each.namespace
    }
    if apart:
        paths["additional"] = apart
    return paths
