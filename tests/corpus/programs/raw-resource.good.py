from pulumi_kubernetes.apiextensions import CustomResource

CustomResource(
    "raw-deny",
    api_version="security.istio.io/v1",
    kind="AuthorizationPolicy",
    metadata={"name": "raw-deny", "namespace": "shop"},
    spec={"action": "DENY", "rules": [{"to": [{"operation": {"ports": ["80"]}}]}]},
)
