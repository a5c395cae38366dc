"""What `VaultCertificateAuthority` takes."""

from typing import Literal, NotRequired, TypedDict

import pulumi

from meshwright.consul.vault.backend import AuthType, SecretKey, VaultRoles


class MountArgs(TypedDict):
    """A secrets engine of Vault's."""

    path: NotRequired[str]
    """Where it is mounted, without slashes at its ends. Default: named after the datacenter."""
    existing: NotRequired[bool]
    """It is there, set up and not ours: nothing in it is made but what only Consul uses. Default: false."""


class RootArgs(MountArgs):
    """A root of the mesh. With ``existing`` its engine has a key and a certificate already."""

    namespace: NotRequired[str]
    """Namespace of its engine, below the one of the login. Default: the same."""
    held: NotRequired[Literal["vault", "elsewhere"]]
    """``elsewhere``: the root's key is offline or in an HSM, and signs the request of an authority that Vault holds.
    Default: ``vault``."""
    key_type: NotRequired[Literal["ec", "rsa"]]
    """Default: ``ec``."""
    key_bits: NotRequired[int]
    """Default: 256."""
    certificate: NotRequired[str]
    """elsewhere: what the root made of the request, PEM, with what lies above it. Until it is there, there is the
    request alone."""


class IntermediateArgs(MountArgs):
    """The datacenter's intermediate, below the root. Consul makes its key, inside Vault."""

    namespace: NotRequired[str]
    """Namespace of its engine, below the one of the login. Default: the same."""


class ConnectArgs(TypedDict):
    """The authority of the mesh."""

    managed_by: NotRequired[Literal["vault", "consul"]]
    """Who mounts root and intermediate. ``consul``: Consul does, with rights to mount, and to make the root's key.
    Default: ``vault``, with as few rights as it needs."""
    roots: NotRequired[list[RootArgs]]
    """One, and during a rotation the next after it, with a path of its own. None where Consul's own authority signs.
    Default: one, with the defaults of `RootArgs`."""
    intermediate: NotRequired[IntermediateArgs]
    cross_signing: NotRequired[bool]
    """Inside a rotation alone: Consul may have one root sign another. Default: false."""


class AuthArgs(TypedDict):
    """How pods log in."""

    method: NotRequired[AuthType]
    """``kubernetes``: Vault asks the cluster's API server about a token. ``jwt``: it verifies the token itself, for
    clusters whose API server it can't reach. Default: ``kubernetes``."""
    path: NotRequired[str]
    """Where the method is mounted, without ``auth/``. One for each cluster. Default: ``<datacenter>/<method>``."""
    existing: NotRequired[bool]
    """It is there, with its settings: only roles are added. Default: false."""
    roles: NotRequired[VaultRoles]
    """Roles that are there, with their policies: none is added."""
    kubernetes_host: NotRequired[str]
    """kubernetes: the API server. Default: ``https://kubernetes.default.svc``, for a Vault in the same cluster."""
    kubernetes_ca_certificate: NotRequired[str]
    """kubernetes: its CA, PEM. Default: the one that Vault's own pod has."""
    reviewer_token: NotRequired[pulumi.Input[str]]
    """kubernetes: a token with the ClusterRole ``system:auth-delegator``. Default: that of Vault's own pod."""
    issuer_url: NotRequired[str]
    """jwt: the cluster's OIDC issuer, where its keys are found."""
    public_keys: NotRequired[list[str]]
    """jwt: the keys that sign its tokens, PEM, where Vault can't reach the issuer."""
    audience: NotRequired[str]
    """The tokens' audience, such as ``https://kubernetes.default.svc.cluster.local``. jwt can't do without it."""


class VaultCertificateAuthorityArgs(TypedDict):
    """Arguments of `VaultCertificateAuthority`."""

    address: str
    """Where Consul's pods reach Vault: ``https://vault.internal:8200``."""
    namespace: NotRequired[str]
    """Vault's namespace, with the login, the secrets and the certificates; below the provider's own. Default: none."""
    ca: NotRequired[SecretKey]
    """A Secret in Consul's namespace with the CA of Vault's certificate. Default: the system's roots."""
    datacenter: NotRequired[str]
    """Default: ``dc1``."""
    domain: NotRequired[str]
    """Of Consul's DNS. Default: ``consul``."""
    full_name: NotRequired[str]
    """The chart's ``global.name``. Default: ``consul``."""
    consul_namespace: NotRequired[str]
    """Kubernetes' namespace of the release. Default: ``consul``."""
    connect: NotRequired[ConnectArgs]
    server_tls: NotRequired[MountArgs]
    """The engine that issues the servers' certificates."""
    injector_tls: NotRequired[MountArgs]
    """The engine that issues the injector's webhook certificates."""
    kv: NotRequired[MountArgs]
    """The engine with the gossip key and the bootstrap token: KV v2."""
    auth: NotRequired[AuthArgs]
    gossip_key: NotRequired[pulumi.Input[str]]
    """16, 24 or 32 bytes in base64. Default: 32 random bytes."""
    bootstrap_token: NotRequired[pulumi.Input[str]]
    """The ACL system's first token, a UUID. Default: a random one."""
    existing_secrets: NotRequired[bool]
    """Both are in KV already, at ``<full name>/<datacenter>/gossip`` and ``…/bootstrap-token``. Default: false."""
    server_dns_names: NotRequired[list[str]]
    """Names that the servers' certificates get beside the chart's: its ``global.tls.serverAdditionalDNSSANs``."""
    clients: NotRequired[bool]
    """There are client agents, and they need a role. Default: false."""
    retain: NotRequired[bool]
    """``destroy`` leaves the engines, with the keys and secrets in them. Default: false."""
