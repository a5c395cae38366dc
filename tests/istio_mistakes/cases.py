"""The seeded mistakes: each file has a program with one mistake, as Pulumi YAML's ``resources``, and its mended twin."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import yaml

HERE = Path(__file__).parent
FINDS = "# finds: "


@dataclass(frozen=True)
class Mistake:
    """One file."""

    path: Path

    def __str__(self) -> str:
        return self.path.stem

    @property
    def finds(self) -> list[str]:
        """``rule verdict resource: message`` of all that is found in the mistake; nothing is in its twin."""
        lines = self.path.read_text("utf-8").splitlines()
        return sorted(line.removeprefix(FINDS) for line in lines if line.startswith(FINDS))

    @property
    def programs(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The resources of the mistake, and of its twin."""
        mistake, twin = yaml.safe_load_all(self.path.read_text("utf-8"))
        return mistake, twin

    def write(self, finds: list[str]) -> None:
        """State other findings."""
        why, *rest = [line for line in self.path.read_text("utf-8").splitlines() if not line.startswith(FINDS)]
        self.path.write_text("\n".join([why, *(FINDS + line for line in finds), *rest, ""]), "utf-8")


def register(program: dict[str, Any]) -> None:
    """Make the resources of a program, in the program that runs."""
    for name, resource in program.items():
        is_ours = resource["type"].startswith("meshwright:")
        (pulumi.ComponentResource if is_ours else pulumi.CustomResource)(resource["type"], name, resource["properties"])


MISTAKES = [Mistake(path) for path in sorted(HERE.glob("*.yaml"))]
