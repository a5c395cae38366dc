"""`meshwright consul uninstall`: what keeps a destroy from ending, and what it leaves."""

from typing import TYPE_CHECKING

from meshwright.cli import options
from meshwright.cli.checks import Context, Kubeconfig
from meshwright.cli.output import line, plural, show, show_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.cli.output import Line
    from meshwright.consul.uninstall import Leftovers

_IN_THE_WAY, _UNKNOWN = 1, 3


def uninstall(*, context: Context = "", kubeconfig: Kubeconfig = None, as_json: options.Json = False) -> int:
    """Show what would keep `pulumi destroy` from ending, and what it leaves. Read-only: a cluster, by GET alone.

    Consul's injector holds on to config entries, gateways and registrations by finalizers. A stack's own are deleted
    before the injector is; those of others have to go first, by the commands that are shown, in their order.

    Exit status 0: nothing is in the way; 1: something is; 3: nothing was found, but not all could be read; 2: a mistake
    in what was given, or a cluster that can't be read.
    """
    from meshwright.consul.uninstall import leftovers
    from meshwright.errors import Code, ConfigError, Problem
    from meshwright.kubernetes.reading import open_cluster

    if not (context or kubeconfig):
        raise ConfigError(Problem(Code.USAGE, "no cluster is named", "add --context or --kubeconfig"))
    with open_cluster(context or None, str(kubeconfig) if kubeconfig else None) as reader:
        found = leftovers(reader)
    if as_json:
        show_json(
            {
                "command": "consul uninstall",
                "held": [
                    {"resource": each.resource, "namespace": each.namespace, "name": each.name} for each in found.held
                ],
                "injectors": found.injectors,
                "claims": list(found.claims),
                "gaps": list(found.gaps),
            }
        )
    else:
        show(_lines(found))
    if found.held:
        return _IN_THE_WAY
    return _UNKNOWN if found.gaps else 0


def _lines(found: "Leftovers") -> "Iterator[Line]":
    if found.held:
        count = plural(len(found.held), "object")
        yield line(("✗", "bold red"), f" before `pulumi destroy`: {count} that only Consul's injector lets go")
        for each in found.held:
            yield line(f"  {each.command}")
        if not found.injectors:
            yield line(
                ("✗", "bold red"), " no injector is ready, and nobody takes their finalizers off: bring it back first"
            )
    elif not found.gaps:
        yield line(("✓", "green"), " nothing is in the way of `pulumi destroy`")
    for gap in found.gaps:
        yield line(("?", "cyan"), f" can't be told: {gap}")
    if found.claims:
        yield line(("·", "dim"), f" {plural(len(found.claims), 'volume')} of servers: {', '.join(found.claims)}")
        yield line(("  ", ""), ("volumes.when_destroyed says what becomes of them", "dim"))
