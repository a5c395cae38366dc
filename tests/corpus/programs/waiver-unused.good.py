import pulumi

pulumi.ComponentResource(
    "meshwright:index:Waypoint",
    "was-renamed",
    {"namespace": "was-renamed", "reason": "routing"},
)
