"""`cluster.platform`: told by the kubeconfig where it is left out, and held against it where it is given."""

import json
from pathlib import Path
from typing import Any

import pytest

from meshwright.config import load_stack, parse_config
from meshwright.errors import Code, ConfigError
from tests.unit.config.conftest import Write
from tests.unit.config.mistakes import FILE, istio
from tests.unit.kubernetes.test_detection import EKS_HOST, kubeconfig

UNTOLD = 'name it, for example platform: "eks" (MW-E176)'


def write(path: Path, **said: Any) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(kubeconfig(**said)))
    return str(path)


def platform(path: Path) -> str | None:
    mesh = load_stack(path).mesh
    return mesh.cluster.platform if mesh.cluster else None


def refused(path: Path) -> str:
    with pytest.raises(ConfigError) as error:
        load_stack(path)
    return str(error.value)


@pytest.fixture
def eks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster of EKS by the context prod."""
    monkeypatch.setenv("KUBECONFIG", write(tmp_path / "config", server=EKS_HOST))


@pytest.mark.usefixtures("eks")
def test_it_is_told_by_the_context(stack_file: Write) -> None:
    assert platform(stack_file(istio(cluster="{context: prod}"))) == "eks"


@pytest.mark.parametrize("place", ["Pulumi.yaml", "elsewhere"])
def test_a_kubeconfig_is_looked_for_from_the_project(
    stack_file: Write, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stack_file(istio(cluster="{kubeconfig: clusters/prod}")).absolute()
    if place == "elsewhere":
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
    write(tmp_path / "clusters" / "prod", name="kind-dev")
    assert platform(path) == "kind"


def test_without_a_file_it_is_looked_for_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "kube", name="k3d-dev")
    mesh = parse_config({"kind": "linkerd", "cluster": {"kubeconfig": "kube"}}, None).mesh
    assert mesh.cluster is not None
    assert mesh.cluster.platform == "k3d"


@pytest.mark.usefixtures("eks")
def test_what_depends_on_the_platform_knows_what_was_told(stack_file: Write) -> None:
    gke = "    gke: {project: shop-prod, network: prod, control_plane_cidr: 172.16.0.0/28, node_tags: [a]}\n"
    assert refused(stack_file(istio(gke, cluster="{context: prod}"))) == (
        f"{FILE}:6: mesh.gke is for gke, and the cluster is on eks; remove it, or set cluster.platform to gke (MW-E018)"
    )


@pytest.mark.parametrize("cluster", ["{context: prod}", "{kubeconfig: ./gone}", "{kubeconfig: ./gone, context: kind}"])
def test_what_is_not_told_has_to_be_named(stack_file: Write, cluster: str) -> None:
    assert refused(stack_file(istio(cluster=cluster))) == (
        f"{FILE}:5: mesh.cluster.platform is missing, and no kubeconfig here tells it; {UNTOLD}"
    )


@pytest.mark.usefixtures("eks")
def test_what_another_stack_exports_has_to_be_named(stack_file: Write) -> None:
    assert refused(stack_file(istio(cluster="{stack: acme/eks/prod, context: prod}"))) == (
        f"{FILE}:5: mesh.cluster.platform is missing, and what another stack exports can't be read yet; {UNTOLD}"
    )


@pytest.mark.usefixtures("eks")
@pytest.mark.parametrize(
    ("cluster", "line"),
    [
        ("{}", "mesh.cluster names no cluster; add context, kubeconfig or stack (MW-E011)"),
        ("{context: 7}", 'mesh.cluster.context is the number 7; quote it: "7" (MW-E013)'),
        ('{context: ""}', "mesh.cluster.context is empty; fill it (MW-E015)"),
        ("prod", 'mesh.cluster is "prod"; write a mapping (MW-E012)'),
    ],
)
def test_a_cluster_that_is_wrong_in_itself_is_one_mistake(stack_file: Write, cluster: str, line: str) -> None:
    assert refused(stack_file(istio(cluster=cluster))) == f"{FILE}:5: {line}"


@pytest.mark.usefixtures("eks")
def test_a_host_contradicts(stack_file: Write) -> None:
    assert refused(stack_file(istio(cluster="{context: prod, platform: gke}"))) == (
        f"{FILE}:5: mesh.cluster.platform is gke, and the host 0a1b.gr7.eu-west-1.eks.amazonaws.com is one of eks; "
        f"write eks, or name the cluster that you mean ({Code.PLATFORM_CONTRADICTED})"
    )


@pytest.mark.usefixtures("eks")
@pytest.mark.parametrize(
    "cluster",
    [
        "{context: prod, platform: eks}",
        "{context: prod, platform: generic}",
        "{context: elsewhere, platform: gke}",
        "{kubeconfig: ./gone, platform: gke}",
        "{stack: acme/gke/prod, context: prod, platform: gke}",
    ],
)
def test_what_is_not_contradicted_passes(stack_file: Write, cluster: str) -> None:
    assert f"platform: {platform(stack_file(istio(cluster=cluster)))}" in cluster


@pytest.mark.parametrize("given", ["k3s", "generic", "eks"])
def test_a_name_never_contradicts(
    stack_file: Write, given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", write(tmp_path / "config", name="kind-dev", cluster="kind-dev"))
    assert platform(stack_file(istio(cluster=f"{{context: kind-dev, platform: {given}}}"))) == given
