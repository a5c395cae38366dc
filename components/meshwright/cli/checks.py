"""What the commands `check` of all meshes share: their options, how a mesh is seen, and how results are shown."""

import inspect
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from meshwright.cli import options
from meshwright.cli.output import line, plural, show, show_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from meshwright.cli.offline import Request
    from meshwright.cli.output import Line
    from meshwright.cli.sources import Sources
    from meshwright.engine.graph import Graph
    from meshwright.health.snapshot import Snapshot
    from meshwright.health.verdicts import Check, Result
    from meshwright.kubernetes.reading import ClusterReader

_FAILED, _UNKNOWN = 1, 3
_FAIL_ON = ("error", "warning")
_SHOWN = 10
_PAUSE_S = 5.0
_LIVE = "A cluster instead of a program"
_INPUTS = "Instead of a program"
_MARKS = {"passed": ("✓", "green"), "unknown": ("?", "cyan"), "skipped": ("·", "dim")}
_HELP = """Ask whether {what} is healthy. Read-only.

With --context or --kubeconfig the cluster is asked, by GET alone; a STACK named beside it is what is declared.
Without, the program is run offline, and what only a cluster shows is skipped.

Exit status 0: all passed, or warnings alone; 1: a check failed that is an error; 3: none did, but something can't
be told; 2: a mistake in what was given, or a cluster that can't be read.
"""
_FAILED_MARKS = {"error": ("✗", "bold red"), "warning": ("!", "yellow")}

Context: TypeAlias = Annotated[
    str,
    typer.Option(metavar="NAME", show_default=False, help="Read the cluster of this context.", rich_help_panel=_LIVE),
]
Kubeconfig: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", show_default=False, help="Read the cluster of this kubeconfig.", rich_help_panel=_LIVE
    ),
]
State: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="FILE", show_default=False, help="JSON of `pulumi stack export`.", rich_help_panel=_INPUTS),
]
Manifests: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        show_default=False,
        help="Rendered Kubernetes objects: a file, a folder, or - for standard input.",
        rich_help_panel=_INPUTS,
    ),
]
Wait: TypeAlias = Annotated[
    float,
    typer.Option(
        metavar="SECONDS", min=0, help="Ask the cluster again until all is well, so long.", rich_help_panel=_LIVE
    ),
]
FailOn: TypeAlias = Annotated[
    str, typer.Option(metavar="SEVERITY", help="What ends with status 1: error, or warning for both.")
]


@dataclass(frozen=True, slots=True)
class Mesh:
    """A mesh's checks, and how its objects are seen."""

    name: str
    """The command's: ``istio``."""
    checks: "tuple[Check, ...]"
    page: str
    """Where each check has a section."""
    of_graph: "Callable[[Graph], Snapshot]"
    declared: "Callable[[Graph], dict[str, Any]]"
    """What a stack says that a cluster is held against: each namespace's phase, above all."""
    of_cluster: "Callable[[ClusterReader, dict[str, Any]], Snapshot]"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options say."""

    request: "Request"
    sources: "Sources"
    context: str
    kubeconfig: Path | None
    wait: float
    fail_on: str
    as_json: bool


def command(what: str, mesh: "Callable[..., Mesh]") -> "Callable[..., int]":
    """The command `check` of a mesh.

    Args:
        what: How its help calls the mesh.
        mesh: Its checks, by the options that this mesh has alone, which are keywords of it; called only when the
            command runs, for they take long to import.
    """
    own = tuple(inspect.signature(mesh).parameters.values())

    def check(
        stack: options.Stack = "",
        *,
        stack_option: options.StackOption = "",
        program: options.Program = None,
        given: options.GivenFile = None,
        context: Context = "",
        kubeconfig: Kubeconfig = None,
        state: State = None,
        manifests: Manifests = None,
        wait: Wait = 0.0,
        fail_on: FailOn = "error",
        as_of: options.AsOf = "",
        catalog: options.CatalogFile = None,
        timeout: options.Timeout = options.TIMEOUT_S,
        as_json: options.Json = False,
        **given_to_mesh: Any,
    ) -> int:
        from meshwright.cli.offline import Request
        from meshwright.cli.sources import Sources

        options.set_facts(as_of, catalog)
        request = Request(stack or stack_option, program, given=given, timeout_s=timeout)
        sources = Sources(state=state, manifests=manifests)
        return answer(mesh(**given_to_mesh), Asked(request, sources, context, kubeconfig, wait, fail_on, as_json))

    check.__doc__ = _HELP.format(what=what)
    # Typer reads a command's options from its signature and its annotations.
    shared = [each for each in inspect.signature(check).parameters.values() if each.kind is not each.VAR_KEYWORD]
    check.__signature__ = inspect.Signature([*shared, *own])  # type: ignore[attr-defined]
    check.__annotations__ = {each.name: each.annotation for each in (*shared, *own)}
    return check


def answer(mesh: Mesh, asked: Asked) -> int:
    """Ask all of a mesh's checks, again while there is time to wait, and show the results; the exit status."""
    from meshwright.errors import Code, ConfigError, Problem
    from meshwright.health.verdicts import ask_all

    if asked.fail_on not in _FAIL_ON:
        message, remedy = f'--fail-on is "{asked.fail_on}"', f"one of: {', '.join(_FAIL_ON)}"
        raise ConfigError(Problem(Code.UNKNOWN_CHOICE, message, remedy))
    if asked.wait and not (asked.context or asked.kubeconfig):
        raise ConfigError(Problem(Code.USAGE, "--wait is for a cluster", "name one by --context, or leave it out"))
    what, see = _view(mesh, asked.request, asked.sources, asked.context, str(asked.kubeconfig or ""))
    deadline = time.monotonic() + asked.wait
    while (
        _status(results := ask_all(mesh.checks, snapshot := see()), asked.fail_on)
        and time.monotonic() + _PAUSE_S <= deadline
    ):
        time.sleep(_PAUSE_S)
    status = _status(results, asked.fail_on)
    if asked.as_json:
        show_json(_as_json(mesh, what, snapshot, results, status))
    else:
        show([line((what, "bold"), "   read only, nothing was changed")])
        show(_lines(results, mesh.page))
    return status


def _view(
    mesh: Mesh, request: "Request", sources: "Sources", context: str, kubeconfig: str
) -> "tuple[str, Callable[[], Snapshot]]":
    """What is asked, in words, and how to see it as it is now."""
    from meshwright.cli.offline import graph_of
    from meshwright.cli.sources import read_graph
    from meshwright.errors import Code, ConfigError, Problem

    chosen = sources.chosen()
    is_live = bool(context or kubeconfig)
    if chosen and (is_live or request.program or request.given):
        message = f"--{chosen[0]} stands instead of a program and of a cluster"
        raise ConfigError(Problem(Code.USAGE, message, "name one of them"))
    if chosen:
        kind, path = chosen
        return f"{kind} {path}", lambda: mesh.of_graph(read_graph(kind, path, None))
    if not is_live:
        graph, _ = graph_of(request)
        return f"{graph.project}/{graph.stack}, offline", lambda: mesh.of_graph(graph)
    declares = request.stack or request.program
    declared = mesh.declared(graph_of(request)[0]) if declares else {}
    return f"cluster {context or kubeconfig}", lambda: _cluster(mesh, context, kubeconfig, declared)


def _cluster(mesh: Mesh, context: str, kubeconfig: str, declared: dict[str, Any]) -> "Snapshot":
    from meshwright.cli.progress import working
    from meshwright.kubernetes.reading import open_cluster

    with working("reading the cluster"), open_cluster(context, kubeconfig) as reader:
        return mesh.of_cluster(reader, declared)


def _status(results: "Sequence[Result]", fail_on: str) -> int:
    failed = {each.check.severity.value for each in results if each.verdict == "failed"}
    if "error" in failed or fail_on in failed:
        return _FAILED
    return _UNKNOWN if any(each.verdict == "unknown" for each in results) else 0


def _lines(results: "Sequence[Result]", page: str) -> "Iterator[Line]":
    category = ""
    for each in results:
        if each.check.category != category:
            category = each.check.category
            yield line("")
            yield line((category, "bold"))
        yield from _result(each, page)
    yield line("")
    yield line(_totals(results))


def _result(result: "Result", page: str) -> "Iterator[Line]":
    check, failed = result.check, result.verdict == "failed"
    sign = _FAILED_MARKS[check.severity] if failed else _MARKS[result.verdict]
    yield line("  ", sign, f" {check.title}", (f"   {check.severity}" if failed else "", sign[1]))
    if result.reason:
        yield line((f"      skipped: {result.reason}", "dim"))
    said = [str(finding) for finding in result.findings]
    yield from (line(f"      {text}") for text in said[:_SHOWN])
    if len(said) > _SHOWN:
        yield line(f"      and {len(said) - _SHOWN} more; --json has them all")
    yield from (line("      can't be told: ", text) for text in result.doubts[:_SHOWN])
    if failed:
        yield line(f"      → {check.remedy}")
    if failed or result.doubts:
        yield line(("      hint: ", "dim"), (f"{page}#{check.id}", "dim"))


def _totals(results: "Sequence[Result]") -> str:
    """`30 checks · 1 failed · 0 unknown · 20 passed · 9 skipped`."""
    counts = _counts(results)
    parts = [f"{counts[verdict]} {verdict}" for verdict in ("failed", "unknown", "passed", "skipped")]
    return " · ".join([plural(len(results), "check"), *parts])


def _counts(results: "Sequence[Result]") -> dict[str, int]:
    from collections import Counter

    from meshwright.health.verdicts import Verdict

    found = Counter(each.verdict for each in results)
    return {verdict.value: found[verdict] for verdict in Verdict}


def _as_json(mesh: Mesh, what: str, snapshot: "Snapshot", results: "Sequence[Result]", status: int) -> dict[str, Any]:
    from meshwright.config.clock import today

    return {
        "command": f"{mesh.name} check",
        "checked": what,
        "live": snapshot.live,
        "as_of": str(today()),
        "status": status,
        "counts": _counts(results),
        "checks": [
            {
                "id": each.check.id,
                "category": each.check.category,
                "title": each.check.title,
                "severity": each.check.severity.value,
                "verdict": each.verdict.value,
                "findings": [{"object": one.subject, "message": one.message} for one in each.findings],
                "unknown": list(each.doubts),
                "reason": each.reason,
                "remedy": each.check.remedy,
                "hint": f"{mesh.page}#{each.check.id}",
            }
            for each in results
        ],
    }
