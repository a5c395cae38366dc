"""The setup to migrate: a folder of manifests, or a live cluster, which is only read."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final

from meshwright.errors import Code, ConfigError, Problem
from meshwright.gate.manifests import read_manifests
from meshwright.istio.migration.objects import Identity, Manifest
from meshwright.kubernetes.reading import ReadError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meshwright.kubernetes.reading import ClusterReader

_VERSIONS: Final = {
    "networking.istio.io": ("v1", "v1beta1", "v1alpha3"),
    "security.istio.io": ("v1", "v1beta1"),
    "telemetry.istio.io": ("v1", "v1alpha1"),
    "extensions.istio.io": ("v1alpha1",),
    "gateway.networking.k8s.io": ("v1", "v1beta1", "v1alpha2", "v1alpha3"),
}
"""What the CRDs of Istio 1.31 and of the Gateway API serve."""
_KINDS: Final = {
    "v1": {"Namespace": "namespaces", "Service": "services", "Pod": "pods"},
    "apps/v1": {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"},
    "batch/v1": {"CronJob": "cronjobs", "Job": "jobs"},
    "networking.istio.io/v1": {
        "VirtualService": "virtualservices",
        "DestinationRule": "destinationrules",
        "Gateway": "gateways",
        "ServiceEntry": "serviceentries",
        "Sidecar": "sidecars",
        "WorkloadEntry": "workloadentries",
        "WorkloadGroup": "workloadgroups",
    },
    "networking.istio.io/v1alpha3": {"EnvoyFilter": "envoyfilters"},
    "networking.istio.io/v1beta1": {"ProxyConfig": "proxyconfigs"},
    "security.istio.io/v1": {
        "AuthorizationPolicy": "authorizationpolicies",
        "PeerAuthentication": "peerauthentications",
        "RequestAuthentication": "requestauthentications",
    },
    "telemetry.istio.io/v1": {"Telemetry": "telemetries"},
    "extensions.istio.io/v1alpha1": {"WasmPlugin": "wasmplugins"},
    "gateway.networking.k8s.io/v1": {"HTTPRoute": "httproutes", "GRPCRoute": "grpcroutes"},
}
"""What a migration looks at, by API version, with the plurals that paths have."""


def read_folder(path: Path) -> tuple[Manifest, ...]:
    """All objects of a folder or a file, each once, in the order of files and documents.

    Raises:
        ConfigError: MW-E035 or MW-E036 for what can't be read or is no YAML, MW-E160 for an API version that Istio
            doesn't serve, MW-E161 for an object that is there twice and says two things.
    """
    found = []
    for resource in read_manifests(path):
        if resource.source is not None and resource.type != "kubernetes:core/v1:Secret":
            body = dict(resource.inputs)
            file = _as_given(Path(resource.source.file), path)
            found.append(Manifest(body, f"{file}:{resource.source.line}"))
    return _checked(found)


def _as_given(file: Path, path: Path) -> Path:
    """A file by the path that the user gave, which is the same wherever the folder stands."""
    return path if path.is_file() else path / file.relative_to(path.absolute())


def read_cluster(reader: ClusterReader) -> tuple[Manifest, ...]:
    """The objects of a live cluster that a migration looks at; a kind that the cluster doesn't know has none.

    Raises:
        ConfigError: MW-E170 where one of the kinds can't be read: a migration must not be planned without it.
    """
    found = []
    for version, kinds in _KINDS.items():
        for kind, plural in kinds.items():
            path = f"/{'apis' if '/' in version else 'api'}/{version}/{plural}"
            try:
                listed = reader.list(path)
            except ReadError as error:
                if error.status != HTTPStatus.NOT_FOUND:
                    remedy = "give your account the right to list it"
                    raise ConfigError(
                        Problem(Code.CLUSTER_UNREADABLE, f"{plural} can't be read: {error}", remedy)
                    ) from None
                continue
            # What a controller made follows from the object that the controller follows.
            own = (each for each in listed if not each["metadata"].get("ownerReferences"))
            found += [Manifest({"apiVersion": version, "kind": kind, **each}) for each in own]
    return _checked(found)


def _checked(found: Iterable[Manifest]) -> tuple[Manifest, ...]:
    """The objects, each once. Raises `ConfigError` with all that is wrong."""
    problems, kept = [], dict[Identity, Manifest]()
    for each in found:
        group, _, version = str(each.body["apiVersion"]).rpartition("/")
        if group in _VERSIONS and version not in _VERSIONS[group]:
            known = ", ".join(f"{group}/{one}" for one in _VERSIONS[group])
            what = (
                f"{each.kind} {each.name} has the apiVersion {each.body['apiVersion']}, which Istio 1.31 doesn't serve"
            )
            problems.append(Problem(Code.UNKNOWN_API_VERSION, what, f"one of: {known}", each.place))
        first = kept.setdefault(each.identity, each)
        if first.body != each.body:
            what = f"{each.identity} is already defined at {first.place}, and says something else there"
            problems.append(Problem(Code.OBJECT_TWICE, what, "keep the one that the cluster has", each.place))
    if problems:
        raise ConfigError(problems)
    return tuple(kept.values())
