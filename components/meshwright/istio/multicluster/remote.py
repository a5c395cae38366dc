"""How the istiod of one cluster reads the services of another: a token there, a kubeconfig here.

The one is made with the provider of the cluster that is read, the other with that of the cluster that reads, in one
program or in two stacks. It is what ``istioctl create-remote-secret`` makes (``istioctl/pkg/multicluster``).
"""

import base64
from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi
import yaml
from pulumi_kubernetes.core.v1 import Secret

from meshwright.errors import Code
from meshwright.istio.labels import REMOTE_CLUSTER, REMOTE_CLUSTER_NAME
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import refuse
from meshwright.kubernetes.providers import require_kubernetes_provider
from meshwright.kubernetes.secrets import secret_in_place

READER = "istio-reader-service-account"
"""The service account that the chart ``base`` makes, with what istiod reads and nothing more."""


class RemoteReaderArgs(TypedDict):
    """Arguments of `RemoteReader`."""

    cluster: str
    """The name of the cluster that is read, as its `IstioAmbient` has it."""
    server: pulumi.Input[str]
    """The address of its API server as the other clusters reach it, ``https://…``."""
    namespace: NotRequired[pulumi.Input[str]]
    """Istio's root namespace. Default: ``istio-system``."""


class RemoteReader(pulumi.ComponentResource):
    """A kubeconfig by which other clusters read this one. Give its `IstioAmbient` in ``depends_on``.

    Raises:
        ComponentError: MW-E050 for an address that is none, MW-E051 without a provider.
    """

    kubeconfig: pulumi.Output[str]
    """For `RemoteSecret`. A secret."""

    def __init__(self, name: str, args: RemoteReaderArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"RemoteReader {name}"
        require_kubernetes_provider(opts, label)
        server = args["server"]
        if isinstance(server, str) and not server.startswith("https://"):
            raise refuse(Code.BAD_ARGUMENT, label, f"the server {server!r} is no https address", "begin with https://")
        super().__init__("meshwright:index:RemoteReader", name, {**args}, opts)
        token = Secret(
            f"{name}-token",
            metadata={
                "name": f"{READER}-istio-remote-secret-token",
                "namespace": args.get("namespace", "istio-system"),
                "annotations": {"kubernetes.io/service-account.name": READER},
            },
            type="kubernetes.io/service-account-token",
            opts=below(self, opts),
        )
        made = pulumi.Output.all(server, token.data).apply(lambda each: kubeconfig_for(args["cluster"], *each))
        self.kubeconfig = pulumi.Output.secret(made)
        self.register_outputs({"kubeconfig": self.kubeconfig})


class RemoteSecretArgs(TypedDict):
    """Arguments of `RemoteSecret`."""

    cluster: str
    """The name of the cluster that is read."""
    kubeconfig: pulumi.Input[str]
    """How it is read, from its `RemoteReader`. It becomes a Pulumi secret at once."""
    namespace: NotRequired[pulumi.Input[str]]
    """Istio's root namespace here. Default: ``istio-system``."""


class RemoteSecret(pulumi.ComponentResource):
    """Tells the istiod of this cluster to read another one.

    The Secret changes in place: while it is away, istiod forgets the other cluster's services.

    Raises:
        ComponentError: MW-E051 without a provider.
    """

    def __init__(self, name: str, args: RemoteSecretArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        require_kubernetes_provider(opts, f"RemoteSecret {name}")
        cluster, namespace = args["cluster"], args.get("namespace", "istio-system")
        super().__init__("meshwright:index:RemoteSecret", name, {"cluster": cluster, "namespace": namespace}, opts)
        secret_in_place(
            f"{name}-secret",
            {
                "name": f"istio-remote-secret-{cluster}",
                "namespace": namespace,
                "labels": {REMOTE_CLUSTER: "true"},
                "annotations": {REMOTE_CLUSTER_NAME: cluster},
            },
            pulumi.Output.secret(args["kubeconfig"]).apply(lambda text: {cluster: _encoded(text)}),
            opts=below(self, opts),
        )
        self.register_outputs({})


def kubeconfig_for(cluster: str, server: str, token: Mapping[str, str]) -> str:
    """The kubeconfig that istiod reads, from a service account's token Secret: its data, in base64."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": cluster,
        "clusters": [{"name": cluster, "cluster": {"server": server, "certificate-authority-data": token["ca.crt"]}}],
        "users": [{"name": cluster, "user": {"token": base64.b64decode(token["token"]).decode()}}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": cluster}}],
    }
    return yaml.safe_dump(config, sort_keys=False)


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
