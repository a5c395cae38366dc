"""What a shell completes beyond options: the names of stacks and rules, as far as they are quick to find."""

from pathlib import Path


def stacks(incomplete: str) -> list[str]:
    """The stacks of the project around the current folder; none where there is no project that can be read."""
    from meshwright.cli.offline import find_project
    from meshwright.engine.project import load_project
    from meshwright.errors import MeshwrightError

    try:
        found = load_project(find_project(Path.cwd())).stacks()
    except MeshwrightError:
        return []
    return [name for name in found if name.startswith(incomplete)]


def rules(incomplete: str) -> list[str]:
    """The ids of the rules."""
    from meshwright_policy.catalogue import RULES

    return [rule.id for rule in RULES if rule.id.startswith(incomplete.upper())]
