"""A model of Linkerd's certificates in one to five clusters, by the hour, with real X.509 certificates.

What is modelled, each as the real thing does it:

- the identity controller reads the anchors once, when it starts; a new issuer it verifies against those, and keeps the
  old one where they don't (linkerd2 ``pkg/identity/service.go``); its watch of the Secret may end unnoticed;
- a proxy has the anchors of its injection for life, and asks for a leaf of 24 hours anew after 70 % of them;
- cert-manager makes the issuer anew before its end, and an anchor too: with another key where it is told to, and else
  with its old one, under its old name;
- trust-manager makes the bundle of all anchors that it is given.
"""

import datetime
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from meshwright.certs.observed import SKIPPED, UPDATED, Controller, Event, Observed, Proxy
from meshwright.certs.pem import is_same_authority, is_trusted

HOUR = timedelta(hours=1)
START = datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC)
LEAF = 24 * HOUR
LEAF_RENEWED_AFTER = 0.7 * LEAF
EVENTS_KEPT = HOUR
SHOWN_AFTER = timedelta(minutes=1)
"""From a change in the API to the files of a pod."""


@dataclass(frozen=True)
class Authority:
    certificate: x509.Certificate
    key: Any = field(compare=False)


@cache
def _key(name: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@cache
def issue(name: str, above: Authority | None, first: datetime.datetime, life: timedelta, *, ca: bool) -> Authority:
    """A certificate that is really signed; one of the same name, authority and moment is made once."""
    key = _key(f"{name} {first}" if ca else "leaf")
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(above.certificate.subject if above else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(first)
        .not_valid_after(first + life)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(above.key if above else key, hashes.SHA256())
    )
    return Authority(certificate, key)


def signed_anew(root: Authority, first: datetime.datetime, life: timedelta = 3650 * timedelta(days=1)) -> Authority:
    """An anchor as cert-manager renews it by ``rotationPolicy: Never``: another certificate, by the same key."""
    was = root.certificate
    certificate = (
        x509.CertificateBuilder()
        .subject_name(was.subject)
        .issuer_name(was.subject)
        .public_key(was.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(first)
        .not_valid_after(first + life)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(root.key, hashes.SHA256())
    )
    return Authority(certificate, root.key)


def anchor(name: str, first: datetime.datetime, life: timedelta = 3650 * timedelta(days=1)) -> Authority:
    return issue(f"root {name}", None, first, life, ca=True)


@dataclass
class Identity:
    """A pod of linkerd-identity."""

    name: str
    started: datetime.datetime
    anchors: frozenset[x509.Certificate]
    issuer: Authority
    watches: bool = True


@dataclass
class Pod:
    name: str
    started: datetime.datetime
    anchors: frozenset[x509.Certificate]
    leaf: x509.Certificate
    issuer: x509.Certificate
    """Comes with the leaf."""


class Cluster:
    """One cluster: what its API holds, and what its pods hold in memory."""

    def __init__(
        self,
        name: str,
        root: Authority,
        now: datetime.datetime,
        *,
        pods: int,
        controllers: int,
        also_trusted: tuple[Authority, ...] = (),
    ) -> None:
        self.name = name
        self.signs = root
        self.bundle: tuple[Authority, ...] = (root, *also_trusted)
        self.bundle_since = self.issuer_since = now
        self.issuer = self._new_issuer(now)
        self.issuer_life, self.issuer_renew_before = 48 * HOUR, 25 * HOUR
        self._shown: list[tuple[datetime.datetime, Authority]] = []
        self.events: list[Event] = []
        self._numbers = itertools.count()
        self.controllers = [self._controller(now) for _ in range(controllers)]
        self.pods = [self._pod(f"app-{number}", now) for number in range(pods)]

    # What a person, `up` or Kubernetes does

    def take_bundle(self, anchors: tuple[Authority, ...], now: datetime.datetime) -> None:
        if anchors != self.bundle:
            self.bundle, self.bundle_since = anchors, now

    def take_signer(self, root: Authority, now: datetime.datetime) -> None:
        """Another authority signs from now on. Of one that was signed anew with its key, nobody asks for an issuer."""
        if not is_same_authority(root.certificate, self.signs.certificate):
            self.issuer_since = now
            self.signs = root
            self._renew(now)
        self.signs = root

    def restart_controllers(self, now: datetime.datetime) -> None:
        self.controllers = [self._controller(now) for _ in self.controllers]

    def restart(self, number: int, now: datetime.datetime) -> None:
        self.pods[number] = self._pod(self.pods[number].name.rpartition("-")[0], now)

    # What goes by itself

    def tick(self, now: datetime.datetime, watch_dies: bool = False) -> None:
        """All that happened until now."""
        if now >= self.issuer.certificate.not_valid_after_utc - self.issuer_renew_before:
            self._renew(now)
        for moment, issuer in self._shown:
            for each in self.controllers:
                if watch_dies:
                    each.watches = False
                elif each.watches:
                    self._offer(each, issuer, moment)
        self._shown.clear()
        self.events = [each for each in self.events if now - each.last <= EVENTS_KEPT]
        for pod in self.pods:
            if now >= pod.leaf.not_valid_before_utc + LEAF_RENEWED_AFTER:
                self._certify(pod, now)

    def _renew(self, now: datetime.datetime) -> None:
        self.issuer = self._new_issuer(now)
        self._shown.append((now + SHOWN_AFTER, self.issuer))

    def _new_issuer(self, now: datetime.datetime) -> Authority:
        return issue(f"identity {self.name}", self.signs, now, 48 * HOUR, ca=True)

    def _offer(self, to: Identity, issuer: Authority, moment: datetime.datetime) -> None:
        taken = is_trusted((issuer.certificate,), to.anchors, moment)
        if taken:
            to.issuer = issuer
        self.events.append(Event(UPDATED if taken else SKIPPED, "", moment))

    def _certify(self, pod: Pod, now: datetime.datetime) -> None:
        """A leaf from the first controller whose issuer is good; none where there is none."""
        for each in self.controllers:
            if is_trusted((each.issuer.certificate,), each.anchors, now):
                pod.leaf = issue(f"leaf {self.name}", each.issuer, now, LEAF, ca=False).certificate
                pod.issuer = each.issuer.certificate
                return

    def _controller(self, now: datetime.datetime) -> Identity:
        return Identity(f"identity-{next(self._numbers)}", now, self._trusted(), self.issuer)

    def _pod(self, name: str, now: datetime.datetime) -> Pod:
        certificate = self.issuer.certificate
        pod = Pod(f"{name}-{next(self._numbers)}", now, self._trusted(), certificate, certificate)
        self._certify(pod, now)
        return pod

    def _trusted(self) -> frozenset[x509.Certificate]:
        return frozenset(each.certificate for each in self.bundle)

    # What is seen from outside

    def oldest_issuer_ends(self) -> datetime.datetime:
        """What the metric issuer_cert_ttl_seconds counts down to, of the pod that has the least of it."""
        return min(each.issuer.certificate.not_valid_after_utc for each in self.controllers)

    def observed(self) -> Observed:
        return Observed(
            name=self.name,
            bundle=tuple(each.certificate for each in self.bundle),
            bundle_since=self.bundle_since,
            issuer=(self.issuer.certificate,),
            issuer_since=self.issuer_since,
            proxies=tuple(
                Proxy(f"shop/{each.name}", f"deployment/{each.name.rpartition('-')[0]}", each.started, each.anchors)
                for each in self.pods
            ),
            controllers=tuple(Controller(each.name, each.started) for each in self.controllers),
            events=tuple(self.events),
        )


def strangers(clusters: list[Cluster], now: datetime.datetime) -> Iterator[str]:
    """Each pair of proxies of which one does not take the other's certificate now."""
    shown = {(pod.leaf, pod.issuer): f"{cluster.name}/{pod.name}" for cluster in clusters for pod in cluster.pods}
    trusting = {pod.anchors: f"{cluster.name}/{pod.name}" for cluster in clusters for pod in cluster.pods}
    for (chain, who), (anchors, whom) in itertools.product(shown.items(), trusting.items()):
        if not is_trusted(chain, anchors, now):
            yield f"{now:%m-%d %H:%M} {whom} does not take the certificate of {who}"
