"""`meshwright gate`: what policy says of a program, in full; for CI."""

import sys

from meshwright.cli import options
from meshwright.cli.output import emit, line, show, show_json


def gate(
    stack: options.Stack = "",
    *,
    stack_option: options.StackOption = "",
    program: options.Program = None,
    policy_pack: options.Pack = None,
    given: options.GivenFile = None,
    as_of: options.AsOf = "",
    catalog: options.CatalogFile = None,
    timeout: options.Timeout = options.TIMEOUT_S,
    verbose: options.Verbose = False,
    as_json: options.Json = False,
) -> int:
    """Judge a program by policy. Exit status 1 if a mandatory rule is violated."""
    from meshwright.cli import findings
    from meshwright.cli.offline import Request, offline
    from meshwright.cli.preview import overlays_used

    options.set_facts(as_of, catalog)
    run = offline(Request(stack or stack_option, program, policy_pack, given, timeout))
    if verbose:
        emit(run.graph.output, sys.stderr)
    if as_json:
        about = {"command": "gate", "project": run.graph.project, "stack": run.settings.name}
        show_json({**about, **findings.as_json(run)})
    else:
        show(overlays_used())
        show(findings.full(run))
        show([line(findings.totals(run.report))])
    return int(run.report.blocks)
