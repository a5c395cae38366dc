# finds: MW-IST-015 undecided hidden-deny: what else it names, and where it is attached, is known only at the update
# finds: MW-IST-017 undecided hidden-deny: nothing in the stack shows whether the Service cart has a waypoint
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import ConfigMap, Namespace

later = ConfigMap("hidden", metadata={"name": "hidden"})

Namespace("hidden-deny", metadata={"name": "hidden-deny", "labels": {"istio.io/dataplane-mode": "ambient"}})
CustomResource(
    "hidden-deny",
    api_version="security.istio.io/v1",
    kind="AuthorizationPolicy",
    metadata={"name": "hidden-deny", "namespace": "hidden-deny"},
    spec={
        "action": "DENY",
        "targetRefs": [{"kind": "Service", "group": "", "name": "cart"}],
        "rules": later.id.apply(lambda _: []),
    },
)
