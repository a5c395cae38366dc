# finds: MW-IST-017 undecided open-action: nothing in the stack shows whether the Service cart has a waypoint
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import ConfigMap, Namespace

later = ConfigMap("action", metadata={"name": "action"})

Namespace("open-action", metadata={"name": "open-action", "labels": {"istio.io/dataplane-mode": "ambient"}})
CustomResource(
    "open-action",
    api_version="security.istio.io/v1",
    kind="AuthorizationPolicy",
    metadata={"name": "open-action", "namespace": "open-action"},
    spec={"action": later.id, "targetRefs": [{"kind": "Service", "group": "", "name": "cart"}]},
)
