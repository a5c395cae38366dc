import pulumi

pulumi.ComponentResource(
    "meshwright:index:AmbientNamespace",
    "shop",
    {
        "namespace": "shop",
        "phase": "strict",
        "since": "2026-10-09",
        "previous": {"phase": "permissive", "since": "2026-10-02"},
    },
)
