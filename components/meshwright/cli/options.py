"""The options that several commands share, and what they set for the whole run."""

import os
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from meshwright.cli import completion

Stack: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="STACK",
        show_default=False,
        help="Name of the stack. Default: PULUMI_STACK, or the only stack there is.",
        autocompletion=completion.stacks,
    ),
]
StackOption: TypeAlias = Annotated[
    str, typer.Option("--stack", "-s", metavar="NAME", help="The same as STACK.", autocompletion=completion.stacks)
]
Program: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        show_default=False,
        help="Folder of any Pulumi program in Python. Default: the project around the current folder.",
    ),
]
Pack: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--policy-pack",
        metavar="DIR",
        show_default=False,
        help="Folder of a policy pack. Default: the project's policy/, else meshwright's own pack.",
    ),
]
PackConfig: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--policy-pack-config",
        metavar="FILE",
        show_default=False,
        help="JSON or YAML: levels and options of the pack's rules, as `pulumi up` takes them.",
    ),
]
GivenFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--with", metavar="FILE", show_default=False, help="YAML: outputs of other stacks, and results of functions."
    ),
]
AsOf: TypeAlias = Annotated[
    str, typer.Option(metavar="DATE", show_default=False, help="Judge by this day, YYYY-MM-DD. Default: today in UTC.")
]
CatalogFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--catalog", metavar="FILE", show_default=False, help="YAML that corrects or extends the catalog of versions."
    ),
]
Timeout: TypeAlias = Annotated[float, typer.Option(metavar="SECONDS", min=0.1, help="End the program after this time.")]
Verbose: TypeAlias = Annotated[bool, typer.Option("--verbose", help="Show what the program prints, and tracebacks.")]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

TIMEOUT_S = 120.0


def set_facts(as_of: str, catalog: Path | None) -> None:
    """Make one day and one catalog hold for this process and all that it starts.

    Raises:
        ConfigError: the date is none, or the catalog's overlay can't be used.
    """
    from meshwright.catalog import OVERLAY_VARIABLE, load_catalog
    from meshwright.config.clock import VARIABLE, today

    if as_of:
        os.environ[VARIABLE] = as_of
    today()
    if catalog:
        os.environ[OVERLAY_VARIABLE] = str(catalog.absolute())
        load_catalog()
