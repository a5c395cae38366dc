"""Vault, or OpenBao, set up for one datacenter of Consul's."""

from importlib.util import find_spec
from typing import Any

import pulumi

from meshwright.consul.vault.arguments import VaultCertificateAuthorityArgs
from meshwright.consul.vault.backend import VaultBackendArgs
from meshwright.consul.vault.plan import VaultPlan, plan_vault
from meshwright.consul.vault.roots import check_roots
from meshwright.errors import Code
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import refuse
from meshwright.kubernetes.providers import require_provider

_SECRET = ("gossip_key", "bootstrap_token")


class VaultCertificateAuthority(pulumi.ComponentResource):
    """Engines, keys, policies and logins: all that Consul needs in Vault before its first pod starts.

    Private keys are made inside Vault and stay there. The gossip key and the bootstrap token are in the state, as
    secrets. It needs a provider of Vault's, ``pulumi_vault.Provider``.

    Raises:
        ComponentError: MW-E050 for arguments that cannot work, MW-E051 without a provider, MW-E190 where pulumi_vault
            is missing, MW-E240 for a root's certificate.
    """

    backend: VaultBackendArgs
    """What `Consul` has to be told: its argument ``vault``. Nothing in it is secret."""
    ready: bool
    """False while the root is held elsewhere and has not signed its request: Consul can't start yet. True where it is
    the next root that hasn't, for then Consul runs."""
    waiting: tuple[str, ...]
    """Mounts of roots that have not signed their request."""
    root_requests: dict[str, pulumi.Output[str]]
    """Mount of a root that is held elsewhere -> the request that it has to sign, PEM. It makes an authority that
    may have another below it (path length 1 or more)."""

    def __init__(
        self, name: str, args: VaultCertificateAuthorityArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        label = f"VaultCertificateAuthority {name}"
        plan = check_authority(args, label)
        require_provider(opts, label, "vault")
        shown: dict[str, Any] = {key: value for key, value in args.items() if key not in _SECRET}
        if "auth" in shown:
            shown["auth"] = {key: value for key, value in args["auth"].items() if key != "reviewer_token"}
        super().__init__("meshwright:index:VaultCertificateAuthority", name, shown, opts)
        self.backend, self.ready, self.waiting = plan.backend, plan.ready, plan.waiting
        self._register(name, args, plan, below(self, opts))
        self.register_outputs({"backend": self.backend, "ready": self.ready, "root_requests": self.root_requests})

    def _register(
        self, name: str, args: VaultCertificateAuthorityArgs, plan: VaultPlan, opts: pulumi.ResourceOptions
    ) -> None:
        from meshwright.consul.vault.registering import Vault

        vault = Vault(name, plan, opts, retain=args.get("retain", False))
        self.root_requests = {}
        if plan.engines.managed_by == "vault" and plan.engines.roots:
            requests = {each.engine.path: vault.root(each) for each in plan.engines.roots}
            self.root_requests = {path: request for path, request in requests.items() if request is not None}
            vault.engine("connect-intermediate", plan.engines.intermediate, tuned_by_consul=True)
        names = plan.names
        servers = (names.server_common_name, *names.server_alt_names, *args.get("server_dns_names", []))
        authority = f"Consul {names.datacenter} servers"
        vault.issuing("server-tls", plan.engines.server_tls, plan.server_role, authority, servers, addresses=True)
        injector, authority = names.injector_alt_names, f"Consul {names.datacenter} injector"
        vault.issuing(
            "injector-tls", plan.engines.injector_tls, plan.injector_role, authority, injector, addresses=False
        )
        vault.secrets(args.get("gossip_key"), args.get("bootstrap_token"))
        if plan.logins_existing:
            return
        auth = args.get("auth", {})
        written, method = vault.policies(plan.policies), vault.auth(auth)
        for each in plan.logins:
            vault.login(each, auth, [*written, *([method] if method else [])])


def check_authority(args: VaultCertificateAuthorityArgs, label: str) -> VaultPlan:
    """Check all that can be known before anything is registered. Raises as `VaultCertificateAuthority`."""
    if find_spec("pulumi_vault") is None or find_spec("pulumi_random") is None:
        remedy = "pip install 'meshwright[consul]'"
        raise refuse(
            Code.EXTRA_MISSING, label, "Vault is set up by the packages pulumi_vault and pulumi_random", remedy
        )
    plan = plan_vault(args, label)
    check_roots(plan.engines.roots, label)
    return plan
