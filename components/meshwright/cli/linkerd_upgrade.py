"""`meshwright linkerd upgrade`: which edges lie on the way, and what they break."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from meshwright.cli import options
from meshwright.cli.output import line, show, show_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.cli.output import Line
    from meshwright.linkerd.upgrade.plan import Hop

app = typer.Typer(help="Upgrade Linkerd, part by part.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Upgrade Linkerd, part by part."""


@app.command("plan")
def plan(
    start: Annotated[str, typer.Option("--from", metavar="EDGE", help="What runs: edge-25.4.4, or 2.18.")],
    to: Annotated[str, typer.Option("--to", metavar="EDGE", help="Where to: edge-26.8.3, or 2.20.")],
    *,
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
    as_json: options.Json = False,
) -> int:
    """Name the breaking releases between two edges, and the order of the parts. It reads the catalog, and nothing else.

    Edge releases are not semver: what one breaks is in its notes alone. No version is skipped, for a control plane may
    lead its proxies by one.
    """
    from meshwright.catalog import load_catalog
    from meshwright.linkerd.upgrade.plan import plan_upgrade

    owner = "linkerd" if gateway_api_of_linkerd else ""
    values = {"installGatewayAPI": False} if without_gateway_api else {}
    hops = plan_upgrade(start, to, load_catalog().linkerd_upgrades, owner, values)
    if as_json:
        show_json({"command": "linkerd upgrade plan", "hops": [asdict(each) for each in hops]})
    else:
        show(_lines(hops))
    return 0


def _lines(hops: "tuple[Hop, ...]") -> "Iterator[Line]":
    for number, hop in enumerate(hops):
        if number:
            yield line()
        yield line((f"{hop.start} to {hop.target}", "bold"), f"   charts {hop.chart_version}; nothing was changed")
        for place, step in enumerate(hop.steps, 1):
            yield line((f"  {place}. {step.part}", "bold"), f"   {step.do}")
            for change in step.changes:
                yield line("     breaks: ", (f"{change.edge} {change.name}: ", "yellow"), change.what)
                yield line(f"       {change.do}")
