"""What is seen of a mesh's certificates in one cluster: plain data, from which `gates` and `horizon` judge.

No private key is in it, and nothing that is not a certificate, a name or a moment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from meshwright.linkerd.labels import LEAF_LIFETIME_HOURS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from cryptography import x509

LEAF_LIFETIME: Final = timedelta(hours=LEAF_LIFETIME_HOURS)
SYNC: Final = timedelta(minutes=2)
"""How long a kubelet takes at most to show a changed ConfigMap or Secret to pods that run; cert-manager takes less."""
SKIPPED: Final = "IssuerUpdateSkipped"
UPDATED: Final = "IssuerUpdated"
INVALID: Final = "IssuerValidationFailed"
EVENT_REASONS: Final = (SKIPPED, UPDATED, INVALID)
"""Events of the identity controller (linkerd2 ``pkg/identity/service.go``)."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A pod with a proxy."""

    name: str
    """``namespace/pod``."""
    workload: str
    """What is restarted for it: ``deployment/cart``; ``pod/cart`` where nothing would make it anew."""
    started: datetime | None
    """What was in the API then, it has read when it started; None where nobody knows."""
    anchors: frozenset[x509.Certificate] | None
    """What it was started with; None for one that read the bundle itself when it started."""

    @property
    def namespace(self) -> str:
        """The pod's namespace."""
        return self.name.partition("/")[0]

    def started_after(self, moment: datetime) -> bool:
        """Whether it was started after a moment for sure."""
        return self.started is not None and self.started > moment


@dataclass(frozen=True, slots=True)
class Controller:
    """A pod of linkerd-identity, which signs: it reads the anchors once, when it starts."""

    name: str
    started: datetime | None
    """As a proxy's."""

    def started_after(self, moment: datetime) -> bool:
        """Whether it was started after a moment for sure."""
        return self.started is not None and self.started > moment


@dataclass(frozen=True, slots=True)
class Event:
    """Something that the identity controller told."""

    reason: str
    message: str
    last: datetime


@dataclass(frozen=True, slots=True)
class Managed:
    """A Certificate of cert-manager."""

    name: str
    """``namespace/name``."""
    secret: str
    """The Secret that it writes, in the same namespace."""
    is_authority: bool
    ready: bool | None
    """None where it does not say."""
    message: str
    ends: datetime | None
    duration: timedelta | None
    renew_before: timedelta | None
    rotates_key: bool | None
    """Whether a renewal brings another key; None where that is cert-manager's default, which changed in 1.18."""
    signs: tuple[str, ...] | None = None
    """The Secrets, ``namespace/name``, of the Certificates that an Issuer signs with it; None where nobody can tell."""


@dataclass(frozen=True, slots=True)
class Served:
    """A certificate that something serves or trusts, with the place it was found in."""

    place: str
    certificate: x509.Certificate
    renew_before: timedelta | None = None
    """When whoever renews it does so; None where nobody is known to."""


@dataclass(frozen=True, slots=True)
class Observed:
    """One cluster, or what a graph or files show of one."""

    name: str
    bundle: tuple[x509.Certificate, ...] = ()
    """The anchors that are handed to proxies that start now."""
    bundle_since: datetime | None = None
    """No later than this the bundle got its content."""
    issuer: tuple[x509.Certificate, ...] = ()
    """What signs the proxies' certificates, then what signed that."""
    issuer_since: datetime | None = None
    """No later than this it was asked for from the authority that signed it; renewals don't count."""
    issuer_scheme: str = ""
    proxies: tuple[Proxy, ...] = ()
    controllers: tuple[Controller, ...] = ()
    events: tuple[Event, ...] = ()
    managed: tuple[Managed, ...] = ()
    served: tuple[Served, ...] = ()
    """Other certificates: those of webhooks."""
    leaf_lifetime: timedelta | None = None
    """The longest for which an identity controller signs; None where none says it."""
    outside: tuple[str, ...] = ()
    """ExternalWorkloads: their proxies run on machines, and nothing in the cluster shows what those trust."""
    linked: tuple[str, ...] = ()
    """Other clusters that Links lead to: certificates of this one meet proxies there."""
    gaps: Mapping[str, str] = field(default_factory=dict)
    """What could not be read -> why."""
    asides: Mapping[str, str] = field(default_factory=dict)
    """What could not be read of webhooks -> why: no rotation depends on it."""
