import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import Namespace

Namespace("secret-deny", metadata={"name": "secret-deny", "labels": {"istio.io/dataplane-mode": "ambient"}})
CustomResource(
    "secret-deny",
    api_version="security.istio.io/v1",
    kind="AuthorizationPolicy",
    metadata={"name": "secret-deny", "namespace": "secret-deny"},
    spec=pulumi.Output.secret({"action": "DENY", "rules": [{"from": [{"source": {"principals": ["a"]}}]}]}),
)
