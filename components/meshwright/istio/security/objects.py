"""Istio's security objects as Pulumi resources."""

from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from meshwright.istio.labels import DRY_RUN


def security_object(
    resource_name: str,
    kind: str,
    name: str,
    namespace: pulumi.Input[str],
    spec: dict[str, Any],
    *,
    opts: pulumi.ResourceOptions,
    dry_run: bool = False,
) -> CustomResource:
    """An object of ``security.istio.io/v1``."""
    metadata: dict[str, Any] = {"name": name, "namespace": namespace}
    if dry_run:
        metadata["annotations"] = {DRY_RUN: "true"}
    return CustomResource(
        resource_name, api_version="security.istio.io/v1", kind=kind, metadata=metadata, spec=spec, opts=opts
    )
