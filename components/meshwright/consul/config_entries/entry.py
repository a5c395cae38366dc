"""One config entry as a resource: an object of consul-k8s's CRDs, or a typed entry of Consul's API."""

from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from meshwright.consul.config_entries import typed
from meshwright.consul.labels import API_VERSION
from meshwright.kubernetes.providers import require_kubernetes_provider

EVERY_SERVICE = "any.service"
"""Name of the object whose entry is for ``*``. No Service has it: their names are without dots."""


def require_provider(opts: pulumi.ResourceOptions | None, label: str, namespace: str | None) -> None:
    """Refuse options that don't say which cluster, or which Consul, is meant. Raises `ComponentError`, MW-E051."""
    if namespace is None:
        typed.require_consul_provider(opts, label)
    else:
        require_kubernetes_provider(opts, label)


def entry(
    resource_name: str,
    kind: str,
    name: str,
    spec: dict[str, Any],
    *,
    namespace: str | None,
    opts: pulumi.ResourceOptions,
) -> pulumi.Resource:
    """Register an entry.

    Args:
        resource_name: Pulumi's name for it.
        kind: As Kubernetes has it: ``ServiceDefaults``.
        name: The service's; ``*`` for `EVERY_SERVICE`.
        spec: As the CRD has it.
        namespace: Where the object stands; None for Consul's API.
        opts: Of the resource.
    """
    if namespace is None:
        return typed.entry(resource_name, kind, name, spec, opts)
    # One name is one entry in Consul, whichever namespace the object is in: its webhook takes no second one.
    moved = pulumi.ResourceOptions(delete_before_replace=True)
    made: pulumi.CustomResource = CustomResource(
        resource_name,
        api_version=API_VERSION,
        kind=kind,
        metadata={"name": EVERY_SERVICE if name == "*" else name, "namespace": namespace},
        spec=spec,
        opts=pulumi.ResourceOptions.merge(opts, moved),
    )
    return made
