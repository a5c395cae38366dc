"""Prometheus with series that a test gives it; nothing is scraped.

The series are written in the OpenMetrics text format, with a timestamp for each sample, and made into blocks of its
database by `promtool`, so that any time can be asked about.
"""

import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import urllib3

from tests.servers.process import Server, free_ports
from tests.servers.programs import find_program


class Series(NamedTuple):
    """One time series of type gauge: its name, its labels and its samples as (Unix seconds, value)."""

    name: str
    labels: Mapping[str, str]
    samples: Iterable[tuple[float, float]]


class Prometheus:
    """One server that knows the given series; a context manager that starts and stops it."""

    def __init__(self, folder: Path, series: Iterable[Series]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        _write_blocks(folder, list(series))
        (folder / "prometheus.yml").write_text("{}")
        self._server = Server(
            [
                find_program("prometheus"),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                "--storage.tsdb.retention.time=100y",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            folder / "prometheus.log",
        )

    def __enter__(self) -> "Prometheus":
        self._server.start()
        self._server.wait_until(self._is_ready, "ready")
        return self

    def __exit__(self, *_: object) -> None:
        self._server.kill()

    def query(self, promql: str, time: float) -> list[tuple[dict[str, str], float]]:
        """The instant vector that a query gives at a time, as labels and values. Raises `ValueError`."""
        fields = {"query": promql, "time": str(time)}
        answer = urllib3.request("GET", f"{self.url}/api/v1/query", fields=fields, retries=False, timeout=10.0)
        body: dict[str, Any] = json.loads(answer.data)
        if body["status"] != "success":
            raise ValueError(f"{promql}: {body['error']}")
        return [(each["metric"], float(each["value"][1])) for each in body["data"]["result"]]

    def _is_ready(self) -> bool:
        try:
            return urllib3.request("GET", f"{self.url}/-/ready", retries=False, timeout=2.0).status == 200
        except urllib3.exceptions.HTTPError:
            return False


def _write_blocks(folder: Path, series: list[Series]) -> None:
    by_name: dict[str, list[Series]] = {}
    for each in series:
        by_name.setdefault(each.name, []).append(each)
    lines = []
    for name, members in by_name.items():
        lines.append(f"# TYPE {name} gauge")
        for each in members:
            labels = ",".join(f"{key}={json.dumps(value)}" for key, value in each.labels.items())
            lines += [f"{name}{{{labels}}} {value} {at}" for at, value in each.samples]
    text = folder / "series.txt"
    text.write_text("\n".join([*lines, "# EOF"]) + "\n")
    command = [find_program("promtool"), "tsdb", "create-blocks-from", "openmetrics", str(text), str(folder / "data")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"promtool: {done.stdout}{done.stderr}")
