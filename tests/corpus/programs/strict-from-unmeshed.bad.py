# finds: MW-ADO-001 violated till: the namespace is strict, but was unmeshed before
import pulumi

pulumi.ComponentResource(
    "meshwright:index:AmbientNamespace",
    "till",
    {"namespace": "till", "phase": "strict", "since": "2026-10-16", "previous": {"phase": "unmeshed"}},
)
