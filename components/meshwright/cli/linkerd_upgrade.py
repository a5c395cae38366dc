"""`meshwright linkerd upgrade`: which edges lie on the way, and what they break."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meshwright.cli import options
from meshwright.cli.output import line, show, show_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from meshwright.cli.output import Line
    from meshwright.config.linkerd import LinkerdMesh
    from meshwright.linkerd.upgrade.needs import Need
    from meshwright.linkerd.upgrade.plan import Hop

app = typer.Typer(help="Upgrade Linkerd, part by part.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Upgrade Linkerd, part by part."""


@app.command("plan")
def plan(
    stack: options.Stack = "",
    *,
    stack_option: options.StackOption = "",
    start: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="EDGE",
            show_default=False,
            help="What runs: edge-25.4.4, or 2.18. Default: what the stack says.",
        ),
    ] = "",
    to: Annotated[str, typer.Option("--to", metavar="EDGE", help="Where to: edge-26.8.3, or 2.20.")],
    gateway_api_of_linkerd: Annotated[
        bool,
        typer.Option(
            "--linkerd-owns-gateway-api",
            help="The chart linkerd-crds installed the Gateway API's CRDs (annotation linkerd.io/created-by).",
        ),
    ] = False,
    without_gateway_api: Annotated[
        bool, typer.Option("--without-gateway-api", help="linkerd-crds is given installGatewayAPI: false at once.")
    ] = False,
    catalog: options.CatalogFile = None,
    as_json: options.Json = False,
) -> int:
    """Name the breaking releases between two edges, and the order of the parts. No cluster is asked.

    What runs is said by --from, or by a stack, whose versions of Kubernetes and of the Gateway API are compared with
    what each edge takes. Edge releases are not semver: what one breaks is in its notes alone. No version is skipped,
    for a control plane may lead its proxies by one.

    Exit status 0: nothing stands in the way; 1: something has to be done first; 2: a mistake in what was given.
    """
    from meshwright.catalog import load_catalog
    from meshwright.linkerd.upgrade.needs import needs_of
    from meshwright.linkerd.upgrade.plan import plan_upgrade

    options.set_facts("", catalog)
    facts = load_catalog()
    owner = "linkerd" if gateway_api_of_linkerd else ""
    values: Mapping[str, object] = {"installGatewayAPI": False} if without_gateway_api else {}
    kubernetes = gateway_api = ""
    if stack or stack_option or not start:
        mesh = _mesh(stack or stack_option)
        start, owner = start or _running(mesh), owner or (mesh.upgrade.gateway_api if mesh.upgrade else "")
        kubernetes = (mesh.cluster.kubernetes_version if mesh.cluster else "") or ""
        gateway_api = mesh.gateway_api.version or ""
        values = {"installGatewayAPI": False, **mesh.values.crds}
    hops = plan_upgrade(start, to, facts.linkerd_upgrades, owner, values)
    needs = {each.target: needs_of(each.target, facts, kubernetes, gateway_api) for each in hops}
    if as_json:
        said = [
            {**asdict(hop), "needs": [{**asdict(each), "met": each.met} for each in needs[hop.target]]} for hop in hops
        ]
        show_json({"command": "linkerd upgrade plan", "hops": said})
    else:
        show(_lines(hops, needs))
    return int(any(each.met is False for found in needs.values() for each in found))


def _mesh(stack: str) -> "LinkerdMesh":
    """The mesh of a stack of this project. Raises `ConfigError`: it can't be read, or is none of Linkerd's edges."""
    from meshwright.cli.offline import choose_stack, find_project
    from meshwright.config import LinkerdMesh, load_stack
    from meshwright.engine.project import load_project
    from meshwright.errors import Code, ConfigError, Problem

    project = load_project(find_project(Path.cwd()))
    name = choose_stack(project, stack)
    path = project.stack_file(name)
    mesh = load_stack(path).mesh
    if isinstance(mesh, LinkerdMesh) and mesh.channel == "edge":
        return mesh
    message = f"the stack {name} is none of Linkerd's channel edge, whose notes the catalog has"
    raise ConfigError(Problem(Code.USAGE, message, "name another stack, or what runs: --from", str(path)))


def _running(mesh: "LinkerdMesh") -> str:
    """What runs: what the stack is an upgrade of, or what it asks for."""
    from meshwright.linkerd.plan import release_of

    return mesh.upgrade.start if mesh.upgrade else release_of(mesh.channel, mesh.version, "mesh.version").version


def _lines(hops: "tuple[Hop, ...]", needs: "Mapping[str, tuple[Need, ...]]") -> "Iterator[Line]":
    for number, hop in enumerate(hops):
        if number:
            yield line()
        yield line((f"{hop.start} to {hop.target}", "bold"), f"   charts {hop.chart_version}; nothing was changed")
        for need in needs[hop.target]:
            yield from _need(need)
        for place, step in enumerate(hop.steps, 1):
            yield line((f"  {place}. {step.part}", "bold"), f"   {step.do}")
            for change in step.changes:
                yield line("     breaks: ", (f"{change.edge} {change.name}: ", "yellow"), change.what)
                yield line(f"       {change.do}")


def _need(need: "Need") -> "Iterator[Line]":
    said = f"{need.what} {need.minimum} to {need.maximum}"
    if need.met is False:
        yield line(("  ! needs ", "bold red"), f"{said}, and the stack has {need.found}: change that first")
    elif need.found and need.met is None:
        yield line(("  ! needs ", "yellow"), f"{said}; {need.found} is newer than what was tested")
    else:
        yield line(f"    needs {said}" + (f"; the stack has {need.found}" if need.found else ""))
