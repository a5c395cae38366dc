# finds: MW-IST-001 violated needed: its reason names no L7 need
import pulumi

pulumi.ComponentResource(
    "meshwright:index:Waypoint",
    "needed",
    {"namespace": "shop", "reason": "needed"},
)
