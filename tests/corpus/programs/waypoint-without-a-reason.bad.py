# finds: MW-IST-001 violated no-reason: the waypoint no-reason gives no reason
import pulumi

pulumi.ComponentResource(
    "meshwright:index:Waypoint",
    "no-reason",
    {"namespace": "shop"},
)
