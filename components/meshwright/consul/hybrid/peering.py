"""Two clusters of Consul that call each other: one makes a token, the other dials with it."""

import base64
from collections.abc import Iterator
from typing import Any, Final, NotRequired, TypedDict, cast

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import Secret

from meshwright.consul.config_entries.entry import require_provider
from meshwright.consul.hybrid.outside import name_troubles
from meshwright.consul.labels import API_VERSION, PEERING_TOKEN
from meshwright.errors import Code
from meshwright.kubernetes.children import below
from meshwright.kubernetes.problems import refuse_all
from meshwright.kubernetes.troubles import Trouble

_KEY: Final = "data"
_SYNCED: Final = {"pulumi.com/waitFor": "condition=Synced"}
"""Consul's injector says when it has done what the object asks for."""


class ConsulPeeringAcceptorArgs(TypedDict):
    """Arguments of `ConsulPeeringAcceptor`."""

    peer: str
    """The other cluster's name, as intentions here know it."""
    server_addresses: NotRequired[list[str]]
    """``host:port`` by which the peer reaches this one, off Kubernetes. Default: the servers' own."""
    namespace: NotRequired[str]
    """Where the objects stand. Default: there is no Kubernetes, and Consul's API is asked."""


class ConsulPeeringAcceptor(pulumi.ComponentResource):
    """The half of a peering that makes the token.

    It takes a mesh gateway on both sides, and on Kubernetes the chart's ``peering``.

    Raises:
        ComponentError: MW-E051 without a provider, MW-E264 for a peer that can't be.
    """

    token: pulumi.Output[str]
    """For the `ConsulPeeringDialer` of the other cluster. A secret."""

    def __init__(self, name: str, args: ConsulPeeringAcceptorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label, namespace = f"ConsulPeeringAcceptor {name}", args.get("namespace")
        require_provider(opts, label, namespace)
        refuse_all(_acceptor_troubles(args), label)
        super().__init__("meshwright:index:ConsulPeeringAcceptor", name, cast("dict[str, Any]", args), opts)
        children = below(self, opts)
        if namespace is None:
            self.token = _asked_of_api(name, args, children)
        else:
            self.token = _made_in_cluster(name, args["peer"], namespace, children)
        self.register_outputs({"token": self.token})


class ConsulPeeringDialerArgs(TypedDict):
    """Arguments of `ConsulPeeringDialer`."""

    peer: str
    """The name of the cluster that made the token, as intentions here know it."""
    token: pulumi.Input[str]
    """It becomes a Pulumi secret at once."""
    namespace: NotRequired[str]
    """Where the objects stand. Default: there is no Kubernetes, and Consul's API is asked."""


class ConsulPeeringDialer(pulumi.ComponentResource):
    """The half of a peering that dials.

    Raises:
        ComponentError: MW-E051 without a provider, MW-E264 for a peer that can't be.
    """

    def __init__(self, name: str, args: ConsulPeeringDialerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label, namespace = f"ConsulPeeringDialer {name}", args.get("namespace")
        require_provider(opts, label, namespace)
        refuse_all(name_troubles("peer", args["peer"], Code.CONSUL_PEERING), label)
        visible = {key: value for key, value in args.items() if key != "token"}
        super().__init__("meshwright:index:ConsulPeeringDialer", name, visible, opts)
        children, token = below(self, opts), pulumi.Output.secret(args["token"])
        if namespace is None:
            import pulumi_consul as consul

            consul.Peering(name, peer_name=args["peer"], peering_token=token, opts=children)
        else:
            _dial_in_cluster(name, args["peer"], token, namespace, children)
        self.register_outputs({})


def _acceptor_troubles(args: ConsulPeeringAcceptorArgs) -> Iterator[Trouble]:
    yield from name_troubles("peer", args["peer"], Code.CONSUL_PEERING)
    if "namespace" in args and "server_addresses" in args:
        message = "is for Consul off Kubernetes: the chart's mesh gateway tells its address"
        yield Trouble(Code.CONSUL_PEERING, message, "remove it, and give the mesh gateway one", ("server_addresses",))


def _asked_of_api(name: str, args: ConsulPeeringAcceptorArgs, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
    # An extra: whoever has Consul in Kubernetes alone needs it not.
    import pulumi_consul as consul

    hidden = pulumi.ResourceOptions(additional_secret_outputs=["peeringToken"])
    made = consul.PeeringToken(
        name,
        peer_name=args["peer"],
        server_external_addresses=args.get("server_addresses"),
        opts=pulumi.ResourceOptions.merge(opts, hidden),
    )
    return pulumi.Output.secret(made.peering_token)


def _made_in_cluster(name: str, peer: str, namespace: str, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
    secret = _secret_of(peer)
    acceptor = _peering(name, "PeeringAcceptor", peer, namespace, opts)
    # Before the injector has made it there is nothing to read: its id is known when the acceptor is.
    where = acceptor.id.apply(lambda _: f"{namespace}/{secret}")
    hidden = pulumi.ResourceOptions(additional_secret_outputs=["data"])
    found = Secret.get(f"{name}-token", where, opts=pulumi.ResourceOptions.merge(opts, hidden))
    return pulumi.Output.secret(found.data.apply(lambda data: base64.b64decode(data[_KEY]).decode()))


def _dial_in_cluster(
    name: str, peer: str, token: pulumi.Output[str], namespace: str, opts: pulumi.ResourceOptions
) -> None:
    kept = Secret(
        f"{name}-token",
        metadata={"name": _secret_of(peer), "namespace": namespace, "labels": {PEERING_TOKEN: "true"}},
        string_data={_KEY: token},
        opts=opts,
    )
    after = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[kept]))
    _peering(name, "PeeringDialer", peer, namespace, after)


def _peering(name: str, kind: str, peer: str, namespace: str, opts: pulumi.ResourceOptions) -> pulumi.CustomResource:
    made: pulumi.CustomResource = CustomResource(
        name,
        api_version=API_VERSION,
        kind=kind,
        metadata={"name": peer, "namespace": namespace, "annotations": _SYNCED},
        spec={"peer": {"secret": {"name": _secret_of(peer), "key": _KEY, "backend": "kubernetes"}}},
        opts=opts,
    )
    return made


def _secret_of(peer: str) -> str:
    return f"{peer}-peering-token"
