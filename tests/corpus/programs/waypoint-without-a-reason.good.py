import pulumi

pulumi.ComponentResource(
    "meshwright:index:Waypoint",
    "no-reason",
    {"namespace": "shop", "reason": "retries for the cart"},
)
