"""`meshwright certs status`: what is trusted where, how long it lasts, and which step comes next."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meshwright.cli import certs_consul, options
from meshwright.cli.certs_looking import Contexts, Kubeconfig, look, moment
from meshwright.cli.output import line, plural, show, show_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from meshwright.certs.horizon import Shown, Trouble
    from meshwright.certs.observed import Observed
    from meshwright.cli.output import Line

_WRONG, _UNKNOWN = 1, 3
_MARKS = {"passed": ("✓", "green"), "failed": ("✗", "bold red"), "unknown": ("?", "cyan")}


def status(
    stack: options.Stack = "",
    *,
    stack_option: options.StackOption = "",
    program: options.Program = None,
    given: options.GivenFile = None,
    pem: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", show_default=False, help="Look at certificates in PEM instead; repeatable."),
    ] = None,
    context: Contexts = None,
    kubeconfig: Kubeconfig = None,
    consul: certs_consul.Addresses = None,
    as_of: options.AsOf = "",
    timeout: options.Timeout = options.TIMEOUT_S,
    as_json: options.Json = False,
) -> int:
    """Show what is trusted where, how long it lasts, and which step comes next. Read-only.

    With --context clusters are asked, by GET alone, and of Secrets nothing but certificates is kept; with --consul
    Consul, and with a stack too it says where the live CA is another than the stack's; with --pem files; else the
    program is run offline.

    Exit status 0: all is well; 1: something is wrong, or ends within its horizon; 3: something can't be told; 2: a
    mistake in what was given, or a cluster that can't be read.
    """
    from meshwright.certs.horizon import shown, troubles

    options.set_facts(as_of, None)
    named = stack or stack_option
    if consul:
        return _of_consul(consul, named, as_json=as_json)
    seen = _seen(named, program, given, pem or [], context or [], kubeconfig, timeout)
    now = moment()
    listed = [each for one in seen for each in shown(one, now)]
    wrong = sorted((each for one in seen for each in troubles(one, now)), key=lambda each: each.verdict == "unknown")
    verdicts = {each.verdict.value for each in wrong}
    is_empty = not listed and not any(each.managed for each in seen)
    code = _WRONG if "failed" in verdicts else _UNKNOWN if verdicts or is_empty else 0
    rotation = _rotation(named) if named else {}
    if as_json:
        show_json(_as_json(listed, wrong, rotation, code))
    else:
        show(_lines(seen, listed, wrong, rotation))
    return code


def _of_consul(addresses: "Sequence[str]", stack: str, *, as_json: bool) -> int:
    from meshwright.certs.observed import Observed
    from meshwright.cli.certs_looking import stack_files

    (file,) = stack_files([stack]) if stack else (None,)
    now = moment()
    seen = certs_consul.look_at_datacenters([file], addresses) if file else certs_consul.ask(addresses)
    listed = [each for one in seen for each in certs_consul.shown(one, now)]
    wrong = sorted(
        (each for one in seen for each in certs_consul.troubles(one, file, now)),
        key=lambda each: each.verdict == "unknown",
    )
    verdicts = {each.verdict.value for each in wrong}
    code = _WRONG if "failed" in verdicts else _UNKNOWN if verdicts else 0
    rotation = _rotation(stack) if stack else {}
    if as_json:
        show_json(_as_json(listed, wrong, rotation, code))
    else:
        show(_lines([Observed(each.name) for each in seen], listed, wrong, rotation))
    return code


def _seen(
    stack: str,
    program: Path | None,
    given: Path | None,
    pem: "Sequence[Path]",
    contexts: "Sequence[str]",
    kubeconfig: Path | None,
    timeout_s: float,
) -> "tuple[Observed, ...]":
    from meshwright.certs.from_files import observe_files
    from meshwright.certs.from_graph import observe_graph
    from meshwright.cli.offline import Request, graph_of
    from meshwright.errors import Code, ConfigError, Problem

    is_live = bool(contexts or kubeconfig)
    if pem and (is_live or stack or program):
        message = "--pem stands instead of a stack and of a cluster"
        raise ConfigError(Problem(Code.CERTIFICATES_INPUT, message, "name one of them"))
    if pem:
        return (observe_files(pem),)
    if is_live:
        return look(contexts or [""], kubeconfig)
    return (observe_graph(graph_of(Request(stack, program, given=given, timeout_s=timeout_s))[0]),)


def _rotation(stack: str) -> dict[str, Any]:
    """Where the stack's rotation stands; empty for a mesh that has none."""
    from meshwright.cli.certs_looking import stack_files
    from meshwright.errors import Code, ConfigError

    try:
        (file,) = stack_files([stack])
    except ConfigError as error:
        if error.problems[0].code is Code.NO_ROTATION:
            return {}
        raise
    recorded = file.recorded
    since = str(recorded.since) if recorded.since else None
    return {"step": recorded.step, "since": since, "next": file.steps.next(recorded.step)}


def _lines(
    seen: "Sequence[Observed]", listed: "Sequence[Shown]", wrong: "Sequence[Trouble]", rotation: dict[str, Any]
) -> "Iterator[Line]":
    from meshwright.certs.horizon import days
    from meshwright.certs.pem import called

    for one in seen:
        yield line((one.name, "bold"), "   read only, nothing was changed")
        for each in listed:
            if each.cluster == one.name:
                what = f" {each.role:8} {called(each.certificate)}  {days(each.left)} left, {days(each.horizon)} needed"
                yield line("  ", _MARKS[each.verdict.value], what, (f"  {each.place}", "dim"))
        yield from (line("  · renewed  ", text) for text in _renewed(one))
        if not one.managed and not any(each.cluster == one.name for each in listed):
            yield line(
                "  ",
                _MARKS["unknown"],
                " it shows no certificates; a cluster does, by --context, and Consul, by --consul",
            )
        if one.proxies:
            who = (
                plural(len(one.proxies), "pod") + " with a proxy",
                plural(len(one.controllers), "identity controller"),
            )
            yield line(f"  {', '.join(who)}")
    for trouble in wrong:
        yield line("")
        yield line(_MARKS[trouble.verdict.value], f" {trouble.cluster}: {trouble.message}")
        yield line(f"    → {trouble.remedy}")
    if rotation:
        yield line("")
        since = f" since {rotation['since']}" if rotation["since"] else ""
        yield line(f"rotation: {rotation['step']}{since}; next: {rotation['next'] or 'nothing, it is complete'}")


def _renewed(seen: "Observed") -> "Iterator[str]":
    """What cert-manager renews: ``linkerd/linkerd-identity-issuer  lives 48 hours, 25 hours before its end``."""
    from meshwright.certs.horizon import days

    for each in seen.managed:
        if each.duration and each.renew_before:
            yield f"{each.name}  lives {days(each.duration)}, renewed {days(each.renew_before)} before its end"


def _as_json(
    listed: "Sequence[Shown]", wrong: "Sequence[Trouble]", rotation: dict[str, Any], code: int
) -> dict[str, Any]:
    from meshwright.certs.pem import fingerprint

    return {
        "command": "certs status",
        "status": code,
        "rotation": rotation or None,
        "certificates": [
            {
                "cluster": each.cluster,
                "role": each.role,
                "place": each.place,
                "subject": each.certificate.subject.rfc4514_string(),
                "sha256": fingerprint(each.certificate),
                "ends": each.certificate.not_valid_after_utc.isoformat(),
                "seconds_left": int(each.left.total_seconds()),
                "seconds_needed": int(each.horizon.total_seconds()),
                "verdict": each.verdict.value,
            }
            for each in listed
        ],
        "troubles": [
            {
                "cluster": each.cluster,
                "verdict": each.verdict.value,
                "message": each.message,
                "remedy": each.remedy,
            }
            for each in wrong
        ],
    }
