# finds: MW-ADO-001 undecided park: its phase, or the one before it, is known only at the update
# finds: MW-IST-023 undecided park: whether park is ambient and injects is known only at the update
import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap

later = ConfigMap("phase-of-park", metadata={"name": "phase-of-park"})
pulumi.ComponentResource(
    "meshwright:index:AmbientNamespace",
    "park",
    {"namespace": "park", "phase": later.id.apply(lambda _: "strict")},
)
