# finds: MW-IST-002 undecided open-action: only the update will know its action
# finds: MW-IST-003 undecided open-action: only the update will know its action
# finds: MW-IST-004 undecided open-action: only the update will know its action
# finds: MW-IST-005 undecided open-action: only the update will know its action
# finds: MW-IST-054 undecided open-action: which workloads its namespace's policies select is known only at the update
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import ConfigMap, Namespace

later = ConfigMap("action", metadata={"name": "action"})

Namespace("open-action", metadata={"name": "open-action", "labels": {"istio.io/dataplane-mode": "ambient"}})
CustomResource(
    "open-action",
    api_version="security.istio.io/v1",
    kind="AuthorizationPolicy",
    metadata={"name": "open-action", "namespace": "open-action"},
    spec={"action": later.id, "rules": [{"to": [{"operation": {"paths": ["/admin"]}}]}]},
)
