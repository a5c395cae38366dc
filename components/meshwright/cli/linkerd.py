"""`meshwright linkerd`: commands for those who run Linkerd, each in a file of its own."""

import typer

from meshwright.cli import linkerd_break_glass, linkerd_check, linkerd_translate, linkerd_upgrade

app = typer.Typer(help="Look after Linkerd: its health, and the way to another version.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Look after Linkerd: its health, and the way to another version."""


app.command("check")(linkerd_check.check)
app.command("translate")(linkerd_translate.translate)
app.add_typer(linkerd_upgrade.app, name="upgrade")
app.add_typer(linkerd_break_glass.app, name="break-glass")
