"""Ninety rules on 1,005 resources, ours and the same rules through the SDK: ``python -m bench.policy``.

Both packs run in a process of their own and are asked by the same host, as in ``meshwright gate``. A pack boots while
the program runs, so what is measured is the time on top of it: from the finished graph to the report.
"""

import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import grpc

from bench.packs.ninety import CRD, TYPES
from meshwright.engine.analyzer import PackProcess, Session, environment_of
from meshwright.engine.analyzer_messages import analyze_request, to_struct
from meshwright.engine.graph import Graph, Resource
from meshwright.engine.policy import PolicyPack

PACKS: Final = Path(__file__).parent / "packs"
_STACK: Final = "urn:pulumi:dev::bench::pulumi:pulumi:Stack::bench-dev"
_MANY: Final = 1005


def _resource(kind: str, name: str, inputs: dict[str, Any]) -> Resource:
    return Resource(f"urn:pulumi:dev::bench::{kind}::{name}", kind, name, _STACK, custom=True, inputs=inputs)


def _graph(*resources: Resource) -> Graph:
    root = Resource(_STACK, "pulumi:pulumi:Stack", "bench-dev")
    return Graph("bench", "dev", "organization", (root, *resources))


def resources(number: int) -> Graph:
    """A stack of so many resources, itself included, of 25 types; most of them policies with a few rules."""
    made = []
    for index in range(number - 1):
        operation = {"operation": {"ports": ["80", "443"], "methods": ["GET"] if index % 50 == 0 else []}}
        spec = {"action": "DENY", "rules": [{"to": [operation], "from": [{"source": {"principals": ["web"]}}]}]}
        labels = {f"label-{label}": f"value-{label}" for label in range(8)}
        metadata = {"name": f"object-{index}", "namespace": f"team-{index % 20}", "labels": labels}
        made.append(_resource(TYPES[index % len(TYPES)], f"object-{index}", {"metadata": metadata, "spec": spec}))
    return _graph(*made)


def definition() -> Graph:
    """A stack with one CustomResourceDefinition of 80 KB."""
    field = {"type": "string", "description": "What it is for, told at some length as such descriptions are. " * 2}
    schema = {
        f"group{group}": {"type": "object", "properties": {f"field{number}": field for number in range(10)}}
        for group in range(45)
    }
    return _graph(_resource(CRD, "definition", {"spec": {"versions": [{"name": "v1", "schema": schema}]}}))


def seconds(pack: str, graph: Graph, rounds: int) -> float:
    """Median seconds of a pack's verdict on a graph, after one round that isn't counted."""
    took = []
    with PolicyPack(PACKS / pack, project="bench", stack="dev", config={}, timeout_s=600) as running:
        for _ in range(rounds + 1):
            began = time.perf_counter()
            report = running.evaluate(graph)
            took.append(time.perf_counter() - began)
            if len(report.rules) != 90:
                raise RuntimeError(f"{pack} serves {len(report.rules)} rules, not 90")
    return statistics.median(took[1:])


def call_seconds(pack: str, graph: Graph, rounds: int) -> float:
    """Median seconds of one ``Analyze`` call, as Pulumi's engine makes it for a resource: here the last of a graph."""
    resource = graph.resources[-1]
    request = analyze_request(resource, to_struct(resource.inputs), None)
    about = {"project": "bench", "stack": "dev", "organization": "organization"}
    process = PackProcess(PACKS / pack, environment_of(**about, config={}))
    session = Session(grpc.insecure_channel(f"127.0.0.1:{process.port(60)}"), process, 60)
    session.configure_stack(about, {}, [])
    session.configure({})
    took = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        session.judge("Analyze", request, resource.name)
        took.append(time.perf_counter() - began)
    session.close()
    process.stop()
    return statistics.median(took[1:])


def seconds_with_start(pack: str, graph: Graph, rounds: int) -> float:
    """Median seconds of a pack's start, its verdict and its end."""
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        with PolicyPack(PACKS / pack, project="bench", stack="dev", config={}, timeout_s=600) as running:
            running.evaluate(graph)
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def conftest_seconds(program: str, graph: Graph, rounds: int) -> float:
    """Median seconds of conftest on the same resources as manifests, with ninety rules in Rego.

    Each is MW-IST-002's question, put to three kinds: what the copies of our rules do on the bench's resources, told in
    the peer's own language.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "rules.rego").write_text("\n".join(["package main\n", *(_rego(number) for number in range(90))]))
        documents = [{"kind": resource.type.rsplit(":", 1)[1], **resource.inputs} for resource in graph]
        (folder / "stack.yaml").write_text("---\n".join(json.dumps(document) + "\n" for document in documents))
        command = [program, "test", "--quiet", "--policy", str(folder / "rules.rego"), str(folder / "stack.yaml")]
        took = []
        for _ in range(rounds):
            began = time.perf_counter()
            done = subprocess.run(command, check=False, capture_output=True, text=True)
            took.append(time.perf_counter() - began)
            if "FAIL" not in done.stdout:
                raise RuntimeError(f"conftest found nothing: {done.stdout}{done.stderr}")
    return statistics.median(took)


def _rego(number: int) -> str:
    kinds = json.dumps([TYPES[(number * 3 + step) % len(TYPES)].rsplit(":", 1)[1] for step in range(3)])
    return f"""\
deny contains msg if {{
    input.kind in {kinds}
    input.spec.action == "DENY"
    not input.spec.targetRefs
    some rule in input.spec.rules
    some to in rule.to
    some field in ["hosts", "notHosts", "methods", "notMethods", "paths", "notPaths"]
    count(to.operation[field]) > 0
    msg := sprintf("rule {number}: DENY policy %s knows no %s", [input.metadata.name, field])
}}
"""


def _line(title: str, ours: float, peer: str, theirs: float) -> str:
    return f"{title:34} {ours:6.3f} s {'':25}   {ours / theirs:5.2f}  {peer} ({theirs:.3f} s)"


def main() -> None:
    """Measure, and print a line for each size and peer."""
    os.environ["MESHWRIGHT_AS_OF"] = "2026-11-22"
    many, sdk = resources(_MANY), "the SDK, a policy object each"
    ours = seconds("ours", many, 5)
    print(_line(f"90 rules, {_MANY:,} resources", ours, sdk, seconds("sdk", many, 1)), flush=True)
    for times in (2, 4):
        more = seconds("ours", resources(_MANY * times), 3)
        print(_line(f"90 rules, {_MANY * times:,} resources", more, f"{_MANY:,} resources", ours), flush=True)
    if program := shutil.which("conftest", path=os.pathsep.join((".tools/bin", os.environ["PATH"]))):
        whole = seconds_with_start("ours", many, 3)
        print(_line("the same, with the pack's start", whole, "conftest", conftest_seconds(program, many, 3)))
    else:
        print("conftest is neither on PATH nor in .tools/bin: not compared")
    os.environ["BENCH_AT_CRD"] = "1"
    crd = definition()
    print(_line("90 rules, a CRD of 80 KB", call_seconds("ours", crd, 25), sdk, call_seconds("sdk", crd, 3)))


if __name__ == "__main__":
    main()
