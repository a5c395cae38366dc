"""Services of Kubernetes in Consul's catalog, or services of Consul's as Services: for those outside of the mesh."""

from typing import Any, NotRequired, TypedDict


class CatalogSyncArgs(TypedDict):
    """Which Services are synced, and which way. In the mesh nothing needs it: proxies and Consul's DNS know all."""

    to_consul: NotRequired[bool]
    """Services become services of Consul's, found by its DNS. Default: false."""
    to_kubernetes: NotRequired[bool]
    """Services of Consul's become Services. Default: false."""
    all_services: NotRequired[bool]
    """Of the namespaces below. Default: false, those with the annotation ``consul.hashicorp.com/service-sync``."""
    namespaces: NotRequired[list[str]]
    """Whose Services are synced. Default: all, but for kube-system and kube-public."""


def catalog_sync_values(args: CatalogSyncArgs) -> dict[str, Any]:
    """The chart's values for it, to be given to `Consul` in ``values``. By default the chart syncs all, both ways."""
    return {
        "syncCatalog": {
            "enabled": True,
            "toConsul": args.get("to_consul", False),
            "toK8S": args.get("to_kubernetes", False),
            "default": args.get("all_services", False),
            "k8sAllowNamespaces": args.get("namespaces") or ["*"],
        }
    }
