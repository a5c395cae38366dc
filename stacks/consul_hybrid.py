"""What a Consul stack has outside of its cluster: services elsewhere, functions, and other clusters."""

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pulumi

from consul_parts import Registered
from meshwright import (
    ConsulDnsForwarding,
    ConsulExports,
    ConsulExternalService,
    ConsulFunction,
    ConsulPeeringAcceptor,
    ConsulPeeringDialer,
    ConsulSamenessGroup,
    ConsulTerminatingGateway,
)
from meshwright.config.consul import ConsulMesh
from meshwright.config.consul_hybrid import exports_args, external_args, function_args, gateway_of
from meshwright.consul.config_entries.entry import entry
from meshwright.consul.hybrid.catalog_sync import catalog_sync_values
from meshwright.consul.labels import NAMESPACE
from parts import secret_of

if TYPE_CHECKING:
    from meshwright.consul.hybrid.dns import ConsulDnsForwardingArgs
    from meshwright.consul.hybrid.external import GatewayLink
    from meshwright.consul.hybrid.gateway import ConsulTerminatingGatewayArgs


def services(mesh: ConsulMesh, stands: Registered) -> list[pulumi.Resource]:
    """Register what is outside; intentions come after it, for they look at protocols."""
    made: list[pulumi.Resource] = []
    links: defaultdict[str, list[GatewayLink]] = defaultdict(list)
    for external in mesh.external:
        service = ConsulExternalService(external.name, external_args(mesh, external), stands.after())
        links[gateway_of(mesh, external)].append(service.link)
        made.append(service)
    for each in mesh.functions:
        function = ConsulFunction(each.name, function_args(each), stands.after())
        links[gateway_of(mesh, each)].append(function.link)
        made.append(function)
    for gateway, led_to in links.items():
        listed: ConsulTerminatingGatewayArgs = {"gateway": gateway, "services": led_to, "namespace": NAMESPACE}
        ConsulTerminatingGateway(gateway, listed, stands.after(made))
    for elsewhere in mesh.elsewhere:
        spec = {"protocol": elsewhere.protocol or mesh.proxies.protocol or "tcp"}
        opts = pulumi.ResourceOptions(provider=stands.provider, depends_on=[stands.consul])
        name = elsewhere.name
        made.append(entry(f"{name}-defaults", "ServiceDefaults", name, spec, namespace=NAMESPACE, opts=opts))
    if mesh.dns_forwarding and mesh.cluster:
        told: ConsulDnsForwardingArgs = {"platform": mesh.cluster.platform, "address": mesh.dns_forwarding.address}
        ConsulDnsForwarding("dns", told, stands.after())
    return made


def clusters(mesh: ConsulMesh, stands: Registered) -> None:
    """Register peerings and what peers see, after the mesh says that they speak through its gateways."""
    before = [] if stands.defaults is None else [stands.defaults]
    peerings: list[pulumi.Resource] = []
    tokens: dict[str, pulumi.Output[str]] = {}
    for peer in mesh.peers:
        args: Any = {"peer": peer.name, "namespace": NAMESPACE}
        if peer.token is None:
            accepts = ConsulPeeringAcceptor(peer.name, args, stands.after(before))
            tokens[peer.name] = accepts.token
            peerings.append(accepts)
        else:
            args["token"] = secret_of(peer.token, f"peers.{peer.name}.token")
            peerings.append(ConsulPeeringDialer(peer.name, args, stands.after(before)))
    if tokens:
        pulumi.export("peering_tokens", tokens)
    if mesh.exports:
        ConsulExports("exports", exports_args(mesh), stands.after(peerings))
    if mesh.sameness:
        group: Any = {**mesh.sameness.model_dump(mode="json"), "enterprise": mesh.enterprise, "namespace": NAMESPACE}
        ConsulSamenessGroup(mesh.sameness.group, group, stands.after(peerings))


def chart_values(mesh: ConsulMesh) -> dict[str, Any]:
    """The chart's values for catalog sync, and for the address of Consul's DNS; empty without."""
    values: dict[str, Any] = {}
    if mesh.catalog_sync is not None:
        args: Any = mesh.catalog_sync.model_dump(mode="json")
        values |= catalog_sync_values(args)
    if mesh.dns_forwarding is not None:
        values["dns"] = {"clusterIP": mesh.dns_forwarding.address}
        if mesh.external_servers:
            # The Service picks the servers' pods, of which there are none.
            values["dns"]["proxy"] = {"enabled": True, "replicas": 2}
    return values
