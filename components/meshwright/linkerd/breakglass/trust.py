"""Who trusts whom in a cluster at this moment, and until when; told from certificates alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from meshwright.breakglass.plan import refused
from meshwright.certs.pem import called, is_signed_by, is_trusted
from meshwright.linkerd.labels import ISSUER_SECRET, NAMESPACE, TRUST_ROOTS

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from cryptography import x509

    from meshwright.certs.observed import Observed, Proxy
    from meshwright.linkerd.breakglass.looking import Look

OTHER_CLUSTERS: Final = "clusters of one trust domain share their anchors: what is done here is due in each of them"
OPEN_STAY: Final = "connections that are open go on until they close: certificates are looked at when one is opened"
_NEEDED: Final = (f"ConfigMap {TRUST_ROOTS}", "the bundle", f"Secret {ISSUER_SECRET}", ISSUER_SECRET, "pods")


@dataclass(frozen=True, slots=True)
class Trust:
    """The certificates of a cluster."""

    seen: Observed
    now: datetime
    leaf_lifetime: timedelta

    @property
    def issuer(self) -> x509.Certificate:
        """What signs the proxies' certificates."""
        return self.seen.issuer[0]

    @property
    def ends(self) -> datetime:
        """When the issuer ends, and with it every certificate that it has signed: none outlives it (`pkg/tls`)."""
        return self.issuer.not_valid_after_utc

    @property
    def signers(self) -> tuple[x509.Certificate, ...]:
        """The anchors of the bundle whose key made the issuer's signature, whatever their dates."""
        return tuple(
            anchor
            for anchor in self.seen.bundle
            if any(each == anchor or is_signed_by(each, anchor) for each in self.seen.issuer)
        )

    @property
    def expired(self) -> tuple[x509.Certificate, ...]:
        """Anchors that have ended: those of the bundle, then those that proxies still have."""
        known = [*self.seen.bundle, *(anchor for proxy in self.seen.proxies for anchor in proxy.anchors or ())]
        return tuple(dict.fromkeys(each for each in known if self.has_ended(each)))

    @property
    def is_alive(self) -> bool:
        """Whether the issuer of now may sign: it is valid, and leads to an anchor of the bundle that is, too."""
        return is_trusted(self.seen.issuer, frozenset(self.seen.bundle), self.now)

    @property
    def cut_off(self) -> tuple[Proxy, ...]:
        """Proxies that don't trust what the issuer of now signs."""
        return tuple(
            each
            for each in self.seen.proxies
            if each.anchors is not None and not is_trusted(self.seen.issuer, each.anchors, self.now)
        )

    def has_ended(self, certificate: x509.Certificate) -> bool:
        """Whether a certificate's time is over."""
        return certificate.not_valid_after_utc < self.now

    def ended(self) -> str:
        """Until when proxies had certificates, once nobody may sign any more."""
        last = max((each.not_valid_after_utc for each in self.signers), default=self.ends)
        stopped = min(self.ends, last)
        over = min(self.ends, stopped + self.leaf_lifetime)
        if over <= self.now:
            return (
                f"downtime: no certificate is valid since {moment(over)}, and none was signed since {moment(stopped)}"
            )
        return (
            f"nothing was signed since {moment(stopped)}: proxies lose their certificates one after the other, and the "
            f"last of them does by {moment(over)}"
        )


def read(look: Look) -> Trust:
    """The certificates of a cluster. Raises `ConfigError` (MW-E172) where they can't be told."""
    lifetime = look.leaf_lifetime()
    seen = look.certificates()
    for what, why in seen.gaps.items():
        if what.startswith(_NEEDED):
            raise refused(f"it can't be told: {what} can't be read: {why}", "use an account that may read it")
    if not seen.bundle:
        raise refused(f"it can't be told: ConfigMap {NAMESPACE}/{TRUST_ROOTS} has no anchor", "finish the `up`")
    if not seen.issuer:
        raise refused(f"it can't be told: Secret {NAMESPACE}/{ISSUER_SECRET} has no issuer", "finish the `up`")
    return Trust(seen, look.now, lifetime)


def moment(when: datetime) -> str:
    """A moment as a person reads it."""
    return f"{when:%Y-%m-%d %H:%M} UTC"


def named(certificate: x509.Certificate) -> str:
    """A certificate and its end."""
    return f"{called(certificate)}, which ends on {moment(certificate.not_valid_after_utc)}"
