"""Entries that are one list of services: what a gateway leads to, and what peers see."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from meshwright.consul.ca.settings import as_go
from meshwright.consul.labels import API_VERSION

_KINDS: Final = {"TerminatingGateway": "terminating-gateway", "ExportedServices": "exported-services"}
"""Kind of the CRD -> of Consul's API, for which pulumi_consul has no resource of their own."""
_NAMES: Final = {"caFile": "CAFile", "sni": "SNI"}
"""The CRD's names -> the API's, where more than the first letter differs."""


def service_list(
    resource_name: str,
    kind: str,
    name: str,
    services: Sequence[Mapping[str, Any]],
    *,
    namespace: str | None,
    opts: pulumi.ResourceOptions,
) -> None:
    """Register the entry.

    Args:
        resource_name: Pulumi's name for it.
        kind: As Kubernetes has it: ``TerminatingGateway``.
        name: Of the entry.
        services: As the CRD has them.
        namespace: Where the object stands; None for Consul's API.
        opts: Of the resource.
    """
    if namespace is not None:
        CustomResource(
            resource_name,
            api_version=API_VERSION,
            kind=kind,
            metadata={"name": name, "namespace": namespace},
            spec={"services": [dict(each) for each in services]},
            opts=opts,
        )
        return
    # An extra: whoever has Consul in Kubernetes alone needs it not.
    import pulumi_consul as consul

    told = as_go({"Services": [_as_api(each) for each in services]})
    consul.ConfigEntry(resource_name, kind=_KINDS[kind], name=name, config_json=told, opts=opts)


def _as_api(value: Mapping[str, Any]) -> dict[str, Any]:
    made = {}
    for key, item in value.items():
        nested = [_as_api(each) for each in item] if isinstance(item, list) else item
        made[_NAMES.get(key, key[0].upper() + key[1:])] = nested
    return made
