# finds: MW-ADO-002 violated shop: the namespace is strict after 6 of 7 days in permissive; strict is possible from 2026-10-09
import pulumi

pulumi.ComponentResource(
    "meshwright:index:AmbientNamespace",
    "shop",
    {
        "namespace": "shop",
        "phase": "strict",
        "since": "2026-10-08",
        "previous": {"phase": "permissive", "since": "2026-10-02"},
    },
)
