# finds: MW-ADO-007 violated two: the namespace changes its phase on 2026-11-20, the same day as one
import pulumi

pulumi.ComponentResource(
    "meshwright:index:AmbientNamespace",
    "one",
    {"namespace": "one", "phase": "permissive", "since": "2026-11-20"},
)
pulumi.ComponentResource(
    "meshwright:index:AmbientNamespace",
    "two",
    {"namespace": "two", "phase": "permissive", "since": "2026-11-20"},
)
