"""`meshwright certs plan`: the steps of a rotation that are left."""

from typing import TYPE_CHECKING

from meshwright.cli import options
from meshwright.cli.certs_looking import Contexts, Kubeconfig, Stacks, look, stack_files
from meshwright.cli.output import line, show, show_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.certs.plan import Plan
    from meshwright.cli.output import Line


def plan(
    *,
    stack: Stacks = None,
    context: Contexts = None,
    kubeconfig: Kubeconfig = None,
    as_of: options.AsOf = "",
    as_json: options.Json = False,
) -> int:
    """Say which steps of a rotation are left: what each changes, what has to hold before, what to do, the way back.

    It reads the stack files; with --context the clusters too, by GET alone, and names what has to be restarted.
    """
    from dataclasses import asdict

    from meshwright.certs.plan import make_plan

    options.set_facts(as_of, None)
    files = stack_files(stack or [])
    contexts = context or ([""] if kubeconfig else [])
    seen = list(zip(contexts, look(contexts, kubeconfig), strict=True))
    made = make_plan([each.recorded for each in files], files[0].steps, seen)
    if as_json:
        show_json({"command": "certs plan", **_plain(asdict(made))})
    else:
        show(_lines(made))
    return 0


def _plain(value: "object") -> "dict[str, object]":
    """Days as text: JSON knows none."""
    import json

    found: dict[str, object] = json.loads(json.dumps(value, default=str))
    return found


def _lines(plan: "Plan") -> "Iterator[Line]":
    for each in plan.stacks:
        since = f" since {each.since}" if each.since else ""
        yield line((each.name, "bold"), f"  {each.step}{since}")
    for command in plan.restart_now:
        yield line("  now: ", (command, "cyan"))
    for number, step in enumerate(plan.steps, 1):
        yield line("")
        earliest = f"   from {step.earliest} on" if step.earliest else ""
        yield line((f"{number}. {step.name}", "bold"), earliest)
        yield line(f"    preview: {step.changes}")
        yield line(f"    before:  {step.gate}")
        yield from (line("    - ", (command, "cyan")) for command in step.commands)
        yield line(f"    back:    {step.back}")
    yield line("")
    yield line(f"at the end: {plan.finish}")
