"""What must hold for objects that a cluster is to get. Each check returns its findings, one line each; none is good."""

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import yaml

from meshwright.kubernetes.chart_values import merge
from tests.servers.kubernetes import Api, ApiError, Identity, Object

# Istio 1.31's labels and what they may say: `label/labels.yaml` of istio/api; an empty set means any value.
ISTIO_LABELS: dict[str, frozenset[str]] = {
    "istio.io/dataplane-mode": frozenset({"ambient", "none"}),
    "istio.io/waypoint-for": frozenset({"service", "workload", "all", "none"}),
    "istio.io/ingress-use-waypoint": frozenset({"true"}),
    "istio.io/use-waypoint": frozenset(),
    "istio.io/use-waypoint-namespace": frozenset(),
    "istio.io/use-waypoint-canary": frozenset(),
    "istio.io/use-waypoint-canary-namespace": frozenset(),
    "istio.io/rev": frozenset(),
    "istio.io/tag": frozenset(),
    "istio.io/global": frozenset({"true"}),
    "topology.istio.io/network": frozenset(),
}
# The objects that istiod renders for a Gateway, and so the keys that it accepts in the ConfigMap of its parametersRef:
# pilot/pkg/config/kube/gatewaycommon/deploymentcontroller.go. It renders nothing at all when it meets another.
OVERLAYS = frozenset({"deployment", "service", "serviceAccount", "horizontalPodAutoscaler", "podDisruptionBudget"})


def namespaces(bodies: Iterable[Object]) -> list[Object]:
    """The bare namespaces that objects are in, or label: what a stack that adopts its namespaces expects to find."""
    objects = list(bodies)
    names = {body["metadata"].get("namespace") for body in objects} - {None}
    names |= {body["metadata"]["name"] for body in objects if body["kind"] == "Namespace"}
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in sorted(names)]


def services(bodies: Iterable[Object]) -> list[Object]:
    """The bare Services that objects annotate or label, which belong to the application."""
    patched = [each for each in bodies if each["kind"] == "Service" and "spec" not in each]
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {key: each["metadata"][key] for key in ("name", "namespace")},
            "spec": {"ports": [{"port": 80}]},
        }
        for each in patched
    ]


def accounts(bodies: Iterable[Object]) -> list[Object]:
    """The service accounts that tokens are for, which a chart makes: without them, the tokens would be deleted."""
    tokens = [each["metadata"] for each in bodies if each.get("type") == "kubernetes.io/service-account-token"]
    made: list[Object] = []
    for token in tokens:
        home, name = token["namespace"], token["annotations"]["kubernetes.io/service-account.name"]
        made.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": home}})
        made.append({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": home}})
    return made


def accepted(api: Api, bodies: Iterable[Object]) -> list[str]:
    """Findings of the API server: unknown fields, types, enums, CEL rules, and fields that it dropped in silence."""
    return [finding for body in bodies for finding in _accepted(api, body)]


def _accepted(api: Api, body: Object) -> Iterator[str]:
    try:
        stored = api.apply(body, dry_run=True, force=True)
    except ApiError as error:
        yield f"{_named(body)}: {error}"
    else:
        yield from (f"{_named(body)}: {path} was dropped" for path in lost(body, stored))


def lost(wanted: Any, stored: Any, path: str = "") -> list[str]:
    """The paths of `wanted` that are not in `stored`, or say something else there."""
    if isinstance(wanted, dict) and isinstance(stored, dict):
        return [found for key, value in wanted.items() for found in lost(value, stored.get(key), f"{path}.{key}")]
    if isinstance(wanted, list) and isinstance(stored, list) and len(wanted) == len(stored):
        return [
            found
            for index, (one, other) in enumerate(zip(wanted, stored, strict=True))
            for found in lost(one, other, f"{path}[{index}]")
        ]
    same = wanted == stored or _amount(wanted) == _amount(stored) is not None
    return [] if same or wanted in ({}, None, "") else [path or "it"]


_UNITS = {"m": Decimal("0.001"), "": Decimal(1), "k": Decimal(1000), "M": Decimal(10**6), "G": Decimal(10**9)}
_UNITS |= {"Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30)}
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)([kMG]i?|Ki|m|)")


def _amount(value: Any) -> Decimal | None:
    """A Kubernetes quantity as a number: the API server stores 2048Mi as 2Gi."""
    match = _QUANTITY.fullmatch(str(value))
    return Decimal(match[1]) * _UNITS[match[2]] if match and match[2] in _UNITS else None


def labelled(bodies: Iterable[Object]) -> list[str]:
    """Labels of Istio's that Istio doesn't know, or with values that it doesn't know."""
    return [
        f"{_named(body)}: Istio knows no label {key}={value}"
        for body in bodies
        for key, value in (body["metadata"].get("labels") or {}).items()
        if key.partition("/")[0].endswith("istio.io") and not _is_known(key, value)
    ]


def _is_known(key: str, value: str) -> bool:
    allowed = ISTIO_LABELS.get(key)
    return allowed is not None and (not allowed or value in allowed)


def connected(bodies: Iterable[Object]) -> list[str]:
    """References between objects that lead nowhere: waypoints, ConfigMaps of Gateways, and the keys in those."""
    objects = list(bodies)
    by_identity = {
        (body["kind"], body["metadata"].get("namespace", ""), body["metadata"]["name"]): body for body in objects
    }
    return [finding for body in objects for finding in _connected(body, by_identity)]


def _connected(body: Object, others: dict[tuple[str, str, str], Object]) -> Iterator[str]:
    metadata = body["metadata"]
    labels = metadata.get("labels") or {}
    if waypoint := labels.get("istio.io/use-waypoint"):
        home = labels.get("istio.io/use-waypoint-namespace") or metadata.get("namespace") or metadata["name"]
        gateway = others.get(("Gateway", home, waypoint))
        if gateway is None:
            yield f"{_named(body)}: there is no waypoint {waypoint} in {home}"
        elif gateway["spec"]["gatewayClassName"] != "istio-waypoint":
            yield f"{_named(body)}: the Gateway {waypoint} is no waypoint"
    if body["kind"] == "Gateway" and body["spec"].get("gatewayClassName") == "istio-waypoint":
        yield from _waypoint(body, others)


def _waypoint(body: Object, others: dict[tuple[str, str, str], Object]) -> Iterator[str]:
    metadata, spec = body["metadata"], body["spec"]
    if [(each["port"], each["protocol"]) for each in spec["listeners"]] != [(15008, "HBONE")]:
        yield f"{_named(body)}: a waypoint listens on 15008 with HBONE, and on nothing else"
    if reference := spec.get("infrastructure", {}).get("parametersRef"):
        config = others.get((reference["kind"], metadata["namespace"], reference["name"]))
        if config is None:
            yield f"{_named(body)}: there is no {reference['kind']} {reference['name']} in {metadata['namespace']}"
        else:
            unknown = sorted(config.get("data", {}).keys() - OVERLAYS)
            yield from (f"{_named(config)}: istiod renders no {key}" for key in unknown)


def overlaid(bodies: Iterable[Object]) -> list[Object]:
    """What istiod makes for each waypoint, as far as its ConfigMap decides it: bare objects with the overlays on them."""
    objects = list(bodies)
    return [each for gateway in objects if gateway["kind"] == "Gateway" for each in _overlaid(gateway, objects)]


def _overlaid(gateway: Object, objects: list[Object]) -> Iterator[Object]:
    name, namespace = gateway["metadata"]["name"], gateway["metadata"]["namespace"]
    labels = {"gateway.networking.k8s.io/gateway-name": name}
    pods = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "istio-proxy", "image": "proxy"}]}}
    selector = {"matchLabels": labels}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    bare: dict[str, Object] = {
        "deployment": {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"selector": selector, "template": pods}},
        "horizontalPodAutoscaler": {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "spec": {"scaleTargetRef": target},
        },
        "podDisruptionBudget": {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "spec": {"selector": selector},
        },
    }
    wanted = gateway["spec"].get("infrastructure", {}).get("parametersRef", {}).get("name")
    for body in objects:
        if body["kind"] == "ConfigMap" and body["metadata"]["name"] == wanted:
            for key, overlay in body["data"].items():
                metadata = {"metadata": {"name": name, "namespace": namespace}}
                yield merge(bare.get(key, {}) | metadata, yaml.safe_load(overlay))


def placed(bodies: Iterable[Object], node_labels: Iterable[str]) -> list[str]:
    """Rules for spreading pods that select no pods, or go by a label that no node has: they do nothing, in silence."""
    known = frozenset(node_labels)
    return [finding for body in bodies for finding in _placed(body, known)]


def _placed(body: Object, node_labels: frozenset[str]) -> Iterator[str]:
    template = body.get("spec", {}).get("template", {})
    for rule in template.get("spec", {}).get("topologySpreadConstraints", []):
        if rule["topologyKey"] not in node_labels:
            yield f"{_named(body)}: no node has the label {rule['topologyKey']}"
        if not rule["labelSelector"]["matchLabels"].items() <= template["metadata"]["labels"].items():
            yield f"{_named(body)}: {rule['labelSelector']['matchLabels']} selects none of its pods"


def _named(body: Object) -> str:
    identity = Identity.of(body)
    return f"{identity.kind} {identity.namespace}/{identity.name}".replace(" /", " ")
