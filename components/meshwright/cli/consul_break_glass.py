"""`meshwright consul break-glass`: what to do when Consul fails; previewed, and journaled once it is done."""

from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from meshwright.cli.break_glass import Asked, resume, scenario, undo

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshwright.breakglass.plan import Plan
    from meshwright.consul.breakglass.looking import Look

app = typer.Typer(help="What to do when Consul fails: previewed, then run with --apply, and journaled.")

ConsulAddress: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="ADDRESS", show_default=False, help="Ask Consul's API, with CONSUL_HTTP_TOKEN and CONSUL_CACERT."
    ),
]
VaultAddress: TypeAlias = Annotated[
    str, typer.Option(metavar="ADDRESS", show_default=False, help="Ask Vault whether it is sealed; needs no token.")
]


@app.callback()
def _group() -> None:
    """What to do when Consul fails. Each scenario prints its plan and changes nothing, unless --apply is given.

    Exit status 0: the plan was printed, or done; 2: it can't be made, or a command failed; 130: not confirmed.
    """


@scenario(app, "vault-sealed")
def vault_sealed(asked: Asked, *, consul_address: ConsulAddress = "", vault_address: VaultAddress = "") -> int:
    """Vault is, or was, sealed: bring back what waited for it."""
    from meshwright.consul.breakglass import sealed

    return _answer(asked, sealed.plan, consul_address, vault_address)


@scenario(app, "token-expired")
def token_expired(
    asked: Asked,
    *,
    by_token: Annotated[
        bool, typer.Option("--by-token", help="The live configuration has a token, whatever the servers' files say.")
    ] = False,
    consul_address: ConsulAddress = "",
) -> int:
    """Consul's static token for Vault has ended: have it log in by an auth method."""
    from meshwright.consul.breakglass import authority

    return _answer(asked, lambda look: authority.expired(look, by_token=by_token), consul_address)


@scenario(app, "ca-uninitialised")
def ca_uninitialised(asked: Asked, *, consul_address: ConsulAddress = "", vault_address: VaultAddress = "") -> int:
    """Consul's CA is uninitialised: elect a leader that makes it anew, once the cause is mended."""
    from meshwright.consul.breakglass import authority

    return _answer(asked, authority.uninitialised, consul_address, vault_address)


@scenario(app, "root-lost")
def root_lost(
    asked: Asked,
    *,
    key_is_lost: Annotated[
        bool, typer.Option("--key-is-lost", help="The root's key was in Vault, and is not there any more.")
    ] = False,
    consul_address: ConsulAddress = "",
) -> int:
    """The root's key is lost: change to another root while what it signed lives."""
    from meshwright.consul.breakglass import authority

    return _answer(asked, lambda look: authority.lost(look, key_is_lost=key_is_lost), consul_address)


@scenario(app, "bootstrap-token-lost")
def bootstrap_token_lost(
    asked: Asked,
    *,
    reset_written: Annotated[
        bool, typer.Option("--reset-written", help="The index is in the leader's file acl-bootstrap-reset.")
    ] = False,
    vault_address: VaultAddress = "",
) -> int:
    """The bootstrap token is lost: have another made. Nothing that runs needs it."""
    from meshwright.consul.breakglass import bootstrap

    return _answer(asked, lambda look: bootstrap.plan(look, reset_written=reset_written), vault_address=vault_address)


app.command("resume")(resume)
app.command("undo")(undo)


def _answer(asked: Asked, plan: "Callable[[Look], Plan]", consul_address: str = "", vault_address: str = "") -> int:
    from meshwright.consul.breakglass.looking import Look

    return asked.answer(lambda reader: plan(Look(reader, consul_address, vault_address)))
