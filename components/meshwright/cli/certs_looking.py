"""What the commands of `meshwright certs` share: their stacks and clusters, and the moment by which they judge."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from meshwright.cli import completion

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from meshwright.certs.observed import Observed
    from meshwright.certs.stack_file import StackFile


Stacks: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--stack",
        "-s",
        metavar="NAME",
        show_default=False,
        help="A stack; repeat it for all clusters of a trust domain. Default: the only one there is.",
        autocompletion=completion.stacks,
    ),
]
Contexts: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--context", metavar="NAME", show_default=False, help="Read this context's cluster; repeatable."),
]
Kubeconfig: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", show_default=False, help="The kubeconfig of the contexts.")
]


def moment() -> datetime:
    """Now; with --as-of this time of that day."""
    from datetime import UTC, datetime

    from meshwright.config.clock import today

    return datetime.combine(today(), datetime.now(UTC).time(), UTC)


def stack_files(names: Sequence[str]) -> tuple[StackFile, ...]:
    """The stacks' files, in the order given.

    Raises:
        ConfigError: one can't be read, or they don't belong together (MW-E196).
    """
    from meshwright.certs.stack_file import read_stack_file
    from meshwright.cli.offline import choose_stack, find_project
    from meshwright.engine.project import load_project
    from meshwright.errors import Code, ConfigError, Problem

    project = load_project(find_project(Path.cwd()))
    chosen = tuple(dict.fromkeys(names)) or (choose_stack(project, ""),)
    files = tuple(read_stack_file(project.stack_file(each), each) for each in chosen)
    for key in ("kind", "trust_domain"):
        if len(found := {getattr(each, key) for each in files}) > 1:
            message = f"the stacks differ in {key}: {' and '.join(sorted(found))}"
            raise ConfigError(Problem(Code.STACKS_APART, message, "name the stacks of one trust domain"))
    return files


def look(contexts: Sequence[str], kubeconfig: Path | None) -> tuple[Observed, ...]:
    """What each cluster shows, by GET alone. An empty name is the current context."""
    from meshwright.certs.from_cluster import observe
    from meshwright.cli.progress import working
    from meshwright.kubernetes.reading import open_cluster

    found = []
    for context in contexts:
        with working(f"reading {context or 'the cluster'}"), open_cluster(context, str(kubeconfig or "")) as reader:
            found.append(observe(reader, context or "the current context"))
    return tuple(found)


def _tell_apart(files: Sequence[StackFile]) -> None:
    """Refuse stacks of which the files don't say which cluster is whose: the current context would do for all."""
    from meshwright.errors import Code, ConfigError, Problem

    remedy = "give one --context for each stack, in the same order"
    for each in files:
        if each.is_elsewhere and not each.context:
            message = f"the cluster of {each.recorded.name} is named by another stack, and by no context"
            raise ConfigError(Problem(Code.CERTIFICATES_INPUT, message, remedy, str(each.path)))
    places = [(each.context, each.kubeconfig) for each in files]
    if len(set(places)) < len(places):
        message = f"{' and '.join(each.recorded.name for each in files)} are not told apart by their contexts"
        raise ConfigError(Problem(Code.CERTIFICATES_INPUT, message, remedy))


def look_at(files: Sequence[StackFile], contexts: Sequence[str], kubeconfig: Path | None) -> dict[str, Observed]:
    """What the cluster of each stack shows: by its own context, or by those given, in the order of the stacks.

    Raises:
        ConfigError: not as many contexts as stacks, or one for several (MW-E195), or a cluster that can't be read.
    """
    from meshwright.errors import Code, ConfigError, Problem

    if contexts and len(contexts) != len(files):
        message = f"{len(contexts)} contexts are given for {len(files)} stacks"
        raise ConfigError(Problem(Code.CERTIFICATES_INPUT, message, "give one for each, in the same order, or none"))
    if not contexts:
        _tell_apart(files)
    found = {}
    for index, each in enumerate(files):
        context = contexts[index] if contexts else each.context
        found[each.recorded.name] = look([context], kubeconfig or (Path(each.kubeconfig) if each.kubeconfig else None))[
            0
        ]
    return found
