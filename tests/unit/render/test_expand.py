"""Charts as the objects in them: by a `helm` of the test's own, and by the real one where there is one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from meshwright.engine.graph import UNKNOWN, Graph, Options, Resource, Secret
from meshwright.engine.render import Tool, render_as
from meshwright.engine.render.expand import expand, find_helm
from meshwright.errors import Code, OutputError
from tests.servers.programs import find_program, require_programs
from tests.unit.render.graphs import graph, kubernetes, release

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = Path(__file__).parent / "data"
LOCAL = release("x", inputs={"chart": "chart", "repositoryOpts": {}, "version": "", "values": {"mode": "loud"}})
CHART = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
---
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: zones.example.com}
spec: {scope: Cluster, names: {kind: Zone}}
---
apiVersion: example.com/v1
kind: Zone
metadata: {name: here}
---
apiVersion: batch/v1
kind: Job
metadata: {name: later, annotations: {helm.sh/hook: post-install}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: second, annotations: {helm.sh/hook: "pre-install,pre-upgrade", helm.sh/hook-weight: "5"}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: first, annotations: {helm.sh/hook: pre-install, helm.sh/hook-weight: "-5"}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: never, annotations: {helm.sh/hook: pre-delete}}
---
apiVersion: v1
kind: Secret
metadata: {name: token, namespace: elsewhere}
data: {token: c2VjcmV0}
"""


@pytest.fixture
def helm(tmp_path: Path) -> Callable[[str], str]:
    """Makes a `helm` that runs a shell script."""

    def make(script: str) -> str:
        path = tmp_path / "helm"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return str(path)

    return make


def _printing(text: str, folder: Path) -> str:
    (folder / "chart.yaml").write_text(text)
    return f"cat {folder}/chart.yaml"


def _named(found: Graph) -> dict[str, Resource]:
    return {resource.name: resource for resource in found.resources[1:]}


def test_objects_stand_in_the_order_of_an_installation(helm: Callable[[str], str], tmp_path: Path) -> None:
    one = release("x", inputs={"createNamespace": True}, options=Options(ignore_changes=("a",), protect=True))
    after = kubernetes("v1", "ConfigMap", "after", "shop", dependencies=(one.urn,))
    found = expand(graph(one, after), DATA, helm(_printing(CHART, tmp_path)))
    rendering = render_as(found, DATA, Tool.MANIFESTS)
    wave = {path.rpartition("/")[2]: path.partition("/")[0] for path in rendering.files}
    assert {name: at for name, at in wave.items() if "kustomization" not in name and at.startswith("wave")} == {
        "namespace-istio-system.yaml": "wave-01",
        "customresourcedefinition-zones.example.com.yaml": "wave-02",
        "job-istio-system-first.yaml": "wave-03",
        "job-istio-system-second.yaml": "wave-04",
        "configmap-istio-system-settings.yaml": "wave-05",
        "zone-here.yaml": "wave-05",
        "job-istio-system-later.yaml": "wave-06",
        "configmap-shop-after.yaml": "wave-07",
    }
    assert [remark.name for remark in rendering.not_rendered] == ["x-elsewhere-token"]
    assert not any(b"c2VjcmV0" in content for content in rendering.files.values())
    assert _named(found)["x-here"].options == Options(protect=True)


def test_a_namespace_of_the_program_is_not_made_twice(helm: Callable[[str], str]) -> None:
    made = kubernetes("v1", "Namespace", "istio-system")
    found = expand(graph(made, release("x", inputs={"createNamespace": True})), DATA, helm("true"))
    assert [resource.type for resource in found.resources[1:]] == [made.type, "kubernetes:helm.sh/v3:Chart"]


def test_what_a_chart_makes_at_random_is_never_written(helm: Callable[[str], str], tmp_path: Path) -> None:
    """Two runs that differ: the file would be another one each time."""
    script = f'n=$(cat {tmp_path}/n 2>/dev/null); echo "1$n" > {tmp_path}/n\n'
    script += 'printf "apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: a}\\ndata: {key: r$n, other: same}\\n"'
    found = expand(graph(release("x")), DATA, helm(script))
    assert _named(found)["x-istio-system-a"].inputs["data"] == {"key": UNKNOWN, "other": "same"}
    assert render_as(found, DATA, Tool.MANIFESTS).not_rendered[0].text == "known only after the deployment: data.key"


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        (
            {"chart": "oci://reg.example/base", "repositoryOpts": {}},
            "template x oci://reg.example/base --namespace istio-system --version 1.31.1 --include-crds",
        ),
        (
            {"version": "", "skipCrds": True, "disableWebhooks": True},
            "template x x --namespace istio-system --repo https://charts.example --no-hooks",
        ),
        (
            {"chart": "chart", "repositoryOpts": {}, "version": "", "namespace": ""},
            "template x charts/default.x --namespace default --include-crds",
        ),
    ],
)
def test_helm_is_told_what_pulumi_would_tell_it(
    helm: Callable[[str], str], tmp_path: Path, inputs: dict[str, object], said: str
) -> None:
    expand(graph(release("x", inputs=inputs)), DATA, helm(f"echo $@ > {tmp_path}/said"))
    assert (tmp_path / "said").read_text().startswith(said)
    assert (tmp_path / "said").read_text().endswith(".values.yaml --skip-tests\n")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'Error: no such host' >&2; exit 1", "helm can't expand the chart of x: no such host; check"),
        ("exit 3", "helm can't expand the chart of x: exit status 3; check"),
        ("echo '{'", "helm can't expand the chart of x: while parsing"),
        ("exec sleep 5", "helm can't expand the chart of x: no answer within 0.2 seconds; check"),
    ],
)
def test_a_chart_that_can_not_be_expanded_is_one_line(
    helm: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, script: str, said: str
) -> None:
    monkeypatch.setattr("meshwright.engine.render.expand._TIMEOUT_S", 0.2 if "sleep" in script else 20.0)
    with pytest.raises(OutputError, match=r"\(MW-E101\)") as caught:
        expand(graph(release("x")), DATA, helm(script))
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def test_more_objects_on_a_second_run_are_refused(helm: Callable[[str], str], tmp_path: Path) -> None:
    script = f"test -e {tmp_path}/n && {_printing(CHART, tmp_path)}; touch {tmp_path}/n"
    with pytest.raises(OutputError, match="more or fewer objects"):
        expand(graph(release("x")), DATA, helm(script))


def test_a_release_with_a_secret_and_one_that_is_read_stay(helm: Callable[[str], str]) -> None:
    kept = release("x", inputs={"values": {"a": Secret("s")}})
    read = release("y", read=True)
    assert expand(graph(kept, read), DATA, helm("exit 1")).resources[1:] == (kept, read)


def test_a_missing_helm_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OutputError) as caught:
        find_helm()
    assert caught.value.problems[0].code is Code.NO_HELM
    assert str(caught.value).startswith("--expand-charts needs helm, which is not on PATH; install")


def test_helm_itself() -> None:
    require_programs("helm")
    once, again = (
        render_as(expand(graph(LOCAL), DATA, find_program("helm")), DATA, Tool.MANIFESTS).files for _ in range(2)
    )
    assert once == again
    body = yaml.safe_load(once["wave-01/configmap-istio-system-settings.yaml"])
    assert body["data"] == {"mode": "loud"}


def test_a_helm_in_a_folder_of_the_project_comes_first(helm: Callable[[str], str], tmp_path: Path) -> None:
    made = helm("true")
    assert find_helm([tmp_path]) == made
