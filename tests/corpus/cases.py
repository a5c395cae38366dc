"""The files of the corpus, and how each becomes resources: the same way offline and under the Pulumi CLI."""

import json
import runpy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import yaml

HERE = Path(__file__).parent
FINDS = "# finds: "
WAIVERS = "# waivers: "


@dataclass(frozen=True)
class Case:
    """One program or manifest."""

    path: Path

    def __str__(self) -> str:
        return self.path.stem

    @property
    def is_bad(self) -> bool:
        return self.path.stem.endswith(".bad")

    @property
    def is_about_the_stack(self) -> bool:
        return self.path.name.startswith("stack-")

    @property
    def finds(self) -> list[str]:
        """``rule verdict resource: message``, sorted."""
        return sorted(self._marked(FINDS))

    @property
    def waivers(self) -> list[dict[str, Any]]:
        return [waiver for line in self._marked(WAIVERS) for waiver in json.loads(line)]

    def _marked(self, mark: str) -> list[str]:
        lines = self.path.read_text("utf-8").splitlines()
        return [line.removeprefix(mark) for line in lines if line.startswith(mark)]

    def write(self, finds: list[str]) -> None:
        """State other findings."""
        lines = self.path.read_text("utf-8").splitlines()
        kept = [line for line in lines if not line.startswith(FINDS)]
        self.path.write_text("\n".join([*(FINDS + line for line in finds), *kept, ""]), "utf-8")

    def register(self) -> None:
        """Make its resources, in the program that runs."""
        if self.path.suffix == ".py":
            runpy.run_path(str(self.path))
            return
        for manifest in yaml.safe_load_all(self.path.read_text("utf-8")):
            version = manifest["apiVersion"]
            token = f"kubernetes:{version if '/' in version else f'core/{version}'}:{manifest['kind']}"
            pulumi.CustomResource(token, manifest["metadata"]["name"], manifest)


CASES = [Case(path) for path in sorted((*HERE.glob("programs/*.py"), *HERE.glob("manifests/*.yaml")))]
