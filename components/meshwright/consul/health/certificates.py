"""What signs in the mesh, and what the servers show each other: it is alive, it lasts, and it is what a stack says."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any, Final

from meshwright.certs.checks import Verdict as Judged
from meshwright.certs.consul_gates import standing
from meshwright.certs.consul_horizon import consul_troubles
from meshwright.certs.horizon import days, horizon
from meshwright.certs.pem import called as certificate_called
from meshwright.certs.pem import certificates_in
from meshwright.config.clock import today
from meshwright.consul import labels
from meshwright.consul.ca.rotation import STEADY, Root, root_stand
from meshwright.consul.ca.settings import live_root
from meshwright.consul.health.kinds import AUTHORITY_SEEN, CA_DECLARED
from meshwright.consul.health.mesh import require_running, require_servers, uses_vault
from meshwright.consul.health.servers import NO_ADDRESS
from meshwright.health.objects import at, mapping, name_of
from meshwright.health.verdicts import Check, Doubt, Finding, NotKnownError, Severity, SkipError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cryptography import x509

    from meshwright.certs.consul_seen import ConsulSeen
    from meshwright.health.objects import Object
    from meshwright.health.snapshot import Snapshot

CATEGORY: Final = "certificates"


def now() -> datetime:
    """The moment by which certificates are judged: this one, or the beginning of the day that ``--as-of`` names."""
    moment = datetime.now(UTC)
    return moment if moment.date() == today() else datetime.combine(today(), time(), UTC)


def certificates_of(snapshot: Snapshot, secret: str) -> tuple[x509.Certificate, ...]:
    """The certificates in one of Consul's Secrets; none where there is no such Secret.

    Raises:
        NotKnownError: the Secret holds something else.
    """
    for each in snapshot.of("Secret"):
        if name_of(each) == secret:
            try:
                text = base64.b64decode(str(at(each, "data", "tls.crt") or ""), validate=True).decode()
                return certificates_in(text)
            except (binascii.Error, ValueError):
                raise NotKnownError(f"Secret {labels.NAMESPACE}/{secret} holds a certificate that is broken") from None
    return ()


def _servers(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    require_servers(snapshot)
    if uses_vault(snapshot):
        raise SkipError("Vault's agents renew them; what is left of a server's own is told by ca-alive")
    for secret in (labels.CA_SECRET, labels.SERVER_CERTIFICATE_SECRET, labels.WEBHOOK_CERTIFICATE_SECRET):
        found = certificates_of(snapshot, secret)[:1]
        for each in found:
            yield from _ending(f"Secret {labels.NAMESPACE}/{secret}", each)
        if not found and secret == labels.SERVER_CERTIFICATE_SECRET:
            yield Doubt(f"Secret {labels.NAMESPACE}/{secret}", "has no certificate that could be judged")


def _ending(subject: str, certificate: x509.Certificate) -> Iterator[Finding]:
    ends, wanted = certificate.not_valid_after_utc, horizon(certificate, None)
    if ends - now() < wanted:
        said = f"holds {certificate_called(certificate)}, which ends on {ends:%Y-%m-%d}"
        yield Finding(subject, f"{said}: less than {days(wanted)} are left")


def _authorities(snapshot: Snapshot) -> list[ConsulSeen]:
    require_running(snapshot)
    found: list[ConsulSeen] = [each["seen"] for each in snapshot.of(AUTHORITY_SEEN)]
    if not found:
        raise SkipError(NO_ADDRESS)
    return found


def _alive(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    for seen in _authorities(snapshot):
        asked = {check.title for check in standing(seen, None, STEADY, now())}
        for each in consul_troubles(seen, None, STEADY, now()):
            if each.verdict is not Judged.FAILED:
                yield Doubt(each.cluster, each.message)
                continue
            # What a gate asks would stand before the reason for which it isn't so.
            reasons = (each.message.removeprefix(f"{title}: ") for title in asked)
            yield Finding(each.cluster, f"shows: {min(reasons, key=len, default=each.message)}")


def _declared(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    told = snapshot.of(CA_DECLARED)
    if not told:
        raise SkipError("no stack declares what signs")
    for seen in _authorities(snapshot):
        if seen.provider is None:
            yield Doubt(seen.name, next(iter(seen.gaps.values()), "the live configuration was not read"))
            continue
        for body in told:
            wanted = root_stand(_step(body), _root(mapping(body, "root")), _next(body)).signs
            found = live_root(seen.provider, seen.config)
            if found != live_root(wanted.provider, {"RootPKIPath": wanted.path}):
                is_now = f"{found[1]} in Vault" if found[0] == "vault" else f"the provider {found[0]}"
                yield Finding(seen.name, f"signs with {is_now}, and the stack declares {wanted}")


def _step(body: Object) -> str:
    return str(at(body, "rotation", "step") or STEADY)


def _next(body: Object) -> Root | None:
    upcoming = mapping(body, "next")
    return _root(upcoming) if upcoming else None


def _root(said: Object) -> Root:
    given: dict[str, Any] = {key: at(said, key) for key in ("provider", "path", "namespace", "key_type", "key_bits")}
    return Root(**{key: value for key, value in given.items() if value is not None})


CHECKS: Final = (
    Check(
        "server-certificates",
        CATEGORY,
        "the servers' and the injector's certificates last a while yet",
        Severity.ERROR,
        "run `meshwright up`, which has the chart sign them anew, then restart the servers one by one",
        _servers,
    ),
    Check(
        "ca-alive",
        CATEGORY,
        "Consul publishes a root that signs, and it and what signs the leaves last a while yet",
        Severity.ERROR,
        "see docs/consul/break-glass.md: a sealed Vault, or an expired login, is the usual cause",
        _alive,
    ),
    Check(
        "ca-as-declared",
        CATEGORY,
        "what signs is what the stack declares",
        Severity.ERROR,
        "run `meshwright up`; Helm's values are read once, when the CA is made, and change nothing after that",
        _declared,
    ),
)
