"""What becomes of a TrafficSplit: a route with the same weights, or a reason why somebody has to decide."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshwright.cli.app import main


def service(name: str, *ports: int) -> dict[str, Any]:
    spec = {"ports": [{"name": f"p{port}", "port": port} for port in ports]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "shop"}, "spec": spec}


def split(version: str = "v1alpha2", *weights: Any, name: str = "canary", **spec: Any) -> dict[str, Any]:
    backends = [{"service": f"web-v{number}", "weight": weight} for number, weight in enumerate(weights, 1)]
    metadata = {"name": name, "namespace": "shop"}
    said = {"service": "web", "backends": backends, **spec}
    return {"apiVersion": f"split.smi-spec.io/{version}", "kind": "TrafficSplit", "metadata": metadata, "spec": said}


SERVICES = [service("web", 80), service("web-v1", 80), service("web-v2", 80)]
PROFILE = {
    "apiVersion": "linkerd.io/v1alpha2",
    "kind": "ServiceProfile",
    "metadata": {"name": "web.shop.svc.cluster.local", "namespace": "shop"},
    "spec": {"routes": []},
}


def run(folder: Path, capsys: pytest.CaptureFixture[str], *objects: dict[str, Any]) -> dict[str, Any]:
    (folder / "all.yaml").write_text(yaml.safe_dump_all(objects))
    status = main(["linkerd", "translate", str(folder), "--json"])
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert status == (0 if all(each["verdict"] == "translated" for each in said["findings"]) else 1)
    return said


@pytest.mark.parametrize(
    ("version", "weights", "expected"),
    [
        ("v1alpha1", ("900m", "1"), (900, 1000)),
        ("v1alpha2", (9, 1), (9, 1)),
        ("v1alpha3", (90, 10), (90, 10)),
        ("v1alpha4", (100, 0), (100, 0)),
    ],
)
def test_weights_stay_as_they_are(
    version: str,
    weights: tuple[Any, ...],
    expected: tuple[int, int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = run(tmp_path, capsys, *SERVICES, split(version, *weights, service="web.shop.svc.cluster.local"))
    target = {"group": "", "kind": "Service", "port": 80}
    assert said["routes"] == [
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": {"name": "canary", "namespace": "shop"},
            "spec": {
                "parentRefs": [{**target, "name": "web"}],
                "rules": [
                    {
                        "backendRefs": [
                            {**target, "name": "web-v1", "weight": expected[0]},
                            {**target, "name": "web-v2", "weight": expected[1]},
                        ]
                    }
                ],
            },
        }
    ]


@pytest.mark.parametrize(
    ("objects", "verdict", "reason"),
    [
        ([*SERVICES, split("v1beta1", 1, 1)], "unsupported", "TrafficSplit v1beta1 is none that is known"),
        ([*SERVICES, split("v1alpha4", 1, 1, matches=[{"kind": "x"}])], "needs a decision", "it has matches"),
        ([*SERVICES, split("v1alpha2", 0, 0)], "needs a decision", "no backends with whole weights"),
        ([*SERVICES, split("v1alpha2", "many")], "needs a decision", "no backends with whole weights"),
        ([split("v1alpha2", 1, 1)], "needs a decision", "the Service web is not among the manifests"),
        ([service("web", 80, 81), split("v1alpha2", 1)], "needs a decision", "has not one port"),
        (
            [service("web", 80), service("web-v1", 81), split("v1alpha2", 1)],
            "needs a decision",
            "no Service web-v1 with port 80",
        ),
        ([*SERVICES, PROFILE, split("v1alpha2", 1, 1)], "needs a decision", "the service has a ServiceProfile"),
    ],
)
def test_what_has_to_be_decided(
    objects: list[dict[str, Any]], verdict: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = run(tmp_path, capsys, *objects)
    (found,) = said["findings"]
    assert (found["verdict"], said["routes"]) == (verdict, [])
    assert reason in found["reason"]


def test_two_splits_of_one_service(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = run(tmp_path, capsys, *SERVICES, split("v1alpha2", 1, 1), split("v1alpha2", 1, 1, name="other"))
    assert [each["verdict"] for each in said["findings"]] == ["translated", "needs a decision"]
    assert said["findings"][1]["reason"] == "TrafficSplit shop/canary splits web too: keep one of them"


def test_a_new_file_is_written_and_none_over_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given, to = tmp_path / "given.yaml", tmp_path / "routes.yaml"
    given.write_text(yaml.safe_dump_all([*SERVICES, split("v1alpha2", 1, 1)]))
    before = given.read_bytes()
    assert main(["linkerd", "translate", str(given), "--to", str(to)]) == 0
    assert "TrafficSplit shop/canary: translated: an HTTPRoute with the same weights" in capsys.readouterr().out
    assert [each["kind"] for each in yaml.safe_load_all(to.read_bytes())] == ["HTTPRoute"]
    assert given.read_bytes() == before
    assert main(["linkerd", "translate", str(given), "--to", str(to)]) == 2
    assert "is there already; name a new file with --to (MW-E212)" in capsys.readouterr().err
    assert main(["linkerd", "translate", str(given), "--to", str(tmp_path / "none" / "routes.yaml")]) == 2
    assert "can't be written: No such file or directory" in capsys.readouterr().err
