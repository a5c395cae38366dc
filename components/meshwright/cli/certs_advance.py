"""`meshwright certs advance`: take the next step of a rotation in the stack files, where its gate holds."""

from difflib import unified_diff
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meshwright.cli import certs_consul, options
from meshwright.cli.certs_looking import Contexts, Kubeconfig, Stacks, look_at, moment, stack_files
from meshwright.cli.output import line, show, show_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from meshwright.certs.checks import Check
    from meshwright.certs.lockstep import Turn
    from meshwright.certs.observed import Observed
    from meshwright.certs.stack_file import StackFile
    from meshwright.cli.output import Line

_STATUS = {"passed": 0, "failed": 1, "unknown": 3}
_MARKS = {"passed": ("✓", "green"), "failed": ("✗", "bold red"), "unknown": ("?", "cyan")}
_SHOWN = 5


def advance(
    *,
    stack: Stacks = None,
    to: Annotated[
        str, typer.Option(metavar="STEP", show_default=False, help="Another step than the next: the one before.")
    ] = "",
    following: Annotated[
        str,
        typer.Option(
            "--next",
            metavar="YAML",
            show_default=False,
            help="For the first step: the new anchor, {name: ...}, or Consul's new root, {path: ...}.",
        ),
    ] = "",
    reason: Annotated[
        str,
        typer.Option(
            metavar="TEXT", show_default=False, help="Take it although its gate does not hold; written into the file."
        ),
    ] = "",
    context: Contexts = None,
    kubeconfig: Kubeconfig = None,
    consul: certs_consul.Addresses = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be written, and write nothing.")] = False,
    as_of: options.AsOf = "",
    as_json: options.Json = False,
) -> int:
    """Write the next step of a rotation into the stack files, where every cluster is ready for it.

    The clusters, or Consul, are read by GET alone. No step is ever left out, and none leads back once the old anchor
    was removed. One that was broken off between two files is gone on with.

    Exit status 0: written, or there is nothing left; 1: a condition does not hold; 3: one can't be told; 2: a mistake
    in what was given, or a cluster that can't be read.
    """
    from meshwright.certs.checks import verdict_of
    from meshwright.certs.lockstep import refuse, turn
    from meshwright.config.clock import today

    options.set_facts(as_of, None)
    files = stack_files(stack or [])
    recorded = tuple(_with_next(each, following) for each in files)
    next_turn = turn(recorded, files[0].steps, _known(to, files[0]))
    if next_turn is None:
        show([line("nothing is left to do: move next to its place, and drop rotation")])
        return 0
    _is_today(dry_run=dry_run)
    refuse(next_turn, files[0].steps, today())
    moving = tuple(each for each in files if each.recorded.name in {one.name for one in next_turn.stacks})
    if certs_consul.is_consul(files):
        asked = certs_consul.look_at_datacenters(files, consul or [])
        theirs = [seen for file, seen in zip(files, asked, strict=True) if file in moving]
        checks = certs_consul.checks(moving, theirs, next_turn, moment(), is_behind=len(moving) < len(files))
    else:
        seen = look_at(files, context or [], kubeconfig) if _shows_itself(moving) else {}
        checks = _checks(moving, seen, next_turn, tuple(each.told.cluster for each in files))
    verdict = verdict_of(checks).value
    # What Consul's API denies, nobody knows better.
    is_denied = certs_consul.is_consul(files) and verdict == "failed"
    code = 0 if reason and not is_denied else _STATUS[verdict]
    texts = {} if code else _texts(moving, next_turn, following, reason if verdict != "passed" else "")
    if not dry_run:
        _write(moving, texts)
    if as_json:
        show_json(_as_json(next_turn, checks, verdict, code, texts, dry_run=dry_run))
    else:
        show(_lines(moving, next_turn, checks, texts, dry_run=dry_run))
    return code


def _with_next(file: "StackFile", following: str) -> Any:
    from dataclasses import replace

    return replace(file.recorded, has_next=file.recorded.has_next or bool(following))


def _clock_day() -> "date":
    from datetime import UTC, datetime

    return datetime.now(UTC).date()


def _is_today(*, dry_run: bool) -> None:
    """Nothing is written by another day: the days for which a step has to last would be none."""
    from meshwright.config.clock import today
    from meshwright.errors import Code, ConfigError, Problem

    if not dry_run and today() != _clock_day():
        message = f"the day to judge by is {today()}, and today is {_clock_day()}"
        raise ConfigError(Problem(Code.ROTATION_REFUSED, message, "leave out --as-of, or add --dry-run"))


def _known(step: str, file: "StackFile") -> str:
    from meshwright.errors import Code, ConfigError, Problem

    if step and step not in file.steps.names:
        remedy = f"one of: {', '.join(file.steps.names)}"
        raise ConfigError(Problem(Code.ROTATION_REFUSED, f'--to is "{step}"', remedy))
    return step


def _checks(
    files: "Sequence[StackFile]", seen: "Mapping[str, Observed]", turn: "Turn", named: tuple[str, ...]
) -> "tuple[Check, ...]":
    from meshwright.certs.checks import Check, Move, Verdict
    from meshwright.certs.gates import gate

    if not _shows_itself(files):
        why = ("ztunnel does not tell which certificates it holds",)
        title, remedy = "every proxy has certificates and roots of this step", "say by --reason how you know"
        return tuple(Check(each.recorded.name, title, Verdict.UNKNOWN, why, remedy) for each in files)
    since = max((each.since for each in turn.stacks if each.since), default=None)
    move = Move(turn.step, turn.to, since, clusters=named)
    return gate([seen[each.recorded.name] for each in files], move, moment(), [each.told for each in files])


def _shows_itself(files: "Sequence[StackFile]") -> bool:
    """Whether a cluster tells what its proxies trust: Linkerd's pods do."""
    from meshwright.certs.rotation import LINKERD_STEPS

    return files[0].steps is LINKERD_STEPS


def _texts(files: "Sequence[StackFile]", turn: "Turn", following: str, reason: str) -> dict[str, str]:
    """What each file will hold; all of them before one is written."""
    from meshwright.certs.stack_file import with_step
    from meshwright.config.clock import today

    return {str(each.path): with_step(each, turn.to, today(), following=following, reason=reason) for each in files}


def _write(files: "Sequence[StackFile]", texts: "Mapping[str, str]") -> None:
    from meshwright.cli.files import write_file
    from meshwright.errors import Code, ConfigError, Problem

    changed = [each for each in files if str(each.path) in texts and each.path.read_bytes() != each.text.encode()]
    if changed:
        message = "was changed by somebody else in the meantime; nothing was written"
        raise ConfigError(Problem(Code.ROTATION_EDIT, message, "run it again", str(each.path)) for each in changed)
    for each in files:
        if str(each.path) in texts:
            write_file(each.path.resolve(), texts[str(each.path)])


def _lines(
    files: "Sequence[StackFile]",
    turn: "Turn",
    checks: "Sequence[Check]",
    texts: "Mapping[str, str]",
    *,
    dry_run: bool,
) -> "Iterator[Line]":
    yield line((f"{turn.step} to {turn.to}", "bold"), f"   {', '.join(each.name for each in turn.stacks)}")
    for check in checks:
        yield line("  ", _MARKS[check.verdict.value], f" {check.cluster}: {check.title}")
        yield from (line(f"      {text}") for text in check.reasons[:_SHOWN])
        if len(check.reasons) > _SHOWN:
            yield line(f"      and {len(check.reasons) - _SHOWN} more; --json has them all")
        if check.remedy and check.verdict.value != "passed":
            yield line(f"      → {check.remedy}")
    for each in files:
        if str(each.path) in texts:
            yield line("")
            yield from (line(text) for text in _diff(each, texts[str(each.path)]))
    if not texts:
        yield line("nothing was written")
    elif dry_run:
        yield line("nothing was written: --dry-run")
    else:
        yield line("written; next: ", (" and ".join(f"meshwright up {each.name}" for each in turn.stacks), "cyan"))


def _diff(file: "StackFile", text: str) -> "Iterator[str]":
    was, now = file.text.splitlines(), text.splitlines()
    return unified_diff(was, now, str(file.path), str(file.path), lineterm="", n=1)


def _as_json(
    turn: "Turn",
    checks: "Sequence[Check]",
    verdict: str,
    code: int,
    texts: "Mapping[str, str]",
    *,
    dry_run: bool,
) -> dict[str, Any]:
    return {
        "command": "certs advance",
        "step": turn.step,
        "to": turn.to,
        "stacks": [each.name for each in turn.stacks],
        "verdict": verdict,
        "status": code,
        "written": [] if dry_run else list(texts),
        "checks": [
            {
                "cluster": each.cluster,
                "title": each.title,
                "verdict": each.verdict.value,
                "reasons": list(each.reasons),
                "remedy": each.remedy,
            }
            for each in checks
        ],
    }
