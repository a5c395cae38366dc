"""Helm releases of a graph as the objects that their charts hold, by `helm template`.

Each release becomes a component of the same URN with its objects in it, in the order of an installation: the
namespace, CRDs, hooks before the installation, objects, hooks after it. Everything that reads a graph then sees
objects, and withholds secrets as everywhere. A chart that makes something at random gives other text on a second run;
what differs between two runs is unknown, as it is before any deployment.

Source: helm.sh/docs/topics/charts_hooks and helm.sh/docs/helm/helm_template.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from meshwright.engine.graph import UNKNOWN, Graph, Resource, Value
from meshwright.engine.render.charts import RELEASE, Chart, chart
from meshwright.engine.render.manifests import NotRenderableError
from meshwright.errors import Code, OutputError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TIMEOUT_S = 120.0
_HOOK = "helm.sh/hook"
_WEIGHT = "helm.sh/hook-weight"
_BEFORE, _AFTER = ("pre-install", "pre-upgrade"), ("post-install", "post-upgrade")
_NAMESPACE, _CRDS, _EARLY, _OBJECTS, _LATE = range(5)
_CLUSTER_SCOPED = frozenset(
    [
        "APIService",
        "CertificateSigningRequest",
        "ClusterRole",
        "ClusterRoleBinding",
        "ClusterTrustBundle",
        "ComponentStatus",
        "CSIDriver",
        "CSINode",
        "CustomResourceDefinition",
        "DeviceClass",
        "FlowSchema",
        "GatewayClass",
        "IngressClass",
        "IPAddress",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PodSecurityPolicy",
        "PriorityClass",
        "PriorityLevelConfiguration",
        "ResourceSlice",
        "RuntimeClass",
        "ServiceCIDR",
        "StorageClass",
        "StorageVersion",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
        "VolumeAttributesClass",
    ]
)
"""Kinds without a namespace: those of Kubernetes 1.36 and the Gateway API. Other kinds' CRDs say it themselves."""


def find_helm(places: Sequence[Path] = ()) -> str:
    """The path of `helm`: in one of the folders, else on PATH.

    Raises:
        OutputError: there is none (MW-E100).
    """
    searched = os.pathsep.join([*map(str, places), os.environ.get("PATH", "")])
    found = shutil.which("helm", path=searched)
    if found is None:
        what = "--expand-charts needs helm, which is not on PATH"
        raise OutputError(
            Problem(Code.NO_HELM, what, "install helm 3 or 4, or leave the charts to the tool that applies")
        )
    return found


def expand(graph: Graph, base: Path, helm: str) -> Graph:
    """The graph with the objects of its Helm releases in their place.

    A release that could not be rendered anyway, since it holds a secret or an unknown, stays as it is.

    Args:
        graph: What the program registered.
        base: The folder that the program ran in, where relative paths of charts start.
        helm: Path of the program.

    Raises:
        OutputError: `helm template` fails, for want of a network or by a fault in the chart (MW-E101).
    """
    namespaces = {
        (resource.inputs.get("metadata") or {}).get("name")
        for resource in graph
        if resource.type == "kubernetes:core/v1:Namespace"
    }
    resources: list[Resource] = []
    for resource in graph:
        if resource.type != RELEASE or resource.read:
            resources.append(resource)
            continue
        try:
            release = chart(resource, base)
        except NotRenderableError:
            resources.append(resource)
            continue
        found = _objects(resource, release, helm)
        if (name := release.namespace_to_create) and name not in namespaces:
            namespaces.add(name)
            found.insert(0, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        resources += _expanded(resource, release, found)
    return replace(graph, resources=tuple(resources))


def _objects(resource: Resource, release: Chart, helm: str) -> list[dict[str, Value]]:
    with tempfile.TemporaryDirectory(prefix="meshwright-") as folder:
        place = Path(folder)
        for path, content in release.files.items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_bytes(content)
        once, again = (_template(resource, release, helm, place) for _ in range(2))
    if len(once) != len(again):
        raise _failed(resource, "it holds more or fewer objects on each run")
    return [_steady(body, other) for body, other in zip(once, again, strict=True)]


def _template(resource: Resource, release: Chart, helm: str, place: Path) -> list[dict[str, Value]]:
    entry = release.entry
    address = entry.get("repo", "")
    source = f"charts/{entry['name']}"
    if address:
        source = f"{address}/{entry['name']}" if address.startswith("oci://") else entry["name"]
    command = [helm, "template", entry["releaseName"], source, "--namespace", entry.get("namespace") or "default"]
    command += ["--repo", address] if address.startswith("http") else []
    command += ["--version", entry["version"]] if entry.get("version") else []
    command += ["--include-crds"] if entry["includeCRDs"] else []
    command += ["--no-hooks"] if entry.get("skipHooks") else []
    for name in (entry["valuesFile"], *entry.get("additionalValuesFiles", [])):
        command += ["--values", name]
    try:
        done = subprocess.run(
            [*command, "--skip-tests"], cwd=place, capture_output=True, timeout=_TIMEOUT_S, check=False
        )
        said = done.stderr.decode(errors="replace").strip().splitlines()
        if done.returncode:
            raise _failed(resource, said[-1] if said else f"exit status {done.returncode}")
        found = [body for body in yaml.load_all(done.stdout, _LOADER) if body]
    except subprocess.TimeoutExpired:
        raise _failed(resource, f"no answer within {_TIMEOUT_S:g} seconds") from None
    except (OSError, yaml.YAMLError) as error:
        raise _failed(resource, " ".join(str(error).split())) from error
    return sorted(found, key=_identity)


def _identity(body: Mapping[str, Value]) -> tuple[str, ...]:
    metadata = body["metadata"]
    return body["apiVersion"], body["kind"], metadata.get("namespace") or "", str(metadata["name"])


def _failed(resource: Resource, said: str) -> OutputError:
    what = f"helm can't expand the chart of {resource.name}: {said.removeprefix('Error: ')[:300]}"
    return OutputError(
        Problem(Code.CHART_NOT_EXPANDED, what, "check the address and the network, or leave out --expand-charts")
    )


def _steady(one: Value, other: Value) -> Value:
    """A value of two runs: unknown wherever they differ."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return {key: _steady(value, other[key]) for key, value in one.items()}
    return one if one == other else UNKNOWN


def _expanded(release: Resource, made: Chart, bodies: Sequence[Mapping[str, Value]]) -> Iterator[Resource]:
    """The release as a component, and its objects; each waits for all of the stage before its own."""
    yield replace(release, type="kubernetes:helm.sh/v3:Chart", custom=False, inputs={})
    namespace = made.entry.get("namespace") or "default"
    scoped = _CLUSTER_SCOPED | {
        body["spec"]["names"]["kind"]
        for body in bodies
        if body["kind"] == "CustomResourceDefinition" and body["spec"]["scope"] == "Cluster"
    }
    stages: dict[tuple[int, int], list[Mapping[str, Value]]] = defaultdict(list)
    for body in bodies:
        if (stage := _stage(body)) is not None:
            stages[stage].append(body)
    before: tuple[str, ...] = ()
    for stage in sorted(stages):
        objects = [_resource(release, body, namespace, scoped, before) for body in stages[stage]]
        yield from objects
        before = tuple(sorted(each.urn for each in objects))


def _stage(body: Mapping[str, Value]) -> tuple[int, int] | None:
    """When an object's turn is, and its weight among hooks; None for hooks of other events."""
    annotations = body["metadata"].get("annotations") or {}
    hooks = {hook.strip() for hook in str(annotations.get(_HOOK, "")).split(",")} - {""}
    if not hooks:
        return {"Namespace": _NAMESPACE, "CustomResourceDefinition": _CRDS}.get(body["kind"], _OBJECTS), 0
    weight = str(annotations.get(_WEIGHT, "0"))
    turn = int(weight) if weight.lstrip("-").isdigit() else 0
    if hooks.intersection(_BEFORE):
        return _EARLY, turn
    return (_LATE, turn) if hooks.intersection(_AFTER) else None


def _resource(
    release: Resource, body: Mapping[str, Value], namespace: str, scoped: frozenset[str], before: tuple[str, ...]
) -> Resource:
    metadata = dict(body["metadata"])
    if body["kind"] not in scoped:
        metadata.setdefault("namespace", namespace)
    group, _, version = body["apiVersion"].rpartition("/")
    token = f"kubernetes:{group or 'core'}/{version}:{body['kind']}"
    name = "-".join(str(part) for part in (release.name, metadata.get("namespace"), metadata["name"]) if part)
    around = release.urn.rpartition("::")[0]
    return Resource(
        urn=f"{around}${token}::{name}",
        type=token,
        name=name,
        parent=release.urn,
        custom=True,
        inputs={**body, "metadata": metadata},
        dependencies=before,
        provider=release.provider,
        options=replace(release.options, ignore_changes=(), import_id="", aliases=()),
        source=release.source,
    )
