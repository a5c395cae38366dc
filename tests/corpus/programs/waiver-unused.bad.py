# finds: MW-WVR-002 violated corpus-dev: the waiver of MW-IST-001 for renamed by edge waives nothing
# waivers: [{"rule": "MW-IST-001", "resource": "renamed", "reason": "a pilot", "owner": "edge", "expires": "2026-12-31"}]
import pulumi

pulumi.ComponentResource(
    "meshwright:index:Waypoint",
    "was-renamed",
    {"namespace": "was-renamed", "reason": "routing"},
)
