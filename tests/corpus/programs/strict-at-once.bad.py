# finds: MW-ADO-001 violated cart: the namespace is strict, but no permissive phase before it is on record
import pulumi

pulumi.ComponentResource(
    "meshwright:index:AmbientNamespace",
    "cart",
    {"namespace": "cart", "phase": "strict", "since": "2026-11-16"},
)
