"""Linked clusters of a Linkerd stack: what the others may use of here, what is used of theirs, and what they read."""

from functools import partial
from typing import TYPE_CHECKING, Any, cast

import pulumi

import linkerd_trust
from linkerd_parts import Registered
from meshwright import IdentityIssuer, LinkerdExports, LinkerdLink, LinkerdMulticluster, LinkerdReader
from meshwright.config import linkerd_multicluster as config
from meshwright.config.linkerd import LinkerdMesh
from meshwright.errors import Code
from meshwright.kubernetes.errors import refuse
from meshwright.linkerd.labels import NAMESPACE
from meshwright.linkerd.multicluster.extension import gateway_identity, plan_multicluster
from meshwright.linkerd.multicluster.modes import HIERARCHICAL
from meshwright.linkerd.multicluster.together import Member, check_together, live_bundle, own_anchors
from parts import chart_source

if TYPE_CHECKING:
    from meshwright.linkerd.multicluster.extension import LinkerdMulticlusterArgs
    from meshwright.linkerd.multicluster.link import LinkerdLinkArgs

_MEMBER, _KUBECONFIGS = "member", "remote_kubeconfigs"
_TRUST_DOMAIN = "cluster.local"


def check(mesh: LinkerdMesh) -> None:
    """Refuse a chart that can't work, before anything is registered. Raises `ComponentError`."""
    if mesh.multicluster:
        plan_multicluster(_args(mesh, mesh.multicluster), "LinkerdMulticluster multicluster")


def deploy(mesh: LinkerdMesh, stands: Registered, issuer: IdentityIssuer) -> None:
    """Register the cluster's place among others, and export what the other clusters' stacks read."""
    wanted = mesh.multicluster
    if wanted is None:
        return
    extension = LinkerdMulticluster("multicluster", _args(mesh, wanted), stands.after())
    for namespace, by_mode in wanted.exports.items():
        for mode, services in by_mode.items():
            exported = {"namespace": namespace, "services": list(services), "mode": mode}
            after = stands.after([stands.namespaces[namespace]])
            # A dot, which no name has: each Service's patch is named after it.
            LinkerdExports(f"{namespace}.{mode}", cast("Any", exported), after)
    after = stands.after([extension])
    server = wanted.api_server or ""
    readers = {
        each: LinkerdReader(f"read-by-{each}", {"cluster": wanted.cluster, "reader": each, "server": server}, after)
        for each in wanted.readers
    }
    here = _member(mesh, wanted, issuer, stands.after([issuer]))
    for link in wanted.links:
        LinkerdLink(f"uses-{link.cluster}", _link(mesh, link, here), after)
    pulumi.export(_MEMBER, {**here, "gateway_addresses": extension.gateway_addresses})
    pulumi.export(_KUBECONFIGS, pulumi.Output.secret({name: each.kubeconfig for name, each in readers.items()}))


def _args(mesh: LinkerdMesh, wanted: config.LinkerdMulticluster) -> "LinkerdMulticlusterArgs":
    args: LinkerdMulticlusterArgs = {
        "links": [each.cluster for each in wanted.links],
        "readers": list(wanted.readers),
        "channel": mesh.channel,
        "cni": mesh.cni is not None,
    }
    if wanted.gateway:
        said = wanted.gateway.model_dump(mode="json", exclude_defaults=True)
        args["gateway"] = cast("Any", said)
    if wanted.adopt_namespace:
        args["adopt_namespace"] = True
    if mesh.available_nodes is not None:
        args["nodes"] = mesh.available_nodes
    if mesh.version:
        args["version"] = mesh.version
    if mesh.trust_domain:
        args["trust_domain"] = mesh.trust_domain
    if mesh.control_plane.hub:
        args["hub"] = mesh.control_plane.hub
    if mesh.control_plane.pull_secrets:
        args["pull_secrets"] = list(mesh.control_plane.pull_secrets)
    if mesh.charts:
        args["charts"] = chart_source(mesh.charts)
    if mesh.values.multicluster:
        args["values"] = mesh.values.multicluster
    return args


def _member(
    mesh: LinkerdMesh, wanted: config.LinkerdMulticluster, issuer: IdentityIssuer, opts: pulumi.ResourceOptions
) -> dict[str, Any]:
    """What the other clusters have to know of this one. Nothing of it is secret."""
    bundle = issuer.bundle
    if bundle is None:
        gathered = pulumi.Output.from_input(issuer.gathered)
        bundle = live_bundle("trusted", opts, gathered.apply(lambda _: NAMESPACE))
    signs = issuer.anchor
    if signs is None:
        texts = pulumi.Output.all(bundle, *linkerd_trust.also_trusted(mesh))
        signs = texts.apply(lambda each: own_anchors(each[0], each[1:]))
    return {
        "cluster": wanted.cluster,
        "trust_domain": mesh.trust_domain or _TRUST_DOMAIN,
        "anchors": bundle,
        "signs": signs,
        "pod_networks": list(wanted.pod_networks),
    }


def _link(mesh: LinkerdMesh, link: config.LinkedCluster, here: dict[str, Any]) -> "LinkerdLinkArgs":
    stack = pulumi.StackReference(link.stack)
    # All that the Link is made of waits for the check.
    there: pulumi.Output[dict[str, Any]] = pulumi.Output.all(here, stack.require_output(_MEMBER)).apply(
        partial(_once_they_suit, link)
    )
    read = pulumi.Output.all(there, stack.require_output(_KUBECONFIGS))
    args: LinkerdLinkArgs = {
        "cluster": link.cluster,
        "kubeconfig": read.apply(lambda each: _own(each[1], str(here["cluster"]), link)),
        "bundles": {"here": here["anchors"], "there": there["anchors"]},
        "modes": list(link.modes),
    }
    if HIERARCHICAL in link.modes:
        # Both clusters have one trust domain: the name is known before the other's outputs are.
        args["gateway"] = {"addresses": there["gateway_addresses"], "identity": gateway_identity(mesh.trust_domain)}
    if mesh.trust_domain:
        args["trust_domain"] = mesh.trust_domain
    return args


def _once_they_suit(link: config.LinkedCluster, read: list[Any]) -> dict[str, Any]:
    """What the other cluster's stack says, once the two are known to go together."""
    here, there = read
    label = f"LinkerdLink uses-{link.cluster}"
    if there["cluster"] != link.cluster:
        message = f"the stack {link.stack} is of the cluster {there['cluster']}"
        raise refuse(Code.LINKED_CLUSTERS, label, message, "name the stack of this cluster")
    check_together([_as_member(each, link.modes) for each in (here, there)])
    if HIERARCHICAL in link.modes and not there["gateway_addresses"]:
        message = f"{link.cluster} has no gateway, or its gateway has no address yet"
        raise refuse(Code.LINK_MODE, label, message, "add gateway to its stack and bring it up, or use the mode flat")
    return dict(there)


def _as_member(said: dict[str, Any], modes: tuple[str, ...]) -> Member:
    return Member(
        said["cluster"],
        anchors=said["anchors"],
        signs=said["signs"],
        trust_domain=said["trust_domain"],
        modes=modes,
        pod_networks=tuple(said["pod_networks"]),
    )


def _own(kubeconfigs: dict[str, str], cluster: str, link: config.LinkedCluster) -> str:
    """The kubeconfig that the other cluster has for this one."""
    if cluster not in kubeconfigs:
        message = f"the stack {link.stack} has no kubeconfig for {cluster}"
        remedy = f"add {cluster} to its readers, and bring it up first"
        raise refuse(Code.LINKED_CLUSTERS, f"LinkerdLink uses-{link.cluster}", message, remedy)
    return kubeconfigs[cluster]
