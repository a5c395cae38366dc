"""Consul's gateways, as the chart makes them: to other clusters, from outside, and to services outside."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NotRequired, TypedDict

REPLICAS: Final = 2
"""Of each gateway. The chart's is one."""
RESOURCES: Final[Mapping[str, Any]] = {
    "requests": {"cpu": "100m", "memory": "128Mi"},
    # The chart's limits, 100m and 100Mi, throttle what all traffic goes through, and kill it under load.
    "limits": {"cpu": None, "memory": "512Mi"},
}
PRIVILEGED_PORTS: Final = 8000
"""What an API gateway's pods add to ports below 1024: 443 is 8443 there. With 0, the chart's, its pods may gain
privileges, which namespaces of the profile ``restricted`` refuse (``gatekeeper/dataplane.go``)."""


class MeshGatewayArgs(TypedDict):
    """The way to and from other clusters, for peering and federation."""

    replicas: NotRequired[int]
    """Default: 2."""
    service_type: NotRequired[str]
    """``LoadBalancer``, ``NodePort`` or ``ClusterIP``. Default: ``LoadBalancer``."""
    node_port: NotRequired[int]
    """The Service's port on the nodes; needed with ``NodePort``."""
    address: NotRequired[str]
    """What other clusters reach it by. Default: the Service's address."""
    port: NotRequired[int]
    """The port at that address. Default: ``node_port``, else 443."""
    annotations: NotRequired[dict[str, str]]
    """Of the Service, for the cloud's load balancer. Default: none."""


class ApiGatewayArgs(TypedDict):
    """What the controller makes of Gateways of the class ``consul``."""

    replicas: NotRequired[int]
    """Of each Gateway. Default: 2."""
    service_type: NotRequired[str]
    """``LoadBalancer``, ``NodePort`` or ``ClusterIP``. Default: ``LoadBalancer``."""
    service_annotations: NotRequired[list[str]]
    """Annotations of a Gateway that its Service gets too, by their names: those that the cloud's load balancer reads.
    Default: the controller's, ``external-dns.alpha.kubernetes.io/hostname``."""


class TerminatingGatewayArgs(TypedDict):
    """A way to services outside of the mesh."""

    name: str
    """Its service's name in Consul."""
    replicas: NotRequired[int]
    """Default: 2."""
    service_account_annotations: NotRequired[dict[str, str]]
    """Of its service account: the IAM role by which it calls functions. Default: none."""


def gateway_values(
    mesh: MeshGatewayArgs | None, api: ApiGatewayArgs, terminating: Sequence[TerminatingGatewayArgs]
) -> dict[str, Any]:
    """The chart's values for these gateways."""
    values: dict[str, Any] = {"connectInject": {"apiGateway": {"managedGatewayClass": _api_gateways(api)}}}
    if mesh is not None:
        values["meshGateway"] = _mesh_gateway(mesh)
    if terminating:
        values["terminatingGateways"] = {
            "enabled": True,
            "defaults": {"resources": RESOURCES, "affinity": apart("terminating-gateway")},
            "gateways": [_terminating(each) for each in terminating],
        }
    return values


def _api_gateways(api: ApiGatewayArgs) -> dict[str, Any]:
    replicas = api.get("replicas", REPLICAS)
    managed: dict[str, Any] = {
        "serviceType": api.get("service_type", "LoadBalancer"),
        # The chart's maximum is one, and holds against any other number.
        "deployment": {"defaultInstances": replicas, "minInstances": replicas, "maxInstances": replicas},
        "mapPrivilegedContainerPorts": PRIVILEGED_PORTS,
        "resources": RESOURCES,
    }
    if names := api.get("service_annotations"):
        # A list of their own takes the place of the controller's.
        copied = dict.fromkeys(("external-dns.alpha.kubernetes.io/hostname", *sorted(names)))
        managed["copyAnnotations"] = {"service": {"annotations": "\n".join(f"- {json.dumps(each)}" for each in copied)}}
    return managed


def _mesh_gateway(mesh: MeshGatewayArgs) -> dict[str, Any]:
    service: dict[str, Any] = {"type": mesh.get("service_type", "LoadBalancer")}
    if "node_port" in mesh:
        service["nodePort"] = mesh["node_port"]
    if annotations := mesh.get("annotations"):
        service["annotations"] = _annotations(annotations)
    port = mesh.get("port") or mesh.get("node_port", 443)
    if "address" in mesh:
        address: dict[str, Any] = {"source": "Static", "static": mesh["address"], "port": port}
    else:
        # What is told to others is then the Service's own port.
        address, service = {"source": "Service"}, {**service, "port": mesh.get("port", 443)}
    return {
        "enabled": True,
        "replicas": mesh.get("replicas", REPLICAS),
        "resources": RESOURCES,
        "service": service,
        "wanAddress": address,
        "affinity": apart("mesh-gateway"),
    }


def _terminating(gateway: TerminatingGatewayArgs) -> dict[str, Any]:
    values: dict[str, Any] = {"name": gateway["name"], "replicas": gateway.get("replicas", REPLICAS)}
    if annotations := gateway.get("service_account_annotations"):
        values["serviceAccount"] = {"annotations": _annotations(annotations)}
    return values


def _annotations(annotations: Mapping[str, str]) -> str:
    """As the chart wants them: YAML in text."""
    return "\n".join(f"{json.dumps(key)}: {json.dumps(annotations[key])}" for key in sorted(annotations))


def apart(component: str) -> str:
    """Replicas on different nodes, where there are so many; as text, which the chart has for a template."""
    return "\n".join(
        (
            "podAntiAffinity:",
            "  preferredDuringSchedulingIgnoredDuringExecution:",
            "    - weight: 100",
            "      podAffinityTerm:",
            "        topologyKey: kubernetes.io/hostname",
            "        labelSelector:",
            "          matchLabels:",
            '            app: {{ template "consul.name" . }}',
            '            release: "{{ .Release.Name }}"',
            f"            component: {component}",
        )
    )
