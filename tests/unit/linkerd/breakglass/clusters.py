"""Clusters with Linkerd as break-glass plans see them."""

from __future__ import annotations

import base64
from collections import defaultdict
from datetime import date, datetime
from typing import Any

import yaml

from meshwright.linkerd.breakglass.looking import KINDS, Look
from tests.servers.pki import Signer, signer
from tests.unit.certs.objects import answers, metadata, pod, secret
from tests.unit.certs.scenes import NOW, root
from tests.unit.istio.health.test_snapshots import FakeReader

LINKERD = "/api/v1/namespaces/linkerd"
PODS = "/api/v1/pods?linkerd.io/control-plane-ns"
WEBHOOK = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
OBJECTS = """\
- {kind: Namespace, metadata: {name: linkerd, labels: {config.linkerd.io/admission-webhooks: disabled}}}
- {kind: Namespace, metadata: {name: shop, annotations: {linkerd.io/inject: enabled}}}
- {kind: Namespace, metadata: {name: plain}}
- {kind: Deployment, metadata: {namespace: linkerd, name: linkerd-proxy-injector, labels: {linkerd.io/control-plane-component: proxy-injector}}, spec: {replicas: 3}, status: {availableReplicas: 0}}
- {kind: Deployment, metadata: {namespace: linkerd, name: linkerd-destination, labels: {linkerd.io/control-plane-component: destination}}}
- {kind: Deployment, metadata: {namespace: linkerd, name: other}}
- kind: Deployment
  metadata: {namespace: linkerd, name: linkerd-identity, labels: {linkerd.io/control-plane-component: identity}}
  spec: {template: {spec: {containers: [{args: [identity, -log-level=info, -identity-issuance-lifetime=24h0m0s]}]}}}
- {kind: Deployment, metadata: {namespace: shop, name: cart}}
- {kind: Deployment, metadata: {namespace: shop, name: paused}, spec: {paused: true}}
- {kind: Deployment, metadata: {namespace: linkerd-viz, name: web}}
- {kind: StatefulSet, metadata: {namespace: shop, name: db}, spec: {updateStrategy: {type: OnDelete}}}
- kind: MutatingWebhookConfiguration
  metadata: {name: linkerd-proxy-injector-webhook-config}
  webhooks:
  - name: linkerd-proxy-injector.linkerd.io
    failurePolicy: Fail
    namespaceSelector: {matchExpressions: [{key: config.linkerd.io/admission-webhooks, operator: NotIn, values: [disabled]}]}
    clientConfig: {caBundle: ""}
"""
PLAIN_PODS = """\
- {kind: Pod, metadata: {namespace: shop, name: web-7d9-a, labels: {pod-template-hash: 7d9}, ownerReferences: [{kind: ReplicaSet, name: cart-7d9}]}, spec: {containers: [{name: app}]}}
- {kind: Pod, metadata: {namespace: shop, name: done}, spec: {containers: [{name: app}]}, status: {phase: Succeeded}}
- {kind: Pod, metadata: {namespace: shop, name: host}, spec: {hostNetwork: true}}
- {kind: Pod, metadata: {namespace: shop, name: out, annotations: {linkerd.io/inject: disabled}}, spec: {}}
- {kind: Pod, metadata: {namespace: shop, name: in}, spec: {initContainers: [{name: linkerd-proxy}]}}
- {kind: Pod, metadata: {namespace: plain, name: asks, annotations: {linkerd.io/inject: ingress}}, spec: {}}
- {kind: Pod, metadata: {namespace: plain, name: does-not}, spec: {}}
"""


def reader(step: str = "steady", objects: str = OBJECTS, more: dict[str, Any] | None = None) -> FakeReader:
    """A cluster at a step of a rotation, with these objects; ``more`` is what answers otherwise."""
    by_path: dict[str, Any] = defaultdict(list)
    for each in yaml.safe_load(objects):
        by_path[KINDS[each["kind"]].path].append(each)
    configurations = {f"{WEBHOOK}/{each['metadata']['name']}": each for each in by_path[WEBHOOK]}
    return FakeReader({**answers(step), **by_path, **configurations, **(more or {})})


def look(step: str = "steady", objects: str = OBJECTS, more: dict[str, Any] | None = None, now: datetime = NOW) -> Look:
    return Look(reader(step, objects, more), now)  # type: ignore[arg-type]


def proxies(*names: str, trusts: str) -> list[dict[str, Any]]:
    """Pods of shop and elsewhere, ``namespace/pod``, with an anchor in their environment."""
    anchors = root(trusts).pem
    return [pod(name.partition("/")[2], name.partition("/")[0], value=anchors) for name in names]


def owned(kind: str, name: str, trusts: str) -> dict[str, Any]:
    """A pod of something else than a Deployment; of nothing where there is no kind."""
    (made,) = proxies(f"shop/{name}-0", trusts=trusts)
    made["metadata"]["ownerReferences"] = [{"kind": kind, "name": name}] if kind else []
    return made


def trust(anchors: list[Signer], issuer: Signer) -> dict[str, Any]:
    """A bundle and an issuer of one's own."""
    return {
        f"{LINKERD}/configmaps/linkerd-identity-trust-roots": {
            "metadata": metadata("linkerd-identity-trust-roots", field="f:data"),
            "data": {"ca-bundle.crt": "".join(each.pem for each in anchors)},
        },
        f"{LINKERD}/secrets/linkerd-identity-issuer": secret("linkerd-identity-issuer", issuer.pem, issuer.key_pem),
    }


def served(last: date, trusts: Signer | None = None) -> dict[str, Any]:
    """The injector's certificate, and what the API server trusts of it."""
    made = signer("injector", first=date(2026, 1, 1), last=last)
    configuration = next(each for each in yaml.safe_load(OBJECTS) if each["kind"].startswith("Mutating"))
    ca = base64.b64encode((trusts or made).pem.encode()).decode()
    configuration["webhooks"][0]["clientConfig"]["caBundle"] = ca
    return {
        f"{LINKERD}/secrets/linkerd-proxy-injector-k8s-tls": secret(
            "linkerd-proxy-injector-k8s-tls", made.pem, made.key_pem
        ),
        f"{WEBHOOK}/linkerd-proxy-injector-webhook-config": configuration,
    }


def kept_by_cert_manager(signs: str = "{ca: {secretName: linkerd-trust-2026}}", kind: str = "ClusterIssuer") -> str:
    return f"""\
- {{kind: Certificate, metadata: {{namespace: linkerd, name: another}}, spec: {{secretName: other, issuerRef: {{name: x}}}}}}
- kind: Certificate
  metadata: {{namespace: linkerd, name: linkerd-identity-issuer}}
  spec: {{secretName: linkerd-identity-issuer, isCA: true, issuerRef: {{kind: {kind}, name: linkerd-trust-2026}}}}
  status: {{conditions: [{{type: Ready, status: "False", message: no key}}]}}
- {{kind: Certificate, metadata: {{namespace: pki, name: anchor}}, spec: {{secretName: linkerd-trust-2026, isCA: true}}}}
- {{kind: {kind}, metadata: {{name: linkerd-trust-2026, namespace: linkerd}}, spec: {signs}}}
"""
