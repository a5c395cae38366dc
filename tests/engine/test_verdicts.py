"""The pack's verdicts under the real engine and from our host of packs, on one program with something for most rules."""

import json
from pathlib import Path

import pytest

from meshwright.engine.policy import Verdict, evaluate
from meshwright.engine.project import load_project
from meshwright.engine.run import run_program
from meshwright.engine.stack import load_stack_settings
from tests.engine.conftest import ROOT, Projects

WAIVER = {
    "rule": "MW-ADO-007",
    "resource": "till",
    "reason": "they move together",
    "owner": "us",
    "expires": "2026-12-31",
}
PROGRAM = """
import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import Namespace
from pulumi_kubernetes.helm.v3 import Release


class Ours(pulumi.ComponentResource):
    def __init__(self, kind, name, inputs):
        super().__init__(f"meshwright:index:{kind}", name, inputs)
        self.register_outputs({"namespace": inputs.get("namespace")})


def policy(name, spec, namespace="shop"):
    CustomResource(name, api_version="security.istio.io/v1", kind="AuthorizationPolicy",
                   metadata={"name": name, "namespace": namespace}, spec=spec)


Namespace("shop", metadata={"name": "shop", "labels": {"istio.io/dataplane-mode": "ambient"}})
later = Namespace("later").id
L7 = {"to": [{"operation": {"methods": ["DELETE"]}}]}
L4 = {"from": [{"source": {"principals": ["web"]}}]}
policy("deny", {"action": "DENY", "rules": [L7]})
policy("deny-both", {"action": "DENY", "rules": [{**L7, **L4}]})
policy("deny-more", {"action": "DENY", "rules": [{"to": [{"operation": {"methods": ["DELETE"], "ports": ["80"]}}]}]})
policy("deny-secretly", {"action": "DENY", "rules": pulumi.Output.secret([L7])})
policy("allow", {"rules": [L7]})
policy("allow-some", {"rules": [L4, L7]})
policy("fine", {"action": "DENY", "rules": [L4]})
policy("attached", {"action": "DENY", "targetRefs": [{"kind": "Service", "group": "", "name": "cart"}], "rules": [L7]})
policy("custom", {"action": "CUSTOM", "provider": {"name": "opa"}, "rules": [{}]})
policy("audit", {"action": "AUDIT", "rules": [{}]})
policy("put-off", {"action": "DENY", "rules": [L7]}, "bank")
policy("on-sidecars", {"action": "DENY", "rules": [L7]}, "side")
Namespace("bank", metadata={"name": "bank", "labels": {"istio.io/dataplane-mode": "ambient"}})
Namespace("side", metadata={"name": "side", "labels": {"istio-injection": "enabled"}})
policy("unknown-rules", {"action": "DENY", "rules": later.apply(lambda _: [L7])})
policy("unknown-methods", {"rules": [{"to": [{"operation": {"methods": later.apply(lambda _: ["GET"])}}]}]})
policy("unknown-method", {"rules": [{"to": [{"operation": {"methods": [later]}}]}]})
CustomResource("by-hand", api_version="security.istio.io/v1", kind="PeerAuthentication",
               metadata={"name": "default", "namespace": "istio-system"}, spec={"mtls": {"mode": "STRICT"}})
Namespace("old", metadata={"name": "old"})
Release("istiod", chart="oci://ghcr.io/istio/release/charts/istiod", version="1.29.9")
Release("ztunnel", chart="oci://ghcr.io/istio/release/charts/ztunnel")
Release("base", chart="oci://ghcr.io/istio/release/charts/base", version=later)
Ours("AmbientNamespace", "cart", {"namespace": "cart", "phase": "permissive", "since": "2026-11-20"})
Ours("AmbientNamespace", "till", {"namespace": "till", "phase": "permissive", "since": "2026-11-20"})
Ours("AmbientNamespace", "shop", {"namespace": "shop", "phase": "strict", "since": "2026-11-18",
                                  "previous": {"phase": "permissive", "since": "2026-11-16"}})
Ours("AmbientNamespace", "hasty", {"namespace": "hasty", "phase": "strict", "since": "2026-10-18"})
Ours("AmbientNamespace", "vague", {"namespace": "vague", "phase": "strict", "previous": later.apply(lambda _: {})})
Ours("MeshWideMtls", "mesh-wide", {"mode": "STRICT", "phases": {"shop": "strict", "cart": "permissive"}})
Ours("Waypoint", "l7", {"namespace": "shop", "reason": "needed"})
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "program"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: verdicts\nruntime: {name: python, options: {virtualenv: .venv}}\n")
    (folder / "__main__.py").write_text(PROGRAM)
    (folder / "Pulumi.dev.yaml").write_text(json.dumps({"config": {"meshwright:waivers": [WAIVER]}}))
    return folder


def _of_the_cli(lines: str) -> tuple[set[tuple[str, str, str, str]], str]:
    """Rule, resource, verdict and level of every finding of ours, and all else that was printed for people."""
    found, printed = set(), ""
    for line in lines.splitlines():
        event = json.loads(line)
        if policy := event.get("policyEvent"):
            undecided = "can't run policy" in policy["message"]
            verdict = "undecided" if undecided else "violated"
            level = "advisory" if undecided else policy["enforcementLevel"]
            found.add((policy["policyName"], policy["resourceUrn"].rsplit("::", 1)[1], verdict, level))
        printed += event.get("diagnosticEvent", {}).get("message", "")
    return found, printed


def test_both_give_the_same_verdicts(stubbed: Projects, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pulumi = stubbed.project(project, PULUMI_ENABLE_STREAMING_JSON_PREVIEW="1")
    pulumi.select("dev")
    done = pulumi.run("preview", "--json", "--policy-pack", str(ROOT / "policy"), check=False)
    theirs, printed = _of_the_cli(done.stdout)
    assert done.returncode != 0

    monkeypatch.setenv("MESHWRIGHT_AS_OF", pulumi.env["MESHWRIGHT_AS_OF"])
    loaded = load_project(pulumi.project)
    settings = load_stack_settings(loaded, "dev")
    graph = run_program(loaded, settings)
    report = evaluate(graph, ROOT / "policy", config=dict(settings.config), secret_keys=settings.secret_keys)
    # The SDK makes an advice of what is undecided.
    ours = {
        (f.rule, f.resource, f.verdict.value, "advisory" if f.verdict is Verdict.UNDECIDED else f.level)
        for f in report.findings
        if f.verdict is not Verdict.WAIVED
    }
    assert ours == theirs
    assert {rule for rule, *_ in ours} >= {f"MW-IST-00{number}" for number in range(1, 6)}
    policies = {(resource, verdict) for rule, resource, verdict, _ in ours if rule == "MW-IST-002"}
    assert ("put-off", "violated") in policies
    assert "on-sidecars" not in {resource for resource, _ in policies}
    assert report.blocks
    (waived,) = [finding for finding in report.findings if finding.verdict is Verdict.WAIVED]
    assert f"MW-ADO-007 waived {waived.message} at {waived.urn}" in printed


def test_what_hides_behind_an_unknown_is_undecided_at_preview_and_refused_at_up(
    stubbed: Projects, project: Path
) -> None:
    hidden = (
        PROGRAM[: PROGRAM.index('policy("deny"')]
        + 'policy("hidden", {"action": "DENY", "rules": later.apply(lambda _: [L7])})\n'
    )
    (project / "__main__.py").write_text(hidden)
    pulumi = stubbed.project(project)
    pulumi.select("dev")
    preview = pulumi.run("preview", "--policy-pack", str(ROOT / "policy"))
    assert "its rules are known only at the update" in preview.stdout
    up = pulumi.run("up", "--yes", "--skip-preview", "--policy-pack", str(ROOT / "policy"), check=False)
    assert up.returncode != 0
    assert "its rule never fires at ztunnel" in up.stdout
    assert not [resource for resource in pulumi.state() if resource["urn"].endswith("::hidden")]
