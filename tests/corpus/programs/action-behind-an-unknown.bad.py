# finds: MW-IST-002 undecided open-action: the action of open-action is known only at the update
# finds: MW-IST-003 undecided open-action: the action of open-action is known only at the update
# finds: MW-IST-004 undecided open-action: the action of open-action is known only at the update
# finds: MW-IST-005 undecided open-action: the action of open-action is known only at the update
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import ConfigMap

later = ConfigMap("action", metadata={"name": "action"})

CustomResource(
    "open-action",
    api_version="security.istio.io/v1",
    kind="AuthorizationPolicy",
    metadata={"name": "open-action", "namespace": "shop"},
    spec={"action": later.id, "rules": [{"to": [{"operation": {"paths": ["/admin"]}}]}]},
)
