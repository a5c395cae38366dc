"""What a stack file may say of telemetry, monitoring and network policies, and the lines printed for what it may not."""

import re
from pathlib import Path
from textwrap import indent

import pytest

from meshwright.config import load_stack
from meshwright.config.istio import IstioAmbientMesh
from meshwright.config.istio_observability import host_and_port, service_namespace
from meshwright.errors import ConfigError
from tests.unit.config.conftest import Write
from tests.unit.config.mistakes import FILE, istio, namespaces

SHOP = "name: shop, phase: permissive"
BEHIND = f"{SHOP}, waypoint: {{reason: l7}}"

CASES = {
    "no port": (
        istio("    telemetry: {traces: {otlp: otel-collector.observability}}\n"),
        (
            f'{FILE}:6: mesh.telemetry.traces.otlp is "otel-collector.observability", which is no service and port; write a '
            'Service, its namespace and the port: "otel-collector.observability:4317" (MW-E015)'
        ),
    ),
    "a port that is none": (
        istio('    telemetry: {traces: {otlp: "a.b:70000"}}\n'),
        f'{FILE}:6: mesh.telemetry.traces.otlp is "a.b:70000", whose port is none; ports are 1 to 65535 (MW-E015)',
    ),
    "traces to nowhere": (
        istio("    telemetry: {traces: {sampling: 5}}\n"),
        f"{FILE}:6: mesh.telemetry.traces lead nowhere; add one of: otlp, otlp_http, jaeger, zipkin (MW-E011)",
    ),
    "traces to two places": (
        istio('    telemetry: {traces: {zipkin: "z.o:9411", otlp: "c.o:4317"}}\n'),
        (
            f"{FILE}:6: mesh.telemetry.traces.zipkin is given beside otlp, and Istio sends spans to one place; keep one; a "
            "collector can hand spans on (MW-E018)"
        ),
    ),
    "more than all": (
        istio('    telemetry: {traces: {otlp: "c.o:4317", sampling: 101}}\n'),
        f"{FILE}:6: mesh.telemetry.traces.sampling is 101; it is at most 100.0 (MW-E015)",
    ),
    "logs that are off": (
        istio('    telemetry: {access_logs: off, logs_to: "c.o:4317"}\n'),
        f"{FILE}:6: mesh.telemetry.logs_to is given, and access_logs is off; remove it, or set access_logs (MW-E018)",
    ),
    "a label twice": (
        istio("    telemetry: {metrics: {remove_labels: [a, b], add_labels: {b: request.host}}}\n"),
        f"{FILE}:6: mesh.telemetry.metrics.remove_labels[1] is b, which add_labels adds; keep one of the two (MW-E018)",
    ),
    "metrics that say nothing": (
        istio("    telemetry: {metrics: {}}\n"),
        (
            f"{FILE}:6: mesh.telemetry.metrics says nothing; add enabled, remove_labels or add_labels, or remove it (MW-E011)"
        ),
    ),
    "labels that no object can have": (
        istio("    observability: {labels: {release: kube prom}}\n"),
        (
            f"{FILE}:6: mesh.observability.labels has the value 'kube prom' for release, which is none of a label; write at "
            'most 63 letters, digits, "-", "_" and ".", the first and last a letter or digit (MW-E015)'
        ),
    ),
    "labels that no alert can have": (
        istio("    observability: {alert_labels: {on-call: mesh}}\n"),
        (
            f'{FILE}:6: mesh.observability.alert_labels.on-call is "on-call", which is no label of a metric; use letters, '
            "digits and _ (MW-E015)"
        ),
    ),
    "another severity": (
        istio("    observability: {alert_labels: {severity: page}}\n"),
        (
            f"{FILE}:6: mesh.observability.alert_labels has severity, which each alert has of its own: critical, warning or "
            "info; remove it, or call it otherwise (MW-E018)"
        ),
    ),
    "nothing to watch": (
        istio("    observability: {monitors: false, alerts: false, dashboards: false}\n"),
        (
            f"{FILE}:6: mesh.observability has monitors, alerts and dashboards off: nothing is left; remove it, or set one of "
            "them (MW-E018)"
        ),
    ),
    "Kiali without a key": (
        istio('    observability: {kiali: {prometheus_url: "http://p.m:9090"}}\n'),
        (
            f"{FILE}:6: mesh.observability.kiali has auth: token, and nothing signs people's sessions; add login_key: the "
            "name of a Secret, and its key (MW-E011)"
        ),
    ),
    "anybody changes the mesh": (
        istio('    observability: {kiali: {prometheus_url: "http://p.m:9090", auth: anonymous, view_only: false}}\n'),
        (
            f"{FILE}:6: mesh.observability.kiali.view_only is false, and auth is anonymous: anybody could change the mesh; "
            "remove it, or choose another auth (MW-E018)"
        ),
    ),
    "providers that others replace": (
        istio(
            '    telemetry: {traces: {otlp: "c.o:4317"}}\n'
            "    values: {istiod: {meshConfig: {extensionProviders: [{name: opa}]}}}\n"
        ),
        (
            f"{FILE}:7: mesh.values.istiod.meshConfig.extensionProviders replaces the providers that telemetry defines: logs "
            "and spans would go nowhere; remove it, or name the endpoints in telemetry alone (MW-E018)"
        ),
    ),
    "telemetry without a waypoint": (
        namespaces(f"{SHOP}, telemetry: {{access_logs: all}}"),
        (
            f"{FILE}:7: mesh.namespaces[0].telemetry is read by waypoints, and this namespace has none: ztunnel reads no "
            "Telemetry; add a waypoint, or remove it (MW-E018)"
        ),
    ),
    "telemetry that says nothing": (
        namespaces(f"{BEHIND}, telemetry: {{}}"),
        f"{FILE}:7: mesh.namespaces[0].telemetry says nothing; add access_logs, metrics or sampling, or remove it (MW-E011)",
    ),
    "sampling of nothing": (
        namespaces(f"{BEHIND}, telemetry: {{sampling: 2.5}}"),
        (
            f"{FILE}:7: mesh.namespaces[0].telemetry.sampling is 2.5, and the mesh sends spans nowhere; add telemetry.traces to "
            "the mesh (MW-E018)"
        ),
    ),
    "policies for a namespace outside": (
        namespaces("name: shop, phase: unmeshed, network_policy: {}"),
        (
            f"{FILE}:7: mesh.namespaces[0].network_policy is for a namespace that is unmeshed: it would cut its pods off; remove "
            "it, or set phase: permissive (MW-E018)"
        ),
    ),
    "policies that nobody enforces": (
        istio(
            f"    namespaces: [{{{SHOP}, network_policy: {{}}}}]\n",
            cluster="{context: prod, platform: k3s, cni: flannel}",
        ),
        (
            f"{FILE}:6: mesh.namespaces[0].network_policy does nothing here: flannel enforces no network policies; remove it, or "
            "use a network plugin that does (MW-E018)"
        ),
    ),
    "policies that another one opens": (
        istio(
            f"    namespaces: [{{{SHOP}, network_policy: {{}}}}]\n"
            "    egress: {confine: [shop], hosts: [{host: api.example.com, callers: [{namespace: shop}]}]}\n"
        ),
        (
            f"{FILE}:6: mesh.namespaces[0].network_policy isolates what goes out, and egress.confine lets it reach every pod: "
            "policies add up; leave it out of egress.confine; what is outside is denied here too (MW-E018)"
        ),
    ),
    "waypoints' calls where there is none": (
        namespaces(f"{SHOP}, network_policy: {{waypoint_backends: [{{namespace: opa, port: 9191}}]}}"),
        (
            f"{FILE}:7: mesh.namespaces[0].network_policy.waypoint_backends is for waypoints, and this namespace has none of its "
            "own; remove it; a waypoint of another namespace goes by that one's network_policy (MW-E018)"
        ),
    ),
    "a way out that is open anyway": (
        namespaces(f'{SHOP}, network_policy: {{isolate: ingress, dns_addresses: ["169.254.20.10"]}}'),
        (
            f"{FILE}:7: mesh.namespaces[0].network_policy.dns_addresses is about what goes out, and isolate: ingress denies "
            "nothing there; remove it, or set isolate: both (MW-E018)"
        ),
    ),
    "an address that is none": (
        namespaces(f"{SHOP}, network_policy: {{dns_addresses: [node-local]}}"),
        (
            f'{FILE}:7: mesh.namespaces[0].network_policy.dns_addresses[0] is "node-local", which is no IP address; write it as '
            '"169.254.20.10" (MW-E015)'
        ),
    ),
    "a peer twice": (
        namespaces(f"{SHOP}, network_policy: {{peers: [a, a]}}"),
        f'{FILE}:7: mesh.namespaces[0].network_policy.peers[1] is "a", as is peers[0]; keep one of the two (MW-E017)',
    ),
}


@pytest.mark.parametrize(("text", "line"), CASES.values(), ids=CASES)
def test_a_mistake_is_told_in_one_line(text: str, line: str, stack_file: Write) -> None:
    with pytest.raises(ConfigError) as caught:
        load_stack(stack_file(text))
    assert str(caught.value) == line


def test_what_is_said_is_read(stack_file: Write) -> None:
    mesh = load_stack(stack_file(istio('    telemetry: {traces: {jaeger: "jaeger-collector.tracing:4317"}}\n'))).mesh
    assert isinstance(mesh, IstioAmbientMesh)
    assert mesh.telemetry
    assert mesh.telemetry.access_logs == "errors"
    assert mesh.telemetry.traces
    assert mesh.telemetry.traces.backend == ("jaeger", "jaeger-collector.tracing:4317")
    assert mesh.observability is None


def test_providers_of_yours_stand_beside_telemetry_that_needs_none(stack_file: Write) -> None:
    values = "    values: {istiod: {meshConfig: {extensionProviders: [{name: opa}]}}}\n"
    assert load_stack(stack_file(istio(f"    telemetry: {{access_logs: all}}\n{values}"))).mesh


@pytest.mark.parametrize(
    ("endpoint", "host", "namespace"),
    [
        ("otel.tracing:4317", "otel.tracing.svc.cluster.local", "tracing"),
        ("otel.tracing.svc:4317", "otel.tracing.svc.cluster.local", "tracing"),
        ("otel.tracing.svc.cluster.local:4317", "otel.tracing.svc.cluster.local", "tracing"),
        ("otlp.eu.vendor.example:4317", "otlp.eu.vendor.example", None),
    ],
)
def test_a_service_has_its_full_name(endpoint: str, host: str, namespace: str | None) -> None:
    assert host_and_port(endpoint) == (host, 4317)
    assert service_namespace(endpoint) == namespace


def test_what_the_page_shows_is_read(stack_file: Write) -> None:
    page = (Path(__file__).parents[3] / "docs" / "istio" / "observability.md").read_text("utf-8")
    shown = re.findall(r"(?ms)^```yaml\n(.*?)^```", page)
    assert len(shown) >= 5
    for snippet in shown:
        assert load_stack(stack_file(istio(indent(snippet, "    ")))).mesh
