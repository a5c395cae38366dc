import pulumi

pulumi.ComponentResource(
    "meshwright:index:Waypoint",
    "reason-later",
    {"namespace": "shop", "reason": "canary by header"},
)
