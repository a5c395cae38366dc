"""The local charts of a helmfile, held against Helm itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml

from meshwright.engine.render import Tool, render_as
from tests.servers.programs import find_program, require_programs
from tests.unit.render.graphs import graph, kubernetes
from tests.unit.render.meshes import mesh


def test_a_chart_of_objects_gives_them_back_as_they_are_braces_included(tmp_path: Path) -> None:
    require_programs("helm")
    braces = kubernetes("v1", "ConfigMap", "braces", "shop", body={"data": {"rule": "{{ .Values.x }} {{- end }}\n"}})
    other = kubernetes("v1", "ConfigMap", "other", "shop", body={"data": {"a": "b"}})
    rendering = render_as(graph(braces, other), Path(), Tool.HELMFILE)
    for path, content in rendering.files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    assert list(yaml.safe_load_all(_template(tmp_path / "charts/shop-configmap"))) == [braces.inputs, other.inputs]


def test_a_chart_without_objects_is_a_chart(tmp_path: Path) -> None:
    require_programs("helm")
    rendering = render_as(graph(*mesh()), Path(), Tool.HELMFILE)
    for unit in ("gateway-api", "checkout-namespace-patch"):
        (tmp_path / unit).mkdir()
        (tmp_path / unit / "Chart.yaml").write_bytes(rendering.files[f"charts/{unit}/Chart.yaml"])
        assert not _template(tmp_path / unit).strip()


def _template(chart: Path) -> bytes:
    return subprocess.run([find_program("helm"), "template", "x", str(chart)], capture_output=True, check=True).stdout
