import pulumi

pulumi.ComponentResource(
    "meshwright:index:AmbientNamespace",
    "cart",
    {"namespace": "cart", "phase": "permissive", "since": "2026-11-16"},
)
