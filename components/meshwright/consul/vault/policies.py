"""What each of Consul's parts may do in Vault: one text a policy.

The calls are those of Consul's ``agent/connect/ca/provider_vault.go`` (1.19 to 2.0 make the same), of the templates in
the chart's annotations, and of consul-k8s ``server-acl-init``. Roots and intermediates are named call by call: with
``<intermediate>/*``, as the vendor's page has it, Consul could have a key made that leaves Vault.

No role has the policy ``default``: it lets tokens wrap, write cubbyholes and read identity templates.
"""

from dataclasses import dataclass
from textwrap import dedent

LEAF_ROLE = "leaf-cert"
"""PKI role of the mesh's certificates, which Consul makes by itself."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy and its text, HCL."""

    name: str
    text: str


def own_token() -> str:
    """Look at the token, and renew it: without, Consul's authority ends with its first token."""
    return _hcl(
        """
        path "auth/token/lookup-self" { capabilities = ["read"] }
        path "auth/token/renew-self" { capabilities = ["update"] }
        """
    )


def server_ca(mount: str) -> str:
    """Read the CA of the servers' certificates. Vault answers it to anybody; the agents' templates ask with a token."""
    return _hcl(f'path "{mount}/cert/ca" {{ capabilities = ["read"] }}')


def issue(mount: str, role: str) -> str:
    """Have certificates issued by one role, and read the CA."""
    return _hcl(
        f"""
        path "{mount}/issue/{role}" {{ capabilities = ["create", "update"] }}
        path "{mount}/cert/ca" {{ capabilities = ["read"] }}
        """
    )


def read_secret(path: str) -> str:
    """Read one secret of KV v2, by its path with ``data``."""
    return _hcl(f'path "{path}" {{ capabilities = ["read"] }}')


def connect_authority(roots: tuple[str, ...], intermediate: str, tune: str) -> str:
    """Be the mesh's authority on engines that are mounted, below roots that have their keys.

    Args:
        roots: Mounts of the roots: one, and during a rotation the next.
        intermediate: Mount of the datacenter's intermediate.
        tune: Path of its settings: the lifetime of Consul's ``intermediate_cert_ttl``.
    """
    return "\n".join(
        [
            *map(_below_root, roots),
            _on_intermediate(intermediate),
            _hcl(f'path "{tune}" {{ capabilities = ["update"] }}'),
        ]
    )


def connect_authority_that_mounts(roots: tuple[str, ...], intermediate: str, mounts: tuple[str, ...], tune: str) -> str:
    """Be the mesh's authority, and mount the engines: ``connect.managed_by: consul``.

    Args:
        roots: As in `connect_authority`.
        intermediate: As there.
        mounts: Paths by which the engines are mounted, the intermediate's last: Consul unmounts it when it moves.
        tune: As there.
    """
    making = "\n".join(f'path "{root}/root/generate/internal" {{ capabilities = ["update"] }}' for root in roots)
    mounting = "\n".join(f'path "{path}" {{ capabilities = ["create", "update"] }}' for path in mounts[:-1])
    unmounting = f'path "{mounts[-1]}" {{ capabilities = ["create", "update", "delete"] }}'
    return "\n".join([connect_authority(roots, intermediate, tune), making, mounting, unmounting, ""])


def cross_signing(roots: tuple[str, ...]) -> str:
    """Have a root sign another root. Whoever may do this can make anything trusted: inside a rotation alone.

    Both ways, for the way back is a change of the root as well. The role names this policy always, and the policy is
    there for the rotation alone: a token that Consul has already gets and loses the right at once.
    """
    return "".join(
        _hcl(f'path "{root}/root/sign-self-issued" {{ capabilities = ["sudo", "update"] }}') for root in roots
    )


def _below_root(root: str) -> str:
    return _hcl(
        f"""
        path "{root}/ca/pem" {{ capabilities = ["read"] }}
        path "{root}/ca_chain" {{ capabilities = ["read"] }}
        path "{root}/root/sign-intermediate" {{ capabilities = ["update"] }}
        """
    )


def _on_intermediate(mount: str) -> str:
    return _hcl(
        f"""
        path "{mount}/ca/pem" {{ capabilities = ["read"] }}
        path "{mount}/config/auto-tidy" {{ capabilities = ["update"] }}
        path "{mount}/config/issuers" {{ capabilities = ["read", "update"] }}
        path "{mount}/intermediate/generate/internal" {{ capabilities = ["update"] }}
        path "{mount}/intermediate/set-signed" {{ capabilities = ["update"] }}
        path "{mount}/issuer/+" {{ capabilities = ["read", "delete"] }}
        path "{mount}/key/+" {{ capabilities = ["delete"] }}
        path "{mount}/roles/{LEAF_ROLE}" {{ capabilities = ["create", "update"] }}
        path "{mount}/sign/{LEAF_ROLE}" {{ capabilities = ["update"] }}
        """
    )


def _hcl(text: str) -> str:
    return dedent(text).strip() + "\n"
