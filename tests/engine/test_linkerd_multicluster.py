"""Linked clusters by the real engine and provider: each with a stack of its own, and both in one program.

Two API servers, each with cert-manager and trust-manager. Nothing runs in the simulated pods: no Service is mirrored,
and the test gives load balancers their addresses. As `test_linkerd`, it needs charts that are in no package registry.
"""

import base64
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshwright.linkerd import labels
from tests.engine.conftest import ROOT, Projects, Pulumi
from tests.engine.on_cluster import CHARTS, edit, meanwhile, rewrite, simulated
from tests.servers import programs
from tests.servers.certmanager import NAMESPACE, CertManager
from tests.servers.cluster import Cluster
from tests.servers.kubernetes import Api, ApiError, Identity, Object, manifests

OTHER = {"eu": "us", "us": "eu"}
ADDRESS = {"eu": "10.20.0.3", "us": "10.40.0.3"}
GATEWAY = Identity("v1", "Service", labels.MULTICLUSTER_NAMESPACE, labels.GATEWAY)
PLACE = {"exports": {"catalog": {"hierarchical": ["products"]}}, "gateway": {"source_ranges": ["10.0.0.0/8"]}}
TOKEN = "kubernetes.io/service-account-token"


@contextmanager
def prepared(folder: Path, name: str) -> Iterator[Cluster]:
    """A cluster with cert-manager, trust-manager, a Service of others, and addresses for load balancers."""
    with simulated(folder / name, "linkerd-multicluster", "cert-manager", "trust-manager") as running:
        for crds in ("cert-manager-1.21.1.yaml", "trust-manager-0.24.0.yaml"):
            running.api.apply_all(manifests(programs.data_file("crds", crds)))
        for namespace in (NAMESPACE, "catalog"):
            running.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "products", "namespace": "catalog"}}
        running.api.apply({**service, "spec": {"ports": [{"port": 80}]}})
        with CertManager(running, folder / f"{name}-cert-manager"), meanwhile(partial(_balance, running.api, name)):
            yield running


def _balance(api: Api, name: str) -> None:
    if (gateway := api.get(GATEWAY)) is not None and not gateway["status"]["loadBalancer"]:
        body = {"status": {"loadBalancer": {"ingress": [{"ip": ADDRESS[name]}]}}}
        api.request("PATCH", f"{api.path(GATEWAY)}/status", body, kind="application/merge-patch+json")


@pytest.fixture
def clusters(tmp_path: Path) -> Iterator[dict[str, Cluster]]:
    with ExitStack() as running:
        yield {name: running.enter_context(prepared(tmp_path, name)) for name in OTHER}


def found(api: Api, api_version: str, kind: str, namespace: str, name: str) -> Object:
    body = api.get(Identity(api_version, kind, namespace, name))
    assert body is not None, f"{kind} {namespace}/{name}"
    return body


def assert_linked(clusters: dict[str, Cluster], here: str) -> None:
    """A Link leads to the other cluster's gateway; the credentials open that cluster, for reading alone."""
    there, api = OTHER[here], clusters[here].api
    link = found(api, "multicluster.linkerd.io/v1alpha3", "Link", labels.MULTICLUSTER_NAMESPACE, there)
    assert (link["spec"]["targetClusterName"], link["spec"]["gatewayAddress"]) == (there, ADDRESS[there])
    for home in (labels.MULTICLUSTER_NAMESPACE, labels.NAMESPACE):
        secret = found(api, "v1", "Secret", home, f"{labels.CREDENTIALS_PREFIX}{there}")
        kubeconfig = yaml.safe_load(base64.b64decode(secret["data"]["kubeconfig"]))
        assert kubeconfig["clusters"][0]["cluster"]["server"] == clusters[there].url
        reader = Api(clusters[there].url, clusters[there].ca, kubeconfig["users"][0]["user"]["token"])
        assert [each["metadata"]["name"] for each in reader.list("v1", "Service", "catalog")] == ["products"]
        with pytest.raises(ApiError, match="cannot delete"):
            reader.delete(Identity("v1", "Service", "catalog", "products"))
        reader.close()
    assert found(api, "v1", "Service", "catalog", "products")["metadata"]["labels"] == {labels.EXPORTED: "true"}


def assert_secret(pulumi: Pulumi, clusters: dict[str, Cluster]) -> None:
    """No token stands in a state as it is."""
    state = yaml.safe_dump(pulumi.state())
    tokens = [
        each["data"]["token"]
        for cluster in clusters.values()
        for each in cluster.api.list("v1", "Secret", labels.MULTICLUSTER_NAMESPACE)
        if each["type"] == TOKEN
    ]
    assert len(tokens) >= len(clusters)
    for token in tokens:
        assert token not in state
        assert base64.b64decode(token).decode() not in state


def left(cluster: Cluster, before: frozenset[Identity]) -> set[tuple[str, str]]:
    return {(each.kind, each.name) for each in cluster.made() - before if each.kind != "CustomResourceDefinition"}


def on_both(do: Callable[[str], object]) -> None:
    """Do something for each cluster, at the same time."""
    with ThreadPoolExecutor() as at_once:
        list(at_once.map(do, OTHER))


@pytest.fixture
def stacks(real: Projects, clusters: dict[str, Cluster]) -> dict[str, Pulumi]:
    """A stack for each cluster, in one project and with one state; who uses whom is not said yet."""
    project = real.project(ROOT)
    del project.env["MESHWRIGHT_AS_OF"]  # cert-manager dates by the clock
    made = {}
    for name, cluster in clusters.items():
        env = {**project.env, "PULUMI_HOME": f"{project.env['PULUMI_HOME']}-{name}"}
        made[name] = replace(project, env=env, stack=name)
        mesh = {
            "kind": "linkerd",
            "version": "edge-26.8.3",
            "cluster": {"kubeconfig": str(cluster.kubeconfig), "context": "sim", "platform": "kind"},
            "nodes": 3,
            "gateway_api": {
                "version": "1.5.1",
                "path": str(programs.data_file("crds", "gateway-api-1.5.1-standard.yaml")),
            },
            "charts": {"source": "path", "path": str(CHARTS)},
            "namespaces": [{"name": "catalog", "phase": "audit", "adopt": True}],
            "multicluster": {**PLACE, "cluster": name, "api_server": cluster.url, "readers": [OTHER[name]]},
        }
        rewrite(made[name], mesh)
        made[name].select(name)
    return made


def up(pulumi: Pulumi) -> None:
    pulumi.run("up", "--yes", "--skip-preview")


def test_a_stack_for_each_cluster(stacks: dict[str, Pulumi], clusters: dict[str, Cluster], tmp_path: Path) -> None:
    before = {name: cluster.made() for name, cluster in clusters.items()}
    on_both(lambda name: up(stacks[name]))
    for name, pulumi in stacks.items():
        member = yaml.safe_load(pulumi.run("stack", "output", "member", "--json").stdout)
        assert member["signs"].strip() == member["anchors"].strip()
        (tmp_path / f"{name}.pem").write_text(member["signs"])

    # Neither trusts what cert-manager made in the other: no Link.
    for name, pulumi in stacks.items():
        place = edit(pulumi)["multicluster"]
        links = [{"cluster": OTHER[name], "stack": f"organization/meshwright/{OTHER[name]}"}]
        edit(pulumi, multicluster={**place, "links": links})
    refused = stacks["eu"].run("preview", check=False)
    assert refused.returncode
    assert "no anchor is in both bundles" in refused.stdout
    assert "(MW-E216)" in refused.stdout

    links_of = {}
    for name, pulumi in stacks.items():
        place = edit(pulumi)["multicluster"]
        links_of[name] = place.pop("links")
        edit(pulumi, multicluster=place, trust={"also_trusted": [str(tmp_path / f"{OTHER[name]}.pem")]})
    on_both(lambda name: up(stacks[name]))
    for name, pulumi in stacks.items():
        edit(pulumi, multicluster={**edit(pulumi)["multicluster"], "links": links_of[name]})
    on_both(lambda name: up(stacks[name]))
    for name in OTHER:
        assert_linked(clusters, name)
        assert_secret(stacks[name], clusters)
    on_both(lambda name: stacks[name].run("preview", "--expect-no-changes"))

    on_both(lambda name: stacks[name].run("destroy", "--yes", "--skip-preview"))
    for name, cluster in clusters.items():
        assert stacks[name].state() == []
        # cert-manager keeps it: after a `destroy` by mistake, the next `up` has the same anchor again.
        assert left(cluster, before[name]) == {("Secret", "linkerd-trust-anchor")}


def test_both_in_one_program(real: Projects, clusters: dict[str, Cluster], tmp_path: Path) -> None:
    contexts = tmp_path / "contexts"
    contexts.write_text(yaml.safe_dump(_contexts(clusters)))
    pulumi = real.project(ROOT / "examples" / "linkerd_multicluster", KUBECONFIG=str(contexts))
    program = pulumi.project / "__main__.py"
    charts = f'"charts": {{"source": "path", "address": "{CHARTS}"}}, '
    text = program.read_text()
    assert text.count('{"platform"') == text.count('{"links"') == 1
    program.write_text(text.replace('{"platform"', f'{{{charts}"platform"').replace('{"links"', f'{{{charts}"links"'))
    before = {name: cluster.made() for name, cluster in clusters.items()}
    pulumi.select("dev")
    for name, cluster in clusters.items():
        pulumi.run("config", "set", name, name)
        pulumi.run("config", "set", f"{name}Server", cluster.url)
    up(pulumi)
    for name in OTHER:
        assert_linked(clusters, name)
    assert_secret(pulumi, clusters)
    pulumi.run("preview", "--expect-no-changes")
    pulumi.run("destroy", "--yes", "--skip-preview")
    assert pulumi.state() == []
    for name, cluster in clusters.items():
        assert left(cluster, before[name]) == set()


def _contexts(clusters: dict[str, Cluster]) -> dict[str, Any]:
    """A kubeconfig with a context for each."""
    whole: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "clusters": [], "users": [], "contexts": []}
    for name, cluster in clusters.items():
        one = yaml.safe_load(cluster.kubeconfig.read_text())
        for kind in ("clusters", "users"):
            whole[kind].append({**one[kind][0], "name": name})
        whole["contexts"].append({"name": name, "context": {"cluster": name, "user": name}})
    return whole
