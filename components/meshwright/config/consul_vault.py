"""The Vault, or OpenBao, of a stack of kind `consul`: where it is, what is in it already, and how pods log in."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, cast

from pydantic import Field

from meshwright.config.base import Flag, Mistake, Model, Spelt, Text
from meshwright.config.consul_ca import Mount, StackSecret
from meshwright.consul.vault.checks import auth_mistakes
from meshwright.errors import Code

HttpUrl = Annotated[str, Spelt(r"https?://\S+", "address", "begin it with https://", limit=2000)]


class VaultEngine(Model):
    """A secrets engine."""

    path: Mount | None = None
    """Where it is mounted. Default: named after the datacenter."""
    existing: Flag = False
    """It is there, and somebody else's."""


class VaultIntermediate(VaultEngine):
    """The engine of the datacenter's intermediate. Its roots are in `ca`."""

    namespace: Text | None = None
    """Its namespace, below the one of the login. Default: the same."""


class VaultSecret(Model):
    """A Secret in Consul's namespace with the CA of Vault's certificate."""

    secret_name: Text = Field(examples=["vault-ca"])
    """Its name."""
    secret_key: Text = Field(examples=["tls.crt"])
    """The key in it."""


class VaultRoles(Model):
    """Roles of the auth method that exist, with their policies."""

    server: Text = Field(examples=["consul-server"])
    """For consul-server."""
    acl_init: Text = Field(examples=["consul-server-acl-init"])
    """For consul-server-acl-init, which is not the servers' service account."""
    injector: Text = Field(examples=["consul-connect-injector"])
    """For consul-connect-injector."""
    ca: Text = Field(examples=["consul-ca"])
    """For every service account in the namespace: it reads the servers' CA."""


class VaultAuth(Model):
    """How pods log in."""

    method: Literal["kubernetes", "jwt"] = "kubernetes"
    """`kubernetes`: Vault asks the cluster's API server. `jwt`: it verifies tokens by itself."""
    path: Mount | None = None
    """Where the method is mounted, one a cluster. Default: `<datacenter>/<method>`."""
    existing: Flag = False
    """It is there, with its settings: roles alone are added."""
    roles: VaultRoles | None = None
    """Roles that are there: none is added, and no policy."""
    kubernetes_host: HttpUrl | None = None
    """kubernetes: the API server. Default: https://kubernetes.default.svc, for a Vault in the same cluster."""
    kubernetes_ca_certificate: Text | None = None
    """kubernetes: its CA, the path of a PEM file. Default: what Vault's own pod has."""
    reviewer_token: StackSecret | None = None
    """kubernetes: a token with system:auth-delegator, a secret of the stack. Default: that of Vault's own pod."""
    issuer_url: HttpUrl | None = None
    """jwt: the cluster's OIDC issuer."""
    public_keys: tuple[Text, ...] | None = None
    """jwt: what verifies its tokens, paths of PEM files, where Vault can't reach the issuer."""
    audience: Text | None = Field(default=None, examples=["https://kubernetes.default.svc.cluster.local"])
    """The tokens' audience. jwt can't do without it."""

    def mistakes(self) -> Iterator[Mistake]:
        """Keys that belong to the method."""
        for message, remedy in auth_mistakes(cast("Any", self.model_dump(exclude_none=True, exclude_unset=True))):
            yield Mistake(Code.CONTRADICTION, f": {message}", remedy)


class Vault(Model):
    """The Vault, or OpenBao, that holds the certificate authority and Consul's secrets."""

    address: HttpUrl = Field(examples=["https://vault.internal:8200"])
    """Where Consul's pods reach it."""
    api_address: HttpUrl | None = None
    """Where Pulumi reaches it. Default: the same."""
    flavor: Literal["vault", "openbao"] = "vault"
    """Which of the two it is."""
    namespace: Text | None = None
    """The namespace in it, with the login, the secrets and the certificates."""
    ca: VaultSecret | None = None
    """What pods verify its certificate with. Default: the system's roots."""
    ca_file: Text | None = None
    """What Pulumi verifies it with: the path of a PEM file. Default: the system's roots."""
    token: StackSecret | None = None
    """Pulumi's token, a secret of the stack. Default: the environment's VAULT_TOKEN."""
    managed_by: Literal["vault", "consul"] = "vault"
    """Who mounts the mesh's root and intermediate. `consul`: Consul does, with rights to mount."""
    intermediate: VaultIntermediate = Field(default_factory=VaultIntermediate)
    """The engine of the mesh's intermediate."""
    server_tls: VaultEngine = Field(default_factory=VaultEngine)
    """The engine that issues the servers' certificates."""
    injector_tls: VaultEngine = Field(default_factory=VaultEngine)
    """The engine that issues the injector's certificates."""
    kv: VaultEngine = Field(default_factory=VaultEngine)
    """The engine with the gossip key and the bootstrap token, KV version 2."""
    auth: VaultAuth = Field(default_factory=VaultAuth)
    """How pods log in."""
    gossip_key: StackSecret | None = None
    """A secret of the stack: 16, 24 or 32 bytes in base64. Default: 32 random bytes."""
    bootstrap_token: StackSecret | None = None
    """A secret of the stack: a UUID. Default: a random one."""
    existing_secrets: Flag = False
    """Both are in KV already, below `consul/<datacenter>`."""
    retain: Flag = False
    """`destroy` leaves the engines, with the keys and secrets in them."""

    def mistakes(self) -> Iterator[Mistake]:
        """What is there already is not made."""
        if self.existing_secrets:
            for key in ("gossip_key", "bootstrap_token"):
                if key in self.model_fields_set:
                    yield Mistake(Code.CONTRADICTION, "is not used with existing_secrets", f"remove {key}", (key,))
