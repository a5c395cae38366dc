"""What `istio migrate` writes: a real API server takes it, istioctl finds nothing to say, and istiod accepts all of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from meshwright.istio.migration.files import files_of
from meshwright.istio.migration.migrate import migrate
from meshwright.istio.migration.objects import Manifest
from meshwright.istio.migration.read import read_cluster
from meshwright.istio.migration.setup import Setup
from meshwright.kubernetes.reading import open_cluster
from tests.conformance import checks, istioctl
from tests.conformance.stacks import example_stacks, releases_of, rendering_of
from tests.migration.replay import NAMES, State, migrated, source, states
from tests.servers import helm
from tests.servers.cluster import Cluster
from tests.servers.istiod import Istiod
from tests.servers.kubernetes import Api, ApiError, Identity, Object
from tests.servers.programs import require_programs

KINDS = ("AuthorizationPolicy", "RequestAuthentication", "HTTPRoute", "Gateway", "WasmPlugin", "Telemetry")


@pytest.fixture
def istiod(mesh_cluster: Cluster, tmp_path: Path) -> Iterator[Istiod]:
    """Istio at work, with the chart's values for ambient."""
    require_programs("pilot-discovery", "helm")
    production = next(each for each in example_stacks() if each.name == "istio-production")
    release = next(each for each in releases_of(rendering_of(production)) if each.chart == "istiod")
    rendered = helm.template(helm.istio_chart("istiod"), release.name, release.namespace, release.values)
    objects = helm.objects(rendered)
    system = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": release.namespace}}
    mesh_cluster.api.apply_all([system, *objects])
    deployment = next(each for each in objects if each["kind"] == "Deployment")
    with Istiod(mesh_cluster, tmp_path / "istiod", deployment) as started:
        yield started


def _end(name: str) -> State:
    return list(states(source(name), migrated(name)))[-1]


def _made(name: str) -> list[Object]:
    """The objects of the end state that are not the source's."""
    given = {_named(each): each for each in source(name).objects}
    return [each for each in _end(name).world.objects if given.get(_named(each)) != each]


def _named(body: Object) -> tuple[str, str, str]:
    return body["kind"], body["metadata"].get("namespace", ""), body["metadata"]["name"]


@pytest.mark.parametrize("name", NAMES)
def test_the_api_server_takes_every_object_of_every_step(name: str, mesh_cluster: Cluster) -> None:
    api = mesh_cluster.api
    api.apply_all(checks.namespaces(source(name).objects))
    files = files_of(migrated(name))
    bodies = (yaml.safe_load(content) for path, content in files.items() if path.endswith(".yaml"))
    written = [each for each in bodies if not _is_a_workload(each)]
    assert len(written) > 20
    assert checks.accepted(api, written) == []


def _is_a_workload(body: Object) -> bool:
    """The setups' workloads are shortened to what a mesh looks at: no API server takes those."""
    return body["kind"] in ("Deployment", "StatefulSet", "CronJob", "Pod")


def _said(bodies: list[Object], folder: Path) -> set[str]:
    """What `istioctl validate` says, without the objects' names."""
    lines = (line.partition(": ")[2] for line in istioctl.validate(bodies, folder) if line.startswith("\t*"))
    return {line for line in lines if line}


@pytest.mark.parametrize("name", NAMES)
def test_istioctl_says_nothing_of_what_was_written_that_it_does_not_say_of_the_source(
    name: str, tmp_path: Path
) -> None:
    require_programs("istioctl")
    said = _said([each for each in _made(name) if not _is_a_workload(each)], tmp_path)
    assert said <= _said([each for each in source(name).objects if not _is_a_workload(each)], tmp_path)
    before = set(istioctl.analyze(source(name).objects, tmp_path))
    after = istioctl.analyze(_end(name).world.objects, tmp_path)
    assert [each for each in after if each not in before] == []


def test_istiod_accepts_what_was_written(istiod: Istiod) -> None:
    api = istiod.cluster.api
    given = [each for name in NAMES for each in source(name).objects]
    api.apply_all(each for each in checks.namespaces(given) if each["metadata"]["name"] != "istio-system")
    for each in (each for name in NAMES for each in _end(name).world.objects):
        if each["kind"] in ("Namespace", "Service", "ConfigMap", "DestinationRule", "VirtualService", *KINDS):
            api.apply(each, force=True)
    for each in (each for name in NAMES for each in _made(name)):
        if each["kind"] in KINDS and not _is_for_a_gateway(each):
            api.wait(lambda each=each: _is_accepted(api, each), f"istiod accepts {_named(each)}", 60)  # type: ignore[misc]


def _is_for_a_gateway(body: Object) -> bool:
    """What istiod says of such a policy is what ztunnel would make of it, which never gets it (istio#58316)."""
    return "istio" in ((body.get("spec") or {}).get("selector") or {}).get("matchLabels", {})


def _is_accepted(api: Api, body: Object) -> bool:
    """Whether all that istiod says of an object is good; of some it says nothing before a waypoint runs."""
    try:
        stored = api.get(Identity.of(body)) or {}
    except ApiError:
        return False
    status = stored.get("status") or {}
    conditions = [*(status.get("conditions") or [])]
    for key in ("parents", "ancestors"):
        conditions += [each for one in status.get(key) or [] for each in one["conditions"]]
    if body["kind"] in ("WasmPlugin", "Telemetry", "RequestAuthentication"):  # istiod says nothing of a good one
        return not any(each["status"] == "False" for each in conditions)
    wanted = {"Accepted", "Programmed", "ResolvedRefs", "WaypointAccepted", "ZtunnelAccepted"}
    found = [each for each in conditions if each["type"] in wanted]
    return bool(found) and all(each["status"] == "True" and each["reason"] in _GOOD for each in found)


_GOOD = ("Accepted", "Programmed", "ResolvedRefs")


def test_a_cluster_is_read_as_its_manifests_are(mesh_cluster: Cluster) -> None:
    require_programs("kubectl")
    api = mesh_cluster.api
    given = [each for each in source("bookinfo").objects if not _is_a_workload(each)]
    api.apply_all([*checks.namespaces(given)])
    api.apply_all(given, force=True)
    before = mesh_cluster.made()
    with open_cluster("sim", str(mesh_cluster.kubeconfig)) as reader:
        found = read_cluster(reader)
    assert mesh_cluster.made() == before
    read = {(each.kind, each.namespace, each.name) for each in found}
    assert {_named(each) for each in given} <= read
    live, written = (
        {(each.identity, each.verdict, each.reason) for each in migrate(Setup(tuple(objects))).findings}
        for objects in (found, map(Manifest, given))
    )
    assert written <= live
