# finds: MW-ADO-001 undecided post: its phase, or the one before it, is known only at the update
# finds: MW-ADO-002 undecided post: how long the namespace was permissive is known only at the update
import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap

later = ConfigMap("history-of-post", metadata={"name": "history-of-post"})
pulumi.ComponentResource(
    "meshwright:index:AmbientNamespace",
    "post",
    {"namespace": "post", "phase": "strict", "since": "2026-08-20", "previous": later.id.apply(lambda _: {})},
)
