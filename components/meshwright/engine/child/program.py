"""Runs a program as Pulumi's language host does, against our monitor.

Working directory, ``sys.argv``, ``sys.path`` and the name ``__main__`` are those of
sdk/python/cmd/pulumi-language-python-exec.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
import logging
import os
import runpy
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime.proto import resource_pb2_grpc

from .monitor import Engine, Monitor
from .registry import Refusal
from .tuning import InlineExecutor, tuned

# A program makes many objects that live to its end: with the usual thresholds, a third of the time is the collector's.
_COLLECT_AFTER = (50_000, 20, 100)
_FLUSH_AT = 64 * 1024  # characters


class StubMonitor(Monitor, resource_pb2_grpc.ResourceMonitorStub):
    """The monitor, for SDKs before 3.200 too: they take transforms only for what is a stub by type."""


class Channel:
    """Sends messages to the parent, one line of JSON each. A process that the program forks sends nothing."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._lines: list[str] = []
        self._size = 0

    def send(self, message: dict[str, Any]) -> None:
        """Takes a message; it is sent with others, or by `flush`."""
        line = json.dumps(message, separators=(",", ":")) + "\n"
        with self._lock:
            self._lines.append(line)
            self._size += len(line)
            if self._size > _FLUSH_AT:
                self._write()

    def flush(self) -> None:
        """Sends what was taken."""
        with self._lock:
            self._write()

    def _write(self) -> None:
        data = memoryview("".join(self._lines).encode("ascii"))
        self._lines.clear()
        self._size = 0
        while data and os.getpid() == self._process:
            data = data[os.write(self._descriptor, data) :]


def main(spec_descriptor: int, result_descriptor: int) -> None:
    """Reads the specification, runs the program and exits as Pulumi's host would."""
    with os.fdopen(spec_descriptor, "rb") as file:
        spec = json.load(file)
    channel = Channel(result_descriptor)
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)
    failure: dict[str, Any] | None = None
    try:
        run(spec, channel)
    except SystemExit as request:
        if request.code not in (None, 0):
            failure = {"kind": "error", "form": "exit", "text": str(request.code)}
    except BaseException as error:
        failure = _failure(error, Path(spec["root"]))
    channel.send(failure or {"kind": "end"})
    channel.flush()
    sys.stdout.flush()
    sys.stderr.flush()
    sys.exit(1 if failure else 0)


def run(spec: dict[str, Any], channel: Channel) -> None:
    """Runs the program. Raises what it raises."""
    monitor = StubMonitor(spec["project"], spec["stack"], spec["organization"], spec["given"], channel.send)
    pulumi.runtime.set_all_config(spec["config"], spec["secret_keys"])
    settings: dict[str, Any] = {
        "project": spec["project"],
        "stack": spec["stack"],
        "organization": spec["organization"],
        "root_directory": spec["root"],
        "monitor": monitor,
        "engine": Engine(channel.send),
        "parallel": 16,
        "dry_run": True,
    }
    known = inspect.signature(pulumi.runtime.Settings).parameters  # an older SDK knows fewer
    pulumi.runtime.configure(pulumi.runtime.Settings(**{key: settings[key] for key in settings if key in known}))
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # a failed program leaves futures that nobody reads
    os.chdir(spec["directory"])
    sys.argv = [spec["program"]]
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    executor = InlineExecutor(max_workers=64)
    loop.set_default_executor(executor)

    def program() -> None:
        runpy.run_path(spec["program"], run_name="__main__")

    try:
        with tuned(monitor):
            loop.run_until_complete(pulumi.runtime.run_in_stack(program))
    finally:
        monitor.close()
        executor.shutdown(wait=True)
        loop.close()


def _failure(error: BaseException, root: Path) -> dict[str, Any]:
    failure = {"kind": "error", "traceback": _traceback(error)}
    if isinstance(error, Refusal):
        about = {"code": error.code, "text": error.message, "remedy": error.remedy, "place": error.place}
        return failure | {"form": "refusal"} | about
    if isinstance(error, pulumi.RunError):
        return failure | {"form": "run error", "text": str(error)}
    text = "".join(traceback.format_exception_only(error)).rstrip()
    return failure | {"form": "exception", "text": text, "place": _place(error, root)}


def _traceback(error: BaseException) -> str:
    """The traceback from the program's first frame on."""
    own, frames = str(Path(__file__).parent), error.__traceback__
    inner = frames
    while inner is not None:
        file = inner.tb_frame.f_code.co_filename
        if not file.startswith((own, "<frozen runpy>")) and f"{os.sep}asyncio{os.sep}" not in file:
            module = inner.tb_frame.f_globals.get("__name__", "")
            if not module.startswith("pulumi."):
                break
        inner = inner.tb_next
    return "".join(traceback.format_exception(type(error), error, inner or frames))


def _place(error: BaseException, root: Path) -> str:
    """``file:line`` of the deepest frame that is the user's: below the project, and not an installed package."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    place = ""
    for frame in traceback.extract_tb(error.__traceback__):
        file = Path(frame.filename).absolute()
        if root in file.parents and "site-packages" not in file.parts and not frame.filename.startswith("<"):
            place = f"{file}:{frame.lineno}"
    return place
