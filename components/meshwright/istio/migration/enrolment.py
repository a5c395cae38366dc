"""Namespaces and pods: out of injection, into ambient; and the waypoints of the Services that need one."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from meshwright.engine.render.yaml_text import document
from meshwright.istio import labels
from meshwright.istio.defaults import NODE, ZONE, spread
from meshwright.istio.migration.authorization import WAYPOINT
from meshwright.istio.migration.objects import identity, mapped, new, with_labels
from meshwright.istio.migration.report import GUIDE, LABELS, WAYPOINTS, Difference, Topic, Verdict
from meshwright.istio.migration.setup import SIDECAR_INJECT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshwright.istio.migration.authorization import Context
    from meshwright.istio.migration.objects import Body
    from meshwright.istio.migration.setup import Workload

_CAPTURE: Final = "traffic.sidecar.istio.io/"
_OF_SIDECARS: Final = ("sidecar.istio.io/", "proxy.istio.io/", "inject.istio.io/")
_AMBIENT: Final = {labels.DATAPLANE_MODE: "ambient"}


def enrol(context: Context) -> None:
    """The waypoints, the Services that use them, the namespaces and the pods."""
    there = {each.identity for each in context.setup.objects}
    for namespace in context.needs.namespaces():
        parameters, gateway = waypoint(namespace)
        if identity(gateway) not in there:
            context.changes.prepare.put(parameters)
            context.changes.prepare.put(gateway)
    for service in context.setup.services:
        if context.needs.has(service):
            ingress = context.needs.takes_ingress(service)
            uses = {labels.USE_WAYPOINT: WAYPOINT} | ({labels.INGRESS_USE_WAYPOINT: "true"} if ingress else {})
            context.changes.activate.put(with_labels(service.manifest.body, uses))
            because = ", ".join(f"{each.kind} {each.name}" for each in context.needs.reasons[service.key])
            reason = f"it uses a waypoint{', from ingress gateways too,' * ingress} because of {because}"
            context.findings.say(service.manifest.identity, Verdict.TRANSLATED, reason, WAYPOINTS)
        elif service.headless and service.namespace in context.setup.moving:
            reason = "without an address of its own it has no waypoint: ztunnel judges its callers"
            context.findings.say(service.manifest.identity, Verdict.MOVES, reason, WAYPOINTS)
    _namespaces(context)
    for workload in context.setup.workloads:
        _workload(workload, context)


def _namespaces(context: Context) -> None:
    there = {each.name: each for each in context.setup.of("Namespace")}
    for namespace in context.order:
        if found := there.get(namespace):
            body = with_labels(found.body, _AMBIENT, (labels.INJECTION, labels.REVISION))
            reason = "out of injection, into ambient; the pods follow when they are replaced"
            context.findings.say(found.identity, Verdict.TRANSLATED, reason, GUIDE)
            context.findings.becomes(found.identity, identity(body))
        else:
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": dict(_AMBIENT)}}
        context.changes.enrol[namespace].put(body)
    for name, found in there.items():
        if name in context.kept:
            context.findings.say(found.identity, Verdict.MOVES, "it keeps its sidecars, as asked", GUIDE)


def _workload(workload: Workload, context: Context) -> None:
    say, manifest = context.findings.say, workload.manifest
    if workload.is_gateway:
        say(manifest.identity, Verdict.MOVES, "a gateway stays Envoy, outside of ambient", GUIDE)
        return
    if workload.namespace not in context.setup.moving:
        return
    capture = sorted(key for key in workload.annotations if key.startswith(_CAPTURE))
    if capture:
        text = f"{', '.join(capture)}: ztunnel takes all of a pod's traffic or none"
        say(manifest.identity, Verdict.DECISION, text, LABELS)
        difference = Difference(Topic.NOT_ROUTED, workload.namespace, workload.name, "denied", text)
        context.findings.differs(manifest.identity, difference)
    drop = [key for key in workload.labels if key in (SIDECAR_INJECT, labels.REVISION)]
    notes = [key for key in workload.annotations if key.startswith(_OF_SIDECARS)]
    if workload.opts_out and not workload.host_network:
        # In the namespace's ambient it would be captured, which it never was.
        reason = "it is out of the mesh, and stays so by a label of ambient's"
        body = _relabelled(workload, {labels.DATAPLANE_MODE: "none"}, drop, notes)
    elif drop or notes:
        reason = f"{', '.join([*drop, *notes])} go: there is no sidecar to tell"
        body = _relabelled(workload, {}, drop, notes)
    else:
        if not capture:
            say(manifest.identity, Verdict.MOVES, "its pods move when they are replaced", GUIDE)
        return
    say(manifest.identity, Verdict.TRANSLATED, reason, LABELS)
    context.findings.becomes(manifest.identity, context.changes.enrol[workload.namespace].put(body))


def _relabelled(workload: Workload, add: Mapping[str, str], drop: list[str], notes: list[str]) -> Body:
    body = workload.manifest.body
    if workload.manifest.kind == "Pod":
        return _template(with_labels(body, {}), add, drop, notes)
    body = with_labels(body, {})
    spec = dict(body["spec"])
    if workload.manifest.kind == "CronJob":
        job = dict(spec["jobTemplate"])
        job["spec"] = {**job["spec"], "template": _template(job["spec"]["template"], add, drop, notes)}
        return {**body, "spec": {**spec, "jobTemplate": job}}
    return {**body, "spec": {**spec, "template": _template(spec["template"], add, drop, notes)}}


def _template(template: Body, add: Mapping[str, str], drop: list[str], notes: list[str]) -> Body:
    metadata = dict(mapped(template.get("metadata")))
    for key, gone, more in (("labels", drop, add), ("annotations", notes, {})):
        kept = {name: value for name, value in mapped(metadata.get(key)).items() if name not in gone} | dict(more)
        metadata.pop(key, None)
        metadata |= {key: kept} if kept else {}
    return {**template, "metadata": metadata}


def waypoint(namespace: str) -> list[Body]:
    """A waypoint that is scaled, spread and kept by a disruption budget: while none is ready, ztunnel goes past it."""
    pods = {labels.GATEWAY_NAME: WAYPOINT}
    apart = [spread(ZONE, pods), spread(NODE, pods)]
    target = {"type": "Utilization", "averageUtilization": 80}
    cpu = {"type": "Resource", "resource": {"name": "cpu", "target": target}}
    overlays: dict[str, dict[str, Any]] = {
        "deployment": {"spec": {"template": {"spec": {"topologySpreadConstraints": apart}}}},
        "horizontalPodAutoscaler": {"spec": {"minReplicas": 2, "maxReplicas": 5, "metrics": [cpu]}},
        "podDisruptionBudget": {"spec": {"maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow"}},
    }
    data = {key: document(value).decode() for key, value in overlays.items()}
    digest = hashlib.sha256("".join(f"{key}\0{value}\0" for key, value in data.items()).encode()).hexdigest()[:8]
    name = f"{WAYPOINT}-{digest}"
    parameters = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data,
    }
    spec = {
        "gatewayClassName": labels.WAYPOINT_CLASS,
        "infrastructure": {"parametersRef": {"group": "", "kind": "ConfigMap", "name": name}},
        "listeners": [
            {
                "name": "mesh",
                "port": labels.HBONE_PORT,
                "protocol": "HBONE",
                "allowedRoutes": {"namespaces": {"from": "Same"}},
            }
        ],
    }
    gateway = new(
        "gateway.networking.k8s.io/v1", "Gateway", namespace, WAYPOINT, spec, labels={labels.WAYPOINT_FOR: "service"}
    )
    return [parameters, gateway]
