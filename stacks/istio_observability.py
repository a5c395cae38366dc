"""Telemetry, monitoring and network policies, from a stack's config."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from istio_parts import Registered
from meshwright import AmbientNetworkPolicy, Kiali, MeshMonitoring, MeshTelemetry
from meshwright.catalog import load_catalog
from meshwright.config.istio import IstioAmbientMesh, MeshNamespace
from meshwright.config.istio_observability import Kiali as KialiConfig
from meshwright.config.istio_observability import (
    NamespaceTelemetry,
    NetworkPolicies,
    Observability,
    host_and_port,
    service_namespace,
)
from meshwright.istio import extension_providers as providers
from meshwright.istio.certificates.istio_csr import POD_PORT
from parts import chart_source

if TYPE_CHECKING:
    from meshwright.istio.ambient import IstioAmbientArgs
    from meshwright.istio.network_policy import AmbientNetworkPolicyArgs
    from meshwright.istio.observability.kiali import KialiArgs
    from meshwright.istio.observability.monitoring import MeshMonitoringArgs
    from meshwright.istio.observability.telemetry import TelemetryScope

_ROOT_NAMESPACE = "istio-system"
_LOGS, _TRACES = "access-logs", "traces"
_TRACES_TO = {
    "otlp": providers.otlp_traces,
    "otlp_http": providers.otlp_http_traces,
    "jaeger": providers.otlp_traces,
    "zipkin": providers.zipkin_traces,
}


def set_logs(args: "IstioAmbientArgs", mesh: IstioAmbientMesh) -> None:
    """What istiod and the node agents log, and how."""
    if mesh.telemetry:
        args["ztunnel_access_logs"] = mesh.telemetry.access_logs
        if mesh.telemetry.log_format == "json":
            args["json_logs"] = True


def extension_providers(mesh: IstioAmbientMesh) -> list[dict[str, Any]]:
    """Where logs and spans go."""
    made, telemetry = [], mesh.telemetry
    if telemetry and telemetry.logs_to:
        made.append(providers.otlp_logs(_LOGS, *host_and_port(telemetry.logs_to)))
    if telemetry and telemetry.traces:
        key, endpoint = telemetry.traces.backend
        made.append(_TRACES_TO[key](_TRACES, *host_and_port(endpoint)))
    return made


def deploy(mesh: IstioAmbientMesh, stands: Registered) -> None:
    """Register what the stack asks for."""
    if scopes := list(_scopes(mesh)):
        names = [str(each["name"]) for each in extension_providers(mesh)]
        after = stands.after(stands.namespaces.values())
        MeshTelemetry("telemetry", {"scopes": scopes, "providers": names}, after)
    if watched := mesh.observability:
        # Their namespace may be one that the stack makes.
        after = stands.after([each for name, each in stands.namespaces.items() if name == watched.namespace])
        if watched.monitors or watched.alerts or watched.dashboards:
            MeshMonitoring("monitoring", _monitoring(mesh, watched), after)
        if watched.kiali:
            Kiali("kiali", _kiali(watched.kiali, watched.namespace), after)
    for namespace in mesh.namespaces:
        if wanted := namespace.network_policy:
            args = _network_policy(mesh, namespace, wanted)
            AmbientNetworkPolicy(f"{namespace.name}-network", args, stands.after([stands.namespaces[namespace.name]]))


def _scopes(mesh: IstioAmbientMesh) -> Iterator["TelemetryScope"]:
    """The mesh's, and those of the namespaces that differ: at their waypoint, or for their services at another's."""
    if telemetry := mesh.telemetry:
        scope: TelemetryScope = {"namespace": _ROOT_NAMESPACE, "access_logs": telemetry.access_logs}
        if telemetry.logs_to:
            scope["log_provider"] = _LOGS
        if telemetry.metrics:
            scope["metrics"] = cast("Any", telemetry.metrics.model_dump(mode="json", exclude_unset=True))
        if telemetry.traces:
            scope["trace_provider"] = _TRACES
            scope["sampling"] = telemetry.traces.sampling
        yield scope
    for namespace in mesh.namespaces:
        if namespace.telemetry:
            yield _of_namespace(mesh, namespace, namespace.telemetry)


def _of_namespace(mesh: IstioAmbientMesh, namespace: MeshNamespace, wanted: NamespaceTelemetry) -> "TelemetryScope":
    scope: TelemetryScope = {"namespace": namespace.name}
    if waypoints := _own_waypoints(namespace):
        scope["targets"] = [{"kind": "Gateway", "name": name} for name in waypoints]
    if wanted.access_logs:
        scope["access_logs"] = wanted.access_logs
        if mesh.telemetry and mesh.telemetry.logs_to:
            scope["log_provider"] = _LOGS
    if wanted.metrics:
        scope["metrics"] = cast("Any", wanted.metrics.model_dump(mode="json", exclude_unset=True))
    if wanted.sampling is not None:
        scope["sampling"] = wanted.sampling
    return scope


def _own_waypoints(namespace: MeshNamespace) -> list[str]:
    if namespace.waypoint is None:
        return []
    return ["waypoint", "waypoint-canary"] if namespace.waypoint.canary else ["waypoint"]


def _monitoring(mesh: IstioAmbientMesh, wanted: Observability) -> "MeshMonitoringArgs":
    agents = load_catalog().platforms[mesh.cluster.platform].istio.agents_namespace
    args: MeshMonitoringArgs = {
        "namespace": wanted.namespace,
        "agents_namespace": agents or _ROOT_NAMESPACE,
        "parts": [part for part in ("monitors", "alerts", "dashboards") if getattr(wanted, part)],
        "interval": wanted.interval,
        "waypoints": [
            {"namespace": namespace.name, "name": name}
            for namespace in mesh.namespaces
            for name in _own_waypoints(namespace)
        ],
    }
    if mesh.egress:
        args["waypoints"].append({"namespace": mesh.egress.namespace, "name": "waypoint"})
    given = wanted.model_dump(mode="json", exclude_unset=True)
    same = ("labels", "alert_labels", "dashboard_labels", "kube_state_metrics", "runbooks")
    args.update(cast("MeshMonitoringArgs", {key: given[key] for key in same if given.get(key)}))
    return args


def _kiali(wanted: KialiConfig, namespace: str) -> "KialiArgs":
    given = wanted.model_dump(mode="json", exclude_unset=True, exclude={"charts"})
    if wanted.charts:
        given["charts"] = chart_source(wanted.charts)
    return cast("KialiArgs", {**given, "namespace": namespace})


def _network_policy(
    mesh: IstioAmbientMesh, namespace: MeshNamespace, wanted: NetworkPolicies
) -> "AmbientNetworkPolicyArgs":
    args: AmbientNetworkPolicyArgs = {
        "namespace": namespace.name,
        "kind": "cilium" if mesh.cluster.cni == "cilium" else "kubernetes",
        "isolate": wanted.isolate,
    }
    if wanted.peers:
        args["peers"] = list(wanted.peers)
    if wanted.dns_addresses:
        args["dns_addresses"] = list(wanted.dns_addresses)
    if mesh.cluster.platform == "openshift":
        labels = {"dns.operator.openshift.io/daemonset-dns": "default"}
        args["dns"] = {"namespace": "openshift-dns", "labels": labels, "port": 5353}
    if mesh.observability and mesh.observability.prometheus_namespace:
        args["prometheus_namespace"] = mesh.observability.prometheus_namespace
    backends = {(each.namespace, each.port) for each in wanted.waypoint_backends} | set(_backends(mesh, namespace))
    if backends and namespace.waypoint and wanted.isolate != "ingress":
        args["waypoint_backends"] = [{"namespace": name, "port": port} for name, port in sorted(backends)]
    return args


def _backends(mesh: IstioAmbientMesh, namespace: MeshNamespace) -> Iterator[tuple[str, int]]:
    """Namespace and port of what the stack's own keys make a waypoint of the namespace call, in the cluster."""
    for endpoint in (*_collectors(mesh), *_authorizers(mesh, namespace)):
        if home := service_namespace(endpoint):
            # A Service of one mostly has the port of its pods.
            yield home, host_and_port(endpoint)[1]
    if mesh.certificates and mesh.certificates.istio_csr:
        yield mesh.certificates.istio_csr.namespace, POD_PORT


def _collectors(mesh: IstioAmbientMesh) -> Iterator[str]:
    if telemetry := mesh.telemetry:
        yield from (each for each in (telemetry.logs_to, telemetry.traces and telemetry.traces.backend[1]) if each)


def _authorizers(mesh: IstioAmbientMesh, namespace: MeshNamespace) -> Iterator[str]:
    """Who decides on requests to the namespace, and to those that use its waypoint."""
    behind = [namespace, *(each for each in mesh.namespaces if _uses(each, namespace.name))]
    asked = {wanted.authorizer for each in behind if (wanted := each.security.external_authorization)}
    yield from (f"{each.service}:{each.port}" for each in mesh.security.authorizers if each.name in asked)


def _uses(namespace: MeshNamespace, another: str) -> bool:
    return namespace.use_waypoint is not None and namespace.use_waypoint.namespace == another
