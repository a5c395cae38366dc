"""`meshwright linkerd translate`: SMI's TrafficSplits as HTTPRoutes, in a new file. It changes nothing."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meshwright.cli import options
from meshwright.cli.output import line, show, show_json

if TYPE_CHECKING:
    from meshwright.istio.migration.objects import Body


def translate(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Manifests: a folder or a file.")],
    *,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", show_default=False, help="A new file for the HTTPRoutes.")
    ] = None,
    as_json: options.Json = False,
) -> int:
    """Say what becomes of every TrafficSplit, and write HTTPRoutes. The manifests and the cluster are left alone.

    Exit status 0: all are translated; 1: something needs a decision, or is unsupported; 2: a mistake in what was given.
    """
    from meshwright.istio.migration.read import read_folder
    from meshwright.istio.migration.report import Verdict
    from meshwright.linkerd.smi.translate import translate as translated

    findings = translated(read_folder(folder))
    routes = [each.route for each in findings if each.route]
    if to is not None and routes:
        _write(routes, to)
    if as_json:
        said = [{"place": e.place, "object": e.name, "verdict": e.verdict.value, "reason": e.reason} for e in findings]
        show_json({"command": "linkerd translate", "findings": said, "routes": routes})
    else:
        show(line(f"{each.place}: {each.name}: {each.verdict.value}: {each.reason}") for each in findings)
    return 0 if all(each.verdict is Verdict.TRANSLATED for each in findings) else 1


def _write(routes: "list[Body]", path: Path) -> None:
    """Raises `OutputError`: MW-E212 something is there, MW-E091 it can't be written."""
    from meshwright.engine.render.yaml_text import document
    from meshwright.errors import Code, OutputError, Problem

    try:
        with path.open("xb") as file:
            file.write(b"---\n".join(document(each) for each in routes))
    except FileExistsError:
        problem = Problem(Code.TRANSLATION_EXISTS, "is there already", "name a new file with --to", str(path))
        raise OutputError(problem) from None
    except OSError as error:
        problem = Problem(Code.OUTPUT_NOT_WRITABLE, f"can't be written: {error.strerror}", "name another", str(path))
        raise OutputError(problem) from None
