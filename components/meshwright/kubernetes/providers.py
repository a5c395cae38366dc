"""No mesh lands in the cluster that a shell happens to point at: components ask for an explicit provider."""

from collections.abc import Mapping

import pulumi

from meshwright.errors import Code
from meshwright.kubernetes.errors import refuse


def require_kubernetes_provider(opts: pulumi.ResourceOptions | None, label: str) -> None:
    """Refuse options that give a component no Kubernetes provider, by themselves or through a parent.

    Without one, Pulumi falls back to the current context of the ambient kubeconfig.

    Raises:
        ComponentError: MW-E051.
    """
    if opts is None or not _gives_one(opts):
        raise refuse(
            Code.NO_PROVIDER,
            label,
            "no Kubernetes provider was given",
            "pass one: opts=pulumi.ResourceOptions(providers=[pulumi_kubernetes.Provider(...)])",
        )


def _gives_one(opts: pulumi.ResourceOptions) -> bool:
    providers = opts.providers or []
    given = [*(providers.values() if isinstance(providers, Mapping) else providers), opts.provider]
    if any(provider is not None and provider.package == "kubernetes" for provider in given):
        return True
    return opts.parent is not None and opts.parent.get_provider("kubernetes:core/v1:Namespace") is not None
