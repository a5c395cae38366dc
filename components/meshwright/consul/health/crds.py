"""The CRDs are there, and those of the Gateway API are of a bundle that this Consul takes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from meshwright.catalog import load_catalog
from meshwright.consul.health.kinds import ENTRIES
from meshwright.consul.health.mesh import injectors, require_running
from meshwright.consul.labels import INJECTOR
from meshwright.errors import ConfigError
from meshwright.gateway_api.labels import BUNDLE_VERSION
from meshwright.health.objects import annotation, at, called, items, label, name_of
from meshwright.health.verdicts import Check, Doubt, Finding, NotKnownError, Severity
from meshwright.versions import version_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.catalog import Release
    from meshwright.health.snapshot import Snapshot

CATEGORY: Final = "CRDs"
_TAG: Final = re.compile(r":v?(\d+\.\d+\.\d+)(?:[-@]|$)")
_GATEWAY_API: Final = tuple(
    f"{each}.gateway.networking.k8s.io" for each in ("gatewayclasses", "gateways", "httproutes")
)


def _there(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    require_running(snapshot)
    known = {name_of(each): each for each in snapshot.of("CustomResourceDefinition")}
    for place in ENTRIES.values():
        if place.crd not in known:
            yield Finding(f"CustomResourceDefinition {place.crd}", "is not there: the injector can't start without it")
    for name, each in sorted(known.items()):
        if name.endswith("consul.hashicorp.com") and at(each, "metadata", "deletionTimestamp"):
            yield Finding(called(each), "is being deleted: it waits for objects that only the injector lets go")


def _gateway_api(snapshot: Snapshot) -> Iterator[Finding | Doubt]:
    require_running(snapshot)
    known = {name_of(each): each for each in snapshot.of("CustomResourceDefinition")}
    bundle = _release(snapshot).gateway_api
    if bundle is None:
        raise NotKnownError("the catalog does not know which bundle of the Gateway API this version of Consul takes")
    for name in _GATEWAY_API:
        if name not in known:
            yield Finding(f"CustomResourceDefinition {name}", "is not there: Consul's gateway controller needs it")
            continue
        version = annotation(known[name], BUNDLE_VERSION).removeprefix("v")
        if not version:
            yield Doubt(called(known[name]), f"has no annotation {BUNDLE_VERSION}")
        elif not version_key(bundle.minimum) <= version_key(version) <= version_key(bundle.maximum):
            taken = " to ".join(dict.fromkeys((f"v{bundle.minimum}", f"v{bundle.maximum}")))
            yield Finding(called(known[name]), f"is of bundle v{version}, and this Consul takes {taken}")
        if label(known[name], "app.kubernetes.io/managed-by") == "Helm" or label(known[name], "heritage") == "Helm":
            yield Finding(called(known[name]), "belongs to a Helm release: it goes, with all routes, when that goes")


def _release(snapshot: Snapshot) -> Release:
    """What the catalog knows of the version that runs. Raises `NotKnownError`."""
    for each in injectors(snapshot):
        for container in items(each, "spec", "template", "spec", "containers"):
            if match := _TAG.search(str(at(container, "image") or "")):
                for asked in (match[1], match[1].rpartition(".")[0]):
                    try:
                        return load_catalog().release("consul", asked)
                    except ConfigError:
                        continue
    raise NotKnownError(f"Deployment {INJECTOR} doesn't tell a version that the catalog knows")


CHECKS: Final = (
    Check(
        "crds-there",
        CATEGORY,
        "the CRDs of Consul are there, and none is being deleted",
        Severity.ERROR,
        "run `meshwright up`; for one that is being deleted see `meshwright consul uninstall`",
        _there,
    ),
    Check(
        "gateway-api-bundle",
        CATEGORY,
        "the CRDs of the Gateway API are there, of a bundle that this Consul takes, and belong to no mesh's release",
        Severity.ERROR,
        "apply the bundle that the catalog recommends, by its one owner: `gateway_api` in the stack",
        _gateway_api,
    ),
)
