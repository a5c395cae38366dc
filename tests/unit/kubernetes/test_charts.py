"""Where a chart comes from decides how its release is written; the version is pinned wherever one can be chosen."""

from pathlib import Path

import pulumi
import pytest

from meshwright.kubernetes.charts import Chart, ChartSourceArgs, chart, release
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

    def program(opts: pulumi.ResourceOptions, values: dict[str, int]) -> None:
        release(
            "x",
            chosen({"source": "path", "address": str(tmp_path)}),
            release_name="istiod",
            namespace="istio-system",
            values={"replicas": 2},
            overrides=values,
            label="IstioAmbient mesh",
            opts=opts,
        )

    found = inputs(with_provider(lambda opts: program(opts, {"replicas": 3})), "x")
    assert (found["chart"], found["values"]) == (str(tmp_path / "istiod"), {"replicas": 3})
    assert "version" not in found
    with pytest.raises(ComponentError, match="MW-E054"):
        with_provider(lambda opts: program(opts, {"replica": 3}))
