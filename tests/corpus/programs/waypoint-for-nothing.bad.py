# finds: MW-IST-001 violated needed: the reason of the waypoint needed names no L7 need
import pulumi

pulumi.ComponentResource(
    "meshwright:index:Waypoint",
    "needed",
    {"namespace": "shop", "reason": "needed"},
)
