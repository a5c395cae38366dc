# finds: MW-IST-001 waived pilot: until 2026-11-23 by edge: a pilot (its reason names no L7 need)
# waivers: [{"rule": "MW-IST-001", "resource": "pilot", "reason": "a pilot", "owner": "edge", "expires": "2026-11-23"}]
import pulumi

pulumi.ComponentResource(
    "meshwright:index:Waypoint",
    "pilot",
    {"namespace": "pilot", "reason": "needed"},
)
