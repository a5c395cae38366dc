"""The secrets engines that Consul needs in Vault: where each is mounted, and who mounts it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.consul.names import Names
    from meshwright.consul.vault.arguments import ConnectArgs, MountArgs, RootArgs, VaultCertificateAuthorityArgs

EngineKind = Literal["pki", "kv"]
ROOT_S = 10 * 365 * 86_400
INTERMEDIATE_S = 365 * 86_400
"""Consul's default ``intermediate_cert_ttl``."""
ISSUED_S = 30 * 86_400
"""Servers' and the webhook's certificates. Vault's agents have them renewed before that."""
ROOT_TITLE = "root of the mesh"
RETAINED = ", retained"
"""After the owner, in the description of a mount that a `destroy` leaves."""
_PATH = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")
_RESERVED = ("sys", "auth", "identity", "cubbyhole")

Complaint = tuple[str, str]
"""What is wrong, and the remedy."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A secrets engine."""

    title: str
    """What it is for, in the description of its mount."""
    kind: EngineKind
    path: str
    existing: bool = False
    namespace: str = ""
    """Below the one of the login."""
    lifetime_s: int = ROOT_S
    """PKI: of what it signs, at most."""

    @property
    def policy_path(self) -> str:
        """Its mount, as policies of the login's namespace have it."""
        return f"{self.namespace}/{self.path}" if self.namespace else self.path

    @property
    def mounted_by(self) -> str:
        """The path that mounts it, as those policies have it."""
        return f"{self.namespace}/sys/mounts/{self.path}" if self.namespace else f"sys/mounts/{self.path}"


@dataclass(frozen=True, slots=True)
class Root:
    """A root of the mesh."""

    engine: Engine
    held: Literal["vault", "elsewhere"]
    certificate: str | None
    """elsewhere: what the root made of the request, PEM."""
    key_type: str
    key_bits: int


@dataclass(frozen=True, slots=True)
class Engines:
    """All of one datacenter's."""

    managed_by: Literal["vault", "consul"]
    """Who mounts root and intermediate."""
    roots: tuple[Root, ...]
    """One; two during a rotation, the next last; none where Consul's own authority signs."""
    intermediate: Engine
    server_tls: Engine
    injector_tls: Engine
    kv: Engine

    @property
    def connect(self) -> tuple[Engine, ...]:
        """The engines of the mesh's authority, the intermediate last."""
        return (*(each.engine for each in self.roots), self.intermediate) if self.roots else ()

    @property
    def not_consuls(self) -> tuple[Engine, ...]:
        """The engines that Consul doesn't mount."""
        connect = self.connect if self.managed_by == "vault" else ()
        return (*connect, self.server_tls, self.injector_tls, self.kv)


def plan_engines(args: VaultCertificateAuthorityArgs, names: Names) -> Engines:
    """Where everything is mounted. The default names have the datacenter's, for one Vault serves many."""
    connect, prefix = args.get("connect", {}), names.datacenter
    below = connect.get("intermediate", {})
    return Engines(
        connect.get("managed_by", "vault"),
        tuple(_root(each, f"{prefix}/connect_root") for each in _wanted(connect)),
        Engine(
            "intermediate of the mesh",
            "pki",
            below.get("path", f"{prefix}/connect_inter"),
            below.get("existing", False),
            below.get("namespace", ""),
            INTERMEDIATE_S,
        ),
        _engine(args.get("server_tls", {}), f"{prefix}/server_tls", "certificates of the servers", "pki"),
        _engine(args.get("injector_tls", {}), f"{prefix}/injector_tls", "certificates of the injector", "pki"),
        _engine(args.get("kv", {}), f"{prefix}/kv", "gossip key and bootstrap token", "kv"),
    )


def engine_mistakes(args: VaultCertificateAuthorityArgs, engines: Engines) -> Iterator[Complaint]:
    """Why these engines can't be."""
    connect = args.get("connect", {})
    yield from _connect_mistakes(connect)
    seen: dict[str, str] = {}
    for each in (*engines.connect, engines.server_tls, engines.injector_tls, engines.kv):
        path = each.policy_path
        if not _PATH.fullmatch(each.path) or each.path.split("/")[0] in _RESERVED:
            yield f"{each.path or 'an empty path'!s} can't be the mount of the {each.title}", "write it as team/engine"
        for other, title in seen.items():
            if path == other or path.startswith(f"{other}/") or other.startswith(f"{path}/"):
                yield f"the mounts {other} ({title}) and {path} ({each.title}) overlap", "give each a path of its own"
        seen[path] = each.title


def _connect_mistakes(connect: ConnectArgs) -> Iterator[Complaint]:
    by_consul, roots = connect.get("managed_by") == "consul", _wanted(connect)
    for root in roots:
        called, held = root.get("path", "the root"), root.get("held", "vault")
        if held == "vault" and "certificate" in root:
            yield f"{called} has a certificate, and Vault holds its key", "remove it, or set held: elsewhere"
        if held == "elsewhere" and (by_consul or root.get("existing")):
            why = "Consul would make its key" if by_consul else "it exists"
            yield f"{called} can't be held elsewhere: {why}", "let this stack mount its engine, or set held: vault"
    if len(roots) > 2:
        yield f"there are {len(roots)} roots", "give one, and during a rotation the next"
    if connect.get("cross_signing") and not roots:
        yield "cross_signing is set, and there is no root", "remove it"


def _wanted(connect: ConnectArgs) -> list[RootArgs]:
    default: RootArgs = {}
    return connect.get("roots", [default])


def _root(args: RootArgs, path: str) -> Root:
    where = Engine(
        ROOT_TITLE,
        "pki",
        args.get("path", path),
        args.get("existing", False),
        args.get("namespace", ""),
        ROOT_S,
    )
    return Root(
        where,
        args.get("held", "vault"),
        args.get("certificate"),
        args.get("key_type", "ec"),
        args.get("key_bits", 256),
    )


def _engine(args: MountArgs, path: str, title: str, kind: EngineKind) -> Engine:
    return Engine(title, kind, args.get("path", path), args.get("existing", False))
