"""Vault, or OpenBao, from the stack's key `vault`: what Consul needs in it, looked at before anything is registered."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi

import consul_ca
from meshwright import VaultCertificateAuthority
from meshwright.config.consul import ConsulMesh
from meshwright.config.consul_vault import Vault, VaultEngine
from meshwright.consul.vault.authority import check_authority
from meshwright.consul.vault.live import VaultAccess
from meshwright.consul.vault.preflight import check_vault
from meshwright.consul.vault.registering import owner
from meshwright.errors import Code
from meshwright.kubernetes.errors import refuse
from parts import file_of, from_here, is_offline, secret_of

if TYPE_CHECKING:
    from meshwright.consul.vault.arguments import AuthArgs, RootArgs, VaultCertificateAuthorityArgs
    from meshwright.consul.vault.backend import VaultBackendArgs


def backend(mesh: ConsulMesh) -> "VaultBackendArgs | None":
    """What Consul is told of Vault; None without one. The config is checked, and then the running Vault.

    Raises:
        ConfigError: MW-E145 for a file or secret that isn't there.
        ComponentError: As `VaultCertificateAuthority`, and as `check_vault`.
    """
    if mesh.vault is None:
        return None
    plan = check_authority(_arguments(mesh, mesh.vault), "VaultCertificateAuthority vault")
    if (access := _access(mesh.vault)) is None:
        pulumi.log.warn(f"Vault {mesh.vault.address}: not looked at offline; `pulumi preview` does")
    else:
        is_live_known = mesh.ca is not None and mesh.ca.consul is not None
        for unseen in check_vault(plan, access, owner(), is_alone=True, is_live_known=is_live_known):
            pulumi.log.warn(f"Vault {mesh.vault.address}: the token may not read {unseen}, which was not checked")
    return plan.backend


def for_chart(mesh: ConsulMesh, told: "VaultBackendArgs | None") -> "VaultBackendArgs | None":
    """What the chart is told of Vault: nothing of a root there while Consul's own authority is the installed one."""
    if told is None or consul_ca.stand_of(mesh).installed.provider == "vault":
        return told
    without = told.copy()
    without.pop("connect_ca", None)
    return without


def deploy(mesh: ConsulMesh, before: Sequence[pulumi.Resource]) -> VaultCertificateAuthority | None:
    """Register what Consul needs in Vault; Consul comes after it. Raises as `backend`.

    Args:
        mesh: The stack's config.
        before: What comes first, such as Consul's namespace.
    """
    if mesh.vault is None:
        return None
    import pulumi_vault

    given = mesh.vault
    provider = pulumi_vault.Provider(
        "vault-api",
        address=given.api_address or given.address,
        token=pulumi.Output.secret(secret_of(given.token, "vault.token")) if given.token else None,
        ca_cert_file=from_here(given.ca_file) if given.ca_file else None,
        set_namespace_from_token=False,  # the resources' is the whole of it, whichever the token is of
    )
    authority = VaultCertificateAuthority(
        "vault", _arguments(mesh, given), pulumi.ResourceOptions(providers=[provider], depends_on=list(before))
    )
    if authority.root_requests:
        pulumi.export("requests", authority.root_requests)
    for mount in authority.waiting:
        rest = "" if authority.ready else ": the rest of the stack waits for its certificate"
        pulumi.log.warn(f"the root of {mount} has not signed its request{rest}", authority)
    return authority


def _arguments(mesh: ConsulMesh, given: Vault) -> "VaultCertificateAuthorityArgs":
    stand, below = consul_ca.stand_of(mesh), given.intermediate
    args: VaultCertificateAuthorityArgs = {
        "address": given.address,
        "datacenter": mesh.datacenter,
        "connect": {
            "managed_by": given.managed_by,
            "roots": [_root(mesh, path) for path in stand.mounts],
            "intermediate": below.model_dump(exclude_none=True, exclude_unset=True),  # type: ignore[typeddict-item]
            "cross_signing": bool(stand.cross_signs),
        },
        "existing_secrets": given.existing_secrets,
        "retain": given.retain,
        "auth": _auth(given),
    }
    engines: Mapping[str, VaultEngine] = {
        "server_tls": given.server_tls,
        "injector_tls": given.injector_tls,
        "kv": given.kv,
    }
    for key, engine in engines.items():
        if said := engine.model_dump(exclude_none=True, exclude_unset=True):
            args[key] = said  # type: ignore[literal-required]
    if names := mesh.values.get("global", {}).get("tls", {}).get("serverAdditionalDNSSANs"):
        args["server_dns_names"] = list(names)  # what the chart then asks for
    if given.namespace:
        args["namespace"] = given.namespace
    if given.ca:
        args["ca"] = {"secret_name": given.ca.secret_name, "secret_key": given.ca.secret_key}
    if given.gossip_key:
        args["gossip_key"] = secret_of(given.gossip_key, "vault.gossip_key")
    if given.bootstrap_token:
        args["bootstrap_token"] = secret_of(given.bootstrap_token, "vault.bootstrap_token")
    return args


def _root(mesh: ConsulMesh, path: str) -> "RootArgs":
    wanted = consul_ca.generations(mesh)[path]
    args: RootArgs = {
        "path": path,
        "existing": wanted.existing,
        "held": wanted.held,
        "key_type": wanted.key_type,
        "key_bits": wanted.key_bits,
    }
    if wanted.namespace:
        args["namespace"] = wanted.namespace
    if wanted.certificate:
        args["certificate"] = file_of(wanted.certificate, "ca.root.certificate")
    return args


def _auth(given: Vault) -> "AuthArgs":
    said: Any = given.auth.model_dump(exclude_none=True, exclude_unset=True)
    if given.auth.kubernetes_ca_certificate:
        said["kubernetes_ca_certificate"] = file_of(
            given.auth.kubernetes_ca_certificate, "vault.auth.kubernetes_ca_certificate"
        )
    if given.auth.public_keys:
        said["public_keys"] = [file_of(each, "vault.auth.public_keys") for each in given.auth.public_keys]
    if given.auth.reviewer_token:
        said["reviewer_token"] = secret_of(given.auth.reviewer_token, "vault.auth.reviewer_token")
    args: AuthArgs = said
    return args


def _access(given: Vault) -> VaultAccess | None:
    """How the running Vault is reached; None where it isn't to be asked, or the token isn't known.

    Raises:
        ComponentError: MW-E238 where the environment has a namespace, which Vault's provider puts all others below.
    """
    if is_offline():
        return None
    if inherited := os.environ.get("VAULT_NAMESPACE"):
        message = f"VAULT_NAMESPACE is {inherited}, and Vault's provider would put all of it there, or below"
        remedy = "unset it where Pulumi runs, and name the whole path in vault.namespace"
        raise refuse(Code.VAULT_MOUNT, f"Vault {given.address}", message, remedy)
    token = secret_of(given.token, "vault.token") if given.token else _own_token()
    if not isinstance(token, str):
        return None
    ca_file = from_here(given.ca_file) if given.ca_file else os.environ.get("VAULT_CACERT")
    return VaultAccess(given.api_address or given.address, token, ca_file or None)


def _own_token() -> str:
    """The token of whoever runs Pulumi, found as the provider finds it."""
    if token := os.environ.get("VAULT_TOKEN"):
        return token
    try:
        return (Path.home() / ".vault-token").read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
