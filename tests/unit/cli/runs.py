"""Offline runs made by hand, for the tests of what commands print."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from meshwright.cli.offline import Offline
from meshwright.config import load_stack
from meshwright.engine.graph import Graph, Log, Note, Resource, SourcePosition, Value
from meshwright.engine.policy import Finding, PolicyReport, RuleResult, Verdict
from meshwright.engine.project import Project
from meshwright.engine.stack import StackSettings
from tests.unit.render.graphs import STACK_URN, component, kubernetes, release, resource, urn

STACK_FILE = """\
config:
  meshwright:mesh:
    kind: istio-ambient
    version: "1.31"
    cluster: {context: kind-dev, platform: kind}
    mtls: strict
    namespaces:
      - {name: checkout, phase: strict, since: "2026-10-12"}
      - name: legacy
        phase: unmeshed
"""
LEGACY = urn("meshwright:index:AmbientNamespace", "legacy")


def namespace(name: str, phase: str, **inputs: Value) -> Resource:
    return component("meshwright:index:AmbientNamespace", name, inputs={"namespace": name, "phase": phase} | inputs)


def mesh_resources() -> tuple[Resource, ...]:
    """An ambient mesh with three namespaces, as its components register it."""
    mesh = component(
        "meshwright:index:IstioAmbient",
        "mesh",
        inputs={"version": "1.31", "platform": "kind"},
        outputs={"version": "1.31.1"},
        source=SourcePosition("/elsewhere/__main__.py", 7),
    )
    values = {
        "istiod": {"autoscaleMin": 2, "global": {"hub": "docker.io/istio"}},
        "ztunnel": {"hub": "docker.io/istio"},
    }
    releases = [release(name, parent=mesh.urn, inputs={"values": values.get(name)}) for name in ("istiod", "ztunnel")]
    checkout = namespace("checkout", "strict", since="2026-10-12")
    catalog = namespace("catalog", "permissive", since="2026-11-17")
    waypoint = component(
        "meshwright:index:Waypoint",
        "catalog-waypoint",
        parent=catalog.urn,
        inputs={"reason": "header routing"},
    )
    autoscaler = {"data": {"horizontalPodAutoscaler": "spec: {minReplicas: 2}"}}
    parameters = kubernetes("v1", "ConfigMap", "parameters", parent=waypoint.urn, body=autoscaler)
    labels = kubernetes("v1", "Namespace", "legacy-namespace", parent=LEGACY)
    return (mesh, *releases, checkout, catalog, waypoint, parameters, namespace("legacy", "unmeshed"), labels)


def finding(verdict: Verdict, level: str = "mandatory", urn: str = STACK_URN, **fields: str) -> Finding:
    texts: dict[str, Any] = {
        "rule": "MW-ADO-003",
        "title": "Strict mTLS waits until every namespace is meshed",
        "severity": "high",
        "resource": "legacy",
        "message": "legacy is unmeshed:\nit would be cut off",
        "remedy": "keep mesh-wide permissive",
        "url": "docs/rules/MW-ADO-003.md",
    } | fields
    return Finding(level=level, verdict=verdict, urn=urn, source=None, **texts)


def report(*findings: Finding, passed: int = 2, not_applicable: int = 1) -> PolicyReport:
    verdicts = [
        *(each.verdict for each in findings),
        *[Verdict.PASSED] * passed,
        *[Verdict.NOT_APPLICABLE] * not_applicable,
    ]
    rules = tuple(RuleResult(f"R-{number}", "", "mandatory", verdict, {}) for number, verdict in enumerate(verdicts))
    return PolicyReport("meshwright", "0.1.0", findings, rules)


def offline_run(
    folder: Path,
    *resources: Resource,
    policy: PolicyReport | None = None,
    stack_file: str = "",
    notes: tuple[Note, ...] = (),
    logs: tuple[Log, ...] = (),
) -> Offline:
    """A run of project `shop`, stack `dev`, in `folder`; the stack file is written if it has a text."""
    stack = Resource(urn=STACK_URN, type="pulumi:pulumi:Stack", name="shop-dev")
    path, config = folder / "Pulumi.dev.yaml", None
    if stack_file:
        path.write_text(stack_file)
        config = load_stack(path)
    return Offline(
        project=Project("shop", folder, folder / "Pulumi.yaml", folder, folder, Path(sys.executable)),
        settings=StackSettings("dev", path=path if stack_file else None),
        config=config,
        graph=Graph("shop", "dev", "acme", (stack, *resources), notes=notes, logs=logs, output="printed\n"),
        report=policy or report(),
        seconds=0.94,
    )


def bucket(name: str, parent: str = STACK_URN) -> Resource:
    return resource("aws:s3/bucket:Bucket", name, parent=parent)
