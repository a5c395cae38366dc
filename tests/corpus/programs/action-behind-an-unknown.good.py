from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import ConfigMap

later = ConfigMap("action", metadata={"name": "action"})

CustomResource(
    "open-action",
    api_version="security.istio.io/v1",
    kind="AuthorizationPolicy",
    metadata={"name": "open-action", "namespace": "shop"},
    spec={"action": later.id, "targetRefs": [{"kind": "Service", "group": "", "name": "cart"}]},
)
