"""Reading a cluster, and nothing but that: through `kubectl proxy`, which knows every way to log in.

kubectl is the one program that every owner of a cluster has set up: exec plugins (EKS, GKE, AKS), OIDC, client
certificates and proxies work as they do by hand, and are asked once. The proxy listens on a socket in a folder that
only this user can enter, and refuses every method that writes.
"""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from meshwright.errors import Code, ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

_WRITING: Final = "^(POST|PUT|PATCH|DELETE)$"
_START_S: Final = 10.0
_ANSWER_S: Final = 60.0
_PAGE: Final = "500"
_LATER: Final = (429, 503)
_TRIES: Final = 4
_GONE: Final = 410
METADATA_ONLY: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
"""Media type of a list without specs and statuses: a CRD's schema alone may be a megabyte."""


class ReadError(Exception):
    """An answer that is not 200; ``status`` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ClusterReader:
    """One cluster, by GET alone."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection

    def get(self, path: str, accept: str = "application/json", **query: str) -> dict[str, Any]:
        """The JSON answer at a path; asked again where the server says "later".

        Raises:
            ReadError: any other answer.
            ConfigError: MW-E170 there is no answer, or one that is not the API server's.
        """
        try:
            status, content = self._ask(f"{path}?{urlencode(query)}", accept)
            if status != http.client.OK:
                raise ReadError(status, _message(content))
            return dict(json.loads(content))
        except (OSError, http.client.HTTPException) as error:
            raise _unreadable(str(error) or type(error).__name__) from None
        except (ValueError, TypeError):
            raise _unreadable(f"what answers at {path} is no API server") from None

    def _ask(self, target: str, accept: str) -> tuple[int, bytes]:
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(2**attempt / 10)
            self._connection.request("GET", target, headers={"Accept": accept})
            answer = self._connection.getresponse()
            content = answer.read()
            if answer.status not in _LATER:
                break
        return answer.status, content

    def list(self, path: str, accept: str = "application/json", **query: str) -> list[dict[str, Any]]:
        """All objects below a path, in pages; read at one go where a page has expired. Raises `ReadError`."""
        found: list[dict[str, Any]] = []
        page: dict[str, str] = {"limit": _PAGE}
        while True:
            try:
                answer = self.get(path, accept, **query, **page)
            except ReadError as error:
                if error.status != _GONE or "limit" not in page:
                    raise
                found, page = [], {}
                continue
            found += answer.get("items") or []
            token = answer["metadata"].get("continue")
            if not token:
                return found
            page["continue"] = token


@contextmanager
def open_cluster(context: str | None, kubeconfig: str | None) -> Iterator[ClusterReader]:
    """A cluster to read from.

    Args:
        context: Name of a context; None for the kubeconfig's current one.
        kubeconfig: Path of the kubeconfig; None for kubectl's own choice.

    Raises:
        ConfigError: MW-E170 it can't be reached or doesn't let us in, MW-E171 there is no kubectl.
    """
    with tempfile.TemporaryDirectory(prefix="meshwright-") as folder:
        path = Path(folder) / "api"
        proxy = ["proxy", f"--unix-socket={path}", f"--reject-methods={_WRITING}"]
        with (Path(folder) / "log").open("w+b") as log:
            process = subprocess.Popen(
                [*kubectl(context, kubeconfig), *proxy],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
            connection = _SocketConnection(path)
            try:
                _wait(process, path, log.name)
                yield _checked(ClusterReader(connection))
            finally:
                connection.close()
                process.terminate()
                process.wait()


def kubectl(context: str | None, kubeconfig: str | None) -> list[str]:
    """How kubectl is called for one cluster. Raises `ConfigError` (MW-E171)."""
    program = shutil.which("kubectl")
    if program is None:
        raise ConfigError(
            Problem(Code.NO_KUBECTL, "there is no kubectl on PATH", "install it: clusters are reached through it")
        )
    flags = [*([f"--context={context}"] if context else []), *([f"--kubeconfig={kubeconfig}"] if kubeconfig else [])]
    return [program, *flags]


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_ANSWER_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _wait(process: subprocess.Popen[bytes], path: Path, log: str) -> None:
    """Until the proxy listens."""
    deadline = time.monotonic() + _START_S
    while not path.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            said = _last_line(Path(log).read_text("utf-8", "replace")) or "kubectl proxy doesn't start"
            raise _unreadable(said)
        time.sleep(0.02)


def _checked(reader: ClusterReader) -> ClusterReader:
    """The reader, if the cluster answers: who may not ask for the version may still be allowed to read."""
    try:
        reader.get("/version")
    except ReadError as error:
        if error.status != http.client.FORBIDDEN:
            raise _unreadable(str(error)) from None
    return reader


def _unreadable(why: str) -> ConfigError:
    remedy = "name a context that kubectl can list namespaces with"
    return ConfigError(Problem(Code.CLUSTER_UNREADABLE, f"the cluster can't be read: {why}", remedy))


def _message(content: bytes) -> str:
    text = content.decode("utf-8", "replace")
    with suppress(ValueError, KeyError, TypeError):
        text = str(json.loads(text)["message"])
    return " ".join(text.split())[:300]


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "").removeprefix("error: ")
