import pulumi

pulumi.ComponentResource(
    "meshwright:index:MeshWideMtls",
    "mesh-wide",
    {"mode": "PERMISSIVE", "phases": {"shop": "strict"}},
)
pulumi.ComponentResource(
    "meshwright:index:AmbientNamespace",
    "cart",
    {"namespace": "cart", "phase": "permissive", "since": "2026-11-20"},
)
