"""The peer in Python that writes manifests: the objects of ``programs/components`` by cdk8s, for its own interpreter.

``.tools/cdk8s/bin/python bench/cdk8s_synth.py NAMESPACES OUT``. A namespace is a chart, as it is a component in ours.
"""

import json
import sys
from typing import Any

from cdk8s import ApiObject, ApiObjectMetadata, App, Chart, JsonPatch  # type: ignore[import-not-found]


def add(chart: Any, api_version: str, kind: str, metadata: dict[str, Any], **fields: Any) -> None:
    """One object; what isn't metadata is set by a patch, which is how cdk8s takes untyped fields."""
    name = f"{kind}-{metadata['name']}".lower()
    made = ApiObject(chart, name, api_version=api_version, kind=kind, metadata=ApiObjectMetadata(**metadata))
    for field, value in fields.items():
        made.add_json_patch(JsonPatch.add(f"/{field}", value))


def parameters() -> dict[str, str]:
    """The waypoint's parameters."""
    labels = {"gateway.networking.k8s.io/gateway-name": "waypoint"}
    spread = {"maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {"matchLabels": labels}}
    keys = ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    pods = {"spec": {"topologySpreadConstraints": [{**spread, "topologyKey": key} for key in keys]}}
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}
    replicas = {"minReplicas": 2, "maxReplicas": 5, "metrics": [{"type": "Resource", "resource": cpu}]}
    return {
        "deployment": json.dumps({"spec": {"template": pods}}),
        "horizontalPodAutoscaler": json.dumps({"spec": replicas}),
        "podDisruptionBudget": json.dumps({"spec": {"maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow"}}),
    }


def main() -> None:
    """Make the charts and write them."""
    app = App(outdir=sys.argv[2])
    for number in range(int(sys.argv[1])):
        name = f"team-{number}"
        chart = Chart(app, name)
        labels = {"istio.io/dataplane-mode": "ambient", "istio.io/use-waypoint": "waypoint"}
        add(chart, "v1", "Namespace", {"name": name, "labels": labels})
        peers = {"name": "default", "namespace": name}
        add(chart, "security.istio.io/v1", "PeerAuthentication", peers, spec={"mtls": {"mode": "PERMISSIVE"}})
        given = {"name": "waypoint-parameters", "namespace": name}
        add(chart, "v1", "ConfigMap", given, data=parameters(), immutable=True)
        listener: dict[str, Any] = {"name": "mesh", "port": 15008, "protocol": "HBONE"}
        listener["allowedRoutes"] = {"namespaces": {"from": "Same"}}
        waypoint: dict[str, Any] = {"name": "waypoint", "namespace": name}
        waypoint["labels"] = {"istio.io/waypoint-for": "service"}
        waypoint["annotations"] = {"pulumi.com/waitFor": "condition=Programmed"}
        reference = {"group": "", "kind": "ConfigMap", "name": "waypoint-parameters"}
        spec: dict[str, Any] = {"gatewayClassName": "istio-waypoint", "listeners": [listener]}
        spec["infrastructure"] = {"parametersRef": reference}
        add(chart, "gateway.networking.k8s.io/v1", "Gateway", waypoint, spec=spec)
    app.synth()


main()
