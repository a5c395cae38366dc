"""Clusters with Consul as break-glass plans see them."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import yaml

from meshwright.consul.breakglass.looking import KINDS, Look
from tests.unit.certs.consul_scenes import NOW
from tests.unit.istio.health.test_snapshots import FakeReader

CONSUL = "/api/v1/namespaces/consul"
TOKEN = f"{CONSUL}/secrets?metadata.name=consul-bootstrap-acl-token"
OBJECTS = """\
- kind: StatefulSet
  metadata: {namespace: consul, name: consul-server, labels: {app: consul}}
  spec: {replicas: 3, selector: {matchLabels: {component: server}}, template: {metadata: {}}}
  status: {readyReplicas: 3}
- kind: Deployment
  metadata: {namespace: consul, name: consul-connect-injector, labels: {app: consul}}
  spec: {replicas: 3, selector: {matchLabels: {component: connect-injector}}}
- {kind: Deployment, metadata: {namespace: consul, name: other}}
"""
IN_VAULT = OBJECTS.replace("{metadata: {}}", '{metadata: {annotations: {vault.hashicorp.com/agent-inject: "true"}}}')
PODS = """\
- kind: Pod
  metadata: {namespace: consul, name: consul-server-1, labels: {component: server}, annotations: {vault.hashicorp.com/agent-inject: "true"}}
  spec: {initContainers: [{name: vault-agent-init}]}
- kind: Pod
  metadata: {namespace: consul, name: consul-server-0, labels: {component: server}, annotations: {vault.hashicorp.com/agent-inject: "true"}}
  spec: {containers: [{name: vault-agent}]}
  status: {conditions: [{type: Ready, status: "True"}]}
- kind: Pod
  metadata: {namespace: consul, name: consul-connect-injector-a, labels: {component: connect-injector}, annotations: {vault.hashicorp.com/agent-inject: "true"}}
  status: {conditions: [{type: Ready, status: "False"}]}
- kind: Pod
  metadata: {namespace: consul, name: hook, annotations: {vault.hashicorp.com/agent-inject: "true"}}
  spec: {containers: [{name: vault-agent}]}
  status: {phase: Succeeded}
"""
OPEN = '- {kind: Pod, metadata: {namespace: vault, name: vault-0, labels: {vault-sealed: "false"}}}\n'
PODS += OPEN
SEALED = PODS.replace('vault-sealed: "false"', 'vault-sealed: "true"')
JOB = """\
- kind: Job
  metadata: {namespace: consul, name: consul-server-acl-init, uid: u, labels: {app: consul}}
  spec:
    selector: {matchLabels: {batch.kubernetes.io/controller-uid: u}}
    backoffLimit: 6
    template:
      metadata: {creationTimestamp: null, annotations: {a: b}, labels: {app: consul, controller-uid: u, job-name: x}}
      spec: {restartPolicy: Never, containers: [{name: job}]}
  status: {conditions: [{type: Failed, status: "True"}]}
"""


def config_map(name: str, **files: Any) -> dict[str, Any]:
    """The servers' files, as JSON unless they are text."""
    data = {key: each if isinstance(each, str) else json.dumps(each) for key, each in files.items()}
    return {f"{CONSUL}/configmaps/{name}": {"metadata": {"name": name, "namespace": "consul"}, "data": data}}


def static_token() -> dict[str, Any]:
    """What the chart makes of a token in ``additionalConfig``."""
    config = {"connect": [{"ca_config": [{"address": "https://vault", "token": "s.secret"}]}]}
    return config_map(
        "consul-server-config", **{"connect-ca-config.json": "{", "additional-connect-ca-config.json": config}
    )


def reader(objects: str = OBJECTS, more: dict[str, Any] | None = None) -> FakeReader:
    """A cluster with these objects; ``more`` is what answers otherwise."""
    by_path: dict[str, Any] = defaultdict(list)
    for each in yaml.safe_load(objects):
        by_path[KINDS[each["kind"]].path].append(each)
    return FakeReader({**by_path, **(more or {})})


def look(objects: str = OBJECTS, more: dict[str, Any] | None = None, **addresses: str) -> Look:
    return Look(reader(objects, more), now=NOW, **addresses)  # type: ignore[arg-type]
