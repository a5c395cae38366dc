"""What holds for the whole mesh: its Mesh and ProxyDefaults entries, of which Consul has one each."""

from collections.abc import Iterator
from typing import Any, Final, NotRequired, TypedDict

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource, CustomResourcePatch

from meshwright.consul.labels import API_VERSION, NAMESPACE, TLS_VERSIONS
from meshwright.consul.service_defaults import PROTOCOLS
from meshwright.errors import Code
from meshwright.kubernetes.children import below
from meshwright.kubernetes.problems import refuse_all
from meshwright.kubernetes.providers import require_kubernetes_provider
from meshwright.kubernetes.troubles import Trouble

_LOGS: Final = ("stdout", "stderr")


class ConsulMeshDefaultsArgs(TypedDict):
    """Arguments of `ConsulMeshDefaults`."""

    namespace: NotRequired[str]
    """Where the objects stand. Default: ``consul``."""
    allow_permissive: NotRequired[bool]
    """Services may become permissive. Default: false. It is said by a patch of its own: that comes before the services
    that need it, and goes after the last of them is strict."""
    tls_min_version: NotRequired[str]
    """Of mutual TLS: ``1.2`` or ``1.3``. Default: ``1.2``."""
    strict_paths: NotRequired[bool]
    """Requests whose path could be read in two ways are refused or made one; needed for intentions that look at paths.
    Default: true."""
    strict_headers: NotRequired[bool]
    """Requests with ``_`` in a header's name are refused; for intentions that look at headers. Default: false."""
    mesh_destinations_only: NotRequired[bool]
    """Pods call nothing outside the mesh. Default: false."""
    peer_through_mesh_gateways: NotRequired[bool]
    """Servers of peers speak through mesh gateways. Default: Consul's, false."""
    protocol: NotRequired[str]
    """Of services that say none: ``tcp``, ``http``, ``http2`` or ``grpc``. Default: Consul's, ``tcp``."""
    access_logs: NotRequired[str]
    """Where proxies write a line for each request: ``stdout`` or ``stderr``. Default: nowhere."""


class ConsulMeshDefaults(pulumi.ComponentResource):
    """TLS, paths and defaults of all proxies. Proxies are strict, unless a service says otherwise.

    Raises:
        ComponentError: MW-E050 for values that are none, MW-E051 without a provider.
    """

    def __init__(self, name: str, args: ConsulMeshDefaultsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"ConsulMeshDefaults {name}"
        require_kubernetes_provider(opts, label)
        refuse_all(_troubles(args), label)
        super().__init__("meshwright:index:ConsulMeshDefaults", name, {**args}, opts)
        children, namespace = below(self, opts), args.get("namespace", NAMESPACE)
        # Consul's webhook takes these names, and one object of each kind in the cluster.
        CustomResource(
            f"{name}-proxy-defaults",
            api_version=API_VERSION,
            kind="ProxyDefaults",
            metadata={"name": "global", "namespace": namespace},
            spec=_proxies(args),
            opts=children,
        )
        mesh = CustomResource(
            f"{name}-mesh",
            api_version=API_VERSION,
            kind="Mesh",
            metadata={"name": "mesh", "namespace": namespace},
            spec=_mesh(args),
            opts=children,
        )
        if args.get("allow_permissive", False):
            CustomResourcePatch(
                f"{name}-allow-permissive",
                api_version=API_VERSION,
                kind="Mesh",
                metadata={"name": "mesh", "namespace": namespace},
                spec={"allowEnablingPermissiveMutualTLS": True},
                opts=pulumi.ResourceOptions.merge(children, pulumi.ResourceOptions(depends_on=[mesh])),
            )
        self.register_outputs({})


def _troubles(args: ConsulMeshDefaultsArgs) -> Iterator[Trouble]:
    for key, allowed in (
        ("tls_min_version", tuple(TLS_VERSIONS)),
        ("protocol", PROTOCOLS),
        ("access_logs", _LOGS),
    ):
        value = args.get(key)
        if value is not None and value not in allowed:
            yield Trouble(Code.BAD_ARGUMENT, f'is "{value}"', f"one of: {', '.join(allowed)}", (key,))


def _mesh(args: ConsulMeshDefaultsArgs) -> dict[str, Any]:
    lowest = {"tlsMinVersion": TLS_VERSIONS[args.get("tls_min_version", "1.2")]}
    spec: dict[str, Any] = {
        "tls": {"incoming": lowest, "outgoing": lowest},
        "transparentProxy": {"meshDestinationsOnly": bool(args.get("mesh_destinations_only", False))},
    }
    normal: dict[str, Any] = {}
    if args.get("strict_paths", True):
        normal = {"mergeSlashes": True, "pathWithEscapedSlashesAction": "REJECT_REQUEST"}
    if args.get("strict_headers", False):
        normal["headersWithUnderscoresAction"] = "REJECT_REQUEST"
    if normal:
        spec["http"] = {"incoming": {"requestNormalization": normal}}
    if args.get("peer_through_mesh_gateways", False):
        spec["peering"] = {"peerThroughMeshGateways": True}
    return spec


def _proxies(args: ConsulMeshDefaultsArgs) -> dict[str, Any]:
    spec: dict[str, Any] = {"mutualTLSMode": "strict"}
    if protocol := args.get("protocol"):
        spec["config"] = {"protocol": protocol}
    if logs := args.get("access_logs"):
        spec["accessLogs"] = {"enabled": True, "type": logs}
    return spec
