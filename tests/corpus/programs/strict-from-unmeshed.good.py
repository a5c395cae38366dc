import pulumi

pulumi.ComponentResource(
    "meshwright:index:AmbientNamespace",
    "till",
    {
        "namespace": "till",
        "phase": "strict",
        "since": "2026-10-16",
        "previous": {"phase": "permissive", "since": "2026-10-01"},
    },
)
