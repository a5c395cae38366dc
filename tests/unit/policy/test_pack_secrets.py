"""Nothing secret is in what a pack says, whichever way it says it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from meshwright.engine.policy import PolicyPack
from meshwright.engine.redact import Redact
from meshwright.errors import PolicyPackError

from .graphs import graph, pack, resource

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "first line\nsecond line"
START = f"text = {SECRET!r}\n"
SAYS = """
def check(args, report):
    {statement}

policies = [ResourceValidationPolicy("check", "Checks", check)]
"""


def _judged(folder: Path) -> list[str]:
    redact = Redact([SECRET])
    with PolicyPack(folder, project="shop", stack="dev", config={"shop:token": SECRET}, redact=redact) as running:
        report = running.evaluate(graph(resource("test:index:Thing", "thing", {"token": SECRET})))
    return [finding.message for finding in report.findings]


def test_what_a_rule_reports(tmp_path: Path) -> None:
    rule = SAYS.format(statement="report(f'{text} and {text!r}')")
    assert _judged(pack(tmp_path, START + rule))[0] == "[secret] and '[secret]'"


@pytest.mark.parametrize(
    "code",
    [
        "raise SystemExit(text)",
        "print(repr(text)); policies = []",
        SAYS.format(statement="raise ValueError(text)"),
        SAYS.format(statement="sys.stderr.write(text); sys.stderr.flush(); os._exit(1)"),
    ],
    ids=["start", "port", "rule", "death"],
)
def test_how_a_pack_fails(tmp_path: Path, code: str) -> None:
    with pytest.raises(PolicyPackError) as raised:
        _judged(pack(tmp_path, START + code))
    assert "[secret]" in str(raised.value)
    assert "line" not in str(raised.value)
