import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

CustomResource(
    "secret-deny",
    api_version="security.istio.io/v1",
    kind="AuthorizationPolicy",
    metadata={"name": "secret-deny", "namespace": "shop"},
    spec=pulumi.Output.secret({"action": "DENY", "rules": [{"from": [{"source": {"principals": ["a"]}}]}]}),
)
