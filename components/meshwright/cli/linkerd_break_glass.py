"""`meshwright linkerd break-glass`: what to do when Linkerd fails; previewed, and journaled once it is done."""

from typing import TYPE_CHECKING, Annotated

import typer

from meshwright.cli.break_glass import Asked, resume, scenario, undo

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshwright.breakglass.plan import Plan
    from meshwright.linkerd.breakglass.looking import Look

app = typer.Typer(help="What to do when Linkerd fails: previewed, then run with --apply, and journaled.")


@app.callback()
def _group() -> None:
    """What to do when Linkerd fails. Each scenario prints its plan and changes nothing, unless --apply is given.

    Exit status 0: the plan was printed, or done; 2: it can't be made, or a command failed; 130: not confirmed.
    """


@scenario(app, "anchor-expired")
def anchor_expired(asked: Asked) -> int:
    """The trust anchor has expired: restart everything below a new one, in the right order."""
    from meshwright.linkerd.breakglass import anchor

    return _answer(asked, anchor.plan)


@scenario(app, "issuer-expired")
def issuer_expired(
    asked: Asked,
    *,
    had_ended: Annotated[
        bool,
        typer.Option("--had-ended", help="There is a new one, after a time without: restart what was there before."),
    ] = False,
) -> int:
    """The identity issuer has expired, or isn't used: restart what has to read the new one."""
    from meshwright.linkerd.breakglass import issuer

    return _answer(asked, lambda look: issuer.plan(look, had_ended=had_ended))


@scenario(app, "anchor-key-lost")
def anchor_key_lost(
    asked: Asked,
    *,
    key_is_lost: Annotated[
        bool, typer.Option("--key-is-lost", help="It was kept outside of this cluster, and is not there any more.")
    ] = False,
) -> int:
    """The trust anchor's key is lost: have a second anchor trusted while the issuer lives."""
    from meshwright.linkerd.breakglass import key

    return _answer(asked, lambda look: key.plan(look, is_lost=key_is_lost))


@scenario(app, "injector-down")
def injector_down(
    asked: Asked,
    *,
    relax_webhook: Annotated[
        bool, typer.Option("--relax-webhook", help="Let pods be made without a proxy while the injector is away.")
    ] = False,
) -> int:
    """The proxy injector is down: bring it back, let pods be made, mesh those that were."""
    from meshwright.linkerd.breakglass import injector

    return _answer(asked, lambda look: injector.plan(look, relax_webhook=relax_webhook))


app.command("resume")(resume)
app.command("undo")(undo)


def _answer(asked: Asked, plan: "Callable[[Look], Plan]") -> int:
    from meshwright.linkerd.breakglass.looking import Look

    return asked.answer(lambda reader: plan(Look(reader)))
