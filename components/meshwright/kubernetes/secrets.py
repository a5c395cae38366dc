"""Secrets that change in place."""

from collections.abc import Mapping

import pulumi
from pulumi_kubernetes.core.v1 import Secret, SecretPatch


def secret_in_place(
    resource_name: str,
    metadata: Mapping[str, pulumi.Input[object]],
    data: pulumi.Input[Mapping[str, str]],
    *,
    opts: pulumi.ResourceOptions,
) -> SecretPatch:
    """A Secret whose content changes without its going away; register it under ``<name>`` and ``<name>-content``.

    The provider replaces a Secret whose data changes, and deletes it first since the name stays. Whoever reads it in
    the gap finds none. A server-side patch of an empty Secret is updated in place.

    Args:
        resource_name: Name of the resource.
        metadata: The Secret's metadata, name and namespace included.
        data: Key -> content in base64. It is made secret.
        opts: For both resources.
    """
    empty = Secret(resource_name, metadata={**metadata}, type="Opaque", opts=opts)
    return SecretPatch(
        f"{resource_name}-content",
        metadata={key: metadata[key] for key in ("name", "namespace")},
        data=pulumi.Output.secret(data),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[empty])),
    )
