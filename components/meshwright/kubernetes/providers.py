"""No mesh lands in the cluster that a shell happens to point at: components ask for an explicit provider."""

from collections.abc import Mapping

import pulumi

from meshwright.errors import Code
from meshwright.kubernetes.errors import refuse

_TITLES = {"kubernetes": "Kubernetes", "aws": "AWS", "gcp": "Google Cloud", "consul": "Consul", "vault": "Vault"}


def require_kubernetes_provider(opts: pulumi.ResourceOptions | None, label: str) -> None:
    """Refuse options that give a component no Kubernetes provider, by themselves or through a parent.

    Without one, Pulumi falls back to the current context of the ambient kubeconfig.

    Raises:
        ComponentError: MW-E051.
    """
    require_provider(opts, label, "kubernetes")


def require_provider(opts: pulumi.ResourceOptions | None, label: str, package: str) -> None:
    """Refuse options that give a component no provider of a package, such as ``kubernetes``, ``aws`` or ``vault``.

    Raises:
        ComponentError: MW-E051.
    """
    if opts is None or not _gives_one(opts, package):
        raise refuse(
            Code.NO_PROVIDER,
            label,
            f"no {_TITLES[package]} provider was given",
            f"pass one: opts=pulumi.ResourceOptions(providers=[pulumi_{package}.Provider(...)])",
        )


def _gives_one(opts: pulumi.ResourceOptions, package: str) -> bool:
    providers = opts.providers or []
    given = [*(providers.values() if isinstance(providers, Mapping) else providers), opts.provider]
    if any(provider is not None and provider.package == package for provider in given):
        return True
    # Any type of the package will do to look one up.
    return opts.parent is not None and opts.parent.get_provider(f"{package}:core/v1:Namespace") is not None
