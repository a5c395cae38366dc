"""The rules of meshwright's policy pack, one file a subject, and what turns them into a pack.

`record` says what a rule is, `catalogue` lists them all, `judge` gives a verdict on one resource or stack, and `pack`
serves them to Pulumi's engine. Nothing here changes a resource.
"""

from meshwright_policy.record import Level, Rule, Severity

__all__ = ["Level", "Rule", "Severity"]
