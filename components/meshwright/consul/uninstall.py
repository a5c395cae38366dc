"""What keeps a `destroy` of Consul from ending, and what it leaves, as a cluster tells it.

Consul's injector puts a finalizer on what it writes into Consul, and takes it off when the object has gone there
(``control-plane/controllers/configentries``). A stack's own objects are deleted before the injector is. Those of others
stay behind: their CRDs then stay in the state Terminating for ever, and the namespace with them, and the next
installation fails on both.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from meshwright.consul import labels
from meshwright.kubernetes.reading import METADATA_ONLY, ReadError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.kubernetes.reading import ClusterReader

_GROUPS: Final = (labels.GROUP, f"auth.{labels.GROUP}", "gateway.networking.k8s.io")
_OURS: Final = "pulumi-kubernetes"
"""How the field managers of Pulumi's provider begin."""
_OF_THE_CHART: Final = frozenset(
    {("gatewayclasses", labels.GATEWAY_CLASS), ("gatewayclassconfigs", labels.GATEWAY_CLASS_CONFIG)}
)
"""Made by a hook of the chart, and taken away by another, before the release goes."""
_FIRST: Final = (
    "gateways",
    "serviceintentions",
    "servicerouters",
    "servicesplitters",
    "serviceresolvers",
    "terminatinggateways",
)
_LAST: Final = ("servicedefaults", "proxydefaults", "meshes")
"""Consul keeps a protocol as long as a router, a splitter or an intention needs it."""


@dataclass(frozen=True, slots=True)
class Held:
    """An object that waits for Consul's injector, and that no stack of Pulumi's has."""

    resource: str
    """As kubectl has it: ``servicedefaults.consul.hashicorp.com``."""
    namespace: str
    """Empty for what has none."""
    name: str

    @property
    def command(self) -> str:
        """What deletes it, while the injector is there."""
        where = f" --namespace {self.namespace}" if self.namespace else ""
        return f"kubectl delete {self.resource} {self.name}{where}"


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What was found, and what could not be read."""

    held: tuple[Held, ...]
    """In the order in which Consul lets them go."""
    injectors: int
    """Replicas that are ready. Without any, nobody takes a finalizer off."""
    claims: tuple[str, ...]
    """The servers' volumes, by the names of their claims."""
    gaps: tuple[str, ...]
    """Why something could not be read."""


def leftovers(reader: ClusterReader, namespace: str = labels.NAMESPACE) -> Leftovers:
    """Look at a cluster, by GET alone.

    Raises:
        ConfigError: MW-E170 there is no answer.
    """
    gaps: list[str] = []
    held = sorted(_held(reader, gaps), key=_order)
    claims = _list(reader, f"/api/v1/namespaces/{namespace}/persistentvolumeclaims", gaps)
    names = (each["metadata"]["name"] for each in claims)
    return Leftovers(
        tuple(held),
        _injectors(reader, namespace, gaps),
        tuple(sorted(name for name in names if labels.SERVER in name)),
        tuple(gaps),
    )


def _held(reader: ClusterReader, gaps: list[str]) -> Iterator[Held]:
    for group in _GROUPS:
        for version, plural in _resources(reader, group, gaps):
            for each in _list(reader, f"/apis/{version}/{plural}", gaps):
                metadata = each["metadata"]
                if (plural, metadata["name"]) not in _OF_THE_CHART and _waits(metadata) and not _is_pulumis(metadata):
                    yield Held(f"{plural}.{group}", metadata.get("namespace", ""), metadata["name"])


def _waits(metadata: dict[str, Any]) -> bool:
    return any(labels.GROUP in finalizer for finalizer in metadata.get("finalizers") or ())


def _is_pulumis(metadata: dict[str, Any]) -> bool:
    return any(str(each.get("manager", "")).startswith(_OURS) for each in metadata.get("managedFields") or ())


def _resources(reader: ClusterReader, group: str, gaps: list[str]) -> Iterator[tuple[str, str]]:
    """Group version and plural of all kinds that the server has in a group."""
    try:
        version = reader.get(f"/apis/{group}")["preferredVersion"]["groupVersion"]
        served = reader.get(f"/apis/{version}")["resources"]
    except ReadError as error:
        _note(gaps, group, error)
        return
    yield from ((version, each["name"]) for each in served if "/" not in each["name"])


def _list(reader: ClusterReader, path: str, gaps: list[str]) -> list[dict[str, Any]]:
    try:
        return reader.list(path, METADATA_ONLY)
    except ReadError as error:
        _note(gaps, path.rpartition("/")[2], error)
        return []


def _injectors(reader: ClusterReader, namespace: str, gaps: list[str]) -> int:
    try:
        found = reader.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{labels.INJECTOR}")
    except ReadError as error:
        _note(gaps, labels.INJECTOR, error)
        return 0
    return int((found.get("status") or {}).get("readyReplicas", 0))


def _note(gaps: list[str], what: str, error: ReadError) -> None:
    """What isn't there is no gap."""
    if error.status != HTTPStatus.NOT_FOUND:
        gaps.append(f"{what}: {error}")


def _order(held: Held) -> tuple[int, str, str, str]:
    plural = held.resource.partition(".")[0]
    if plural in _FIRST:
        place = _FIRST.index(plural)
    else:
        place = len(_FIRST) + 1 + (_LAST.index(plural) if plural in _LAST else -1)
    return place, held.resource, held.namespace, held.name
