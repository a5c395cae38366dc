"""Consul's certificate authority on day two: what the stack's key `ca` becomes."""

import os
from typing import TYPE_CHECKING, Any, cast

import pulumi

from meshwright import ConnectCertificateAuthority
from meshwright.certs.checks import Verdict
from meshwright.certs.consul_gates import ConsulTold, differences
from meshwright.certs.consul_seen import TOKEN_VARIABLE, ConsulAddress, observe_consul
from meshwright.config.consul import ConsulMesh
from meshwright.config.consul_ca import ConnectCa, ConnectRoot, ConsulApi
from meshwright.consul.ca.rotation import STEADY, RootStand, root_stand
from meshwright.errors import Code, ConfigError, Problem
from parts import from_here, is_offline, secret_of

if TYPE_CHECKING:
    import pulumi_consul as consul

    from consul_parts import Registered
    from meshwright.consul.ca.connect_certificate_authority import ConnectCertificateAuthorityArgs, RootArgs
    from meshwright.consul.vault.backend import VaultBackendArgs


def stand_of(mesh: ConsulMesh) -> RootStand:
    """What the rotation's step asks for: of Consul, of the chart and of Vault."""
    ca = mesh.ca or ConnectCa()
    upcoming = ca.rotation.next.root(mesh.datacenter) if ca.rotation.next else None
    forced = ca.rotation.without_cross_signing is not None
    return root_stand(ca.rotation.step, ca.root.root(mesh.datacenter), upcoming, is_forced=forced)


def generations(mesh: ConsulMesh) -> dict[str, ConnectRoot]:
    """Mount of each root in Vault that the step needs -> what the stack says of it; the one before first."""
    ca = mesh.ca or ConnectCa()
    known = [each for each in (ca.root, ca.rotation.next) if each is not None]
    by_path = {each.root(mesh.datacenter).path: each for each in known}
    return {path: by_path[path] for path in stand_of(mesh).mounts}


def check(mesh: ConsulMesh, place: str) -> None:
    """Refuse a root, or a key of it, that is not what Consul has: outside of a rotation neither is changed.

    Where Consul does not answer, as before its first `up`, there is nothing to be compared with. Inside of a rotation
    the component compares.

    Args:
        mesh: The stack's config.
        place: The stack file.

    Raises:
        ConfigError: MW-E145 for a token that isn't set, or is no secret; MW-E249.
    """
    if mesh.ca is None or mesh.ca.consul is None or mesh.ca.rotation.step != STEADY or is_offline():
        return
    api = mesh.ca.consul
    token = secret_of(api.token, "ca.consul.token") if api.token else os.environ.get(TOKEN_VARIABLE, "")
    if not isinstance(token, str):
        return
    ca_file = from_here(api.ca_certificate) if api.ca_certificate else ""
    try:
        seen = observe_consul(ConsulAddress(api.address, token, ca_file, mesh.datacenter), "Consul")
    except ConfigError as error:
        pulumi.log.info(f"{error.problems[0].message}; its live CA is not compared with the stack's")
        return
    for what, why in seen.gaps.items():
        pulumi.log.warn(f"{api.address}: {what} can't be compared with the stack's: {why}")
    remedy = "another root comes by a rotation: meshwright certs plan; Helm's values change nothing"
    told = ConsulTold(mesh.ca.root.root(mesh.datacenter))
    problems = [
        Problem(Code.CONNECT_CA_LIVE, f"mesh.ca.root is not what is live: {'; '.join(each.reasons)}", remedy, place)
        for each in differences(seen, told, STEADY)
        if each.verdict is Verdict.FAILED
    ]
    if problems:
        raise ConfigError(problems)


def deploy(mesh: ConsulMesh, stands: "Registered", backend: "VaultBackendArgs | None") -> None:
    """Keep Consul's live CA as the stack says, where it says how Consul is reached.

    Args:
        mesh: The stack's config.
        stands: What is registered so far.
        backend: Where Vault is; None for Consul's own CA.

    Raises:
        ConfigError: MW-E145 for a token that isn't set, or is no secret.
        ComponentError: As `ConnectCertificateAuthority`.
    """
    if mesh.ca is None or mesh.ca.consul is None:
        return
    provider = _provider(mesh.ca.consul, mesh.datacenter)
    after = stands.after()
    opts = pulumi.ResourceOptions(providers=[provider], depends_on=after.depends_on)
    ConnectCertificateAuthority("connect-ca", _arguments(mesh, mesh.ca, backend), opts)


def _arguments(
    mesh: ConsulMesh, ca: ConnectCa, backend: "VaultBackendArgs | None"
) -> "ConnectCertificateAuthorityArgs":
    lifetimes = ca.lifetimes
    args: ConnectCertificateAuthorityArgs = {
        "root": _root(ca.root, mesh),
        "leaf_lifetime_hours": lifetimes.leaf_h,
        "intermediate_lifetime_hours": lifetimes.intermediate_h,
        "root_lifetime_hours": lifetimes.root_h,
    }
    if ca.rotation.next is not None:
        args["next"] = _root(ca.rotation.next, mesh)
    if ca.rotation.step != "steady":
        said = ca.rotation.model_dump(mode="json", exclude_none=True, exclude={"next"})
        args["rotation"] = cast("Any", said)
    if backend is not None:
        args["backend"] = backend
    return args


def _root(given: ConnectRoot, mesh: ConsulMesh) -> "RootArgs":
    root = given.root(mesh.datacenter)
    args: RootArgs = {"provider": root.provider, "key_type": root.key_type, "key_bits": root.key_bits}
    if root.path:
        args["path"] = root.path
    if given.namespace:
        args["namespace"] = given.namespace
    return args


def _provider(api: ConsulApi, datacenter: str) -> "consul.Provider":
    import pulumi_consul as consul

    return consul.Provider(
        "consul",
        address=api.address,
        datacenter=datacenter,
        token=pulumi.Output.secret(secret_of(api.token, "ca.consul.token")) if api.token else None,
        ca_file=from_here(api.ca_certificate) if api.ca_certificate else None,
    )
