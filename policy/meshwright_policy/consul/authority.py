"""The mesh's authority: who holds its key, how Consul logs in for it, how long it signs, and where it is told."""

from collections.abc import Iterator, Mapping
from typing import Any

from meshwright.consul.ca.settings import HOUR_S, INTERMEDIATE_MOST_H, LEAF_MOST_H
from meshwright_policy.consul.fragments import VAULT, chart, plain
from meshwright_policy.consul.objects import (
    CONNECT_CA,
    HELM,
    LIVE_CA,
    NO_HARD_CODED,
    ca_config,
    chart_of,
    first,
    installed,
    read,
    setting,
)
from meshwright_policy.linkerd.objects import hours
from meshwright_policy.record import (
    Answer,
    Config,
    Example,
    Level,
    NotApplicableError,
    Rule,
    Severity,
    Subject,
    Undecided,
    Violation,
)
from meshwright_policy.stack import Stack
from meshwright_policy.values import UNKNOWN, at

_CA = "https://developer.hashicorp.com/consul/docs/secure-mesh/certificate/vault"
_WRITE_ONCE = "https://developer.hashicorp.com/consul/docs/secure-mesh/certificate/k8s"
_VAULT = "global.secretsBackend.vault"
_SECRETS = {"token": "a token of Vault's", "privateKey": "the root's private key"}
_NO_FRAMEWORK = "Vault doesn't serve it, and no framework asks for that"
_OPEN = Undecided("the authority's settings are known only at the update")


def _told(subject: Subject) -> Any:
    """What is said of the authority, keys in camel case; unknown, or nothing."""
    if subject.type == LIVE_CA:
        given = [read(at(subject.properties, key)) for key in ("configJson", "config")]
        if UNKNOWN in given and CONNECT_CA in subject.urn:
            raise NotApplicableError("ConnectCertificateAuthority checks what it says")
        if UNKNOWN in given:
            return UNKNOWN
        return {_camel(key): value for part in given if isinstance(part, Mapping) for key, value in part.items()}
    settings = ca_config(chart_of(subject))
    return settings if settings is UNKNOWN else {_camel(key): value for key, value in settings.items()}


def _camel(key: Any) -> str:
    """``leaf_cert_ttl`` and ``LeafCertTTL`` as ``leafcertttl``, ``Token`` as ``token``."""
    plain_key = str(key).replace("_", "").lower()
    return "privateKey" if plain_key == "privatekey" else plain_key


def _in_vault(subject: Subject, config: Config) -> Iterator[Answer]:
    if subject.type == LIVE_CA:
        provider = at(subject.properties, "connectProvider")
        if provider is UNKNOWN:
            yield Undecided("which provider it has is known only at the update")
        elif provider == "consul" and not config["compliance"]:
            raise NotApplicableError(_NO_FRAMEWORK)
        elif provider == "consul":
            yield Violation("the mesh's root key is in Consul's own state, and in each of its snapshots")
        return
    found = chart_of(subject)
    enabled, address, root = (
        setting(found, f"{_VAULT}.{key}") for key in ("enabled", "connectCA.address", "connectCA.rootPKIPath")
    )
    if enabled is not True and enabled is not UNKNOWN and not config["compliance"]:
        raise NotApplicableError(_NO_FRAMEWORK)
    if not address or not root:
        yield Violation("the mesh's root key is in Consul's own state, and in each of its snapshots")
    elif UNKNOWN in (enabled, address, root):
        yield Undecided("whether Vault holds the root is known only at the update")


def _by_login(subject: Subject, _: Config) -> Iterator[Answer]:
    told = _told(subject)
    if told is UNKNOWN:
        yield _OPEN
        return
    for key, what in _SECRETS.items():
        if told.get(key):
            yield Violation(f"the authority's settings hold {what}")


def _lifetimes(subject: Subject, _: Config) -> Iterator[Answer]:
    told = _told(subject)
    if told is UNKNOWN:
        yield _OPEN
        return
    for key, word, most in (
        ("leafcertttl", "leaves", LEAF_MOST_H),
        ("intermediatecertttl", "intermediates", INTERMEDIATE_MOST_H),
    ):
        value = told.get(key)
        # Consul answers with nanoseconds where it was told hours.
        lasts = value / (HOUR_S * 1e9) if isinstance(value, int | float) else hours(value)
        if value is UNKNOWN:
            yield Undecided(f"how long {word} last is known only at the update")
        elif lasts is not None and lasts > most:
            yield Violation(f"{word} last {lasts:g} hours, {most} at most are safe")


def _verified(subject: Subject, _: Config) -> Iterator[Answer]:
    told = _told(subject)
    address = told if told is UNKNOWN else told.get("address")
    if subject.type != LIVE_CA:
        address = setting(chart_of(subject), f"{_VAULT}.connectCA.address", address)
    skips = told if told is UNKNOWN else told.get("tlsskipverify")
    if isinstance(address, str) and address.lower().startswith("http://"):
        yield Violation("Consul speaks with Vault in plaintext: its token and what it has signed can be read")
    if skips is True:
        yield Violation("Consul doesn't verify who answers as Vault")
    elif UNKNOWN in (address, skips):
        yield _OPEN
    elif not address:
        raise NotApplicableError("Vault holds nothing of it")


def _inert(stack: Stack, _: Config) -> Iterator[Answer]:
    live = stack.of(LIVE_CA)
    charts = [one for one in installed(stack) if ca_config(one) or setting(one, f"{_VAULT}.connectCA.rootPKIPath")]
    if not live or not charts:
        raise NotApplicableError("the authority isn't told both by the chart and live")
    if any(at(one.properties, "rotation", "step") not in (None, "steady") for one in stack.of(CONNECT_CA)):
        raise NotApplicableError("its root is being changed; the chart follows when that is done")
    for one in charts:
        file = ca_config(one)
        for authority in live:
            if not at(authority.properties, "connectProvider"):
                continue  # What is read, and not written.
            now = _told(authority)
            if UNKNOWN in (file, now):
                yield Undecided(_OPEN.reason, one.subject)
                continue
            if differs := _differing(one, file, now):
                what = f"its {differs} is not what Consul uses: after the first start only the live setting counts"
                yield Violation(what, one.subject, (authority,))


def _differing(one: Any, file: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    wanted = {_camel(key): (str(key), value) for key, value in file.items() if not isinstance(value, list | dict)}
    if path := setting(one, f"{_VAULT}.connectCA.rootPKIPath"):
        wanted["rootpkipath"] = ("connectCA.rootPKIPath", path)
    for key, (written, value) in wanted.items():
        if key in now and UNKNOWN not in (value, now[key]) and _same(value) != _same(now[key]):
            return written if written in _NAMED else "setting of the authority"
    return ""


_NAMED = ("connectCA.rootPKIPath", "leaf_cert_ttl", "intermediate_cert_ttl", "root_cert_ttl", "address")


def _same(value: Any) -> Any:
    if isinstance(value, str):
        return hours(value) or value.strip("/")
    return first(value)


_LIVE = "connectProvider: vault, configJson: '%s'"
_ROOTS = "address: 'https://vault:8200', rootPKIPath: dc1/connect_root, intermediatePKIPath: dc1/connect_inter"


def _live(config: str, provider: str = "vault") -> str:
    return plain("ca", LIVE_CA, _LIVE.replace("vault", provider) % config)


IN_VAULT = Rule(
    id="MW-CON-011",
    slug="mesh-ca-in-vault",
    title="Where Vault serves Consul, it holds the mesh's root too",
    severity=Severity.HIGH,
    level=Level.ADVISORY,
    applies_to=(*HELM, LIVE_CA),
    why=(
        "Consul's own authority keeps the root's private key in Raft: in every server's disk and every snapshot. Rules "
        "for keys, such as PCI DSS's, ask for a place that doesn't give them away."
    ),
    remedy="set `connectCA` with address, rootPKIPath and intermediatePKIPath, or use VaultCertificateAuthority",
    config={
        "compliance": {
            "type": "array",
            "items": {"type": "string"},
            "default": [],
            "description": "Frameworks that the stack keeps, such as pci-dss: a chart without Vault breaks them too.",
        }
    },
    bad=Example(
        chart("global: {secretsBackend: {vault: {enabled: true}}}"),
        "the mesh's root key is in Consul's own state, and in each of its snapshots",
    ),
    good=Example(chart(VAULT % _ROOTS)),
    references=(_CA,),
    check=_in_vault,
)
BY_LOGIN = Rule(
    id="MW-CON-012",
    slug="no-token-in-ca-settings",
    title="Consul logs in to Vault, and no token or key is among the authority's settings",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=(*HELM, LIVE_CA),
    why=(
        "A token ends, and with it the authority: `CA is uninitialized` days later (consul#16106, #23726). It is also "
        "in the state, in the release's Secret and on the servers' disks."
    ),
    remedy="use `auth_method`; the chart writes it from consulServerRole and connectCA.authMethodPath",
    bad=Example(
        _live('{"Address": "https://vault:8200", "Token": "s.1"}'), "the authority's settings hold a token of Vault's"
    ),
    good=Example(_live('{"Address": "https://vault:8200", "AuthMethod": {"Type": "kubernetes"}}')),
    references=(_CA, "https://github.com/hashicorp/consul/issues/16106"),
    frameworks=NO_HARD_CODED,
    check=_by_login,
)
LIFETIMES = Rule(
    id="MW-CON-013",
    slug="certificates-are-short-lived",
    title="Leaves last three days at most, and intermediates a year",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=(*HELM, LIVE_CA),
    why="Nothing revokes a leaf of Consul's: a stolen one is of use until it ends.",
    remedy=f"set leaf_cert_ttl to {LEAF_MOST_H}h at most, and intermediate_cert_ttl to {INTERMEDIATE_MOST_H}h",
    bad=Example(_live('{"LeafCertTTL": "720h"}'), "leaves last 720 hours, 72 at most are safe"),
    good=Example(_live('{"LeafCertTTL": "72h", "IntermediateCertTTL": "8760h"}')),
    references=(_CA,),
    check=_lifetimes,
)
VERIFIED = Rule(
    id="MW-CON-014",
    slug="vault-is-verified",
    title="Consul speaks with Vault by TLS, and verifies it",
    severity=Severity.CRITICAL,
    level=Level.MANDATORY,
    applies_to=(*HELM, LIVE_CA),
    why="Whoever is between them reads a token with which the whole mesh can be signed.",
    remedy="use an https:// address, and name Vault's CA (`ca_file`, `secretsBackend.vault.ca`) instead of skipping",
    bad=Example(
        chart(VAULT % "address: 'http://vault:8200', rootPKIPath: root"),
        "Consul speaks with Vault in plaintext: its token and what it has signed can be read",
    ),
    good=Example(chart(VAULT % _ROOTS)),
    references=(_CA,),
    check=_verified,
)
INERT = Rule(
    id="MW-CON-015",
    slug="no-inert-ca-settings",
    title="What the chart says of the authority is what Consul uses",
    severity=Severity.MEDIUM,
    level=Level.ADVISORY,
    applies_to=(LIVE_CA,),
    context=(*HELM, CONNECT_CA),
    why=(
        "Consul reads the authority's settings from its files at the first start and never again. An edit of Helm's "
        "values looks as if it were done, and does nothing."
    ),
    remedy="change it in CertificateAuthority (ConnectCertificateAuthority), and write the same in the chart's values",
    bad=Example(
        chart(VAULT % _ROOTS) + _live('{"RootPKIPath": "dc1/connect_root_2027"}'),
        "its connectCA.rootPKIPath is not what Consul uses: after the first start only the live setting counts",
    ),
    good=Example(chart(VAULT % _ROOTS) + _live('{"RootPKIPath": "dc1/connect_root/"}')),
    references=(_WRITE_ONCE,),
    check_stack=_inert,
)

RULES = (IN_VAULT, BY_LOGIN, LIFETIMES, VERIFIED, INERT)
