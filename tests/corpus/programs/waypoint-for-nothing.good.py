import pulumi

pulumi.ComponentResource(
    "meshwright:index:Waypoint",
    "needed",
    {"namespace": "shop", "reason": "JWT claims"},
)
