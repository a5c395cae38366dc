"""No mesh lands in the cluster that a shell happens to point at: components ask for an explicit provider."""

import pulumi

from meshwright.errors import Code
from meshwright.kubernetes.errors import refuse


def require_kubernetes_provider(component: pulumi.ComponentResource, label: str) -> None:
    """Refuse a component that was given no Kubernetes provider by its options or by a parent.

    Without one, Pulumi falls back to the current context of the ambient kubeconfig.

    Raises:
        ComponentError: MW-E051.
    """
    if component.get_provider("kubernetes:core/v1:Namespace") is None:
        raise refuse(
            Code.NO_PROVIDER,
            label,
            "no Kubernetes provider was given",
            "pass one: opts=pulumi.ResourceOptions(providers=[pulumi_kubernetes.Provider(...)])",
        )
