"""The objects of a cluster, and how each pod is captured."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tests.semantics.calls import Peer, Pods

Object = dict[str, Any]
ROOT = "istio-system"
TEMPLATES = ("Deployment", "StatefulSet", "DaemonSet", "Job")
SIDECAR, AMBIENT, GATEWAY, OUTSIDE = "sidecar", "ambient", "gateway", "outside"


@dataclass(frozen=True)
class World:
    """A cluster at one moment. `modes`: how pods are captured that differ from what their labels ask for."""

    objects: tuple[Object, ...]
    modes: Mapping[Pods, str]

    def of(self, *kinds: str) -> list[Object]:
        return [each for kind in kinds for each in self._by_kind.get(kind, ())]

    @cached_property
    def _by_kind(self) -> dict[str, list[Object]]:
        found: dict[str, list[Object]] = {}
        for each in self.objects:
            found.setdefault(each["kind"], []).append(each)
        return found

    @cached_property
    def templates(self) -> dict[Pods, Object]:
        """The pods' metadata and spec."""
        found: dict[Pods, Object] = {}
        for each in self.objects:
            if each["kind"] in TEMPLATES:
                found[key(each)] = each["spec"]["template"]
            elif each["kind"] == "CronJob":
                found[key(each)] = each["spec"]["jobTemplate"]["spec"]["template"]
            elif each["kind"] == "Pod":
                found[key(each)] = each
        return found

    @cached_property
    def services(self) -> dict[Pods, Object]:
        return {key(each): each for each in self.of("Service")}

    def labels(self, pods: Pods) -> dict[str, str]:
        return self._labels[pods]

    @cached_property
    def _labels(self) -> dict[Pods, dict[str, str]]:
        return {pods: dict(each["metadata"].get("labels") or {}) for pods, each in self.templates.items()}

    def about(self, kind: str, pods: Pods) -> list[Object]:
        """The policies of a kind that select some pods."""
        found = self._about.get((kind, pods))
        if found is None:
            found = [each for each in self.of(kind) if selects(each, pods.namespace, self.labels(pods))]
            self._about[kind, pods] = found
        return found

    @cached_property
    def _about(self) -> dict[tuple[str, Pods], list[Object]]:
        return {}

    @cached_property
    def _behind(self) -> dict[int, list[Pods]]:
        return {}

    def mode(self, pods: Pods) -> str:
        return self.modes.get(pods) or asked_mode(self, pods)

    def peer(self, pods: Pods) -> Peer:
        """Who others see when these pods call with mutual TLS."""
        return self._peers[pods]

    @cached_property
    def _peers(self) -> dict[Pods, Peer]:
        found = {}
        for number, pods in enumerate(sorted(self.templates), 1):
            account = self.templates[pods]["spec"].get("serviceAccountName", "default")
            principal = f"cluster.local/ns/{pods.namespace}/sa/{account}"
            found[pods] = Peer(principal, f"10.0.0.{number}", self.labels(pods))
        return found

    def behind(self, service: Object) -> list[Pods]:
        found = self._behind.get(id(service))
        if found is None:
            selector = service["spec"].get("selector") or {}
            namespace = service["metadata"]["namespace"]
            found = [
                pods
                for pods in sorted(self.templates)
                if selector and pods.namespace == namespace and selector.items() <= self.labels(pods).items()
            ]
            self._behind[id(service)] = found
        return found

    def target_port(self, service: Object, port: int) -> int:
        """The pods' port."""
        for each in service["spec"].get("ports", []):
            if each["port"] == port:
                target = each.get("targetPort", port)
                if isinstance(target, int):
                    return target
                for pods in self.behind(service):
                    for container in self.templates[pods]["spec"]["containers"]:
                        for named in container.get("ports", []):
                            if named.get("name") == target:
                                return int(named["containerPort"])
        raise AssertionError(f"{key(service)} has no port {port}")

    def waypoint(self, service: Object) -> Pods | None:
        """The waypoint that a Service uses: one that isn't there is gone past (I ambient/waypoints.go)."""
        name = (service["metadata"].get("labels") or {}).get("istio.io/use-waypoint", "none")
        found = Pods(service["metadata"]["namespace"], name)
        there = [key(each) for each in self.of("Gateway") if each["spec"].get("gatewayClassName") == "istio-waypoint"]
        return found if name != "none" and found in there else None


def key(body: Object) -> Pods:
    return Pods(body["metadata"].get("namespace", "default"), body["metadata"]["name"])


def is_http(service: Object, port: int) -> bool:
    """I pkg/config/kube/conversion.go: by appProtocol or the name's first word; without one it is found out."""
    for each in service["spec"].get("ports", []):
        if each["port"] == port:
            said = str(each.get("appProtocol") or each.get("name") or "")
            return said.partition("-")[0] not in ("tcp", "tls", "https", "udp", "mongo", "mysql", "redis")
    return False


def asked_mode(world: World, pods: Pods) -> str:
    """How new pods are captured: by the injector's webhook (I manifests/charts) and by istio-cni (I cni/pkg/util)."""
    template = world.templates[pods]
    labels, notes = world.labels(pods), template["metadata"].get("annotations") or {}
    namespace = next((each for each in world.of("Namespace") if each["metadata"]["name"] == pods.namespace), None)
    ours = (namespace or {"metadata": {}})["metadata"].get("labels") or {}
    if labels.get("istio") == "ingressgateway":
        return GATEWAY
    inject = labels.get("sidecar.istio.io/inject") or notes.get("sidecar.istio.io/inject")
    injected = ours.get("istio-injection") == "enabled" or "istio.io/rev" in ours
    if template["spec"].get("hostNetwork"):
        return OUTSIDE
    if inject == "true" or (injected and inject != "false"):
        return SIDECAR
    ambient = labels.get("istio.io/dataplane-mode", ours.get("istio.io/dataplane-mode"))
    return AMBIENT if ambient == "ambient" else OUTSIDE


def selects(policy: Object, namespace: str, labels: Mapping[str, str]) -> bool:
    """Whether a policy without targetRefs is about a pod (I pilot/pkg/model/policyattachment.go)."""
    spec = policy.get("spec") or {}
    if spec.get("targetRefs") or policy["metadata"]["namespace"] not in (namespace, ROOT):
        return False
    wanted = (spec.get("selector") or {}).get("matchLabels") or {}
    return bool(wanted.items() <= labels.items())


def attached(policies: Iterable[Object], service: Object, waypoint: Pods) -> list[Object]:
    """The policies that a waypoint enforces for a Service (the same file): a selector counts for nothing there."""
    namespace, name = key(service)
    found = []
    for each in policies:
        for ref in (each.get("spec") or {}).get("targetRefs") or []:
            home = each["metadata"]["namespace"]
            if ref["kind"] == "Service" and (home, ref["name"]) == (namespace, name):
                found.append(each)
            if ref["kind"] == "Gateway" and (home, ref["name"]) == waypoint:
                found.append(each)
    return found
