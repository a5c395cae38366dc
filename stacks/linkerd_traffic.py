"""Traffic in a Linkerd stack: routes of services, rates that servers take, and the way out."""

import pulumi

from linkerd_parts import Registered
from meshwright import LinkerdEgress, LinkerdRateLimit, LinkerdTraffic
from meshwright.config.linkerd import LinkerdMesh, LinkerdNamespace
from meshwright.config.linkerd_traffic import LinkerdMeshEgress
from meshwright.linkerd.plan import release_of


def deploy(mesh: LinkerdMesh, stands: Registered) -> None:
    """Register what `traffic`, `rate_limits` and `egress` ask for, and export which API has each route."""
    version = release_of(mesh.channel, mesh.version, "Linkerd mesh").version
    routed = {}
    for namespace in mesh.namespaces:
        after = _after(stands, namespace)
        for each in namespace.traffic:
            # A dot, which no name has: shop-cart's api isn't shop's cart-api.
            name = f"{each.service}.{namespace.name}"
            args = each.arguments(namespace.name)
            routed[name] = LinkerdTraffic(name, {**args, "linkerd_version": version}, after).api
        for limit in namespace.rate_limits:
            LinkerdRateLimit(f"{limit.server}.{namespace.name}", limit.arguments(namespace.name), after)
        if namespace.egress:
            LinkerdEgress(f"egress.{namespace.name}", namespace.egress.arguments(namespace.name), after)
    if mesh.egress:
        _all_namespaces(mesh.egress, stands)
    if routed:
        pulumi.export("routes", routed)


def _all_namespaces(egress: LinkerdMeshEgress, stands: Registered) -> None:
    # After the namespaces: what calls the outside today is meshed, and seen, before it is denied.
    LinkerdEgress("egress", egress.arguments(), stands.after(stands.namespaces.values()))


def _after(stands: Registered, namespace: LinkerdNamespace) -> pulumi.ResourceOptions:
    made = stands.namespaces.get(namespace.name)
    return stands.after([made] if made else [])
