"""`meshwright istio`: commands for those who run Istio ambient, each in a file of its own."""

import typer

from meshwright.cli import istio_break_glass, istio_check, istio_migrate, istio_ready, istio_upgrade

app = typer.Typer(help="Look after Istio ambient: its health, and what to do when it fails.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Look after Istio ambient: its health, and what to do when it fails."""


app.command("check")(istio_check.check)
app.command("ready")(istio_ready.ready)
app.command("migrate")(istio_migrate.migrate)
app.add_typer(istio_upgrade.app, name="upgrade")
app.add_typer(istio_break_glass.app, name="break-glass")
