"""What the commands of `meshwright certs` do for Consul, whose API tells all that there is to know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from meshwright.certs.checks import Check
    from meshwright.certs.consul_gates import ConsulTold
    from meshwright.certs.consul_seen import ConsulSeen
    from meshwright.certs.horizon import Shown, Trouble
    from meshwright.certs.lockstep import Turn
    from meshwright.certs.plan import Plan
    from meshwright.certs.stack_file import StackFile

Addresses: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--consul",
        metavar="ADDRESS",
        show_default=False,
        help="Ask Consul there, with CONSUL_HTTP_TOKEN and CONSUL_CACERT; one for each stack, in their order.",
    ),
]


def is_consul(files: Sequence[StackFile]) -> bool:
    """Whether the stacks are Consul's."""
    return bool(files) and files[0].kind == "consul"


def ask(addresses: Sequence[str], names: Sequence[str] = (), datacenters: Sequence[str] = ()) -> tuple[ConsulSeen, ...]:
    """What each datacenter shows, by GET alone.

    Args:
        addresses: Where they are; an empty one for the environment's.
        names: How messages call them. Default: by their addresses.
        datacenters: Which have to answer. Default: whichever do.

    Raises:
        ConfigError: one does not answer (MW-E195).
    """
    from dataclasses import replace

    from meshwright.certs.consul_seen import address_of, observe_consul
    from meshwright.cli.progress import working

    found = []
    for index, given in enumerate(addresses):
        at = replace(address_of(given, ""), datacenter=datacenters[index] if datacenters else "")
        with working(f"asking {at.address}"):
            found.append(observe_consul(at, names[index] if names else at.address))
    return tuple(found)


def look_at_datacenters(files: Sequence[StackFile], addresses: Sequence[str]) -> tuple[ConsulSeen, ...]:
    """What the datacenter of each stack shows: at its own address, or at those given, in the order of the stacks.

    Raises:
        ConfigError: not as many addresses as stacks, or one for several, or no answer (MW-E195).
    """
    from meshwright.certs.consul_seen import address_of
    from meshwright.certs.consul_told import consul_told
    from meshwright.errors import Code, ConfigError, Problem

    if addresses and len(addresses) != len(files):
        message = f"{len(addresses)} addresses of Consul are given for {len(files)} stacks"
        raise ConfigError(Problem(Code.CERTIFICATES_INPUT, message, "give one for each, in the same order, or none"))
    told, written = zip(*(consul_told(each.path) for each in files), strict=True)
    if len(files) > 1 and not addresses:
        # The environment's address would be everybody's.
        addresses = written
    found = [address_of(given, own).address for given, own in zip(addresses or [""] * len(files), written, strict=True)]
    if len(set(found)) < len(found):
        message = f"{' and '.join(each.recorded.name for each in files)} are not told apart by Consul's addresses"
        raise ConfigError(Problem(Code.CERTIFICATES_INPUT, message, "give one --consul for each stack"))
    return ask(found, [each.recorded.name for each in files], [each.datacenter for each in told])


def checks(
    files: Sequence[StackFile], seen: Sequence[ConsulSeen], turn: Turn, now: datetime, *, is_behind: bool
) -> tuple[Check, ...]:
    """The conditions of a step, in the datacenters that take it; ``is_behind``: others have taken it already."""
    from meshwright.certs.consul_gates import consul_gate
    from meshwright.certs.consul_told import consul_told

    told = [consul_told(each.path)[0] for each in files]
    return consul_gate(seen, told, turn.step, turn.to, now, is_behind=is_behind)


def plan(files: Sequence[StackFile]) -> Plan:
    """The steps that are left."""
    from meshwright.certs.consul_plan import make_consul_plan
    from meshwright.certs.consul_told import consul_told

    return make_consul_plan([each.recorded for each in files], [consul_told(each.path)[0] for each in files])


def shown(seen: ConsulSeen, now: datetime) -> tuple[Shown, ...]:
    """The certificates of a datacenter's authority."""
    from meshwright.certs.consul_horizon import consul_shown

    return consul_shown(seen, now)


def troubles(seen: ConsulSeen, file: StackFile | None, now: datetime) -> tuple[Trouble, ...]:
    """What is wrong with them; with a stack's file, also where it says something else."""
    from meshwright.certs.consul_horizon import consul_troubles
    from meshwright.certs.consul_told import consul_told

    told: ConsulTold | None = consul_told(file.path)[0] if file else None
    return tuple(consul_troubles(seen, told, file.recorded.step if file else "", now))
