# finds: MW-ADO-007 undecided corpus-dev: when one changed phase is known only at the update
import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap

later = ConfigMap("day", metadata={"name": "day"})
pulumi.ComponentResource(
    "meshwright:index:AmbientNamespace",
    "one",
    {"namespace": "one", "phase": "permissive", "since": later.id},
)
pulumi.ComponentResource(
    "meshwright:index:AmbientNamespace",
    "two",
    {"namespace": "two", "phase": "permissive", "since": "2026-11-20"},
)
