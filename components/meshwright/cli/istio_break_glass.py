"""`meshwright istio break-glass`: what to do when the mesh fails; previewed, and journaled once it is done."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from meshwright.cli.break_glass import Asked, resume, scenario, undo

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshwright.breakglass.plan import Plan
    from meshwright.istio.breakglass.looking import Look

app = typer.Typer(help="What to do when the mesh fails: previewed, then run with --apply, and journaled.")

Namespace: TypeAlias = Annotated[str, typer.Option(metavar="NAME", help="The namespace.")]


@app.callback()
def _group() -> None:
    """What to do when the mesh fails. Each scenario prints its plan and changes nothing, unless --apply is given.

    Exit status 0: the plan was printed, or done; 2: it can't be made, or a command failed; 130: not confirmed.
    """


@scenario(app, "strict-strands-caller")
def strict_strands_caller(
    asked: Asked,
    *,
    namespace: Namespace,
    workload: Annotated[
        str, typer.Option(metavar="KEY=VALUE", show_default=False, help="Label of one workload. Default: all.")
    ] = "",
) -> int:
    """A strict namespace refuses a caller outside of the mesh: let it take plaintext again."""
    from meshwright.istio.breakglass import mtls

    return _answer(asked, lambda look: mtls.plan(look, namespace, workload))


@scenario(app, "waypoint-down")
def waypoint_down(
    asked: Asked,
    *,
    namespace: Namespace,
    waypoint: Annotated[str, typer.Option(metavar="NAME", help="Its Gateway.")] = "waypoint",
    bypass: Annotated[
        bool, typer.Option("--bypass", help="Send traffic past it, without its L7 policies. Default: restart it.")
    ] = False,
) -> int:
    """A waypoint is down: restart it, or send traffic past it."""
    from meshwright.istio.breakglass import waypoint as scenario

    return _answer(asked, lambda look: scenario.plan(look, namespace, waypoint, bypass=bypass))


@scenario(app, "root-expired")
def root_expired(
    asked: Asked,
    *,
    ca_files: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", show_default=False, help="New files for the Secret cacerts, where the CA is one of yours."
        ),
    ] = None,
) -> int:
    """The mesh's root has expired: give it a new one, and every proxy a new certificate."""
    from meshwright.istio.breakglass import root

    return _answer(asked, lambda look: root.plan(look, ca_files))


@scenario(app, "istiod-lost")
def istiod_lost(
    asked: Asked,
    *,
    relax_webhooks: Annotated[
        bool, typer.Option("--relax-webhooks", help="Let Istio's configuration be written while istiod is away.")
    ] = False,
) -> int:
    """Istiod is lost: bring it back."""
    from meshwright.istio.breakglass import istiod

    return _answer(asked, lambda look: istiod.plan(look, relax_webhooks=relax_webhooks))


@scenario(app, "half-done-upgrade")
def half_done_upgrade(
    asked: Asked,
    *,
    part: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PART",
            show_default=False,
            help="ztunnel, istio-cni or istiod; repeatable. Default: what is newer than the oldest.",
        ),
    ] = None,
) -> int:
    """An upgrade stopped half-way: go back to what ran before, the data plane first."""
    from meshwright.istio.breakglass import upgrade

    return _answer(asked, lambda look: upgrade.plan(look, part or ()))


app.command("resume")(resume)
app.command("undo")(undo)


def _answer(asked: Asked, plan: "Callable[[Look], Plan]") -> int:
    from meshwright.istio.breakglass.looking import Look

    return asked.answer(lambda reader: plan(Look(reader)))
