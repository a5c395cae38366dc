# finds: MW-IST-003 violated inner-allow: ALLOW policy inner-allow: ztunnel knows no when and drops every rule: all is denied
import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

CustomResource(
    "inner-allow",
    api_version="security.istio.io/v1",
    kind="AuthorizationPolicy",
    metadata={"name": "inner-allow", "namespace": "shop"},
    opts=pulumi.ResourceOptions(parent=pulumi.ComponentResource("team:index:App", "app")),
    spec={"rules": [{"when": [{"key": "request.headers[x-user]", "values": ["a"]}]}]},
)
