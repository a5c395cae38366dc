"""`meshwright consul check`: what is printed, and the exit status."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from meshwright.kubernetes import reading
from tests.unit.consul.health.test_snapshots import CONSUL, TOKEN, server
from tests.unit.istio.health.test_snapshots import FakeReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Golden
    from tests.unit.cli.test_preview import Command

SOUND = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {connect-inject: enabled}}
"""
WARNING = f"""\
{SOUND}
---
apiVersion: consul.hashicorp.com/v1alpha1
kind: ServiceIntentions
metadata: {{name: web, namespace: shop}}
spec: {{destination: {{name: web}}, sources: [{{name: shop, action: allow}}]}}
"""
FAULTY = f"""\
{WARNING}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: consul-server, namespace: consul}}
spec: {{replicas: 2, template: {{metadata: {{labels: {{app: consul}}}}}}}}
---
apiVersion: consul.hashicorp.com/v1alpha1
kind: ServiceDefaults
metadata: {{name: web, namespace: shop}}
spec: {{protocol: http, mutualTLSMode: permissive}}
"""
SERVERS = {"metadata": {"namespace": "consul", "name": "consul-server"}, "spec": {"replicas": 1}}


def check(meshwright: Command, text: str, *arguments: str) -> tuple[int, str, str]:
    Path("all.yaml").write_text(text)
    return meshwright("consul", "check", "--manifests", "all.yaml", *arguments)


def test_text_and_json_say_the_same(meshwright: Command, golden: Golden) -> None:
    status, text, err = check(meshwright, FAULTY)
    assert (status, err) == (1, "")
    also, report, err = check(meshwright, FAULTY, "--json")
    assert (also, err) == (1, "")
    golden("cli/consul-check", {"check.txt": text.encode(), "check.json": report.encode()})
    counts = json.loads(report)["counts"]
    assert f"{counts['failed']} failed · {counts['unknown']} unknown · {counts['passed']} passed" in text


def test_warnings_count_where_it_is_asked_for(meshwright: Command) -> None:
    assert check(meshwright, WARNING)[0] == 0
    assert check(meshwright, WARNING, "--fail-on", "warning")[0] == 1


def test_an_address_without_a_cluster_is_refused(meshwright: Command) -> None:
    for option in ("--consul-address", "--vault-address"):
        status, _, err = check(meshwright, SOUND, option, "https://there")
        assert status == 2
        assert "are for what runs" in err


def test_the_apis_are_asked_beside_a_cluster(meshwright: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def open_cluster(context: str, kubeconfig: str) -> Iterator[Any]:
        yield FakeReader({TOKEN: [], "/apis/apps/v1/statefulsets": [SERVERS]})

    monkeypatch.setattr(reading, "open_cluster", open_cluster)
    with server(CONSUL) as address:
        found = [
            meshwright("consul", "check", "--context", "prod", "--json", *more)
            for more in ((), ("--consul-address", address, "--vault-address", "http://127.0.0.1:1"))
        ]
    assert [err for _, _, err in found] == ["", ""]
    before, after = ({each["id"]: each for each in json.loads(out)["checks"]} for _, out, _ in found)
    assert before["ca-alive"]["verdict"] == "skipped"
    assert after["ca-alive"]["verdict"] == "passed"
    assert after["vault-open"]["verdict"] == "skipped"
    assert "s.secret" not in found[1][1]
