"""One cluster reads another: a token there; two Secrets and a Link here.

The one is made with the provider of the cluster that is read, the other with that of the cluster that reads, in one
program or in two stacks. It is what ``linkerd multicluster link-gen`` prints
(linkerd2 ``multicluster/cmd/link-gen.go``).
"""

import base64
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, NotRequired, TypedDict

import pulumi
import yaml
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import Secret

from meshwright.errors import Code
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import refuse
from meshwright.kubernetes.providers import require_kubernetes_provider
from meshwright.linkerd.labels import (
    ADMIN_PORT,
    CREDENTIALS_PREFIX,
    INBOUND_PORT,
    MULTICLUSTER_NAMESPACE,
    NAMESPACE,
    REMOTE_KUBECONFIG,
)
from meshwright.linkerd.multicluster.extension import account_of
from meshwright.linkerd.multicluster.modes import HIERARCHICAL, SELECTORS, mode_mistakes, selector
from meshwright.linkerd.multicluster.together import Member, check_bundles, check_together

_CLUSTER_NAME: Final = "multicluster.linkerd.io/cluster-name"
_TRUST_DOMAIN: Final = "multicluster.linkerd.io/trust-domain"
_CLUSTER_DOMAIN: Final = "multicluster.linkerd.io/cluster-domain"
_CREDENTIALS: Final = "meshwright.dev/credentials"
"""Annotation of a Link: which credentials it was made with."""


class LinkerdReaderArgs(TypedDict):
    """Arguments of `LinkerdReader`."""

    cluster: str
    """The name of the cluster that is read."""
    reader: str
    """The name of the cluster that reads; `LinkerdMulticluster` here has it among its ``readers``."""
    server: pulumi.Input[str]
    """The address of the API server here as the reader reaches it, ``https://…``."""


class LinkerdReader(pulumi.ComponentResource):
    """A kubeconfig by which another cluster reads this one. Give the `LinkerdMulticluster` of here in ``depends_on``.

    Raises:
        ComponentError: MW-E050 for an address that is none, MW-E051 without a provider.
    """

    kubeconfig: pulumi.Output[str]
    """For `LinkerdLink`. A secret."""

    def __init__(self, name: str, args: LinkerdReaderArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label, server = f"LinkerdReader {name}", args["server"]
        require_kubernetes_provider(opts, label)
        if isinstance(server, str) and not server.startswith("https://"):
            raise refuse(Code.BAD_ARGUMENT, label, f"the server {server!r} is no https address", "begin with https://")
        super().__init__("meshwright:index:LinkerdReader", name, {**args}, opts)
        account = account_of(args["reader"])
        token = Secret(
            f"{name}-token",
            metadata={
                # The chart has a token of its own, <account>-token, which can't be waited for.
                "name": f"{account}-kubeconfig",
                "namespace": MULTICLUSTER_NAMESPACE,
                "annotations": {"kubernetes.io/service-account.name": account},
            },
            type="kubernetes.io/service-account-token",
            opts=below(self, opts),
        )
        made = pulumi.Output.all(server, token.data).apply(lambda each: kubeconfig_for(args["cluster"], *each))
        self.kubeconfig = pulumi.Output.secret(made)
        self.register_outputs({"kubeconfig": self.kubeconfig})


class RemoteGateway(TypedDict):
    """The gateway of the cluster that is read, from its `LinkerdMulticluster`."""

    addresses: pulumi.Input[str]
    """With commas between."""
    identity: pulumi.Input[str]
    """The name in its certificate."""


class Bundles(TypedDict):
    """What the proxies of the two clusters trust, PEM; plain text is compared before anything is registered."""

    here: pulumi.Input[str]
    there: pulumi.Input[str]


class LinkerdLinkArgs(TypedDict):
    """Arguments of `LinkerdLink`."""

    cluster: str
    """The name of the cluster that is read."""
    kubeconfig: pulumi.Input[str]
    """How it is read, from its `LinkerdReader`. It becomes a Pulumi secret at once."""
    bundles: Bundles
    """No Link comes to be between clusters that don't believe each other."""
    modes: list[str]
    """How its services are used here: ``hierarchical``, ``flat``, ``federated``."""
    gateway: NotRequired[RemoteGateway]
    """Needed for ``hierarchical``."""
    trust_domain: NotRequired[str]
    """Of both clusters. Default: ``cluster.local``."""
    cluster_domain: NotRequired[str]
    """The other cluster's DNS domain. Default: ``cluster.local``."""
    linkerd_namespace: NotRequired[str]
    """Where the control plane runs, here and there. Default: ``linkerd``."""


class LinkerdLink(pulumi.ComponentResource):
    """Services of another cluster, in this one. Give the `LinkerdMulticluster` of here in ``depends_on``.

    Two Secrets have the same kubeconfig: the controller reads one, and linkerd-destination the other for pods that are
    called directly. Both are replaced when it changes, and so is the Link: linkerd-destination minds Secrets that come
    and go, not those that change, and the controller reads its Secret for a Link that is new. Mirrored services stay.

    Raises:
        ComponentError: MW-E051 without a provider, MW-E216 for bundles with no anchor in common, MW-E217 for modes that
            don't exist or lack a gateway.
    """

    def __init__(self, name: str, args: LinkerdLinkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"LinkerdLink {name}"
        require_kubernetes_provider(opts, label)
        _check(args, label)
        visible = {key: value for key, value in args.items() if key not in ("kubeconfig", "bundles")}
        super().__init__("meshwright:index:LinkerdLink", name, visible, opts)
        kubeconfig = _once_believed(args)
        data = kubeconfig.apply(_data)
        children = below(self, opts)
        secrets = [
            Secret(
                f"{name}-{who}",
                metadata={"name": CREDENTIALS_PREFIX + args["cluster"], "namespace": home, **marks},
                type=REMOTE_KUBECONFIG,
                data=data,
                opts=children,
            )
            for who, home, marks in (
                ("controller", MULTICLUSTER_NAMESPACE, {}),
                ("destination", args.get("linkerd_namespace", NAMESPACE), _for_destination(args)),
            )
        ]
        CustomResource(
            f"{name}-link",
            api_version="multicluster.linkerd.io/v1alpha3",
            kind="Link",
            metadata={
                "name": args["cluster"],
                "namespace": MULTICLUSTER_NAMESPACE,
                "annotations": {_CREDENTIALS: pulumi.Output.unsecret(kubeconfig.apply(_digest))},
            },
            spec=_spec(args),
            opts=pulumi.ResourceOptions.merge(
                children,
                pulumi.ResourceOptions(depends_on=secrets, replace_on_changes=["metadata.annotations"]),
            ),
        )
        self.register_outputs({})


def kubeconfig_for(cluster: str, server: str, token: Mapping[str, str]) -> str:
    """The kubeconfig that Linkerd reads, from a service account's token Secret: its data, in base64."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": cluster,
        "clusters": [{"name": cluster, "cluster": {"server": server, "certificate-authority-data": token["ca.crt"]}}],
        "users": [{"name": cluster, "user": {"token": base64.b64decode(token["token"]).decode()}}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": cluster}}],
    }
    return yaml.safe_dump(config, sort_keys=False)


def _check(args: LinkerdLinkArgs, label: str) -> None:
    for message, remedy in mode_mistakes(tuple(args["modes"])):
        raise refuse(Code.LINK_MODE, label, message, remedy)
    if HIERARCHICAL in args["modes"] and "gateway" not in args:
        message = "hierarchical takes the other cluster's gateway, and there is none"
        raise refuse(Code.LINK_MODE, label, message, "give its addresses and identity in gateway, or use the mode flat")
    here, there = args["bundles"]["here"], args["bundles"]["there"]
    if isinstance(here, str) and isinstance(there, str):
        check_together([Member("this cluster", here), Member(args["cluster"], there)])


def _once_believed(args: LinkerdLinkArgs) -> pulumi.Output[str]:
    """The kubeconfig, once the bundles are known to have an anchor in common. A secret."""
    bundles = pulumi.Output.all(args["bundles"]["here"], args["bundles"]["there"]).apply(
        lambda texts: check_bundles({"this cluster": texts[0], args["cluster"]: texts[1]})
    )
    return pulumi.Output.all(pulumi.Output.secret(args["kubeconfig"]), bundles).apply(lambda each: str(each[0]))


def _for_destination(args: LinkerdLinkArgs) -> dict[str, dict[str, str]]:
    return {
        "labels": {_CLUSTER_NAME: args["cluster"]},
        "annotations": {
            _TRUST_DOMAIN: args.get("trust_domain", "cluster.local"),
            _CLUSTER_DOMAIN: args.get("cluster_domain", "cluster.local"),
        },
    }


def _spec(args: LinkerdLinkArgs) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "targetClusterName": args["cluster"],
        "targetClusterDomain": args.get("cluster_domain", "cluster.local"),
        "targetClusterLinkerdNamespace": args.get("linkerd_namespace", NAMESPACE),
        "clusterCredentialsSecret": CREDENTIALS_PREFIX + args["cluster"],
        # A selector that is left out picks nothing.
        **{SELECTORS[mode]: selector(mode) for mode in args["modes"]},
    }
    if gateway := args.get("gateway"):
        spec["gatewayAddress"], spec["gatewayIdentity"] = gateway["addresses"], gateway["identity"]
        spec["gatewayPort"] = str(INBOUND_PORT)
        spec["probeSpec"] = {"path": "/ready", "port": str(ADMIN_PORT), "period": "3s"}
    return spec


def _data(text: str) -> dict[str, str]:
    return {"kubeconfig": base64.b64encode(text.encode()).decode()}


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]
