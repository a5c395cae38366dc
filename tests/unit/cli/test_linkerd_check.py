"""`meshwright linkerd check`: what is printed, and the exit status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conftest import Golden
    from tests.unit.cli.test_preview import Command

SYSTEM = """\
apiVersion: v1
kind: Namespace
metadata: {name: linkerd, labels: {linkerd.io/is-control-plane: "true", config.linkerd.io/admission-webhooks: disabled}}
"""
WARNING = f"""\
{SYSTEM}
---
apiVersion: v1
kind: Namespace
metadata: {{name: shop, annotations: {{linkerd.io/inject: enabled, config.linkerd.io/opaque-ports: "4222"}}}}
"""
FAULTY = f"""\
{WARNING}
---
apiVersion: v1
kind: Namespace
metadata: {{name: old, labels: {{linkerd.io/inject: enabled}}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {{name: nightly, namespace: shop}}
spec: {{jobTemplate: {{spec: {{template: {{spec: {{containers: [{{name: nightly}}]}}}}}}}}}}
---
apiVersion: policy.linkerd.io/v1beta1
kind: Server
metadata: {{name: cart, namespace: shop}}
spec: {{podSelector: {{matchLabels: {{app: cart}}}}, port: 80}}
"""


def check(meshwright: Command, text: str, *arguments: str) -> tuple[int, str, str]:
    Path("all.yaml").write_text(text)
    return meshwright("linkerd", "check", "--manifests", "all.yaml", *arguments)


def test_text_and_json_say_the_same(meshwright: Command, golden: Golden) -> None:
    status, text, err = check(meshwright, FAULTY)
    assert (status, err) == (1, "")
    also, report, err = check(meshwright, FAULTY, "--json")
    assert (also, err) == (1, "")
    golden("cli/linkerd-check", {"check.txt": text.encode(), "check.json": report.encode()})
    counts = json.loads(report)["counts"]
    assert f"{counts['failed']} failed · {counts['unknown']} unknown · {counts['passed']} passed" in text


def test_warnings_count_where_it_is_asked_for(meshwright: Command) -> None:
    assert check(meshwright, WARNING)[0] == 0
    assert check(meshwright, WARNING, "--fail-on", "warning")[0] == 1


def test_what_cannot_be_told_is_never_a_pass(meshwright: Command) -> None:
    job = FAULTY.split("---")[3]
    status, out, _ = check(meshwright, f"{WARNING.replace('4222', '25')}\n---\n{job}")
    assert status == 3
    assert "can't be told: CronJob shop/nightly: the control plane is not in it" in out
    assert "hint: docs/linkerd/check.md#jobs-end" in out


def test_a_mesh_without_a_fault(meshwright: Command) -> None:
    status, out, _ = check(meshwright, SYSTEM)
    assert status == 0
    assert "✗" not in out
