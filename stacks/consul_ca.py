"""Consul's certificate authority on day two: what the stack's key `ca` becomes."""

from typing import TYPE_CHECKING, Any, cast

import pulumi

from meshwright import ConnectCertificateAuthority
from meshwright.config.consul import ConsulMesh
from meshwright.config.consul_ca import ConnectCa, ConnectRoot, ConsulApi
from meshwright.consul.ca.rotation import RootStand, root_stand
from parts import from_here, secret_of

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
