from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import Namespace

Namespace("raw-deny", metadata={"name": "raw-deny", "labels": {"istio.io/dataplane-mode": "ambient"}})
CustomResource(
    "raw-deny",
    api_version="security.istio.io/v1",
    kind="AuthorizationPolicy",
    metadata={"name": "raw-deny", "namespace": "raw-deny"},
    spec={"action": "DENY", "rules": [{"to": [{"operation": {"ports": ["80"]}}]}]},
)
