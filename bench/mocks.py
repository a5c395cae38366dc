"""The SDK's own floor: the same program under ``set_mocks``: ``python -m bench.mocks PROJECT``."""

import asyncio
import runpy
import sys
from pathlib import Path

import pulumi
from pulumi.runtime.stack import run_pulumi_func


class Mocks(pulumi.runtime.Mocks):
    """Echoes inputs."""

    made = 0

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, object]]:
        """State is what was asked for."""
        Mocks.made += 1
        return f"{args.name}-id", args.inputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, object], list[tuple[str, str]] | None]:
        """Nothing is known."""
        return {}, None


def main() -> None:
    """Run the program and wait for what it registers."""
    asyncio.set_event_loop(asyncio.new_event_loop())
    pulumi.runtime.set_mocks(Mocks(), project="bench", stack="dev", preview=True)
    program = Path(sys.argv[1])
    sys.path.insert(0, str(program))

    async def run() -> None:
        runpy.run_path(str(program), run_name="__main__")

    asyncio.get_event_loop().run_until_complete(run_pulumi_func(run))
    sys.stdout.write(f"{Mocks.made} resources\n")


main()
