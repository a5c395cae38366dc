"""`meshwright linkerd check`: whether the mesh is healthy, on a cluster or as a program would make it."""

from meshwright.cli import checks, options


def check(
    stack: options.Stack = "",
    *,
    stack_option: options.StackOption = "",
    program: options.Program = None,
    given: options.GivenFile = None,
    context: checks.Context = "",
    kubeconfig: checks.Kubeconfig = None,
    state: checks.State = None,
    manifests: checks.Manifests = None,
    wait: checks.Wait = 0.0,
    fail_on: checks.FailOn = "error",
    as_of: options.AsOf = "",
    catalog: options.CatalogFile = None,
    timeout: options.Timeout = options.TIMEOUT_S,
    as_json: options.Json = False,
) -> int:
    """Ask whether Linkerd is healthy. Read-only.

    With --context or --kubeconfig the cluster is asked, by GET alone; a STACK named beside it is what is declared.
    Without, the program is run offline, and what only a cluster shows is skipped.

    Exit status 0: all passed, or warnings alone; 1: a check failed that is an error; 3: none did, but something can't
    be told; 2: a mistake in what was given, or a cluster that can't be read.
    """
    from meshwright.cli.offline import Request
    from meshwright.cli.sources import Sources
    from meshwright.linkerd.health import from_cluster, from_graph
    from meshwright.linkerd.health.catalogue import CHECKS, PAGE

    options.set_facts(as_of, catalog)
    mesh = checks.Mesh(
        "linkerd", CHECKS, PAGE, from_graph.snapshot_of, from_graph.declared_phases, from_cluster.snapshot_of
    )
    request = Request(stack or stack_option, program, given=given, timeout_s=timeout)
    sources = Sources(state=state, manifests=manifests)
    return checks.answer(mesh, checks.Asked(request, sources, context, kubeconfig, wait, fail_on, as_json))
