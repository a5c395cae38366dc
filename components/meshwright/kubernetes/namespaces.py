"""Namespaces: made here, or adopted from whoever made them."""

from collections.abc import Mapping

import pulumi
from pulumi_kubernetes.core.v1 import Namespace, NamespacePatch


def namespace(
    resource_name: str,
    name: str,
    labels: Mapping[str, str],
    *,
    adopt: bool,
    opts: pulumi.ResourceOptions,
    annotations: Mapping[str, str] | None = None,
) -> Namespace | NamespacePatch:
    """Create a namespace, or label and annotate one that exists.

    An adopted namespace is labelled by a server-side patch: ``destroy`` takes the labels back, and never deletes the
    namespace with what runs in it. Each of the two is an alias of the other, so that a namespace which was made here
    and is adopted later on is handed over. Otherwise Pulumi would delete it, with everything in it.
    """
    other = "kubernetes:core/v1:Namespace" if adopt else "kubernetes:core/v1:NamespacePatch"
    opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(aliases=[pulumi.Alias(type_=other)]))
    marks = {"labels": dict(labels), "annotations": dict(annotations or {})}
    metadata = {"name": name, **{key: value for key, value in marks.items() if value}}
    if adopt:
        return NamespacePatch(resource_name, metadata=metadata, opts=opts)
    return Namespace(resource_name, metadata=metadata, opts=opts)
