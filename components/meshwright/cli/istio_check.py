"""`meshwright istio check`: whether the mesh is healthy, on a cluster or as a program would make it."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meshwright.cli import options
from meshwright.cli.output import line, plural, show, show_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from meshwright.cli.offline import Request
    from meshwright.cli.output import Line
    from meshwright.cli.sources import Sources
    from meshwright.istio.health.snapshot import Snapshot
    from meshwright.istio.health.verdicts import Result

_FAILED, _UNKNOWN = 1, 3
_FAIL_ON = ("error", "warning")
_SHOWN = 10
_PAUSE_S = 5.0
_LIVE = "A cluster instead of a program"
_INPUTS = "Instead of a program"
_MARKS = {"passed": ("✓", "green"), "unknown": ("?", "cyan"), "skipped": ("·", "dim")}
_FAILED_MARKS = {"error": ("✗", "bold red"), "warning": ("!", "yellow")}


def check(
    stack: options.Stack = "",
    *,
    stack_option: options.StackOption = "",
    program: options.Program = None,
    given: options.GivenFile = None,
    context: Annotated[
        str,
        typer.Option(
            metavar="NAME", show_default=False, help="Read the cluster of this context.", rich_help_panel=_LIVE
        ),
    ] = "",
    kubeconfig: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", show_default=False, help="Read the cluster of this kubeconfig.", rich_help_panel=_LIVE
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
            help="Rendered Kubernetes objects: a file, a folder, or - for standard input.",
            rich_help_panel=_INPUTS,
        ),
    ] = None,
    wait: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", min=0, help="Ask the cluster again until all is well, so long.", rich_help_panel=_LIVE
        ),
    ] = 0.0,
    fail_on: Annotated[
        str, typer.Option(metavar="SEVERITY", help="What ends with status 1: error, or warning for both.")
    ] = "error",
    as_of: options.AsOf = "",
    catalog: options.CatalogFile = None,
    timeout: options.Timeout = options.TIMEOUT_S,
    as_json: options.Json = False,
) -> int:
    """Ask whether Istio ambient is healthy. Read-only.

    With --context or --kubeconfig the cluster is asked, by GET alone; a STACK named beside it is what is declared.
    Without, the program is run offline, and what only a cluster shows is skipped.

    Exit status 0: all passed, or warnings alone; 1: a check failed that is an error; 3: none did, but something can't
    be told; 2: a mistake in what was given, or a cluster that can't be read.
    """
    from meshwright.cli.offline import Request
    from meshwright.cli.sources import Sources
    from meshwright.errors import Code, ConfigError, Problem
    from meshwright.istio.health.catalogue import ask_all

    if fail_on not in _FAIL_ON:
        message, remedy = f'--fail-on is "{fail_on}"', f"one of: {', '.join(_FAIL_ON)}"
        raise ConfigError(Problem(Code.UNKNOWN_CHOICE, message, remedy))
    if wait and not (context or kubeconfig):
        raise ConfigError(Problem(Code.USAGE, "--wait is for a cluster", "name one by --context, or leave it out"))
    options.set_facts(as_of, catalog)
    request = Request(stack or stack_option, program, given=given, timeout_s=timeout)
    what, see = _view(request, Sources(state=state, manifests=manifests), context, str(kubeconfig or ""))
    deadline = time.monotonic() + wait
    while _status(results := ask_all(snapshot := see()), fail_on) and time.monotonic() + _PAUSE_S <= deadline:
        time.sleep(_PAUSE_S)
    status = _status(results, fail_on)
    if as_json:
        show_json(_as_json(what, snapshot, results, status))
    else:
        show([line((what, "bold"), "   read only, nothing was changed")])
        show(_lines(results))
    return status


def _view(
    request: "Request", sources: "Sources", context: str, kubeconfig: str
) -> "tuple[str, Callable[[], Snapshot]]":
    """What is asked, in words, and how to see it as it is now."""
    from meshwright.cli.offline import graph_of
    from meshwright.cli.sources import read_graph
    from meshwright.errors import Code, ConfigError, Problem
    from meshwright.istio.health import from_graph

    chosen = sources.chosen()
    is_live = bool(context or kubeconfig)
    if chosen and (is_live or request.program or request.given):
        message = f"--{chosen[0]} stands instead of a program and of a cluster"
        raise ConfigError(Problem(Code.USAGE, message, "name one of them"))
    if chosen:
        kind, path = chosen
        return f"{kind} {path}", lambda: from_graph.snapshot_of(read_graph(kind, path, None))
    if not is_live:
        graph, _ = graph_of(request)
        return f"{graph.project}/{graph.stack}, offline", lambda: from_graph.snapshot_of(graph)
    declares = request.stack or request.program
    phases = from_graph.declared_phases(graph_of(request)[0]) if declares else {}
    return f"cluster {context or kubeconfig}", lambda: _cluster(context, kubeconfig, phases)


def _cluster(context: str, kubeconfig: str, phases: dict[str, str]) -> "Snapshot":
    from meshwright.cli.progress import working
    from meshwright.istio.health import from_cluster
    from meshwright.kubernetes.reading import open_cluster

    with working("reading the cluster"), open_cluster(context, kubeconfig) as reader:
        return from_cluster.snapshot_of(reader, phases)


def _status(results: "Sequence[Result]", fail_on: str) -> int:
    failed = {each.check.severity.value for each in results if each.verdict == "failed"}
    if "error" in failed or fail_on in failed:
        return _FAILED
    return _UNKNOWN if any(each.verdict == "unknown" for each in results) else 0


def _lines(results: "Sequence[Result]") -> "Iterator[Line]":
    category = ""
    for each in results:
        if each.check.category != category:
            category = each.check.category
            yield line("")
            yield line((category, "bold"))
        yield from _result(each)
    yield line("")
    yield line(_totals(results))


def _result(result: "Result") -> "Iterator[Line]":
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
        yield line(("      hint: ", "dim"), (check.hint, "dim"))


def _totals(results: "Sequence[Result]") -> str:
    """`30 checks · 1 failed · 0 unknown · 20 passed · 9 skipped`."""
    counts = _counts(results)
    parts = [f"{counts[verdict]} {verdict}" for verdict in ("failed", "unknown", "passed", "skipped")]
    return " · ".join([plural(len(results), "check"), *parts])


def _counts(results: "Sequence[Result]") -> dict[str, int]:
    from collections import Counter

    from meshwright.istio.health.verdicts import Verdict

    found = Counter(each.verdict for each in results)
    return {verdict.value: found[verdict] for verdict in Verdict}


def _as_json(what: str, snapshot: "Snapshot", results: "Sequence[Result]", status: int) -> dict[str, Any]:
    from meshwright.config.clock import today

    return {
        "command": "istio check",
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
                "hint": each.check.hint,
            }
            for each in results
        ],
    }
