"""Resources for the tables of verdicts about Consul."""

from typing import Any

import yaml

from meshwright_policy.consul.fragments import chart, deployment, entry, namespace, path, plain, policy, service
from meshwright_policy.consul.objects import CONFIG_ENTRY, CONNECT_CA, CONSUL_NAMESPACE, LIVE_CA, VAULT_CA
from meshwright_policy.consul.security import TOKENS
from meshwright_policy.consul.vault import KEYS, POLICY
from meshwright_policy.consul.vault_engines import JWT_LOGIN, LOGIN, MOUNT, PKI_ROLE
from meshwright_policy.record import Subject

from ..cases import Case, subject

__all__ = [
    "CONFIG_ENTRY",
    "CONNECT_CA",
    "CONSUL_NAMESPACE",
    "JWT_LOGIN",
    "KEYS",
    "LIVE_CA",
    "LOGIN",
    "MOUNT",
    "PKI_ROLE",
    "POLICY",
    "TOKENS",
    "VAULT_CA",
    "Case",
    "case",
    "chart",
    "deployment",
    "entry",
    "live",
    "namespace",
    "path",
    "plain",
    "policy",
    "service",
]


def case(rule: int, verdict: str, says: str, *texts: str, **config: Any) -> Case:
    """A case of a rule, MW-CON-<rule>."""
    return Case(f"MW-CON-{rule:03}", verdict, _subjects("".join(texts)), says, config)


def live(config: str, provider: str = "vault", name: str = "ca", parents: str = "") -> str:
    """The live authority, with its settings as JSON."""
    text = config if config == "<unknown>" else f"'{config}'"
    made = plain(name, LIVE_CA, f"connectProvider: {provider}, configJson: {text}")
    return made + (f"  parents: {parents}\n" if parents else "")


def _subjects(text: str) -> tuple[Subject, ...]:
    resources = yaml.safe_load(text) or {}
    return tuple(
        subject(made["type"], yaml.safe_dump(made["properties"]), name, made.get("parents", ""))
        for name, made in resources.items()
    )
