"""Consul's own namespace, and what stays in it."""

from typing import NotRequired, TypedDict

import pulumi

from meshwright.consul.labels import NAMESPACE, POD_SECURITY
from meshwright.kubernetes.children import below
from meshwright.kubernetes.namespaces import namespace
from meshwright.kubernetes.providers import require_kubernetes_provider


class ConsulSystemNamespaceArgs(TypedDict):
    """Arguments of `ConsulSystemNamespace`."""

    namespace: NotRequired[str]
    """Default: ``consul``."""
    vault: NotRequired[bool]
    """Vault's injector gives its pods agents, which need more than the profile ``restricted`` lets them have. Default:
    false."""
    retain: NotRequired[bool]
    """It stays when the stack goes, with the servers' volumes and the Secrets that belong to them: a volume without its
    bootstrap token is of no use. A stack that comes back to it says ``adopt``. Default: true."""
    adopt: NotRequired[bool]
    """It exists, and stays when the stack goes. Default: false."""


class ConsulSystemNamespace(pulumi.ComponentResource):
    """Consul's namespace, which the chart doesn't make.

    Raises:
        ComponentError: MW-E051 without a Kubernetes provider.
    """

    namespace: pulumi.Output[str]
    """Its name."""

    def __init__(self, name: str, args: ConsulSystemNamespaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        require_kubernetes_provider(opts, f"ConsulSystemNamespace {name}")
        super().__init__("meshwright:index:ConsulSystemNamespace", name, {**args}, opts)
        own, adopt = args.get("namespace", NAMESPACE), args.get("adopt", False)
        # Deleting a namespace deletes its volumes' claims, whatever the servers' StatefulSet says of them.
        stays = pulumi.ResourceOptions(retain_on_delete=args.get("retain", True) and not adopt)
        namespace(
            f"{name}-namespace",
            own,
            {POD_SECURITY: "baseline" if args.get("vault") else "restricted"},
            adopt=adopt,
            opts=pulumi.ResourceOptions.merge(below(self, opts), stays),
        )
        self.namespace = pulumi.Output.from_input(own)
        self.register_outputs({"namespace": self.namespace})
