"""`meshwright certs`: the certificates of a mesh, whichever it is, each command in a file of its own."""

import typer

from meshwright.cli import certs_advance, certs_plan, certs_status

app = typer.Typer(help="Look after a mesh's certificates: what is trusted where, and rotations.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Look after a mesh's certificates: what is trusted where, and rotations."""


app.command("status")(certs_status.status)
app.command("plan")(certs_plan.plan)
app.command("advance")(certs_advance.advance)
