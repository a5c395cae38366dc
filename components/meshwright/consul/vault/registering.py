"""Resources of Vault's: engines, keys, PKI roles, secrets, policies and logins. Only this module needs pulumi_vault."""

import base64
import hashlib
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

import pulumi
import pulumi_random as random
import pulumi_vault as vault

from meshwright.consul.names import Names
from meshwright.consul.vault.arguments import AuthArgs
from meshwright.consul.vault.engines import ISSUED_S, RETAINED, Engine, Root
from meshwright.consul.vault.plan import EVERY_ACCOUNT, Login, VaultPlan
from meshwright.consul.vault.policies import Policy
from meshwright.consul.vault.roots import of_request

_KEY_TYPE, _KEY_BITS = "ec", 256
"""Of the servers' certificates and of the injector's, and of what signs them."""
_LETTERS = 64
"""Of a random text: more of it than the 32 bytes that are made of it."""
_OF_A_KEY = ["keyType", "keyBits", "commonName"]
"""What would have a key made anew in its engine, and the certificate before it deleted, with all that it has signed."""
_TOKEN_S = 3600
_TOKEN_MAX_S = 86_400


class Vault:
    """One namespace of one Vault, and the options of what is registered in it."""

    def __init__(self, name: str, plan: VaultPlan, opts: pulumi.ResourceOptions, *, retain: bool) -> None:
        self._name, self._plan, self._opts, self._retain = name, plan, opts, retain
        self._owner, self._label = owner(), f"VaultCertificateAuthority {name}"

    def engine(self, short: str, engine: Engine, *, tuned_by_consul: bool = False) -> vault.Mount | None:
        """Mount an engine; None where it exists."""
        if engine.existing:
            return None
        lifetime: Mapping[str, Any] = {"max_lease_ttl_seconds": engine.lifetime_s} if engine.kind == "pki" else {}
        return vault.Mount(
            f"{self._name}-{short}",
            path=engine.path,
            namespace=self._namespace(engine),
            type=engine.kind,
            options={"version": "2"} if engine.kind == "kv" else None,
            description=description(self._plan.names, engine, self._owner, retain=self._retain),
            **lifetime,
            opts=self._kept(ignore_changes=["maxLeaseTtlSeconds"] if tuned_by_consul else None),
        )

    def root(self, root: Root) -> "pulumi.Output[str] | None":
        """Make the key of a root, inside Vault; of one that is held elsewhere, its request, and set what came of it.

        Resources are named after the engine: what is next during a rotation is then the root, and nothing changes.

        Returns:
            The request, PEM, of a root that is held elsewhere.
        """
        short = root.engine.policy_path.replace("/", "-")
        common_name = f"Consul {root.engine.path}"
        mounted = self.engine(short, root.engine)
        if mounted is None:
            return None
        if root.held == "vault":
            self._self_signed(short, root.engine, common_name, mounted, root.key_type, root.key_bits)
            return None
        request = vault.pkisecret.SecretBackendIntermediateCertRequest(
            f"{self._name}-{short}-request",
            backend=mounted.path,
            namespace=self._namespace(root.engine),
            type="internal",
            common_name=common_name,
            exclude_cn_from_sans=True,
            add_basic_constraints=True,
            key_type=root.key_type,
            key_bits=root.key_bits,
            opts=self._kept(mounted, ignore_changes=_OF_A_KEY),
        )
        if root.certificate:
            vault.pkisecret.SecretBackendIntermediateSetSigned(
                f"{self._name}-{short}-certificate",
                backend=mounted.path,
                namespace=self._namespace(root.engine),
                certificate=pulumi.Output.all(request.csr, root.certificate).apply(
                    lambda both: of_request(both[0], both[1], self._label)
                ),
                opts=self._kept(request),
            )
        return request.csr

    def issuing(
        self, short: str, engine: Engine, role: str, common_name: str, names: Iterable[str], *, addresses: bool
    ) -> None:
        """An engine with an authority of its own, and one role that issues these names and no others."""
        mounted = self.engine(short, engine)
        made = [mounted and self._self_signed(short, engine, common_name, mounted)]
        vault.pkisecret.SecretBackendRole(
            f"{self._name}-{short}-role",
            backend=engine.path,
            namespace=self._namespace(engine),
            name=role,
            allowed_domains=list(dict.fromkeys(names)),
            allow_bare_domains=True,
            allow_subdomains=False,
            allow_glob_domains=False,
            allow_wildcard_certificates=True,
            allow_localhost=False,
            allow_ip_sans=addresses,
            server_flag=True,
            client_flag=True,
            max_ttl=str(ISSUED_S),
            ttl=str(ISSUED_S),
            key_type=_KEY_TYPE,
            key_bits=_KEY_BITS,
            opts=self._kept(*(each for each in made if each)),
        )

    def secrets(self, gossip: "pulumi.Input[str] | None", token: "pulumi.Input[str] | None") -> None:
        """Mount KV and write both secrets, made here where they aren't given."""
        kv = self._plan.engines.kv
        mounted = self.engine("kv", kv)
        if self._plan.secrets_existing:
            return
        key = gossip if gossip is not None else self._random("gossip-key").apply(gossip_key_of)
        first = token if token is not None else self._random("bootstrap-token-text").apply(uuid_of)
        for short, field, value in (("gossip", "key", key), ("bootstrap-token", "token", first)):
            text = pulumi.Output.json_dumps({field: pulumi.Output.secret(value)})
            vault.kv.SecretV2(
                f"{self._name}-{short}",
                mount=kv.path,
                namespace=self._namespace(kv),
                name=f"{self._plan.secrets}/{short}",
                data_json=text,
                opts=self._kept(*([mounted] if mounted else [])),
            )

    def policies(self, policies: Mapping[str, Policy]) -> list[pulumi.Resource]:
        """Write the policies."""
        return [
            vault.Policy(
                f"{self._name}-{short}-policy",
                name=each.name,
                namespace=self._plan.namespace or None,
                policy=marked(each, self._owner),
                opts=self._after(),
            )
            for short, each in policies.items()
        ]

    def auth(self, auth: AuthArgs) -> pulumi.Resource | None:
        """Mount and set up the auth method; None where it exists."""
        plan = self._plan
        if plan.auth_existing:
            return None
        title = f"Consul in {plan.names.datacenter}: login of its pods ({self._owner})"
        if plan.auth_method == "jwt":
            # Vault answers without the file's last newline: with it, each `up` would set the keys anew.
            given = [each.strip() for each in auth.get("public_keys", [])]
            keys: Mapping[str, Any] = {"jwt_validation_pubkeys": given} if given else {}
            issuer: Mapping[str, Any] = (
                {"oidc_discovery_url": auth["issuer_url"], "bound_issuer": auth["issuer_url"]} if not keys else {}
            )
            return vault.jwt.AuthBackend(
                f"{self._name}-auth",
                path=plan.auth_path,
                namespace=plan.namespace or None,
                type="jwt",
                description=title,
                **keys,
                **issuer,
                opts=self._after(),
            )
        mounted = vault.AuthBackend(
            f"{self._name}-auth",
            type="kubernetes",
            path=plan.auth_path,
            namespace=plan.namespace or None,
            description=title,
            opts=self._after(),
        )
        reviewer = auth.get("reviewer_token")
        return vault.kubernetes.AuthBackendConfig(
            f"{self._name}-auth-config",
            backend=mounted.path,
            namespace=plan.namespace or None,
            kubernetes_host=auth.get("kubernetes_host", "https://kubernetes.default.svc"),
            kubernetes_ca_cert=auth.get("kubernetes_ca_certificate"),
            token_reviewer_jwt=pulumi.Output.secret(reviewer) if reviewer is not None else None,
            # Else Vault has each login reviewed by its own token, which may not ask that.
            disable_local_ca_jwt="kubernetes_ca_certificate" in auth and reviewer is not None,
            opts=self._after(mounted),
        )

    def login(self, login: Login, auth: AuthArgs, after: Iterable[pulumi.Resource]) -> None:
        """A role: one service account, and what it may do."""
        plan = self._plan
        # No role has the policy `default`: see `policies`.
        token: Mapping[str, Any] = {
            "token_policies": list(login.policies),
            "token_no_default_policy": True,
            "token_ttl": _TOKEN_S,
            "token_max_ttl": _TOKEN_MAX_S,
        }
        name, opts = f"{self._name}-{login.part.replace('_', '-')}-role", self._after(*after)
        if plan.auth_method == "kubernetes":
            vault.kubernetes.AuthBackendRole(
                name,
                backend=plan.auth_path,
                namespace=plan.namespace or None,
                role_name=login.name,
                bound_service_account_names=[login.account],
                bound_service_account_namespaces=[plan.names.namespace],
                audience=auth.get("audience"),
                **token,
                opts=opts,
            )
            return
        vault.jwt.AuthBackendRole(
            name,
            backend=plan.auth_path,
            namespace=plan.namespace or None,
            role_name=login.name,
            role_type="jwt",
            user_claim="sub",
            bound_audiences=[auth["audience"]],
            bound_claims_type="glob" if login.account == EVERY_ACCOUNT else "string",
            bound_claims={"sub": f"system:serviceaccount:{plan.names.namespace}:{login.account}"},
            **token,
            opts=opts,
        )

    def _self_signed(
        self,
        short: str,
        engine: Engine,
        common_name: str,
        mounted: vault.Mount,
        key_type: str = _KEY_TYPE,
        key_bits: int = _KEY_BITS,
    ) -> pulumi.Resource:
        return vault.pkisecret.SecretBackendRootCert(
            f"{self._name}-{short}-root",
            backend=mounted.path,
            namespace=self._namespace(engine),
            type="internal",
            common_name=common_name,
            exclude_cn_from_sans=True,
            ttl=str(engine.lifetime_s),
            key_type=key_type,
            key_bits=key_bits,
            opts=self._kept(mounted, ignore_changes=[*_OF_A_KEY, "ttl"]),
        )

    def _random(self, short: str) -> pulumi.Output[str]:
        # Neither RandomBytes nor RandomUuid: what they made is their id too, and an id is never secret.
        parent = pulumi.ResourceOptions(parent=self._opts.parent)
        return random.RandomPassword(f"{self._name}-{short}", length=_LETTERS, special=False, opts=parent).result

    def _namespace(self, engine: Engine) -> str | None:
        return "/".join(part for part in (self._plan.namespace, engine.namespace) if part) or None

    def _kept(self, *resources: pulumi.Resource, **more: object) -> pulumi.ResourceOptions:
        """Of an engine, and of what is in it: with ``retain`` a `destroy` leaves both, or the engine were empty."""
        return self._after(*resources, retain_on_delete=self._retain, **more)

    def _after(self, *resources: pulumi.Resource, **more: object) -> pulumi.ResourceOptions:
        own = pulumi.ResourceOptions(depends_on=list(resources), **more)  # type: ignore[arg-type]
        return pulumi.ResourceOptions.merge(self._opts, own)


def owner() -> str:
    """Whose the mounts and policies are, in their descriptions."""
    return f"meshwright {pulumi.get_project()}/{pulumi.get_stack()}"


def description(names: Names, engine: Engine, owner: str, *, retain: bool) -> str:
    """The description of a mount: what a look at Vault tells ours from others', and what is retained, by."""
    return f"Consul in {names.datacenter}: {engine.title} ({owner}{RETAINED if retain else ''})"


def marked(policy: Policy, owner: str) -> str:
    """A policy's text, with whose it is."""
    return f"# {owner}\n{policy.text}"


def gossip_key_of(letters: str) -> str:
    """A gossip key of 32 bytes, in base64, from random letters."""
    return base64.b64encode(hashlib.sha256(letters.encode()).digest()).decode()


def uuid_of(letters: str) -> str:
    """A UUID from random letters, as Consul takes one for a token."""
    return str(uuid.UUID(bytes=hashlib.sha256(letters.encode()).digest()[:16], version=4))
