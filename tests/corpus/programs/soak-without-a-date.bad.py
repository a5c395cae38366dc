# finds: MW-ADO-002 violated mail: the namespace is strict, but since when it was permissive is not on record as YYYY-MM-DD
import pulumi

pulumi.ComponentResource(
    "meshwright:index:AmbientNamespace",
    "mail",
    {"namespace": "mail", "phase": "strict", "since": "2026-10-08", "previous": {"phase": "permissive"}},
)
