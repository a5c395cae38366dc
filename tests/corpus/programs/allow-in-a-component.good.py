import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

CustomResource(
    "inner-allow",
    api_version="security.istio.io/v1",
    kind="AuthorizationPolicy",
    metadata={"name": "inner-allow", "namespace": "shop"},
    opts=pulumi.ResourceOptions(parent=pulumi.ComponentResource("team:index:App", "app")),
    spec={"rules": [{"when": [{"key": "source.namespace", "values": ["a"]}]}]},
)
