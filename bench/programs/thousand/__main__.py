"""A program with 1,005 resources: a provider, 3 components, 1,000 ConfigMaps, and the stack itself."""

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_kubernetes.core.v1 import ConfigMap

cluster = kubernetes.Provider("cluster", context="bench")


class Team(pulumi.ComponentResource):
    """A parent for a share of them."""

    def __init__(self, name: str) -> None:
        super().__init__("bench:index:Team", name, {}, pulumi.ResourceOptions(providers=[cluster]))


for team in range(3):
    parent = Team(f"team-{team}")
    for number in range(team, 1000, 3):
        ConfigMap(
            f"settings-{number}",
            metadata={"name": f"settings-{number}", "namespace": f"team-{team}", "labels": {"team": str(team)}},
            data={"key": "value", "number": str(number)},
            opts=pulumi.ResourceOptions(parent=parent),
        )
