# finds: MW-IST-001 violated no-reason: the waypoint gives no reason
import pulumi

pulumi.ComponentResource(
    "meshwright:index:Waypoint",
    "no-reason",
    {"namespace": "shop"},
)
