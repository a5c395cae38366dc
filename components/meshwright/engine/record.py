"""The graph of a function, recorded in this process: for tests of components."""

from __future__ import annotations

import asyncio
import contextvars
import json
from typing import TYPE_CHECKING, Any

import pulumi

from meshwright.engine.child.monitor import Engine, Monitor
from meshwright.engine.child.registry import Refusal
from meshwright.engine.child.tuning import InlineExecutor, tuned
from meshwright.engine.decode import decode
from meshwright.errors import Code, Problem, ProgramError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from meshwright.engine.given import Given
    from meshwright.engine.graph import Graph


def record(
    program: Callable[[], object],
    *,
    project: str = "test",
    stack: str = "dev",
    organization: str = "organization",
    config: Mapping[str, Any] | None = None,
    secret_keys: Collection[str] = (),
    given: Given | None = None,
) -> Graph:
    """Runs a function in a fresh Pulumi runtime, as a preview would, and returns what it registered.

    Args:
        program: Makes resources and exports outputs; it may be a coroutine function.
        project: Name of the project.
        stack: Name of the stack.
        organization: Name of the organization.
        config: Config values by ``namespace:key`` (a key without a namespace belongs to the project). A value that
            isn't a string is passed on as JSON, as Pulumi does.
        secret_keys: Keys of ``config`` that are secrets.
        given: Results of invokes and outputs of other stacks.

    Raises:
        ProgramError: The engine refused something, such as a duplicate URN.
        Exception: Whatever the function raises.
    """
    messages: list[dict[str, Any]] = []
    monitor = Monitor(project, stack, organization, given.to_message() if given else None, messages.append)
    values = {_full_key(project, key): _config_text(value) for key, value in (config or {}).items()}
    secrets = [_full_key(project, key) for key in secret_keys]

    def run() -> None:
        pulumi.runtime.settings.ROOT.set(None)
        pulumi.runtime.set_all_config(values, secrets)
        pulumi.runtime.configure(
            pulumi.runtime.Settings(
                project=project,
                stack=stack,
                organization=organization,
                monitor=monitor,
                engine=Engine(messages.append),
                dry_run=True,
            )
        )
        run_program(program, monitor)

    try:
        contextvars.copy_context().run(run)
    except Refusal as refusal:
        problem = Problem(Code(refusal.code), refusal.message, refusal.remedy, refusal.place)
        raise ProgramError(problem) from None
    finally:
        monitor.close()
    return decode(messages, project, stack, organization)


def run_program(program: Callable[[], object], monitor: Monitor) -> None:
    """Runs a program in an event loop of its own, until all that it started is done."""
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # a failed program leaves futures that nobody reads
    asyncio.set_event_loop(loop)
    executor = InlineExecutor(max_workers=16)
    loop.set_default_executor(executor)
    try:
        with tuned(monitor):
            loop.run_until_complete(pulumi.runtime.run_in_stack(program))  # type: ignore[arg-type]
    finally:
        _cancel_what_is_left(loop)
        executor.shutdown(wait=True)
        asyncio.set_event_loop(None)
        loop.close()


def _cancel_what_is_left(loop: asyncio.AbstractEventLoop) -> None:
    """A program that raised leaves tasks behind, and Python complains about those that never began."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))


def _full_key(project: str, key: str) -> str:
    return key if ":" in key else f"{project}:{key}"


def _config_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
