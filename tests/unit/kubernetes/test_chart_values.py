"""Values are merged as Helm merges them, and a value that a chart at hand doesn't know is refused."""

import json
from pathlib import Path

import pytest

from meshwright.kubernetes.chart_values import merge, value_problems

VALUES = """
_internal_defaults_do_not_set:
  autoscaleMin: 1
  env: {}
  pdb: {minAvailable: 1}
global:
  hub: ""
tolerations: []
"""
SCHEMA = {
    "$ref": "#/$defs/values",
    "$defs": {
        "values": {
            "type": "object",
            "properties": {"schemaOnly": {"type": "object"}, "pdb": {"properties": {"inSchema": {}}}},
        }
    },
}
TEMPLATE = """
{{- with (coalesce ($.Values).profile ($.Values.global).platform) }}{{- end }}
{{ .Values.meshNetworks.inner.name }} {{ $.Values.deep }}
"""


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    folder = tmp_path / "istiod"
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("name: istiod\n")
    (folder / "values.yaml").write_text(VALUES)
    (folder / "values.schema.json").write_text(json.dumps(SCHEMA))
    (folder / "templates" / "all.yaml").write_text(TEMPLATE)
    return folder


def test_merge_goes_into_mappings_and_replaces_the_rest() -> None:
    merged = merge({"a": {"x": 1, "y": [1]}, "b": 2, "c": {"z": 1}}, {"a": {"y": [2], "w": 3}, "c": 4})
    assert merged == {"a": {"x": 1, "y": [2], "w": 3}, "b": 2, "c": 4}


def test_merge_leaves_its_arguments_alone() -> None:
    base = {"a": {"x": 1}}
    merge(base, {"a": {"y": 2}})
    assert base == {"a": {"x": 1}}


@pytest.mark.parametrize(
    "values",
    [
        {"autoscaleMin": 3},
        {"env": {"ANYTHING": "goes"}},
        {"pdb": {"minAvailable": 2}},
        {"pdb": {"inSchema": 1}},
        {"global": {"hub": "docker.io/istio", "platform": "gke"}},
        {"schemaOnly": {"x": 1}},
        {"profile": "ambient"},
        {"meshNetworks": {"inner": {"name": "n"}}},
        {"deep": {"anything": 1}},
        {"tolerations": [{"key": "x"}]},
    ],
    ids=str,
)
def test_what_the_chart_knows_is_accepted(chart: Path, values: dict[str, object]) -> None:
    assert list(value_problems(chart, values, label="IstioAmbient mesh")) == []


def test_each_unknown_value_is_one_problem(chart: Path) -> None:
    values = {"autoscaleMinn": 3, "pdb": {"minAvailble": 2}, "meshNetworks": {"inner": {"nam": 1}}, "zzz": 1}
    assert [str(problem) for problem in value_problems(chart, values, label="IstioAmbient mesh")] == [
        "IstioAmbient mesh: the chart istiod doesn't know the value autoscaleMinn; did you mean autoscaleMin? (MW-E054)",
        "IstioAmbient mesh: the chart istiod doesn't know the value pdb.minAvailble; did you mean pdb.minAvailable? (MW-E054)",
        "IstioAmbient mesh: the chart istiod doesn't know the value meshNetworks.inner.nam; did you mean meshNetworks.inner.name? (MW-E054)",
        "IstioAmbient mesh: the chart istiod doesn't know the value zzz; see its values.yaml (MW-E054)",
    ]


def test_anything_may_stand_in_what_a_template_prints_whole(chart: Path) -> None:
    (chart / "templates" / "whole.yaml").write_text('{{ .Values.pdb | toYaml }} {{ index $.Values "pilot" }}')
    assert list(value_problems(chart, {"pdb": {"anything": 1}, "pilot": {"env": {"A": "b"}}}, label="x")) == []


def test_a_folder_without_a_chart_is_a_problem(tmp_path: Path) -> None:
    (problem,) = value_problems(tmp_path / "ztunnel", {}, label="IstioAmbient mesh")
    assert str(problem) == (
        f"IstioAmbient mesh: there is no chart in {tmp_path}/ztunnel; give the folder that holds the chart's folder (MW-E052)"
    )


def test_a_chart_without_values_or_schema_knows_what_its_templates_read(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("name: bare\n")
    (tmp_path / "templates" / "x.yaml").write_text("{{ .Values.size }}")
    assert list(value_problems(tmp_path, {"size": 1}, label="x")) == []
    assert len(list(value_problems(tmp_path, {"colour": 1}, label="x"))) == 1
