"""Upgrades of Istio ambient: which part runs which version at each step, and the plan that leads there."""
