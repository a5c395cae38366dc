"""How Prometheus is asked, what is made of its answers, and what is refused. Its own opinion: tests/conformance."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from meshwright.cli import main
from meshwright.errors import ConfigError
from meshwright.istio.readiness.prometheus import Prometheus, Sample
from meshwright.istio.readiness.strict import Verdict, judge

EMPTY = {"status": "success", "data": {"resultType": "vector", "result": []}}


class Server(HTTPServer):
    """Answers every query alike, and remembers what it was asked."""

    status = 200
    body = json.dumps(EMPTY).encode()

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, list[str]]]] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.asked.append((self.path, self.headers.get("Authorization", ""), parse_qs(text)))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *args: Any) -> None:
        """Nothing is printed."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def test_a_query_with_its_time_and_token(server: Server) -> None:
    result = [{"metric": {"a": "b"}, "value": [1.0, "2.5"]}]
    server.body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()
    assert Prometheus(f"{server.url}/", "t0ken").query("up", 12.6) == [Sample({"a": "b"}, 2.5)]
    assert server.asked == [("/api/v1/query", "Bearer t0ken", {"query": ["up"], "time": ["13"]})]
    assert "t0ken" not in repr(Prometheus(server.url, "t0ken"))


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (401, b"who are you", "it answered 401: who are you"),
        (400, b'{"status": "error", "error": "parse\\nerror"}', "it answered 400: parse error"),
        (200, b"<html>", "Expecting value: line 1 column 1 (char 0)"),
        (200, b'{"status": "error"}', "what it answered is no instant vector"),
    ],
)
def test_what_is_no_answer(server: Server, status: int, body: bytes, why: str) -> None:
    server.status, server.body = status, body
    with pytest.raises(ConfigError) as refused:
        Prometheus(server.url).query("up", 0)
    assert str(refused.value) == (
        f"Prometheus at {server.url} can't be asked: {why}; check the address, and the token if it has one (MW-E175)"
    )


@pytest.mark.parametrize(
    ("url", "shown", "why"),
    [
        ("prometheus:9090", "prometheus:9090", "its address is none; it begins with http:// or https://"),
        ("file:///etc/passwd", "file:///etc/passwd", "its address is none; it begins with http:// or https://"),
        ("http://me:pw@prom", "http://prom", "a name and password in the address aren't sent; a token is"),
        ("http://127.0.0.1:9", "http://127.0.0.1:9", "[Errno 111] Connection refused"),
    ],
)
def test_an_address_that_leads_nowhere(url: str, shown: str, why: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Prometheus(url).query("up", 0)
    assert str(refused.value).startswith(f"Prometheus at {shown} can't be asked: {why}; ")


def test_not_ready_weighs_more_than_what_is_not_known() -> None:
    def ask(promql: str) -> list[Sample]:
        return [Sample({}, 3.0)] if "pending" in promql else []

    found = judge(ask, "shop", 24)
    assert {each.verdict for each in found.findings} == {Verdict.NOT_READY, Verdict.INCONCLUSIVE}
    assert found.verdict is Verdict.NOT_READY


def test_the_command_without_evidence(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    token = tmp_path / "token"
    token.write_text("t0ken\n")
    assert main(["istio", "ready", "shop", "--prometheus", server.url, "--token-file", str(token)]) == 3
    assert capsys.readouterr().out.splitlines() == [
        "? shop: inconclusive for strict mutual TLS   0 connections to 0 workloads in 168 hours",
        "  ? ztunnel was scraped in 0 of the last 168 hours",
        "    → scrape every ztunnel, keep metrics for the window, and ask again when it has passed",
        "  ? no connection to shop was seen in 168 hours",
        "    → no traffic proves nothing: look at whether it is captured and called",
    ]
    assert {header for _, header, _ in server.asked} == {"Bearer t0ken"}


def test_many_callers_are_cut_short(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    callers = [
        {
            "metric": {
                "source_workload_namespace": "a",
                "source_workload": f"w{number}",
                "destination_workload": "cart",
            },
            "value": [0, "1"],
        }
        for number in range(30)
    ]
    server.body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": callers}}).encode()
    assert main(["istio", "ready", "shop", "--prometheus", server.url, "--window", "2h"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "  … and 41 more; --json has all of them"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["Shop"],
            'the namespace is "Shop", which is no name that Kubernetes takes; write it as `kubectl get` shows it',
        ),
        (['a"b'], 'the namespace is "a"b", which is no name that Kubernetes takes; write it as `kubectl get` shows it'),
        (
            ["shop", "--workload", "a}"],
            'the workload is "a}", which is no name that Kubernetes takes; write it as `kubectl get` shows it',
        ),
        (
            ["shop", "--window", "week"],
            '--window is "week", which is no time; write hours, days or weeks: 168h, 7d, 2w',
        ),
        (["shop", "--token-file", "nowhere"], "nowhere: --token-file can't be read; name a file that holds the token"),
    ],
)
def test_what_is_refused(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["istio", "ready", *arguments, "--prometheus", "http://127.0.0.1:9"]) == 2
    assert line in capsys.readouterr().err
