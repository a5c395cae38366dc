from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import ConfigMap

later = ConfigMap("hidden", metadata={"name": "hidden"})

CustomResource(
    "hidden-deny",
    api_version="security.istio.io/v1",
    kind="AuthorizationPolicy",
    metadata={"name": "hidden-deny", "namespace": "shop"},
    spec={
        "action": "DENY",
        "targetRefs": [{"kind": "Service", "group": "", "name": "cart"}],
        "rules": later.id.apply(lambda _: []),
    },
)
