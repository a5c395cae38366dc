# finds: MW-IST-001 undecided reason-later: its reason is known only at the update
import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap

later = ConfigMap("reasons", metadata={"name": "reasons"})
pulumi.ComponentResource(
    "meshwright:index:Waypoint",
    "reason-later",
    {"namespace": "shop", "reason": later.id},
)
