"""The certificates of a snapshot, in the form in which `meshwright.certs` judges them."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any, Final

from meshwright.certs.from_cluster import SERVED, observed
from meshwright.config.clock import today
from meshwright.engine.graph import Secret, Unknown
from meshwright.health.objects import annotation, label, name_of, namespace_of
from meshwright.health.verdicts import NotKnownError
from meshwright.linkerd import labels
from meshwright.linkerd.health.mesh import has_proxy, running_pods

if TYPE_CHECKING:
    from meshwright.certs.observed import Observed
    from meshwright.health.snapshot import Snapshot

_PLURALS: Final = {
    "MutatingWebhookConfiguration": "mutatingwebhookconfigurations",
    "ValidatingWebhookConfiguration": "validatingwebhookconfigurations",
}
_WEBHOOKS: Final = (labels.INJECTOR_WEBHOOK, labels.PROFILE_WEBHOOK, labels.POLICY_WEBHOOK, labels.TAP_WEBHOOK)


def now() -> datetime:
    """The moment by which certificates are judged: this one, or the beginning of the day that ``--as-of`` names."""
    moment = datetime.now(UTC)
    return moment if moment.date() == today() else datetime.combine(today(), time(), UTC)


def seen_in(snapshot: Snapshot, *kinds: str) -> tuple[Observed, dict[str, str]]:
    """What these kinds tell of certificates, and what in them can't be read.

    Raises:
        NotKnownError: one of the kinds could not be read.
    """
    gaps: dict[str, str] = {}
    found: dict[str, list[dict[str, Any]]] = {kind: [_plain(each) for each in snapshot.of(kind)] for kind in kinds}
    secrets: dict[str, list[dict[str, Any]]] = {name: [] for name in (labels.ISSUER_SECRET, *SERVED)}
    for each in found.get("Secret", ()):
        secrets.get(name_of(each), []).append(each)
    pods = [_plain(each) for each in running_pods(snapshot)] if "Pod" in kinds else []
    seen = observed(
        "cluster",
        [each for each in found.get("ConfigMap", ()) if name_of(each) == labels.TRUST_ROOTS],
        secrets,
        [each for each in pods if has_proxy(each)],
        [each for each in pods if namespace_of(each) == labels.NAMESPACE and _component(each) == "identity"],
        found.get("Event", []),
        found.get("Certificate", []),
        _issuers(snapshot),
        [
            (plural, each)
            for kind, plural in _PLURALS.items()
            for each in found.get(kind, ())
            if name_of(each) in _WEBHOOKS
        ],
        gaps,
        gaps,
    )
    return seen, gaps


def _issuers(snapshot: Snapshot) -> list[dict[str, Any]] | None:
    """cert-manager's; None where they could not be read."""
    try:
        return [_plain(each) for kind in ("Issuer", "ClusterIssuer") for each in snapshot.of(kind)]
    except NotKnownError:
        return None


def _component(pod: Any) -> str:
    return label(pod, labels.COMPONENT) or annotation(pod, labels.COMPONENT)


def _plain(value: Any) -> Any:
    """Without what only an update will know: of it nothing is told."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items() if not isinstance(each, Unknown | Secret)}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
