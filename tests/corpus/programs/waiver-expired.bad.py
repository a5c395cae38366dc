# finds: MW-IST-001 violated pilot: its reason names no L7 need; the waiver by edge expired on 2026-11-22
# finds: MW-WVR-001 violated corpus-dev: the waiver of MW-IST-001 for pilot by edge expired on 2026-11-22
# waivers: [{"rule": "MW-IST-001", "resource": "pilot", "reason": "a pilot", "owner": "edge", "expires": "2026-11-22"}]
import pulumi

pulumi.ComponentResource(
    "meshwright:index:Waypoint",
    "pilot",
    {"namespace": "pilot", "reason": "needed"},
)
