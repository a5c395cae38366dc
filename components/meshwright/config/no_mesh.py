"""The config of a stack of kind `none`: no mesh is an answer, and it is recorded."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from meshwright.config.base import Mistake, Model, Spelt, Text, repeated
from meshwright.config.shared import Cluster, Compliance, EnvironmentName, Workload

Reason = Annotated[
    str, Spelt(r"[a-z][a-z0-9_]*", "reason", "write a word with '_' for spaces: under_20_services", limit=80)
]


class NoMesh(Model):
    """No mesh: the decision, its reasons, and what would change it."""

    kind: Literal["none"]
    """No mesh."""
    because: Annotated[tuple[Reason, ...], Field(min_length=1)] = Field(examples=[["under_20_services"]])
    """The reasons."""
    reconsider_when: tuple[Text, ...] = ()
    """What would change the decision."""
    cluster: Cluster | None = None
    """Where the workloads run."""
    environment: EnvironmentName | None = None
    """What the stack is for."""
    compliance: Compliance = Field(default_factory=Compliance)
    """What auditors ask for."""
    workload: Workload = Field(default_factory=Workload)
    """Facts about what runs."""

    def mistakes(self) -> Iterator[Mistake]:
        """A reason is given once."""
        return repeated("because", self.because)
