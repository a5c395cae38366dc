"""The corpus under `pulumi preview --policy-pack`: the findings are those that each file says, as they are offline.

Most files share one stack, the bad ones and the good ones each; what is about the stack as a whole has one of its own.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from meshwright_policy.catalogue import RULES
from tests.corpus.cases import CASES, Case
from tests.engine.conftest import ROOT, Projects

OF_THE_STACK = {rule.id for rule in RULES if rule.check_stack and rule.applies_to}
"""Rules that see all files of a group as one stack: they are asked where a file has a stack of its own."""
PROGRAM = """
import sys

sys.path.insert(0, {root!r})

from tests.corpus.cases import CASES

for case in CASES:
    if str(case) in {names!r}:
        case.register()
"""
TOGETHER = [case for case in CASES if not case.is_about_the_stack]
GROUPS = {
    "bad": [case for case in TOGETHER if case.is_bad],
    "good": [case for case in TOGETHER if not case.is_bad],
    **{str(case): [case] for case in CASES if case.is_about_the_stack},
}


def _project(folder: Path, cases: Sequence[Case]) -> Path:
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: corpus\nruntime: {name: python, options: {virtualenv: .venv}}\n")
    (folder / "__main__.py").write_text(PROGRAM.format(root=str(ROOT), names=[str(case) for case in cases]))
    waivers = [waiver for case in cases for waiver in case.waivers]
    (folder / "Pulumi.dev.yaml").write_text(json.dumps({"config": {"meshwright:waivers": waivers}}))
    levels = {} if len(cases) == 1 else dict.fromkeys(OF_THE_STACK, "disabled")
    (folder / "levels.json").write_text(json.dumps(levels))
    return folder


def _found(lines: str) -> list[str]:
    """The findings in the events of a preview: violations and open questions as such, waivers as the pack says them."""
    found: set[str] = set()
    for line in lines.splitlines():
        event = json.loads(line)
        if policy := event.get("policyEvent"):
            name, message = policy["resourceUrn"].rsplit("::", 1)[1], policy["message"]
            if "can't run policy" in message:
                found.add(
                    f"{policy['policyName']} undecided {name}: {message.partition(' during preview: ')[2].strip()}"
                )
            else:
                found.add(f"{policy['policyName']} violated {name}: {message.splitlines()[1]}")
        for match in re.finditer(
            r"(MW-\S+) waived (until .+) at urn:\S+::(\S+)", event.get("diagnosticEvent", {}).get("message", "")
        ):
            found.add(f"{match[1]} waived {match[3]}: {match[2]}")
    return sorted(found)


@pytest.mark.parametrize("group", GROUPS)
def test_the_real_engine_finds_the_same(group: str, stubbed: Projects, tmp_path: Path) -> None:
    cases = GROUPS[group]
    pulumi = stubbed.project(
        _project(tmp_path / "program", cases),
        PULUMI_ENABLE_STREAMING_JSON_PREVIEW="1",
        MESHWRIGHT_AS_OF="2026-11-23",
    )
    pulumi.select("dev")
    pack = ("--policy-pack", str(ROOT / "policy"), "--policy-pack-config", "levels.json")
    done = pulumi.run("preview", "--json", *pack, check=False)
    wanted = sorted(line for case in cases for line in case.finds if len(cases) == 1 or not _is_of_the_stack(line))
    assert _found(done.stdout) == wanted, done.stderr


def _is_of_the_stack(line: str) -> bool:
    return line.split(maxsplit=1)[0] in OF_THE_STACK
