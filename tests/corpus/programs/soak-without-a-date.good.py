import pulumi

pulumi.ComponentResource(
    "meshwright:index:AmbientNamespace",
    "mail",
    {
        "namespace": "mail",
        "phase": "strict",
        "since": "2026-10-08",
        "previous": {"phase": "permissive", "since": "2026-09-01"},
    },
)
