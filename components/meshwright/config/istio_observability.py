"""Observability of a stack of kind `istio-ambient`: telemetry, monitoring, and network policies that let it be."""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field

from meshwright.config.base import (
    ChartValues,
    Flag,
    Labels,
    Mistake,
    Model,
    NamespaceName,
    Number,
    Port,
    Spelt,
    Text,
    refusal,
    repeated,
)
from meshwright.config.shared import ChartSource
from meshwright.errors import Code

if TYPE_CHECKING:
    from meshwright.config.istio import IstioAmbientMesh, MeshNamespace

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_BACKENDS = ("otlp", "otlp_http", "jaeger", "zipkin")


def _port_fits(endpoint: str) -> str:
    if not 1 <= int(endpoint.rsplit(":", 1)[1]) <= 65535:
        raise refusal(Mistake(Code.BAD_VALUE, f'is "{endpoint}", whose port is none', "ports are 1 to 65535"))
    return endpoint


def _is_address(text: str) -> str:
    try:
        ip_address(text)
    except ValueError:
        message = f'is "{text[:60]}", which is no IP address'
        raise refusal(Mistake(Code.BAD_VALUE, message, 'write it as "169.254.20.10"')) from None
    return text


Endpoint = Annotated[
    str,
    Spelt(
        rf"{_LABEL}(\.{_LABEL})+:\d{{1,5}}",
        "service and port",
        'write a Service, its namespace and the port: "otel-collector.observability:4317"',
    ),
    AfterValidator(_port_fits),
]
"""``service.namespace:port``, or the host of a ServiceEntry in full."""
IpAddress = Annotated[str, AfterValidator(_is_address)]
LabelName = Annotated[
    str, Spelt(r"[a-zA-Z_][a-zA-Z0-9_]*", "label of a metric", "use letters, digits and _", limit=100)
]
AccessLogs = Literal["off", "errors", "all"]
Percent = Annotated[Number, Field(ge=0, le=100)]
ScrapeInterval = Annotated[str, Spelt(r"[1-9]\d{0,3}[sm]", "interval", 'write seconds or minutes: "15s"', limit=5)]


def host_and_port(endpoint: str) -> tuple[str, int]:
    """The host as Istio knows it, and the port: a Service gets its full name."""
    host, port = endpoint.rsplit(":", 1)
    labels = host.split(".")
    if len(labels) == 2:
        host = f"{host}.svc.cluster.local"
    elif labels[2:] == ["svc"]:
        host = f"{host}.cluster.local"
    return host, int(port)


def service_namespace(endpoint: str) -> str | None:
    """The namespace of an endpoint that is a Service of the cluster."""
    labels = host_and_port(endpoint)[0].split(".")
    return labels[1] if labels[2:3] == ["svc"] else None


class Metrics(Model):
    """The metrics of waypoints; ztunnel's are as they are."""

    enabled: Flag | None = None
    """Whether there are any. Default: there are."""
    remove_labels: tuple[LabelName, ...] = ()
    """Labels that they go without, such as source_version: each divides the number of series."""
    add_labels: dict[LabelName, Text] = Field(default_factory=dict)
    """Name of a label -> a CEL expression over Envoy's attributes, such as request.host. Beware of many values."""

    def mistakes(self) -> Iterator[Mistake]:
        """They say something; a label is removed once, and not added too."""
        if self.enabled is None and not self.remove_labels and not self.add_labels:
            yield Mistake(Code.MISSING_KEY, "says nothing", "add enabled, remove_labels or add_labels, or remove it")
        yield from repeated("remove_labels", self.remove_labels)
        for index, name in enumerate(self.remove_labels):
            if name in self.add_labels:
                at = ("remove_labels", index)
                yield Mistake(Code.CONTRADICTION, f"is {name}, which add_labels adds", "keep one of the two", at)


class Traces(Model):
    """Spans of waypoints. ztunnel makes none, and applications have to pass the trace headers on."""

    otlp: Endpoint | None = Field(default=None, examples=["otel-collector.observability:4317"])
    """An OpenTelemetry collector, by OTLP over gRPC."""
    otlp_http: Endpoint | None = None
    """An OpenTelemetry collector, by OTLP over HTTP."""
    jaeger: Endpoint | None = None
    """Jaeger from 1.35 on, by OTLP over gRPC: its port 4317."""
    zipkin: Endpoint | None = None
    """Zipkin."""
    sampling: Percent = 1.0
    """Requests that are traced, in percent. A caller that has decided already is followed."""

    @property
    def backend(self) -> tuple[str, str]:
        """Which key is given, and its endpoint."""
        return next((key, endpoint) for key in _BACKENDS if (endpoint := getattr(self, key)))

    def mistakes(self) -> Iterator[Mistake]:
        """Istio sends the spans of a proxy to one place."""
        given = [key for key in _BACKENDS if getattr(self, key)]
        if not given:
            yield Mistake(Code.MISSING_KEY, "lead nowhere", f"add one of: {', '.join(_BACKENDS)}")
        for key in given[1:]:
            message = f"is given beside {given[0]}, and Istio sends spans to one place"
            yield Mistake(Code.CONTRADICTION, message, "keep one; a collector can hand spans on", (key,))


class Telemetry(Model):
    """What the proxies of the mesh log, count and trace."""

    access_logs: AccessLogs = "errors"
    """Of ztunnel (a line a connection) and of waypoints (a line a request): all, only errors, or none."""
    logs_to: Endpoint | None = None
    """An OpenTelemetry collector for the waypoints' access logs, by OTLP over gRPC. Default: standard output."""
    log_format: Literal["json", "text"] = "json"
    """Of istiod, istio-cni, ztunnel and waypoints."""
    metrics: Metrics | None = None
    """The metrics of waypoints. Default: Istio's."""
    traces: Traces | None = None
    """Spans of waypoints. Default: none."""

    def mistakes(self) -> Iterator[Mistake]:
        """Logs that go somewhere are written."""
        if self.logs_to and self.access_logs == "off":
            message = "is given, and access_logs is off"
            yield Mistake(Code.CONTRADICTION, message, "remove it, or set access_logs", ("logs_to",))


class NamespaceTelemetry(Model):
    """What differs for one namespace, at the waypoint in front of it."""

    access_logs: AccessLogs | None = None
    """Default: the mesh's."""
    metrics: Metrics | None = None
    """Default: the mesh's."""
    sampling: Percent | None = None
    """Requests that are traced, in percent. Default: the mesh's."""

    def mistakes(self) -> Iterator[Mistake]:
        """It says something."""
        if self.access_logs is None and self.metrics is None and self.sampling is None:
            yield Mistake(Code.MISSING_KEY, "says nothing", "add access_logs, metrics or sampling, or remove it")


Url = Annotated[str, Spelt(r"https?://\S+", "address", "begin it with http:// or https://", limit=2000)]


class SecretKey(Model):
    """A key of a Secret that exists beside Kiali."""

    name: Text
    """The Secret."""
    key: Text
    """The key in it."""


class KialiGrafana(Model):
    """Grafana, to which Kiali links."""

    internal_url: Url
    """Where Kiali asks it."""
    external_url: Url
    """Where people's browsers find it."""


class KialiTracing(Model):
    """A store of spans, which Kiali shows beside requests."""

    provider: Literal["jaeger", "tempo"]
    """What it is."""
    internal_url: Url
    """Where Kiali asks it."""
    external_url: Url | None = None
    """Where people's browsers find it. Default: no links."""


class Kiali(Model):
    """Kiali, by its chart: a picture of the mesh, and findings after the deployment."""

    prometheus_url: Url
    """The Prometheus that scrapes the mesh."""
    login_key: SecretKey | None = None
    """What sessions are signed with: 16, 24 or 32 characters. The chart would make one at random, in a ConfigMap."""
    auth: Literal["token", "openid", "openshift", "header", "anonymous"] = "token"
    """How people log in. What openid needs goes into `values`."""
    view_only: Flag = True
    """People look and change nothing: what they changed there the next update would take back."""
    grafana: KialiGrafana | None = None
    """Default: no links to Grafana."""
    tracing: KialiTracing | None = None
    """Default: no traces."""
    charts: ChartSource | None = None
    """Where its chart comes from. Default: Kiali's HTTP repository."""
    values: ChartValues = Field(default_factory=dict)
    """Chart values of yours, merged last."""

    def mistakes(self) -> Iterator[Mistake]:
        """Sessions are signed, and who is nobody changes nothing."""
        if self.auth != "anonymous" and self.login_key is None:
            message = f"has auth: {self.auth}, and nothing signs people's sessions"
            yield Mistake(Code.MISSING_KEY, message, "add login_key: the name of a Secret, and its key")
        if self.auth == "anonymous" and not self.view_only:
            message = "is false, and auth is anonymous: anybody could change the mesh"
            yield Mistake(Code.CONTRADICTION, message, "remove it, or choose another auth", ("view_only",))


class Observability(Model):
    """Monitors and alert rules for the Prometheus operator, whose CRDs have to be there, and dashboards for Grafana."""

    namespace: NamespaceName = "istio-system"
    """Where they stand; it exists."""
    monitors: Flag = True
    """PodMonitors for istiod, ztunnel, istio-cni and waypoints."""
    alerts: Flag = True
    """A PrometheusRule, each alert with a runbook. It goes by the label `job` that the monitors give."""
    dashboards: Flag = True
    """ConfigMaps that Grafana's sidecar picks up."""
    labels: Labels = Field(default_factory=dict)
    """Labels by which your Prometheus picks monitors and rules, such as release: kube-prometheus-stack."""
    alert_labels: dict[LabelName, str] = Field(default_factory=dict)
    """Labels of every alert, by which Alertmanager routes; `severity` is each alert's own."""
    dashboard_labels: Labels = Field(default_factory=dict)
    """Labels of the dashboards. Default: grafana_dashboard: "1"."""
    interval: ScrapeInterval = "15s"
    """How often Prometheus scrapes."""
    kube_state_metrics: Flag = False
    """It exports the labels and annotations that tell enrolled pods from captured ones: two alerts more."""
    runbooks: Annotated[str, Spelt(r"https?://\S+", "address", "begin it with https://", limit=2000)] | None = None
    """Where you publish the runbooks. Default: docs/istio/runbooks.md, their place in this project."""
    prometheus_namespace: NamespaceName | None = None
    """Where Prometheus runs: network policies let it scrape waypoints."""
    kiali: Kiali | None = None
    """Default: none."""

    def mistakes(self) -> Iterator[Mistake]:
        """Something is made of it."""
        if not (self.monitors or self.alerts or self.dashboards or self.kiali):
            message = "has monitors, alerts and dashboards off: nothing is left"
            yield Mistake(Code.CONTRADICTION, message, "remove it, or set one of them")
        if "severity" in self.alert_labels:
            message = "has severity, which each alert has of its own: critical, warning or info"
            yield Mistake(Code.CONTRADICTION, message, "remove it, or call it otherwise", ("alert_labels",))


class WaypointBackend(Model):
    """What waypoints call besides istiod and workloads."""

    namespace: NamespaceName = Field(examples=["policy"])
    """Its namespace."""
    port: Port = Field(examples=[9191])
    """The port of its pods, not of its Service."""


class NetworkPolicies(Model):
    """Denies by default, and allows what ambient needs. What isn't meshed needs policies of yours beside it."""

    isolate: Literal["ingress", "egress", "both"] = "both"
    """What is denied but for what some policy allows."""
    peers: tuple[NamespaceName, ...] = ()
    """Other namespaces whose pods use port 15008, such as those with sidecars."""
    dns_addresses: tuple[IpAddress, ...] = ()
    """Addresses of DNS caches on the nodes, such as 169.254.20.10."""
    waypoint_backends: tuple[WaypointBackend, ...] = ()
    """What its waypoints call besides istiod and workloads, such as where tokens' keys are. Known are collectors that
    `telemetry` names, authorizers that are asked about the namespace, and istio-csr."""

    def mistakes(self) -> Iterator[Mistake]:
        """A namespace and an address are named once, and what goes out is named where that is denied."""
        yield from repeated("peers", self.peers)
        yield from repeated("dns_addresses", self.dns_addresses)
        for key in ("dns_addresses", "waypoint_backends"):
            if self.isolate == "ingress" and getattr(self, key):
                message = "is about what goes out, and isolate: ingress denies nothing there"
                yield Mistake(Code.CONTRADICTION, message, "remove it, or set isolate: both", (key,))


def observability_mistakes(mesh: "IstioAmbientMesh") -> Iterator[Mistake]:
    """What does nothing, or not what it says, in this mesh."""
    yield from _replaced_providers(mesh)
    for index, namespace in enumerate(mesh.namespaces):
        for mistake in (*_telemetry_mistakes(mesh, namespace), *_policy_mistakes(mesh, namespace)):
            yield mistake._replace(at=("namespaces", index, *mistake.at))


def _replaced_providers(mesh: "IstioAmbientMesh") -> Iterator[Mistake]:
    """Lists of chart values are replaced, not merged."""
    config = mesh.values.istiod.get("meshConfig")
    if mesh.telemetry is None or not isinstance(config, dict) or "extensionProviders" not in config:
        return
    if mesh.telemetry.logs_to or mesh.telemetry.traces:
        message = "replaces the providers that telemetry defines: logs and spans would go nowhere"
        at = ("values", "istiod", "meshConfig", "extensionProviders")
        yield Mistake(Code.CONTRADICTION, message, "remove it, or name the endpoints in telemetry alone", at)


def _telemetry_mistakes(mesh: "IstioAmbientMesh", namespace: "MeshNamespace") -> Iterator[Mistake]:
    telemetry = namespace.telemetry
    if telemetry is None:
        return
    if not (namespace.waypoint or namespace.use_waypoint):
        message = "is read by waypoints, and this namespace has none: ztunnel reads no Telemetry"
        yield Mistake(Code.CONTRADICTION, message, "add a waypoint, or remove it", ("telemetry",))
    if telemetry.sampling is not None and not (mesh.telemetry and mesh.telemetry.traces):
        message = f"is {telemetry.sampling:g}, and the mesh sends spans nowhere"
        yield Mistake(Code.CONTRADICTION, message, "add telemetry.traces to the mesh", ("telemetry", "sampling"))


def _policy_mistakes(mesh: "IstioAmbientMesh", namespace: "MeshNamespace") -> Iterator[Mistake]:
    if namespace.network_policy is None:
        return
    at = ("network_policy",)
    if namespace.network_policy.waypoint_backends and namespace.waypoint is None:
        message = "is for waypoints, and this namespace has none of its own"
        remedy = "remove it; a waypoint of another namespace goes by that one's network_policy"
        yield Mistake(Code.CONTRADICTION, message, remedy, (*at, "waypoint_backends"))
    if namespace.phase == "unmeshed":
        message = "is for a namespace that is unmeshed: it would cut its pods off"
        yield Mistake(Code.CONTRADICTION, message, "remove it, or set phase: permissive", at)
    if mesh.egress and namespace.name in mesh.egress.confine and namespace.network_policy.isolate != "ingress":
        message = "isolates what goes out, and egress.confine lets it reach every pod: policies add up"
        remedy = "leave it out of egress.confine; what is outside is denied here too"
        yield Mistake(Code.CONTRADICTION, message, remedy, at)
    if mesh.cluster.cni == "flannel":
        message = "does nothing here: flannel enforces no network policies"
        yield Mistake(Code.CONTRADICTION, message, "remove it, or use a network plugin that does", at)
