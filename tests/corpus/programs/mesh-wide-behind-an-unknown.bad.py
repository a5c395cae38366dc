# finds: MW-ADO-003 undecided mode-later: the mesh-wide mode, or the phase of a namespace, is known only at the update
import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap

later = ConfigMap("mode", metadata={"name": "mode"})
pulumi.ComponentResource(
    "meshwright:index:MeshWideMtls",
    "mode-later",
    {"mode": later.id.apply(lambda _: "STRICT"), "phases": {"shop": "permissive"}},
)
