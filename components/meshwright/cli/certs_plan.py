"""`meshwright certs plan`: the steps of a rotation that are left."""

from typing import TYPE_CHECKING

from meshwright.cli import certs_consul, options
from meshwright.cli.certs_looking import Contexts, Kubeconfig, Stacks, look, moment, stack_files
from meshwright.cli.output import line, show, show_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from meshwright.certs.plan import Plan
    from meshwright.certs.stack_file import StackFile
    from meshwright.cli.output import Line


def plan(
    *,
    stack: Stacks = None,
    context: Contexts = None,
    kubeconfig: Kubeconfig = None,
    consul: certs_consul.Addresses = None,
    as_of: options.AsOf = "",
    as_json: options.Json = False,
) -> int:
    """Say which steps of a rotation are left: what each changes, what has to hold before, what to do, the way back.

    It reads the stack files; with --context the clusters too, by GET alone, and names what has to be restarted. With
    --consul it says where Consul's live CA is another than the stack's.
    """
    from dataclasses import asdict

    from meshwright.certs.plan import make_plan

    options.set_facts(as_of, None)
    files = stack_files(stack or [])
    if certs_consul.is_consul(files):
        return _of_consul(files, consul or [], as_json=as_json)
    contexts = context or ([""] if kubeconfig else [])
    seen = list(zip(contexts, look(contexts, kubeconfig), strict=True))
    made = make_plan([each.recorded for each in files], files[0].steps, seen)
    if as_json:
        show_json({"command": "certs plan", **_plain(asdict(made))})
    else:
        show(_lines(made))
    return 0


def _of_consul(files: "Sequence[StackFile]", addresses: "Sequence[str]", *, as_json: bool) -> int:
    from dataclasses import asdict

    made = certs_consul.plan(files)
    seen = certs_consul.look_at_datacenters(files, addresses) if addresses else ()
    known = zip(files, seen, strict=True) if seen else ()
    wrong = [each for file, one in known for each in certs_consul.troubles(one, file, moment())]
    if as_json:
        show_json({"command": "certs plan", **_plain(asdict(made)), "live": [each.message for each in wrong]})
        return 0
    show(_lines(made))
    for each in wrong:
        show([line(f"live, {each.cluster}: {each.message}"), line("    → ", (each.remedy, "cyan"))])
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
