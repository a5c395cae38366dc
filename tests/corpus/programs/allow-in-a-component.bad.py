# finds: MW-IST-003 violated inner-allow: ztunnel knows no when and drops every rule: all is denied
import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import Namespace

Namespace("inner-allow", metadata={"name": "inner-allow", "labels": {"istio.io/dataplane-mode": "ambient"}})
CustomResource(
    "inner-allow",
    api_version="security.istio.io/v1",
    kind="AuthorizationPolicy",
    metadata={"name": "inner-allow", "namespace": "inner-allow"},
    opts=pulumi.ResourceOptions(parent=pulumi.ComponentResource("team:index:App", "app")),
    spec={"rules": [{"when": [{"key": "request.headers[x-user]", "values": ["a"]}]}]},
)
