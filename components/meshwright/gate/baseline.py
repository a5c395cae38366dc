"""A baseline: the findings that an old project is known to have, so that only new ones fail.

The file is JSON, sorted, one finding a line, so that a review shows which came and which went.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from meshwright.errors import Code, ConfigError, Problem
from meshwright.gate.files import name_of, parse_json, read_text
from meshwright.gate.result import Result, known

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FORM: Final = 1
_IN_IT: Final = "in the baseline"
_REMEDY: Final = "write it with `meshwright gate --write-baseline FILE`"


@dataclass(frozen=True, slots=True)
class Baseline:
    """What was known on a day."""

    project: str
    stack: str
    findings: Mapping[str, str]
    """Fingerprint to ``RULE  resource``."""


def read_baseline(path: Path) -> Baseline:
    """Read a baseline.

    Raises:
        ConfigError: MW-E035 it can't be read, MW-E038 it is no baseline.
    """
    try:
        content = parse_json(read_text(path))
        if content["meshwright_baseline"] != _FORM:
            raise ValueError(f"its form is {content['meshwright_baseline']}, and this version reads {_FORM}")
        findings = {_text(entry, "fingerprint"): _subject(entry) for entry in content["findings"]}
        return Baseline(_text(content, "project"), _text(content, "stack"), findings)
    except KeyError as error:
        problem = Problem(Code.BASELINE_INVALID, f"isn't a baseline: it has no {error}", _REMEDY, name_of(path))
    except (ValueError, TypeError) as error:
        problem = Problem(Code.BASELINE_INVALID, f"isn't a baseline: {error}", _REMEDY, name_of(path))
    raise ConfigError(problem)


def apply(found: Result, baseline: Baseline, path: Path) -> Result:
    """The result with known findings marked, and with what is gone named.

    Raises:
        ConfigError: MW-E039 it is the baseline of another stack.
    """
    if (baseline.project, baseline.stack) != (found.project, found.stack):
        message = f"is the baseline of {baseline.project}/{baseline.stack}, not of {found.project}/{found.stack}"
        raise ConfigError(Problem(Code.BASELINE_ELSEWHERE, message, "keep one file for each stack", name_of(path)))
    marked = known(found, dict.fromkeys(baseline.findings, _IN_IT))
    present = {item.fingerprint for item in found.items if not item.waived}
    gone = tuple(subject for fingerprint, subject in baseline.findings.items() if fingerprint not in present)
    return replace(marked, gone=gone)


def baseline_text(found: Result) -> str:
    """The baseline of all that is violated or undecided now; what is waived has its waiver."""
    entries = sorted(
        (item.finding.rule, item.finding.resource, item.fingerprint) for item in found.items if not item.waived
    )
    lines = [
        json.dumps({"rule": rule, "resource": resource, "fingerprint": fingerprint}, ensure_ascii=False)
        for rule, resource, fingerprint in entries
    ]
    head = {"meshwright_baseline": _FORM, "project": found.project, "stack": found.stack}
    about = json.dumps(head, ensure_ascii=False)[1:-1]
    body = ",\n  ".join(lines)
    return f'{{{about}, "findings": [\n  {body}\n]}}\n' if lines else f'{{{about}, "findings": []}}\n'


def _text(content: Any, key: str) -> str:
    value = content[key]
    if not isinstance(value, str):
        raise TypeError(f"its {key} is no text")
    return value


def _subject(entry: Any) -> str:
    return f"{_text(entry, 'rule')}  {_text(entry, 'resource')}"
