"""The CRDs of the Gateway API are there, and new enough for this Istio to read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from meshwright.catalog import load_catalog
from meshwright.errors import ConfigError
from meshwright.gateway_api.labels import BUNDLE_VERSION
from meshwright.health.objects import annotation, called, label, name_of
from meshwright.health.verdicts import Check, Doubt, Finding, NotKnownError, Severity, SkipError
from meshwright.istio import labels
from meshwright.istio.health.installation import ISTIOD, parts
from meshwright.versions import version_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.catalog.models import GatewayApiRange
    from meshwright.health.objects import Object
    from meshwright.health.snapshot import Snapshot

_GROUP: Final = ".gateway.networking.k8s.io"
_USERS: Final = ("Namespace", "Service", "ServiceEntry", "WorkloadEntry", "Pod")


def _bundle(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    definitions = {name_of(each).removesuffix(_GROUP): each for each in snapshot.of("CustomResourceDefinition")}
    accepted = _accepted(snapshot)
    served = {name: each for name, each in definitions.items() if name_of(each).endswith(_GROUP)}
    if "gateways" not in served:
        if not snapshot.live:
            raise SkipError("the CRDs of the Gateway API are not in it")
        if not any(_asks_for_waypoint(each) for kind in _USERS for each in snapshot.of(kind)):
            raise SkipError("the cluster has no CRD for Gateway, and nothing asks for a waypoint, which would need it")
        yield Finding("the cluster", "has no CRD for Gateway: the waypoints that it is told to use can't be made")
        return
    for name, definition in sorted(served.items()):
        version, least = annotation(definition, BUNDLE_VERSION), accepted.crd_minimums.get(name)
        least = least or (accepted.minimum if name == "gateways" else None)
        if not version:
            yield Doubt(called(definition), f"has no annotation {BUNDLE_VERSION}")
        elif least and version_key(version) < version_key(least):
            yield Finding(
                called(definition), f"is of bundle {version}: istiod ignores it, and all its objects, below v{least}"
            )


def _asks_for_waypoint(body: Object) -> bool:
    return label(body, labels.USE_WAYPOINT) not in ("", "none")


def _accepted(snapshot: Snapshot) -> GatewayApiRange:
    """What the newest istiod that is there accepts."""
    istiods = [part for part in parts(snapshot) if part.component == ISTIOD]
    versions = [part.version for part in istiods if part.version]
    if not istiods:
        raise SkipError("istiod is not in it")
    try:
        found = load_catalog().release("istio", max(versions, key=version_key)) if versions else None
    except ConfigError:
        found = None
    if found is None or found.gateway_api is None:
        raise NotKnownError("the catalog does not know the version of istiod")
    return found.gateway_api


CHECKS: Final = (
    Check(
        "gateway-api-bundle",
        "control plane",
        "the CRDs of the Gateway API are new enough for istiod to read their objects",
        Severity.ERROR,
        "apply the bundle that the catalog recommends for this version of Istio",
        _bundle,
    ),
)
