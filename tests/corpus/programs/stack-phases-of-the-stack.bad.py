# finds: MW-ADO-004 violated mesh-wide: mesh-wide mTLS is STRICT, but cart is permissive: `phases` doesn't match the stack
import pulumi

pulumi.ComponentResource(
    "meshwright:index:MeshWideMtls",
    "mesh-wide",
    {"mode": "STRICT", "phases": {"shop": "strict"}},
)
pulumi.ComponentResource(
    "meshwright:index:AmbientNamespace",
    "cart",
    {"namespace": "cart", "phase": "permissive", "since": "2026-11-20"},
)
