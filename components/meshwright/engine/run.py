"""Runs a program in a process of its own and collects its resource graph."""

from __future__ import annotations

import contextlib
import json
import os
import re
import selectors
import signal
import subprocess
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from meshwright.engine.decode import Decoder
from meshwright.engine.graph import Graph, Note
from meshwright.engine.redact import Redact
from meshwright.errors import Code, Problem, ProgramError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from io import FileIO

    from meshwright.engine.given import Given
    from meshwright.engine.project import Project
    from meshwright.engine.stack import StackSettings

_CHILD: Final = Path(__file__).parent / "child"
_MOST_OUTPUT: Final = 256 * 1024  # bytes of what the program prints
_MOST_RESULT: Final = 1024 * 1024 * 1024  # bytes of one run's messages
_OURS: Final = (  # the program's config comes from the stack file alone, and the passphrase is not for the program
    "PULUMI_CONFIG",
    "PULUMI_CONFIG_SECRET_KEYS",
    "PULUMI_CONFIG_PASSPHRASE",
    "PULUMI_CONFIG_PASSPHRASE_FILE",
)
_TEXTS: Final = ("error", "log", "note")  # messages for people
_GRACE_S: Final = 5.0
_CODE: Final = re.compile(r"\((MW-E\d{3})\)$")
_UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


@dataclass(frozen=True, slots=True)
class Verbatim(Problem):
    """A problem that a program words itself: its message is the whole line."""

    def __str__(self) -> str:
        return self.message


class FailedProgramError(ProgramError):
    """A program that didn't end well."""

    def __init__(self, problems: list[Problem], traceback: str = "", output: str = "") -> None:
        super().__init__(problems)
        self.traceback = traceback
        """Python's traceback from the program's first line on, if it raised."""
        self.output = output
        """What the program printed, perhaps cut."""


def run_program(
    project: Project, settings: StackSettings, given: Given | None = None, timeout_s: float = 120.0
) -> Graph:
    """Runs a project's program as ``pulumi preview`` would, without a cloud, and returns what it registered.

    Args:
        project: The project; its program runs unmodified, in its own interpreter.
        settings: The stack's name and config.
        given: Results of invokes and outputs of other stacks; without them they are unknown.
        timeout_s: Seconds after which the program, and all that it started, is ended.

    Raises:
        FailedProgramError: MW-E060 to MW-E063, MW-E070 to MW-E072: the program failed; there is no partial graph.
    """
    redact = Redact([*settings.secrets, *(given.secrets() if given else ())])
    run = _Run(Decoder(project.name, settings.name, settings.organization), redact)
    run.communicate(project, _spec(project, settings, given), timeout_s)
    graph = run.graph(timeout_s)
    return replace(graph, notes=(*_notes(settings), *graph.notes), output=run.printed())


def _notes(settings: StackSettings) -> Iterator[Note]:
    """What the stack's own settings keep from an offline run."""
    for name in settings.environments:
        yield Note(f"environment {name}", "its values are unknown offline: it is kept by Pulumi ESC")
    why = "the stack's secrets provider encrypted it, and is not asked offline"
    if settings.by_passphrase:
        why = "it is encrypted; set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE to have it decrypted"
    for key in sorted(settings.unknown_keys):
        yield Note(f"config {key}", f"this secret is unknown: {why}")


def _spec(project: Project, settings: StackSettings, given: Given | None) -> dict[str, Any]:
    is_file = project.program.is_file()
    return {
        "project": project.name,
        "stack": settings.name,
        "organization": settings.organization,
        "root": str(project.root),
        "directory": str(project.program.parent if is_file else project.program),
        "program": project.program.name if is_file else ".",
        "config": dict(settings.config),
        "secret_keys": sorted(settings.secret_keys),
        "given": given.to_message() if given else None,
    }


@dataclass
class _Run:
    """One run of a program: what came out of its process."""

    decoder: Decoder
    redact: Redact
    """Takes the secrets that the program was given out of all that it says."""
    output: bytearray = field(default_factory=bytearray)
    output_size: int = 0
    failure: Mapping[str, Any] | None = None
    ended: bool = False
    status: int | None = None
    timed_out: bool = False
    _rest: bytes = b""
    _received: int = 0

    def communicate(self, project: Project, spec: Mapping[str, Any], timeout_s: float) -> None:
        """Starts the process, hands it the specification, and reads until it is gone or the time is over."""
        spec_read, spec_write = os.pipe()
        result_read, result_write = os.pipe()
        with (
            os.fdopen(spec_write, "wb", buffering=0) as outgoing,
            os.fdopen(result_read, "rb", buffering=0) as incoming,
        ):
            try:
                process = _start(project, spec_read, result_write)
            finally:
                os.close(spec_read)
                os.close(result_write)
            try:
                self._exchange(process, json.dumps(spec).encode(), outgoing, incoming, timeout_s)
            finally:
                _stop(process)

    def _exchange(
        self,
        process: subprocess.Popen[bytes],
        spec: bytes,
        outgoing: FileIO,
        incoming: FileIO,
        timeout_s: float,
    ) -> None:
        deadline = time.monotonic() + timeout_s
        unsent = memoryview(spec)
        os.set_blocking(outgoing.fileno(), False)
        with selectors.DefaultSelector() as selector:
            selector.register(outgoing, selectors.EVENT_WRITE)
            selector.register(incoming, selectors.EVENT_READ, self._take_result)
            selector.register(process.stdout or incoming, selectors.EVENT_READ, self._take_output)
            while selector.get_map():
                left = deadline - time.monotonic()
                if left <= 0:
                    self.timed_out = True
                    return
                for key, _ in selector.select(left):
                    if key.fileobj is outgoing:
                        unsent = _write(outgoing, unsent)
                        if not unsent:
                            selector.unregister(outgoing)
                            outgoing.close()
                    elif data := os.read(key.fd, 1 << 16):
                        key.data(data)
                    else:
                        selector.unregister(key.fileobj)

    def _take_output(self, data: bytes) -> None:
        self.output_size += len(data)
        self.output += data[: max(0, _MOST_OUTPUT - len(self.output))]

    def _take_result(self, data: bytes) -> None:
        self._received += len(data)
        if self._received > _MOST_RESULT:
            raise self._error(Code.PROGRAM_PROTOCOL, "the program registers more than 1 GB", "keep large data in files")
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._take_message(line)

    def _take_message(self, line: bytes) -> None:
        try:
            message = json.loads(line)
            kind = message["kind"]
        except (ValueError, TypeError, KeyError):
            raise self._error(
                Code.PROGRAM_PROTOCOL,
                "the program's process sent what no Pulumi program sends",
                "check what it writes to",
            ) from None
        if kind in _TEXTS:
            message = {key: self.redact(value) if isinstance(value, str) else value for key, value in message.items()}
        if kind == "log":
            message["message"] = str(message.get("message")).replace(_UNKNOWN, "[unknown]")
        if kind == "error":
            self.failure = message
        elif kind == "end":
            self.ended = True
        elif kind == "exit":
            self.status = message.get("status")
        else:
            self.decoder.take(message)

    def printed(self) -> str:
        """What the program printed; cut, and saying so, when it was too much."""
        text = self.redact(self.output.decode("utf-8", "replace")).replace(_UNKNOWN, "[unknown]")
        lost = self.output_size - len(self.output)
        if not lost:
            return text
        rest = self.redact.longest  # it may end in a part of a secret
        return f"{text[:-rest] if rest else text}\n[{lost + rest} more bytes were printed]\n"

    def graph(self, timeout_s: float) -> Graph:
        """The graph of a program that ended well. Raises `FailedProgramError` for any other."""
        if self.timed_out:
            message = f"the program didn't end within {timeout_s:g} s, and was ended with all that it started"
            raise self._error(Code.PROGRAM_TIMEOUT, message, "check for a loop or a wait, or allow it more time")
        if self.failure is not None:
            raise self._failed(self.failure)
        if self.ended and self.status == 0:
            return self.decoder.graph()
        raise self._error(Code.PROGRAM_EXITED, _how_it_ended(self.status), self._last_words())

    def _last_words(self) -> str:
        if self.decoder.errors:
            return f"it logged: {self.decoder.errors[-1]}"
        lines = self.printed().strip().splitlines()
        return f"the last that it printed is: {lines[-1][:200]}" if lines else "it printed nothing"

    def _failed(self, failure: Mapping[str, Any]) -> FailedProgramError:
        form, text = failure.get("form"), str(failure.get("text", ""))
        if form == "no pulumi":
            remedy = "install it there: pip install pulumi"
            return self._error(Code.NO_INTERPRETER, f"the program's interpreter can't import Pulumi: {text}", remedy)
        if form == "exit":
            how = f"with status {text}" if text.lstrip("-").isdigit() else f"and said: {text}"
            return self._error(Code.PROGRAM_EXITED, f"the program exited {how}", self._last_words())
        return FailedProgramError(_problems(failure, text), str(failure.get("traceback", "")), self.printed())

    def _error(self, code: Code, message: str, remedy: str) -> FailedProgramError:
        return FailedProgramError([Problem(code, message, remedy)], output=self.printed())


def _start(project: Project, spec: int, result: int) -> subprocess.Popen[bytes]:
    environment = {key: value for key, value in os.environ.items() if key not in _OURS}
    if (project.python.parent.parent / "pyvenv.cfg").is_file():
        environment["VIRTUAL_ENV"] = str(project.python.parent.parent)
        environment["PATH"] = f"{project.python.parent}{os.pathsep}{environment.get('PATH', os.defpath)}"
        environment.pop("PYTHONHOME", None)
    try:
        return subprocess.Popen(
            [project.python, "-u", _CHILD, str(spec), str(result)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            pass_fds=(spec, result),
            start_new_session=True,
        )
    except OSError as error:
        message = f"{project.python} can't be started ({error.strerror})"
        problem = Problem(Code.NO_INTERPRETER, message, "create the virtual environment again", f"{project.file}")
        raise FailedProgramError([problem]) from None


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ends the process that watches the program, and with it the program and all that it started."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        process.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _write(pipe: FileIO, data: memoryview) -> memoryview:
    """Writes what fits, and returns the rest; nothing is left when nobody reads any more."""
    try:
        return data[pipe.write(data) or 0 :]
    except BrokenPipeError:
        return data[:0]


def _how_it_ended(status: int | None) -> str:
    if status is None:
        return "the program's process ended without a word"
    if status >= 0:
        return f"the program's process exited with status {status} before the program was done"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"the program's process was ended by {name}"


def _problems(failure: Mapping[str, Any], text: str) -> list[Problem]:
    """What a program raised, as its author is to read it."""
    code, place = Code.PROGRAM_FAILED, str(failure.get("place", ""))
    if failure.get("form") == "refusal":
        return [Problem(_known(str(failure.get("code"))), text, str(failure.get("remedy", "")), place)]
    if _UNKNOWN in text:
        remedy = "this value is unknown offline: set PULUMI_CONFIG_PASSPHRASE, or read it with `require_secret`"
        return [Problem(code, _headline(text.replace(_UNKNOWN, "[unknown]")), remedy, place)]
    if failure.get("form") == "run error":
        return _as_pulumi_prints(text)
    return [Problem(code, _headline(text), "correct the program; --verbose shows the traceback", place)]


def _headline(text: str) -> str:
    """The type of an exception and the first line of its message; a syntax error has indented lines before them."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    first = next((index for index, line in enumerate(lines) if not line.startswith(" ")), 0)
    head = lines[first : first + 2] if lines and lines[first].endswith(":") else lines[first : first + 1]
    return " ".join(line.strip() for line in head)


def _as_pulumi_prints(text: str) -> list[Problem]:
    """A `RunError`: one line; but lines of meshwright's own (``... (MW-E014)``) come through as they are."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if lines and all(_CODE.search(line) for line in lines):
        return [Verbatim(_known(line[-9:-1]), line, "") for line in lines]
    return [Verbatim(Code.PROGRAM_FAILED, f"error: {' '.join(lines)}", "")]


def _known(code: str) -> Code:
    try:
        return Code(code)
    except ValueError:
        return Code.PROGRAM_FAILED
