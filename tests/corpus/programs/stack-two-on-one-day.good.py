import pulumi

pulumi.ComponentResource(
    "meshwright:index:AmbientNamespace",
    "one",
    {"namespace": "one", "phase": "permissive", "since": "2026-11-20"},
)
pulumi.ComponentResource(
    "meshwright:index:AmbientNamespace",
    "two",
    {"namespace": "two", "phase": "permissive", "since": "2026-11-21"},
)
