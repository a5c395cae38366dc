# finds: MW-IST-002 violated raw-deny: DENY policy raw-deny: its rule never fires at ztunnel, which knows no methods: what it should deny is allowed
from pulumi_kubernetes.apiextensions import CustomResource

CustomResource(
    "raw-deny",
    api_version="security.istio.io/v1",
    kind="AuthorizationPolicy",
    metadata={"name": "raw-deny", "namespace": "shop"},
    spec={"action": "DENY", "rules": [{"to": [{"operation": {"methods": ["DELETE"]}}]}]},
)
