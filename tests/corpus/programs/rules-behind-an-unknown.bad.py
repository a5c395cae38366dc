# finds: MW-IST-002 undecided hidden-deny: the rules of hidden-deny are known only at the update
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import ConfigMap

later = ConfigMap("hidden", metadata={"name": "hidden"})

CustomResource(
    "hidden-deny",
    api_version="security.istio.io/v1",
    kind="AuthorizationPolicy",
    metadata={"name": "hidden-deny", "namespace": "shop"},
    spec={"action": "DENY", "rules": later.id.apply(lambda _: [{"to": [{"operation": {"methods": ["DELETE"]}}]}])},
)
