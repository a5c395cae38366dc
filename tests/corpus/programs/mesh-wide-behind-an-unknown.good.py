import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap

later = ConfigMap("mode", metadata={"name": "mode"})
pulumi.ComponentResource(
    "meshwright:index:MeshWideMtls",
    "mode-later",
    {"mode": later.id.apply(lambda _: "STRICT"), "phases": {"shop": "strict"}},
)
