"""Clusters as break-glass plans see them."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Any

import yaml

from meshwright.istio.health.kinds import KINDS
from tests.unit.istio.health.scenes import pem
from tests.unit.istio.health.test_snapshots import FakeReader

SHOP = """\
- {kind: Namespace, metadata: {name: shop, labels: {istio.io/use-waypoint: waypoint}}}
- {kind: Namespace, metadata: {name: search}}
- {kind: PeerAuthentication, metadata: {namespace: shop, name: newer, creationTimestamp: "2026-02-01"}, spec: {mtls: {mode: STRICT}}}
- {kind: PeerAuthentication, metadata: {namespace: shop, name: default, creationTimestamp: "2026-01-01"}, spec: {mtls: {mode: STRICT}}}
- {kind: PeerAuthentication, metadata: {namespace: shop, name: cart}, spec: {selector: {matchLabels: {app: cart}}, mtls: {mode: STRICT}, portLevelMtls: {"8080": {mode: STRICT}}}}
- {kind: AuthorizationPolicy, metadata: {namespace: shop, name: callers}, spec: {selector: {matchLabels: {app: cart}}, rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/waypoint]}}]}]}}
- {kind: AuthorizationPolicy, metadata: {namespace: shop, name: guard}, spec: {action: DENY, rules: [{from: [{source: {notPrincipals: [cluster.local/ns/shop/sa/waypoint]}}, {source: {namespaces: [bad]}}]}, {to: [{operation: {ports: ["22"]}}]}]}}
- {kind: AuthorizationPolicy, metadata: {namespace: shop, name: l7}, spec: {targetRefs: [{kind: Service, name: cart}], action: DENY, rules: [{to: [{operation: {methods: [DELETE]}}]}]}}
- {kind: Gateway, metadata: {namespace: shop, name: waypoint}, spec: {gatewayClassName: istio-waypoint}}
- {kind: Gateway, metadata: {namespace: shop, name: ingress}, spec: {gatewayClassName: istio}}
- {kind: Gateway, metadata: {namespace: shop, name: idle}, spec: {gatewayClassName: istio-waypoint}}
- {kind: Deployment, metadata: {namespace: shop, name: waypoint, labels: {gateway.networking.k8s.io/gateway-class-name: istio-waypoint}}}
- {kind: Service, metadata: {namespace: search, name: index, labels: {istio.io/use-waypoint: waypoint, istio.io/use-waypoint-namespace: shop}}}
- {kind: Service, metadata: {namespace: search, name: other, labels: {istio.io/use-waypoint: elsewhere}}}
- {kind: Deployment, metadata: {namespace: istio-system, name: istiod, uid: i, labels: {app: istiod}}, spec: {replicas: 2, template: {spec: {containers: [{image: "istio/i:1.31.1"}]}}}}
- {kind: DaemonSet, metadata: {namespace: istio-system, name: ztunnel, uid: z, labels: {app.kubernetes.io/name: ztunnel}}, spec: {template: {spec: {containers: [{image: "istio/z:1.30.5"}]}}}}
- {kind: DaemonSet, metadata: {namespace: istio-system, name: istio-cni-node, uid: c, labels: {app.kubernetes.io/name: istio-cni}}, spec: {template: {spec: {containers: [{image: "istio/c:1.31.1"}]}}}}
- kind: ValidatingWebhookConfiguration
  metadata: {name: istio-validator-istio-system}
  webhooks: [{name: rev.validation.istio.io, failurePolicy: Fail}, {name: validation.istio.io, failurePolicy: Ignore}]
- {kind: ValidatingWebhookConfiguration, metadata: {name: other}, webhooks: [{name: x.example.com, failurePolicy: Fail}]}
"""


def revision(owner: str, number: int, version: str, *, daemon: bool) -> dict[str, Any]:
    spec = {"template": {"spec": {"containers": [{"image": f"istio/{owner}:{version}"}]}}}
    about: dict[str, Any] = {"ownerReferences": [{"uid": owner}]}
    if daemon:
        return {"metadata": about, "revision": number, "data": {"spec": spec}}
    return {"metadata": {**about, "annotations": {"deployment.kubernetes.io/revision": str(number)}}, "spec": spec}


HOME = "/api/v1/namespaces/istio-system/secrets"
PUBLISHED = "/api/v1/configmaps?metadata.name=istio-ca-root-cert"
EXPIRED = pem("root", date(2026, 11, 22))


def ca_secret(name: str, **certificates: str) -> dict[str, Any]:
    """What a read of a CA's Secret answers, by path; ``root_cert`` is the key ``root-cert.pem``."""
    data = {
        f"{key.replace('_', '-')}.pem": base64.b64encode(text.encode()).decode() for key, text in certificates.items()
    }
    return {f"{HOME}/{name}": {"metadata": {"namespace": "istio-system", "name": name}, "data": data}}


def published(text: str, namespace: str = "istio-system") -> dict[str, Any]:
    """What a search for the root that istiod publishes answers, by path."""
    return {PUBLISHED: [{"metadata": {"namespace": namespace}, "data": {"root-cert.pem": text}}]}


def reader(objects: str = SHOP, secrets: tuple[str, ...] = (), answers: Mapping[str, Any] | None = None) -> FakeReader:
    """A cluster with these objects, with Secrets of these names in istio-system, and with a root that has expired."""
    by_path: dict[str, Any] = defaultdict(list)
    for each in yaml.safe_load(objects):
        by_path[KINDS[each["kind"]].path].append(each)
    names = ("cacerts", "istio-ca-secret")
    by_path |= {f"{HOME}?metadata.name={name}": [{}] if name in secrets else [] for name in names}
    by_path |= published(EXPIRED)
    by_path["/apis/apps/v1/namespaces/istio-system/controllerrevisions"] = [
        revision("z", 3, "1.30.5", daemon=True),
        revision("z", 2, "1.30.5", daemon=True),
        revision("z", 1, "1.29.9", daemon=True),
        revision("c", 7, "1.31.1", daemon=True),
        revision("c", 6, "1.30.5", daemon=True),
        {"metadata": {}, "revision": 9, "data": {}},
    ]
    by_path["/apis/apps/v1/namespaces/istio-system/replicasets"] = [
        revision("i", 10, "1.31.1", daemon=False),
        revision("i", 9, "1.30.5", daemon=False),
    ]
    return FakeReader({**by_path, **(answers or {})})
