"""Short words for programs that are handed providers of Kubernetes, Consul and AWS."""

from collections.abc import Callable

import pulumi
import pulumi_aws
import pulumi_consul
import pulumi_kubernetes as kubernetes
import pytest

from meshwright.engine.graph import Graph
from meshwright.engine.record import record
from meshwright.kubernetes.errors import ComponentError

Program = Callable[[pulumi.ResourceOptions], object]


def run(program: Program, *packages: str) -> Graph:
    """The graph of a program with providers of these packages."""

    def started() -> None:
        made: dict[str, Callable[[], pulumi.ProviderResource]] = {
            "kubernetes": lambda: kubernetes.Provider("cluster", context="test"),
            "consul": lambda: pulumi_consul.Provider("consul", address="https://consul.test:8501"),
            "aws": lambda: pulumi_aws.Provider("aws", region="eu-central-1"),
        }
        program(pulumi.ResourceOptions(providers=[made[each]() for each in packages]))

    return record(started)


def refused(program: Program, *packages: str) -> str:
    """What is said of a program that is refused, before its component is registered."""
    with pytest.raises(ComponentError) as error:
        run(program, *packages)
    return str(error.value)
