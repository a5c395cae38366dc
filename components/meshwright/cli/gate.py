"""`meshwright gate`: what policy says of a program, in full; for CI."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meshwright.cli import options
from meshwright.cli.output import emit, line, plural, show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meshwright.cli.offline import Request
    from meshwright.cli.sources import Judged
    from meshwright.gate.outputs import Target
    from meshwright.gate.result import Result

_INPUTS = "Instead of a program"
_COMPARED = "What counts"


def gate(
    stack: options.Stack = "",
    *,
    stack_option: options.StackOption = "",
    program: options.Program = None,
    policy_pack: options.Pack = None,
    policy_pack_config: options.PackConfig = None,
    given: options.GivenFile = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            "-f",
            metavar="FORMAT[=FILE]",
            show_default=False,
            help="text (default), json, sarif, junit, github or markdown, on standard output or in a file; repeatable.",
        ),
    ] = None,
    fail_on: Annotated[
        str,
        typer.Option(
            metavar="WORDS",
            help="What ends with status 1: mandatory, advisory, undecided, waived, with commas; or none.",
            rich_help_panel=_COMPARED,
        ),
    ] = "mandatory",
    baseline: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", show_default=False, help="Known findings: they don't fail.", rich_help_panel=_COMPARED
        ),
    ] = None,
    write_baseline: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", show_default=False, help="Write what is found as a baseline.", rich_help_panel=_COMPARED
        ),
    ] = None,
    changed_since: Annotated[
        str,
        typer.Option(
            metavar="REVISION",
            show_default=False,
            help="Only findings that are new since the program parted from this branch or commit.",
            rich_help_panel=_COMPARED,
        ),
    ] = "",
    events: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            show_default=False,
            help="Streamed events of `pulumi preview --json`; - for standard input.",
            rich_help_panel=_INPUTS,
        ),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", show_default=False, help="JSON of `pulumi stack export`.", rich_help_panel=_INPUTS
        ),
    ] = None,
    manifests: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            show_default=False,
            help="Rendered Kubernetes objects: a file, a folder, or - for `helm template | meshwright gate`.",
            rich_help_panel=_INPUTS,
        ),
    ] = None,
    evidence: Annotated[
        Path | None,
        typer.Option(metavar="DIR", show_default=False, help="Add a record of this run to the chain of records there."),
    ] = None,
    evidence_key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", show_default=False, help="PEM of an Ed25519 private key that signs the record."),
    ] = None,
    as_of: options.AsOf = "",
    catalog: options.CatalogFile = None,
    timeout: options.Timeout = options.TIMEOUT_S,
    verbose: options.Verbose = False,
    as_json: options.Json = False,
) -> int:
    """Judge a program by policy. Exit status 1 if a mandatory rule is violated, or what --fail-on names is found."""
    from meshwright.cli.offline import Request
    from meshwright.cli.sources import Sources, judge
    from meshwright.gate.outputs import parse_targets
    from meshwright.gate.result import decided, parse_fail_on

    targets = parse_targets([*(formats or ()), *(["json"] if as_json else ())])
    words = parse_fail_on(fail_on)
    options.set_facts(as_of, catalog)
    request = Request(stack or stack_option, program, policy_pack, given, timeout, policy_pack_config)
    run = judge(request, Sources(events, state, manifests))
    if verbose:
        emit(run.graph.output, sys.stderr)
    found = _known(run, request, baseline, changed_since)
    if write_baseline:
        found = _write_baseline(write_baseline, found)
    found = decided(found, words)
    if evidence or evidence_key:
        _keep(run, found, evidence, evidence_key, baseline)
    _report(found, targets)
    return int(found.failed)


def _known(run: "Judged", request: "Request", baseline: Path | None, changed_since: str) -> "Result":
    """What was found, with all marked that the baseline or the base has."""
    from dataclasses import replace

    from meshwright.catalog import load_catalog

    found = replace(run.result, overlays=tuple(load_catalog().overlays))
    if baseline:
        from meshwright.gate.baseline import apply, read_baseline

        found = apply(found, read_baseline(baseline), baseline)
    return _compared(found, run, request, changed_since) if changed_since else found


def _compared(found: "Result", run: "Judged", request: "Request", revision: str) -> "Result":
    from dataclasses import replace

    from meshwright.cli.findings import judged
    from meshwright.cli.offline import offline, pack_folder
    from meshwright.errors import Code, ConfigError, Problem
    from meshwright.gate.changes import compare

    project = run.project
    if project is None or run.input is not None:
        remedy = "judge the program itself, or use a baseline"
        raise ConfigError(Problem(Code.USAGE, "--changed-since compares programs, and none was run", remedy))

    def judge_base(folder: Path) -> "Result | None":
        file = run.settings.path
        there = file and folder / os.path.relpath(file, project.root)
        if not (folder / project.file.name).is_file() or (there and not there.is_file()):
            return None
        with pack_folder(project, request.pack) as pack:
            base = replace(request, stack=run.settings.name, program=folder, pack=pack.absolute())
            return judged(offline(replace(base, python=project.python)))

    return compare(found, project.root, revision, judge_base)


def _write_baseline(path: Path, found: "Result") -> "Result":
    """Write all that was found, and take it as known from now on."""
    from meshwright.cli.files import write_file
    from meshwright.gate.baseline import apply, baseline_text, read_baseline

    write_file(path, baseline_text(found))
    number = sum(not item.waived for item in found.items)
    emit(f"{path}: {plural(number, 'finding')} of {found.project}/{found.stack}\n", sys.stderr)
    return apply(found, read_baseline(path), path)


def _keep(run: "Judged", found: "Result", folder: Path | None, key: Path | None, baseline: Path | None) -> None:
    from meshwright.cli.evidence import record
    from meshwright.errors import Code, ConfigError, Problem

    if folder is None:
        raise ConfigError(Problem(Code.USAGE, "--evidence-key signs a record, and none is kept", "add --evidence DIR"))
    emit(f"{record(run, found, folder, key, baseline)}\n", sys.stderr)


def _report(found: "Result", targets: "Sequence[Target]") -> None:
    """Write each report: files first, so that a reader of standard output finds them there."""
    from meshwright.cli.files import write_file
    from meshwright.cli.preview import overlays_used
    from meshwright.report import text, written
    from meshwright.report.counting import remarks, totals

    for target in targets:
        if target.file is not None:
            write_file(target.file, written(found, target.format))
    (to_stdout,) = (target.format for target in targets if target.file is None)
    if to_stdout != "text":
        emit(written(found, to_stdout))
        return
    show(overlays_used())
    show(text.lines(found))
    show([line(said) for said in (*remarks(found), totals(found.rules))])
