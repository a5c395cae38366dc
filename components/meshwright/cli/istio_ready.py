"""`meshwright istio ready`: whether a permissive namespace may go strict, by what Prometheus has seen."""

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meshwright.cli import options
from meshwright.cli.output import line, plural, show, show_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.cli.output import Line
    from meshwright.istio.readiness.strict import Readiness

_STATUS = {"ready": 0, "not ready": 1, "inconclusive": 3}
_STYLES = {"ready": ("✓", "green"), "not ready": ("✗", "bold red"), "inconclusive": ("?", "cyan")}
_HOURS = {"h": 1, "d": 24, "w": 168}
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_WORKLOAD = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")
_SHOWN = 20


def ready(
    namespace: Annotated[str, typer.Argument(metavar="NAMESPACE", help="The namespace that is to go strict.")],
    *,
    prometheus: Annotated[str, typer.Option(metavar="URL", help="The Prometheus that scrapes ztunnel.")],
    window: Annotated[str, typer.Option(metavar="TIME", help="How long to look back: 168h, 7d, 2w.")] = "7d",
    workload: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", show_default=False, help="A workload that must have been called; repeatable."),
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", show_default=False, help="Holds the bearer token for Prometheus.")
    ] = None,
    as_json: options.Json = False,
) -> int:
    """Ask whether a permissive namespace may go strict: traffic was seen, and none of it in plaintext. Read-only.

    Exit status 0: ready; 1: not ready, and who stands in the way; 3: inconclusive, since no traffic and missing metrics
    prove nothing; 2: a mistake in what was given, or a Prometheus that can't be asked.
    """
    from meshwright.cli.progress import working
    from meshwright.istio.readiness.prometheus import Prometheus
    from meshwright.istio.readiness.strict import judge

    hours, workloads = _hours(window), workload or []
    _check_names(namespace, workloads)
    server = Prometheus(prometheus, _token(token_file))
    now = time.time()
    with working("asking Prometheus"):
        found = judge(lambda promql: server.query(promql, now), namespace, hours, workloads)
    if as_json:
        show_json(
            {
                "command": "istio ready",
                "namespace": namespace,
                "window_hours": hours,
                "verdict": found.verdict.value,
                "connections": round(found.connections),
                "workloads": list(found.workloads),
                "findings": [
                    {"verdict": each.verdict.value, "what": each.what, "remedy": each.remedy} for each in found.findings
                ],
            }
        )
    else:
        show(_lines(found))
    return _STATUS[found.verdict.value]


def _lines(found: "Readiness") -> "Iterator[Line]":
    mark, style = _STYLES[found.verdict.value]
    seen = f"{found.connections:,.0f} connections to {plural(len(found.workloads), 'workload')} in {found.hours} hours"
    yield line((f"{mark} {found.namespace}: {found.verdict.value} for strict mutual TLS", style), f"   {seen}")
    for each in found.findings[:_SHOWN]:
        mark, style = _STYLES[each.verdict.value]
        yield line("  ", (mark, style), f" {each.what}")
        yield line(f"    → {each.remedy}")
    if (left := len(found.findings) - _SHOWN) > 0:
        yield line(f"  … and {left:,} more; --json has all of them")


def _hours(window: str) -> int:
    from meshwright.errors import Code, ConfigError, Problem

    match = re.fullmatch(r"([1-9]\d{0,3})([hdw])", window)
    if match is None:
        message = f'--window is "{window[:30]}", which is no time'
        raise ConfigError(Problem(Code.USAGE, message, "write hours, days or weeks: 168h, 7d, 2w"))
    return int(match[1]) * _HOURS[match[2]]


def _check_names(namespace: str, workloads: list[str]) -> None:
    """Names go into queries: what Kubernetes would not take is refused."""
    from meshwright.errors import Code, ConfigError, Problem

    for what, name, pattern in (
        ("the namespace", namespace, _NAME),
        *(("the workload", each, _WORKLOAD) for each in workloads),
    ):
        if not pattern.fullmatch(name):
            message = f'{what} is "{name[:60]}", which is no name that Kubernetes takes'
            raise ConfigError(Problem(Code.USAGE, message, "write it as `kubectl get` shows it"))


def _token(file: Path | None) -> str:
    from meshwright.errors import Code, ConfigError, Problem

    if file is None:
        return ""
    try:
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        message = "--token-file can't be read"
        raise ConfigError(
            Problem(Code.INPUT_UNREADABLE, message, "name a file that holds the token", str(file))
        ) from None
