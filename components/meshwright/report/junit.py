"""JUnit XML: a test suite a rule, a test case for each resource on which it found something.

A finding that fails the gate is a failure; what is waived, known, advice or open is skipped, and says why. The
resources on which a rule found nothing are one passed case, which says how many they are.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from meshwright.engine.policy import Verdict
from meshwright.report.counting import remarks, totals

if TYPE_CHECKING:
    from meshwright.engine.policy import RuleResult
    from meshwright.gate.result import Item, Result

_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(result: Result) -> str:
    """The document."""
    root = ET.Element("testsuites", name=_text(f"meshwright gate {result.project}/{result.stack}"))
    by_rule: defaultdict[str, list[Item]] = defaultdict(list)
    for item in result.items:
        by_rule[item.finding.rule].append(item)
    for rule in result.rules:
        if rule.verdict is not Verdict.NOT_APPLICABLE or by_rule[rule.rule]:
            root.append(_suite(rule, by_rule[rule.rule], result))
    for key in ("tests", "failures", "skipped", "errors"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in root)))
    ET.indent(root)
    return f"{ET.tostring(root, encoding='unicode', xml_declaration=True)}\n"


def _suite(rule: RuleResult, items: list[Item], result: Result) -> ET.Element:
    suite = ET.Element("testsuite", name=rule.rule)
    properties = ET.SubElement(suite, "properties")
    facts = {"title": rule.title, "level": rule.level, "as_of": result.as_of, "totals": totals(result.rules)}
    for name, value in facts.items():
        ET.SubElement(properties, "property", name=name, value=_text(value))
    for remark in remarks(result):
        ET.SubElement(properties, "property", name="remark", value=_text(remark))
    suite.extend(map(_case, items))
    if passed := rule.counts.get(Verdict.PASSED, 0) or int(rule.verdict is Verdict.PASSED):
        name = f"{passed} resource{'' if passed == 1 else 's'} passed"
        ET.SubElement(suite, "testcase", classname=rule.rule, name=name)
    failures = sum(item.fails for item in items)
    numbers = {"tests": len(items) + bool(passed), "failures": failures, "skipped": len(items) - failures, "errors": 0}
    for key, number in numbers.items():
        suite.set(key, str(number))
    return suite


def _case(item: Item) -> ET.Element:
    finding = item.finding
    case = ET.Element("testcase", classname=finding.rule, name=_text(finding.urn))
    if item.file:
        case.set("file", _text(item.file))
    if item.line:
        case.set("line", str(item.line))
    kind = finding.level if finding.verdict is Verdict.VIOLATED else finding.verdict.value
    outcome = ET.SubElement(case, "failure" if item.fails else "skipped", type=kind)
    outcome.set("message", _text(f"{finding.resource}: {item.message} ({finding.level}, {item.state})"))
    outcome.text = _text("\n".join(_details(item)))
    return case


def _details(item: Item) -> list[str]:
    finding = item.finding
    lines = [finding.title, f"severity: {finding.severity}" if finding.severity else "", item.place]
    if item.waived:
        lines.append(item.excuse)
    lines += [f"→ {finding.remedy}" if finding.remedy else "", f"why: {finding.url}" if finding.url else ""]
    return [line for line in lines if line]


def _text(text: str) -> str:
    """Text without the characters that XML has no way to write."""
    return _NOT_XML.sub("�", text)
