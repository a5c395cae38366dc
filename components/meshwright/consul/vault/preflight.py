"""Whether a running Vault lets a plan through, asked before the first resource is registered.

The provider finds these mistakes one at a time, in the middle of an update, when half of the engines are mounted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshwright.consul.vault.checks import secret_problem
from meshwright.consul.vault.engines import INTERMEDIATE_S, RETAINED
from meshwright.consul.vault.kept import Kept, certificate_in
from meshwright.consul.vault.live import LiveVault, VaultAccess
from meshwright.consul.vault.plan import EVERY_ACCOUNT, GOSSIP_KEY, TOKEN_KEY
from meshwright.errors import Code, Problem
from meshwright.kubernetes.errors import ComponentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from meshwright.consul.vault.engines import Engine
    from meshwright.consul.vault.plan import Login, VaultPlan

_SYSTEM_TTL_S = 32 * 86_400
"""Vault's ``max_lease_ttl`` where neither an engine nor the server has one."""
_FOUND, _NOT_FOUND = 200, 404


def check_vault(
    plan: VaultPlan, access: VaultAccess, owner: str, *, is_alone: bool = False, is_live_known: bool = True
) -> tuple[str, ...]:
    """Ask a running Vault, by reading alone, whether a plan can be carried out in it.

    Args:
        plan: What is to be there.
        access: How it is reached.
        owner: As `meshwright.consul.vault.registering.owner` has it: what is marked with it is the stack's own.
        is_alone: Whether the stack has no other datacenter's in this Vault: then another name of its datacenter is
            told as well.
        is_live_known: Whether what is live in Consul is held against the plan: else no root of the stack's may go.

    Returns:
        What the token may not look at, in words.

    Raises:
        ComponentError: All problems at once: MW-E235 to MW-E239, and MW-E241.
    """
    vault = LiveVault(access, plan.namespace)
    looks = _Looks(vault, plan, owner)
    kept = Kept(vault, plan, owner, is_alone=is_alone, is_live_known=is_live_known)
    problems = [
        *looks.rights(),
        *(problem for each in plan.engines.not_consuls for problem in looks.engine(each)),
        *looks.auth(),
        *looks.policies(),
        *(problem for each in plan.logins if plan.logins_existing for problem in looks.role(each)),
        *looks.secrets(),
        *kept.roots(),
        *(problem for below, mounts in looks.seen_mounts() for problem in kept.engines(below, mounts)),
    ]
    if problems:
        raise ComponentError(problems)
    return tuple(looks.unseen)


class _Looks:
    """One plan, held against one Vault."""

    def __init__(self, vault: LiveVault, plan: VaultPlan, owner: str) -> None:
        self._vault, self._plan, self._marks = vault, plan, (f"({owner})", f"({owner}{RETAINED})")
        self._first_line = f"# {owner}\n"
        self._mounts: dict[tuple[str, str], Mapping[str, Any] | None] = {}
        self.unseen: list[str] = []

    def rights(self) -> Iterator[Problem]:
        """Everything that is written has to be writable, or an update stops in its middle."""
        plan = self._plan
        paths = [f"sys/policies/acl/{each.name}" for each in plan.policies.values()]
        paths += [each.mounted_by for each in plan.engines.not_consuls if not each.existing]
        paths += self._in_engines()
        if not plan.auth_existing:
            paths += [f"sys/auth/{plan.auth_path}", f"auth/{plan.auth_path}/config"]
        if not plan.logins_existing:
            paths += [f"auth/{plan.auth_path}/role/{each.name}" for each in plan.logins]
        if not plan.secrets_existing:
            paths += [plan.backend[key]["path"] for key in ("gossip", "bootstrap_token")]
        if refused := self._vault.not_writable(paths):
            shown = ", ".join(refused[:3]) + (f" and {len(refused) - 3} more" if len(refused) > 3 else "")
            remedy = "use one that may, or have its policy extended"
            yield self._vault.problem(Code.VAULT_TOKEN, f"the token may not write {shown}", remedy)

    def _in_engines(self) -> Iterator[str]:
        """Whoever may mount an engine may not have keys made in it for that."""
        engines = self._plan.engines
        making = [engines.server_tls, engines.injector_tls]
        for root in engines.roots if engines.managed_by == "vault" else ():
            if root.held == "vault":
                making.append(root.engine)
            else:
                yield f"{root.engine.policy_path}/issuers/generate/intermediate/internal"
                if root.certificate:
                    yield f"{root.engine.policy_path}/intermediate/set-signed"
        yield from (f"{each.policy_path}/issuers/generate/root/internal" for each in making if not each.existing)
        yield f"{engines.server_tls.path}/roles/{self._plan.server_role}"
        yield f"{engines.injector_tls.path}/roles/{self._plan.injector_role}"

    def seen_mounts(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Namespace below the plan's -> its mounts, where the token may look at them."""
        yield from ((below, found) for (kind, below), found in self._mounts.items() if kind == "mounts" and found)

    def engine(self, engine: Engine) -> Iterator[Problem]:
        """An engine that is ours or absent where it is to be made, and as it has to be where it exists."""
        try:
            mounts = self._seen("mounts", engine.namespace)
        except ComponentError as error:
            yield from error.problems
            return
        if mounts is None:
            return
        found = mounts.get(engine.path)
        if not engine.existing:
            yield from self._not_taken(engine.path, found, mounts)
            return
        if found is None:
            remedy = "mount it, or let this stack: existing: false"
            yield self._wrong(f"{engine.path} doesn't exist", remedy)
        elif found["type"] != engine.kind:
            yield self._wrong(f"{engine.path} is of type {found['type']}, and not {engine.kind}", "name another")
        elif engine.kind == "kv":
            yield from self._version(engine.path, found)
        else:
            yield from self._authority(engine, found)

    def auth(self) -> Iterator[Problem]:
        """The auth method, likewise."""
        methods, plan = self._seen("auth", ""), self._plan
        if methods is None:
            return
        found = methods.get(plan.auth_path)
        if not plan.auth_existing:
            yield from self._not_taken(plan.auth_path, found, methods)
        elif found is None:
            yield self._wrong(f"the auth method {plan.auth_path} doesn't exist", "enable it, or remove auth.existing")
        elif found["type"] != plan.auth_method:
            message = f"the auth method {plan.auth_path} is of type {found['type']}, and not {plan.auth_method}"
            yield self._wrong(message, "name another, or set auth.method")

    def policies(self) -> Iterator[Problem]:
        """Policies of these names are the stack's own."""
        for each in self._plan.policies.values():
            status, found = self._vault.ask("GET", f"sys/policies/acl/{each.name}")
            if status == _FOUND and not str(found.get("policy", "")).startswith(self._first_line):
                message = f"the policy {each.name} is there, and not this stack's"
                yield self._wrong(message, "delete it, or choose another full_name or datacenter")

    def role(self, login: Login) -> Iterator[Problem]:
        """A role that exists lets its service account in."""
        path, names = f"auth/{self._plan.auth_path}/role/{login.name}", self._plan.names
        status, found = self._vault.ask("GET", path)
        called = f"the role {login.name} of auth/{self._plan.auth_path}"
        if status != _FOUND:
            remedy = "create it, or let this stack: remove auth.roles"
            yield self._vault.problem(Code.VAULT_ROLE, f"{called} doesn't exist", remedy)
            return
        bound = _bound(found, names.namespace)
        if login.account not in bound and EVERY_ACCOUNT not in bound:
            account = "each service account" if login.account == EVERY_ACCOUNT else login.account
            message = (
                f"{called} is bound to {', '.join(bound) or 'no one there'}, and not to {account} in {names.namespace}"
            )
            yield self._vault.problem(Code.VAULT_ROLE, message, "bind it to that service account")

    def secrets(self) -> Iterator[Problem]:
        """Secrets that are there already are there, and are such as Consul takes; others' are not written over."""
        if not self._plan.secrets_existing:
            yield from self._others_secrets()
            return
        backend = self._plan.backend
        for path, key, kind in (
            (backend["gossip"]["path"], GOSSIP_KEY, "gossip"),
            (backend["bootstrap_token"]["path"], TOKEN_KEY, "bootstrap-token"),
        ):
            status, found = self._vault.ask("GET", path)
            value = (found.get("data") or {}).get(key) if status == _FOUND else None
            if value is None:
                remedy = f"put the {kind.replace('-', ' ')} there, or remove existing_secrets"
                yield self._vault.problem(Code.VAULT_SECRET, f'{path} has no key "{key}"', remedy)
            elif wrong := secret_problem(kind, str(value)):
                yield self._vault.problem(Code.VAULT_SECRET, f"{path}: {wrong[0]}", wrong[1])

    def _others_secrets(self) -> Iterator[Problem]:
        """With another bootstrap token, or gossip key, a Consul that runs is shut out of its own datacenter."""
        plan = self._plan
        if not (plan.engines.kv.existing and plan.policies):
            return
        # A secret has no mark. The policy that reads it has one, where this stack has written both.
        status, _ = self._vault.ask("GET", f"sys/policies/acl/{plan.policies['gossip'].name}")
        if status != _NOT_FOUND:
            return
        for key in ("gossip", "bootstrap_token"):
            path = plan.backend[key]["path"]
            status, found = self._vault.ask("GET", path)
            if status == _FOUND and found.get("data"):
                message = f"{path} is there already, and would be written over"
                remedy = "use both secrets: existing_secrets: true; or delete it, where no Consul has it"
                yield self._vault.problem(Code.VAULT_SECRET, message, remedy)

    def _not_taken(self, path: str, found: Mapping[str, Any] | None, mounts: Mapping[str, Any]) -> Iterator[Problem]:
        if found is not None and not str(found.get("description", "")).endswith(self._marks):
            message = f"{path} is there already, of type {found['type']}, and not this stack's"
            yield self._wrong(message, "use it: existing: true; or choose another path")
        for other in mounts:
            if other != path and (path.startswith(f"{other}/") or other.startswith(f"{path}/")):
                yield self._wrong(
                    f"{path} can't be mounted beside {other}", "choose a path that isn't above or below it"
                )

    def _version(self, path: str, found: Mapping[str, Any]) -> Iterator[Problem]:
        version = str((found.get("options") or {}).get("version", "1"))
        if version != "2":
            remedy = f"make it version 2: bao kv enable-versioning {path}"
            yield self._wrong(f"{path} is KV version {version}", remedy)

    def _authority(self, engine: Engine, found: Mapping[str, Any]) -> Iterator[Problem]:
        roots = [each.engine for each in self._plan.engines.roots]
        if engine == self._plan.engines.intermediate:
            return
        if not certificate_in(self._vault, engine.path, engine.namespace):
            yield self._wrong(f"{engine.path} has no certificate yet", "have its root made: root/generate/internal")
        longest = (found.get("config") or {}).get("max_lease_ttl") or _SYSTEM_TTL_S
        if engine in roots and longest < INTERMEDIATE_S:
            hours = INTERMEDIATE_S // 3600
            message = f"{engine.path} signs for {longest // 3600}h at most, and an intermediate is for {hours}h"
            yield self._wrong(message, f"tune it: bao secrets tune -max-lease-ttl={hours}h {engine.path}")

    def _seen(self, kind: str, namespace: str) -> Mapping[str, Any] | None:
        if (kind, namespace) not in self._mounts:
            self._mounts[kind, namespace] = self._vault.mounts(kind, namespace)
            if self._mounts[kind, namespace] is None:
                self.unseen.append(f"sys/{kind}{f' in {namespace}' if namespace else ''}")
        return self._mounts[kind, namespace]

    def _wrong(self, message: str, remedy: str) -> Problem:
        return self._vault.problem(Code.VAULT_MOUNT, message, remedy)


def _bound(role: Mapping[str, Any], namespace: str) -> list[str]:
    """The service accounts of a namespace that a role lets in."""
    if "bound_service_account_names" in role:
        namespaces = role.get("bound_service_account_namespaces") or []
        return list(role["bound_service_account_names"]) if {namespace, "*"} & set(namespaces) else []
    subject = role.get("bound_subject") or (role.get("bound_claims") or {}).get("sub") or ""
    start = f"system:serviceaccount:{namespace}:"
    given = [subject] if isinstance(subject, str) else list(subject)
    return [each.removeprefix(start) for each in given if each.startswith(start)]
