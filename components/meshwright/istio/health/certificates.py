"""The mesh's certificates are valid for a while yet, and everybody trusts the same root."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509

from meshwright.config.clock import today
from meshwright.health.objects import at, called, items, mapping, name_of, namespace_of
from meshwright.health.verdicts import Check, Doubt, Finding, Severity, SkipError
from meshwright.istio.health.installation import ISTIOD, environment, root_namespace, workloads
from meshwright.istio.health.mesh import require_enrolled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.health.objects import Object
    from meshwright.health.snapshot import Snapshot

_CATEGORY: Final = "certificates"
ROOT_CONFIG_MAP: Final = "istio-ca-root-cert"
CA_SECRETS: Final = ("cacerts", "istio-ca-secret")
PUBLIC_KEYS: Final = ("ca-cert.pem", "cert-chain.pem", "root-cert.pem", "tls.crt", "ca.crt")
"""The keys of those Secrets that hold no private key; nothing else of them is ever kept."""
ROOT_KEYS: Final = ("root-cert.pem", "ca.crt")
"""Those of them that hold a bundle of roots."""
_ENOUGH: Final = timedelta(days=30)
_SHARE: Final = 4
"""Of a shorter life a quarter is enough: cert-manager renews when a third is left."""
_CA_SERVER: Final = "ENABLE_CA_SERVER"
_ISTIO_WEBHOOK: Final = ".istio.io"


def _roots(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    enrolled, root = require_enrolled(snapshot), root_namespace(snapshot)
    snapshot.seen("ConfigMap")
    bundles = {namespace_of(each): each for each in snapshot.of("ConfigMap") if name_of(each) == ROOT_CONFIG_MAP}
    if not bundles:
        yield Finding("the cluster", f"has no ConfigMap {ROOT_CONFIG_MAP}: istiod has published no root")
        return
    published = _text(bundles[root]) if root in bundles else None
    for namespace in sorted(enrolled):
        body = bundles.get(namespace)
        if body is None:
            yield Finding(f"Namespace {namespace}", f"has no ConfigMap {ROOT_CONFIG_MAP}: its waypoints don't start")
        elif published is not None and _text(body) != published:
            yield Finding(called(body), f"trusts another root than {root} publishes")
    for text, body in {_text(each): each for each in bundles.values()}.items():
        yield from _judged(called(body), text)


def _ca(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    found = {name_of(each): each for each in snapshot.seen("Secret")}
    # istiod takes the first that is there; the other one is what an earlier time has left.
    secret = next((found[name] for name in CA_SECRETS if name in found), None)
    if secret is None or not _signs(snapshot):
        raise SkipError("istiod's CA has no Secret here, and another one signs, as istio-csr does")
    root = root_namespace(snapshot)
    trusted = "".join(
        _text(each)
        for each in snapshot.of("ConfigMap")
        if (namespace_of(each), name_of(each)) == (root, ROOT_CONFIG_MAP)
    )
    for key in PUBLIC_KEYS:
        if text := _decoded(secret, key):
            yield from _judged(f"{called(secret)}, {key},", text, is_bundle=key in ROOT_KEYS)
    own_root = next(filter(None, (_decoded(secret, key) for key in ROOT_KEYS)), "")
    if trusted and not _certificates(own_root) <= _certificates(trusted):
        yield Finding(called(secret), f"has a root that the mesh does not trust: it is not in {ROOT_CONFIG_MAP}")


def _signs(snapshot: Snapshot) -> bool:
    """Whether an istiod signs by itself; where none is seen, one may do so elsewhere."""
    planes = workloads(snapshot, ISTIOD)
    return not planes or any(environment(each).get(_CA_SERVER, "true") != "false" for each in planes)


def _webhook_bundles(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    snapshot.seen("ValidatingWebhookConfiguration")
    for each in _webhook_configurations(snapshot):
        for webhook in items(each, "webhooks"):
            subject = f"{called(each)}, {at(webhook, 'name')},"
            bundle = at(webhook, "clientConfig", "caBundle")
            if not bundle:
                yield Finding(subject, "has no caBundle: the API server can't trust istiod")
                continue
            try:
                text = base64.b64decode(str(bundle), validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                text = ""
            yield from _judged(subject, text)


def _fail_closed(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    for each in _webhook_configurations(snapshot, "ValidatingWebhookConfiguration"):
        for webhook in items(each, "webhooks"):
            if at(webhook, "failurePolicy") == "Ignore":
                yield Finding(
                    f"{called(each)}, {at(webhook, 'name')},", "is set to Ignore: mistakes pass while istiod is away"
                )


def _webhook_configurations(snapshot: Snapshot, *kinds: str) -> list[Object]:
    found = [
        each
        for kind in kinds or ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
        for each in snapshot.of(kind)
        if any(str(at(webhook, "name")).endswith(_ISTIO_WEBHOOK) for webhook in items(each, "webhooks"))
    ]
    if not found:
        raise SkipError("no webhook of Istio's is in it")
    return found


def _text(config_map: Object) -> str:
    return str(at(config_map, "data", "root-cert.pem") or "")


def _decoded(secret: Object, key: str) -> str:
    """The text of a key; empty where there is none, as istiod leaves the chain of its own root."""
    value = str(mapping(secret, "data").get(key) or "")
    try:
        return base64.b64decode(value).decode()
    except (binascii.Error, UnicodeDecodeError):
        return value


def _certificates(text: str) -> set[x509.Certificate]:
    """Those in a text; none where it holds none that can be read, which `_judged` says."""
    try:
        return set(x509.load_pem_x509_certificates(text.encode()))
    except ValueError:
        return set()


def _judged(subject: str, text: str, *, is_bundle: bool = True) -> Iterator[Finding]:
    """What is wrong with the certificates in a text of PEM; of a bundle of roots with the one that lasts longest."""
    try:
        found = x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        yield Finding(subject, "holds no certificate")
        return
    now = datetime.combine(today(), time(), UTC)
    for each in [max(found, key=lambda one: one.not_valid_after_utc)] if is_bundle else found:
        ends = each.not_valid_after_utc
        who = each.subject.rfc4514_string() or f"serial {each.serial_number:x}"
        if ends <= now:
            yield Finding(subject, f"has a certificate ({who}) that expired on {ends:%Y-%m-%d}")
        elif ends - now < min(_ENOUGH, (ends - each.not_valid_before_utc) / _SHARE):
            yield Finding(subject, f"has a certificate ({who}) that expires on {ends:%Y-%m-%d}")


CHECKS: Final = (
    Check(
        "root-certificate",
        _CATEGORY,
        f"every enrolled namespace trusts the mesh's root, which is valid for {_ENOUGH.days} days more",
        Severity.ERROR,
        "rotate it with both roots in the bundle; after expiry see `meshwright istio break-glass root-expired`",
        _roots,
    ),
    Check(
        "ca-certificate",
        _CATEGORY,
        f"istiod's CA is valid for {_ENOUGH.days} days more, below a root that the mesh trusts",
        Severity.ERROR,
        "issue a new intermediate from the same root, and put it into the Secret cacerts",
        _ca,
    ),
    Check(
        "webhooks-trusted",
        _CATEGORY,
        "the API server can trust istiod's webhooks",
        Severity.ERROR,
        "let istiod write its caBundle: restart it, and let nothing else own that field",
        _webhook_bundles,
    ),
    Check(
        "webhooks-fail-closed",
        _CATEGORY,
        "Istio's configuration is validated, or refused while istiod is away",
        Severity.WARNING,
        "set base.validationFailurePolicy to Fail on the chart istiod",
        _fail_closed,
    ),
)
