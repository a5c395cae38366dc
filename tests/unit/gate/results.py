"""Results of the gate made by hand."""

from __future__ import annotations

from dataclasses import replace

from meshwright.engine.graph import Graph, Resource, SourcePosition
from meshwright.engine.policy import Finding, PolicyReport, RuleResult, Verdict, Waiver
from meshwright.gate.result import DEFAULT_FAIL_ON, Result, decided, result

STACK = "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev"
WAIVER = Waiver("they move last", "platform", "2026-12-31", "MESH-7", "audit", "")
WAIVED = f"{WAIVER} (audit is unmeshed)"


def urn(name: str) -> str:
    return f"urn:pulumi:dev::shop::kubernetes:core/v1:Namespace::{name}"


def finding(
    verdict: Verdict = Verdict.VIOLATED,
    name: str = "legacy",
    *,
    rule: str = "MW-ADO-003",
    level: str = "mandatory",
    message: str = "",
    url: str = "docs/rules/MW-ADO-003.md",
) -> Finding:
    return Finding(
        rule=rule,
        title="Strict mTLS waits until every namespace is meshed",
        level=level,
        severity="high",
        verdict=verdict,
        urn=urn(name),
        resource=name,
        message=message or f"{name} is unmeshed:\nit would be cut off",
        remedy="keep mesh-wide permissive",
        url=url,
        source=SourcePosition("/elsewhere/__main__.py", 3),
        waiver=WAIVER if message == WAIVED else None,
    )


def made(*findings: Finding, places: dict[str, str] | None = None, fail_on: frozenset[str] = DEFAULT_FAIL_ON) -> Result:
    """A result of some findings, of a rule that passed and of one that does not apply."""
    by_rule = {one.rule: one for one in reversed(findings)}
    rules = [RuleResult(one.rule, one.title, one.level, one.verdict, {Verdict.PASSED: 2}) for one in by_rule.values()]
    rules.append(RuleResult("MW-IST-002", "A DENY policy fires", "mandatory", Verdict.PASSED, {Verdict.PASSED: 1}))
    rules.append(RuleResult("MW-X-001", "Another pack's", "advisory", Verdict.NOT_APPLICABLE, {}))
    report = PolicyReport("meshwright", "0.1.0", findings, tuple(rules))
    graph = Graph("shop", "dev", "acme", (Resource(urn=STACK, type="pulumi:pulumi:Stack", name="shop-dev"),))
    where = places if places is not None else {urn("legacy"): "stacks/Pulumi.dev.yaml:9"}
    found = result(graph, report, lambda one: where.get(one, ""), source="program", as_of="2026-11-23")
    return decided(found, fail_on)


def everything() -> Result:
    """One finding of each kind, and one that is known."""
    found = made(
        finding(),
        finding(Verdict.VIOLATED, "catalog", level="advisory", rule="MW-ADO-007"),
        finding(Verdict.UNDECIDED, "later"),
        finding(Verdict.WAIVED, "audit", message=WAIVED),
        finding(Verdict.VIOLATED, "old", message="old | <b>100%</b> of 5,\r\nit: `x`"),
        places={
            urn("legacy"): "stacks/Pulumi.dev.yaml:9",
            urn("catalog"): "/elsewhere/pro gram.py:3",
            urn("old"): "a,b:c.py",
        },
    )
    old = replace(found.items[-1], known="in the baseline")
    items = (*found.items[:-1], old)
    compared = "compared with main (0123456789), judged by the same pack: 1 new, 0 gone"
    return decided(replace(found, items=items, gone=("MW-ADO-001  gone",), compared=compared), DEFAULT_FAIL_ON)
