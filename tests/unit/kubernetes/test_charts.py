"""Where a chart comes from decides how its release is written; the version is pinned wherever one can be chosen."""

from dataclasses import replace
from pathlib import Path

import pytest

from meshwright.kubernetes.charts import Chart, ChartSourceArgs, PlannedRelease, chart, release
from meshwright.kubernetes.errors import ComponentError
from tests.unit.graphs import inputs, with_provider

OCI, HTTP = "oci://registry.example/charts", "https://charts.example"


def chosen(source: ChartSourceArgs, *, oci: str = OCI, repository: str = HTTP) -> Chart:
    return chart("istiod", "1.31.1", source, oci=oci, repository=repository, label="IstioAmbient mesh")


@pytest.mark.parametrize(
    ("source", "args"),
    [
        ({"source": "oci"}, {"chart": f"{OCI}/istiod", "version": "1.31.1"}),
        ({"source": "repository"}, {"chart": "istiod", "version": "1.31.1", "repository_opts": {"repo": HTTP}}),
        (
            {"source": "mirror", "address": "oci://mirror.example/istio/"},
            {"chart": "oci://mirror.example/istio/istiod", "version": "1.31.1"},
        ),
        (
            {"source": "mirror", "address": "https://mirror.example"},
            {"chart": "istiod", "version": "1.31.1", "repository_opts": {"repo": "https://mirror.example"}},
        ),
        ({"source": "path", "address": "/charts"}, {"chart": "/charts/istiod"}),
    ],
)
def test_release_args(source: ChartSourceArgs, args: dict[str, object]) -> None:
    assert chosen(source).release_args() == args


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ({"source": "git"}, "the chart source 'git' is unknown; one of: oci, repository, mirror, path (MW-E053)"),
        ({"source": "path"}, "the chart source 'path' has no address; say where the charts are (MW-E053)"),
        ({"source": "mirror"}, "the chart source 'mirror' has no address; say where the charts are (MW-E053)"),
        ({"source": "oci"}, "istiod 1.31.1 is not published as oci; use the source 'repository' (MW-E053)"),
        ({"source": "repository"}, "istiod 1.31.1 is not published as repository; use the source 'oci' (MW-E053)"),
    ],
)
def test_sources_that_cannot_work(source: ChartSourceArgs, line: str) -> None:
    with pytest.raises(ComponentError) as error:
        chosen(source, oci="", repository="")
    assert str(error.value) == f"IstioAmbient mesh: {line}"


def test_a_release_from_a_folder_is_checked_against_the_chart(tmp_path: Path) -> None:
    (tmp_path / "istiod").mkdir()
    (tmp_path / "istiod" / "Chart.yaml").write_text("name: istiod\n")
    (tmp_path / "istiod" / "values.yaml").write_text("replicas: 1\n")
    from_folder = chosen({"source": "path", "address": str(tmp_path)})
    planned = PlannedRelease("istiod", from_folder, "istio-system", {"replicas": 3})
    assert list(planned.problems("IstioAmbient mesh")) == []
    found = inputs(with_provider(lambda opts: release("x", planned, opts)), "x")
    assert (found["chart"], found["values"]) == (str(tmp_path / "istiod"), {"replicas": 3})
    assert "version" not in found
    (problem,) = replace(planned, values={"replica": 3}).problems("IstioAmbient mesh")
    assert str(problem).endswith("the value replica; did you mean replicas? (MW-E054)")


def test_a_release_from_elsewhere_is_taken_at_its_word() -> None:
    planned = PlannedRelease("istiod", chosen({"source": "oci"}), "istio-system", {"anything": 1})
    assert list(planned.problems("IstioAmbient mesh")) == []


def test_a_relative_folder_cannot_be_taken_for_a_chart_in_a_repository() -> None:
    assert chosen({"source": "path", "address": "charts"}).release_args() == {"chart": "./charts/istiod"}
