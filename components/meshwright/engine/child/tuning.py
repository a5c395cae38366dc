"""What an offline run changes in the SDK while a program runs; each change only where the SDK still has the place.

Two changes save time: nobody reads debug messages or whole stack traces. Calls to our own monitor need no thread.
Three make missing values behave: an encrypted secret of the config is an unknown secret output, a plain invoke, which
has to return a value at once, says what it lacks instead of returning ``None``, and so does an output that is required
of another stack.
"""

from __future__ import annotations

import asyncio
import functools
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pulumi
from pulumi.runtime.proto import source_pb2

from . import values
from .registry import not_given, unanswered
from .transforms import WouldBlock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator
    from types import FrameType

    from .monitor import Monitor


@contextmanager
def tuned(monitor: Monitor) -> Iterator[None]:
    """Changes the SDK for the length of one run."""
    resource, invoke, stack = (sys.modules[f"pulumi.runtime.{name}"] for name in ("resource", "invoke", "stack"))
    with ExitStack() as changes:
        changes.enter_context(patch.object(pulumi.log, "debug", _say_nothing))
        if hasattr(resource, "_get_stack_trace"):
            changes.enter_context(patch.object(resource, "_get_stack_trace", _stack_trace))
        if hasattr(stack, "asyncio"):
            changes.enter_context(patch.object(stack, "asyncio", _Asyncio()))
        if hasattr(invoke, "_invoke"):
            changes.enter_context(patch.object(invoke, "_invoke", _checked(invoke._invoke, monitor)))
        require = pulumi.StackReference.require_output
        changes.enter_context(patch.object(pulumi.StackReference, "require_output", _required(require)))
        for name in vars(pulumi.Config):
            if name.startswith(("get_secret", "require_secret")):
                method = getattr(pulumi.Config, name)
                changes.enter_context(patch.object(pulumi.Config, name, _secret_or_unknown(method)))
        yield


class InlineExecutor(ThreadPoolExecutor):
    """Runs the SDK's calls to the monitor where they are, and everything else in threads."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Submits a call; one that has to wait for the event loop goes to a thread after all."""
        if not getattr(fn, "__module__", "").startswith("pulumi.runtime."):
            return super().submit(fn, *args, **kwargs)
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except WouldBlock:
            return super().submit(fn, *args, **kwargs)
        except Exception as error:
            future.set_exception(error)
        return future


class _Asyncio:
    """``asyncio`` for ``pulumi.runtime.stack``, which waits for the first of all outputs, again and again.

    To wait until all are done, or one fails, comes to the same, in linear time.
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    @staticmethod
    async def wait(tasks: Iterable[asyncio.Task[Any]], **_: object) -> tuple[set[Any], set[Any]]:
        return await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)


def _say_nothing(*_: object, **__: object) -> None:
    pass


def _required(method: Callable[..., Any]) -> Callable[..., Any]:
    """``StackReference.require_output`` that names the stack, and where the output belongs, instead of a `KeyError`."""

    @functools.wraps(method)
    def checked(self: pulumi.StackReference, name: pulumi.Input[str]) -> Any:
        caller = sys._getframe(1)
        place = f"{caller.f_code.co_filename}:{caller.f_lineno}"

        def there(found: list[Any]) -> str:
            stack, key, outputs = found
            if key not in outputs:
                raise not_given(stack, key, place)
            return str(key)

        return method(self, pulumi.Output.all(self.name, name, self.outputs).apply(there))

    return checked


def _stack_trace() -> source_pb2.StackTrace:
    """The one frame that is read: what called a resource's constructor, outside Pulumi's SDKs and meshwright."""
    frame: FrameType | None = sys._getframe(1)
    constructors = 0
    while frame is not None and constructors < 3:
        constructors += frame.f_code.co_name == "__init__"
        frame = frame.f_back
    if frame is None:  # a class without a constructor of its own
        frame = sys._getframe(1)
    while frame is not None and _is_library(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
    if frame is None:
        return source_pb2.StackTrace()
    position = source_pb2.SourcePosition(uri=_uri(frame.f_code.co_filename), line=frame.f_lineno)
    return source_pb2.StackTrace(frames=[source_pb2.StackFrame(pc=position)])


def _is_library(module: str) -> bool:
    top = module.partition(".")[0]
    return top in {"pulumi", "meshwright"} or top.startswith("pulumi_")


@functools.cache
def _uri(file: str) -> str:
    path = Path(file)
    return (path if path.is_absolute() else Path.cwd() / path).as_uri() if not file.startswith("<") else ""


def _secret_or_unknown(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method of `pulumi.Config` that gives an unknown secret for a value that nobody decrypted."""

    @functools.wraps(method)
    def checked(self: pulumi.Config, key: str, *args: Any, **kwargs: Any) -> Any:
        value = pulumi.runtime.get_config(self.full_key(key))
        if isinstance(value, str) and values.UNKNOWN in value:
            return pulumi.Output(set(), _done(None), _done(False), _done(True))
        return method(self, key, *args, **kwargs)

    return checked


def _done(value: Any) -> asyncio.Future[Any]:
    future: asyncio.Future[Any] = asyncio.get_event_loop().create_future()
    future.set_result(value)
    return future


def _checked(invoke: Callable[..., Awaitable[Any]], monitor: Monitor) -> Callable[..., Awaitable[Any]]:
    """``pulumi.runtime.invoke._invoke`` that refuses a plain invoke without a result."""

    @functools.wraps(invoke)
    def checked(tok: str, *args: Any, **kwargs: Any) -> Awaitable[Any]:
        answer = invoke(tok, *args, **kwargs)
        return answer if kwargs.get("check_dependencies") else known(tok, answer)

    async def known(tok: str, answer: Awaitable[Any]) -> Any:
        result = await answer
        if not result.is_known and tok in monitor.unanswered:
            raise unanswered(tok)
        return result

    return checked
