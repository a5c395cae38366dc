# finds: MW-IST-002 violated secret-deny: DENY policy secret-deny: its rule never fires at ztunnel, which knows no methods: what it should deny is allowed
import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

CustomResource(
    "secret-deny",
    api_version="security.istio.io/v1",
    kind="AuthorizationPolicy",
    metadata={"name": "secret-deny", "namespace": "shop"},
    spec=pulumi.Output.secret({"action": "DENY", "rules": [{"to": [{"operation": {"methods": ["DELETE"]}}]}]}),
)
