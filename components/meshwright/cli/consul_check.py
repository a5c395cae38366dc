"""`meshwright consul check`: whether the mesh is healthy, on a cluster or as a program would make it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from meshwright.cli import checks

if TYPE_CHECKING:
    from meshwright.engine.graph import Graph
    from meshwright.health.snapshot import Snapshot
    from meshwright.kubernetes.reading import ClusterReader

_APIS = "More than the cluster shows"


def _mesh(
    *,
    consul_address: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            show_default=False,
            help="Ask Consul's API as well, with CONSUL_HTTP_TOKEN and CONSUL_CACERT.",
            rich_help_panel=_APIS,
        ),
    ] = "",
    vault_address: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            show_default=False,
            help="Ask Vault, or OpenBao, whether it is open; needs no token. With VAULT_CACERT.",
            rich_help_panel=_APIS,
        ),
    ] = "",
) -> checks.Mesh:
    from meshwright.certs.consul_seen import address_of
    from meshwright.consul.health import apis, from_cluster, from_graph
    from meshwright.consul.health.catalogue import CHECKS, PAGE
    from meshwright.errors import Code, ConfigError, Problem

    def of_graph(graph: "Graph") -> "Snapshot":
        if consul_address or vault_address:
            message = "--consul-address and --vault-address are for what runs"
            raise ConfigError(Problem(Code.USAGE, message, "name its cluster by --context, or leave them out"))
        return from_graph.snapshot_of(graph)

    def of_cluster(reader: "ClusterReader", declared: dict[str, Any]) -> "Snapshot":
        shown = [apis.ask_consul(address_of(consul_address, ""))] if consul_address else []
        shown += [apis.ask_vault(vault_address)] if vault_address else []
        return from_cluster.snapshot_of(reader, declared, shown)

    return checks.Mesh("consul", CHECKS, PAGE, of_graph, from_graph.declared, of_cluster)


check = checks.command("Consul", _mesh)
