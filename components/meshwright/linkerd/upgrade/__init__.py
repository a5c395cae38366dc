"""Upgrades: which edges lie between two, what they break, and in which order the parts follow."""
