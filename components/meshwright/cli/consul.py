"""`meshwright consul`: commands for those who run Consul, each in a file of its own."""

import typer

from meshwright.cli import consul_break_glass, consul_check, consul_uninstall

app = typer.Typer(help="Look after Consul: its health, and the way out of trouble.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Look after Consul: its health, and the way out of trouble."""


app.add_typer(consul_break_glass.app, name="break-glass")
app.command("check")(consul_check.check)
app.command("uninstall")(consul_uninstall.uninstall)
