"""`meshwright evidence verify`, and what the gate puts into a record."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meshwright.cli import options
from meshwright.cli.output import line, plural, show, show_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.cli.sources import Judged
    from meshwright.gate.evidence import Input
    from meshwright.gate.result import Result

evidence = typer.Typer(help="Check the records that `gate --evidence` keeps.")


@evidence.callback()
def _group() -> None:
    """Check the records that `gate --evidence` keeps."""


@evidence.command()
def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the records.")],
    *,
    key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", show_default=False, help="PEM of the public key that signed every record."),
    ] = None,
    last: Annotated[
        str,
        typer.Option(
            metavar="SHA256", show_default=False, help="Digest of a record that must be there, as the gate printed it."
        ),
    ] = "",
    as_json: options.Json = False,
) -> int:
    """Check that a chain of records is whole. Exit status 1, and the first broken record, if it is not."""
    from meshwright.gate.keys import public_key
    from meshwright.gate.verify import verify as check

    chain = check(folder, public_key(key) if key else None, last)
    if as_json:
        about = {"command": "evidence verify", "folder": str(folder), "whole": not chain.broken, "broken": chain.broken}
        show_json({**about, "records": chain.records, "last": chain.last, "signed_by": chain.signed_by})
    elif chain.broken:
        show([line(("✗", "bold red"), f" {folder}: {chain.broken}")])
    else:
        signed = f"signed by {chain.signed_by}" if chain.signed_by else "not signed"
        trusted = "" if key or not chain.signed_by else " (say whose key that is with --key)"
        show([line(("✓", "green"), f" {folder}: {plural(chain.records, 'record')}, {signed}{trusted}")])
        show([line(f"  last: {chain.last}")])
    return int(bool(chain.broken))


def record(run: "Judged", found: "Result", folder: Path, key: Path | None, baseline: Path | None) -> str:
    """Add a record of a run of the gate; returns the line that says so."""
    from meshwright.gate.evidence import add
    from meshwright.gate.keys import private_key

    signing = private_key(key) if key else None
    kept = add(folder, _content(run, found, folder, baseline), signing)
    return f"{kept.file}: {'signed, ' if kept.signed else ''}sha256 {kept.sha256}"


def _content(run: "Judged", found: "Result", folder: Path, baseline: Path | None) -> dict[str, Any]:
    """What was judged, by what, and what came of it. It has no value of any resource."""
    from meshwright.report import as_json
    from meshwright.report.counting import counts

    findings = [as_json.finding(item) for item in found.items]
    return {
        "project": found.project,
        "stack": found.stack,
        "source": found.source,
        "as_of": found.as_of,
        "inputs": [
            {"kind": one.kind, "name": one.name, "sha256": one.sha256, "files": one.files}
            for one in _inputs(run, found, folder, baseline)
        ],
        "versions": _versions(),
        "policy": {
            "pack": found.pack,
            "version": found.pack_version,
            "rules": [{"rule": rule.rule, "level": rule.level, "verdict": rule.verdict.value} for rule in found.rules],
            "counts": counts(found.rules),
        },
        "findings": findings,
        "waivers": [
            {"rule": finding["rule"], "urn": finding["urn"], **finding["waiver"]}
            for finding in findings
            if finding["waiver"]
        ],
        "compared": found.compared,
        "result": {"failed": found.failed, "fail_on": sorted(found.fail_on)},
    }


def _inputs(run: "Judged", found: "Result", folder: Path, baseline: Path | None) -> "Iterator[Input]":
    """The digests of all that the verdicts depend on."""
    import meshwright.catalog
    import meshwright_policy
    from meshwright.cli.offline import users_pack
    from meshwright.gate.evidence import digest_of
    from meshwright.gate.files import STDIN

    kind = found.source.split(" ", maxsplit=1)[0]
    if run.input is not None and run.input != STDIN:
        yield digest_of(kind, run.input, str(run.input), folder)
    project = run.project
    if project is not None and run.input is None:
        yield digest_of("project file", project.file, project.file.name)
        yield digest_of("program", project.program, os.path.relpath(project.program, project.root), folder)
    if run.settings.path is not None:
        yield digest_of("stack file", run.settings.path, run.settings.path.name)
    pack = users_pack(project, run.request.pack)
    files = {"policy pack": pack, "policy pack config": run.request.pack_config, "given values": run.request.given}
    for what, path in files.items():
        if path is not None:
            yield digest_of(what, path, path.name)
    yield digest_of("rules", Path(meshwright_policy.__file__).parent, "meshwright_policy")
    yield digest_of("catalog", Path(meshwright.catalog.__file__).parent / "data", "catalog")
    if overlay := os.environ.get(meshwright.catalog.OVERLAY_VARIABLE):
        yield digest_of("overlay", Path(overlay), Path(overlay).name)
    if baseline is not None:
        yield digest_of("baseline", baseline, str(baseline))


def _versions() -> dict[str, str]:
    import platform

    from meshwright import __version__
    from meshwright.cli.version import package_version

    names = ("pulumi", "pulumi-kubernetes", "pulumi-policy", "pydantic", "PyYAML")
    return {"meshwright": __version__, "python": platform.python_version()} | {
        name: package_version(name) for name in names
    }
