import pulumi

pulumi.ComponentResource(
    "meshwright:index:AmbientNamespace",
    "park",
    {"namespace": "park", "phase": "permissive", "since": "2026-08-01"},
)
