"""A server of a test: a process that never outlives the test run, with its log in a file."""

import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


class ServerError(Exception):
    """A server didn't start, or ended too early; the message has the end of its log."""


class Server:
    """One program. Linux ends it when the thread that started it dies, so not even SIGKILL leaves an orphan."""

    def __init__(self, argv: list[str], log: Path, env: Mapping[str, str] | None = None) -> None:
        self.name = Path(argv[0]).name
        self.argv = argv
        self.log = log
        self.env = {**os.environ, **(env or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the program; again, if it has ended."""
        if self.alive:
            raise ServerError(f"{self.name} runs already")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.env,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509  (nothing is locked between fork and exec)
            )

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process id, and that of its process group. Raises `ServerError` if it was never started."""
        if self._process is None:
            raise ServerError(f"{self.name} was never started")
        return self._process.pid

    def stop(self, timeout_s: float = 10.0) -> None:
        """Ask it to end; end its whole process group after `timeout_s` seconds. Nothing happens if it is gone."""
        self._end(signal.SIGTERM, timeout_s)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._end(signal.SIGKILL, 10.0)

    def _end(self, how: signal.Signals, timeout_s: float) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            os.killpg(self._process.pid, how)
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()

    def wait_until(self, ready: Callable[[], bool], what: str, timeout_s: float = 30.0) -> None:
        """Wait for `ready`. Raises `ServerError` when the program ends, or when `timeout_s` seconds are over."""
        deadline = time.monotonic() + timeout_s
        while not ready():
            if not self.alive:
                raise ServerError(f"{self.name} ended before {what}\n{self.tail()}")
            if time.monotonic() > deadline:
                raise ServerError(f"{self.name}: not {what} after {timeout_s:.0f} s\n{self.tail()}")
            time.sleep(0.05)

    def tail(self, lines: int = 20) -> str:
        """The last lines of its log, under the log's path."""
        text = self.log.read_text("utf-8", "replace") if self.log.exists() else ""
        return "\n".join([f"{self.log}:", *text.splitlines()[-lines:]])


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def listens(port: int) -> bool:
    """Whether somebody accepts connections on a port of 127.0.0.1."""
    with socket.socket() as client:
        client.settimeout(1.0)
        return client.connect_ex(("127.0.0.1", port)) == 0


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
