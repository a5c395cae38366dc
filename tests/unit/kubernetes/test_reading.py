"""A cluster is read through kubectl's proxy: in pages, with patience, and without a way to write."""

from __future__ import annotations

import json
import stat
import sys
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from meshwright.errors import ConfigError
from meshwright.kubernetes import reading
from meshwright.kubernetes.reading import ReadError, kubectl, open_cluster

FAKE = f"""#!{sys.executable} -SE
'''kubectl proxy: serves the answers of a script, in turn by path, and notes how it was called.'''
import http.server, json, os, socketserver, sys
script = json.load(open(os.environ["FAKE_KUBECTL"]))
json.dump(sys.argv[1:], open(os.environ["FAKE_KUBECTL"] + ".argv", "w"))
if "says" in script:
    sys.exit(print(script["says"], file=sys.stderr) or 1)

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def address_string(self): return ""
    def log_message(self, *_): pass
    def do_GET(self):
        answers = script.get(self.path.rstrip("?"), [[404, {{"message": "not there"}}]])
        status, body = answers.pop(0) if len(answers) > 1 else answers[0]
        text = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

path = next(each for each in sys.argv if each.startswith("--unix-socket=")).partition("=")[2]
socketserver.UnixStreamServer(path, Handler).serve_forever()
"""
VERSION: dict[str, Any] = {"/version": [[200, {"major": "1"}]]}


@pytest.fixture
def proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kubectl on PATH that answers what is written to the file returned."""
    program = tmp_path / "bin" / "kubectl"
    program.parent.mkdir()
    program.write_text(FAKE)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setenv("FAKE_KUBECTL", str(tmp_path / "script"))
    return tmp_path / "script"


def test_it_is_asked_for_one_cluster_and_refuses_to_write(proxy: Path) -> None:
    proxy.write_text(json.dumps(VERSION))
    with open_cluster("prod", "/etc/kubeconfig") as reader:
        assert reader.get("/version") == {"major": "1"}
    context, kubeconfig, verb, socket, methods = json.loads(Path(f"{proxy}.argv").read_text())
    assert (context, kubeconfig, verb) == ("--context=prod", "--kubeconfig=/etc/kubeconfig", "proxy")
    assert methods == "--reject-methods=^(POST|PUT|PATCH|DELETE)$"
    assert not Path(socket.partition("=")[2]).parent.exists()


def test_lists_are_read_in_pages(proxy: Path) -> None:
    first = {"metadata": {"continue": "c2"}, "items": [{"n": 1}]}
    last = {"metadata": {}, "items": [{"n": 2}]}
    pages = {"/api/v1/pods?limit=500": [[200, first]], "/api/v1/pods?limit=500&continue=c2": [[200, last]]}
    proxy.write_text(json.dumps(VERSION | pages))
    with open_cluster(None, None) as reader:
        assert reader.list("/api/v1/pods") == [{"n": 1}, {"n": 2}]
    assert json.loads(Path(f"{proxy}.argv").read_text())[0] == "proxy"


def test_a_page_that_expired_is_read_at_one_go(proxy: Path) -> None:
    pages = {
        "/api/v1/pods?limit=500": [[200, {"metadata": {"continue": "old"}, "items": [{"n": 1}]}]],
        "/api/v1/pods?limit=500&continue=old": [[410, {"message": "too old"}]],
        "/api/v1/pods": [[200, {"metadata": {}, "items": None}]],
        "/api/v1/gone": [[410, {"message": "gone"}]],
        "/api/v1/gone?limit=500": [[410, {"message": "gone"}]],
    }
    proxy.write_text(json.dumps(VERSION | pages))
    with open_cluster(None, None) as reader:
        assert reader.list("/api/v1/pods") == []
        with pytest.raises(ReadError, match="gone"):
            reader.list("/api/v1/gone")


def test_it_is_patient_with_a_server_that_is_busy_and_not_for_ever(proxy: Path) -> None:
    busy = [429, {"message": "later"}]
    proxy.write_text(json.dumps(VERSION | {"/a": [busy, busy, [200, {"x": 1}]], "/b": [[503, "not\n json"]]}))
    with open_cluster(None, None) as reader:
        assert reader.get("/a") == {"x": 1}
        with pytest.raises(ReadError, match=r"^not json$") as caught:
            reader.get("/b")
        assert caught.value.status == HTTPStatus.SERVICE_UNAVAILABLE
        with pytest.raises(ReadError, match="not there"):
            reader.get("/c")


def test_who_may_not_ask_for_the_version_may_read(proxy: Path) -> None:
    proxy.write_text(json.dumps({"/version": [[403, {"message": "no"}]], "/a": [[200, {}]]}))
    with open_cluster(None, None) as reader:
        assert reader.get("/a") == {}


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ({"says": 'Flag x\nerror: context "prod" does not exist'}, 'context "prod" does not exist'),
        ({"says": ""}, "kubectl proxy doesn't start"),
        ({"/version": [[401, {"message": "Unauthorized"}]]}, "Unauthorized"),
        ({"/version": [[502, "dial tcp: refused"]]}, "dial tcp: refused"),
        ({"/version": [[200, "<html>please log in</html>"]]}, "what answers at /version is no API server"),
        ({"/version": [[200, 7]]}, "what answers at /version is no API server"),
    ],
)
def test_a_cluster_that_cannot_be_read_is_one_line(proxy: Path, script: dict[str, Any], said: str) -> None:
    proxy.write_text(json.dumps(script))
    with pytest.raises(ConfigError) as caught, open_cluster("prod", None):
        pass
    remedy = "name a context that kubectl can list namespaces with (MW-E170)"
    assert str(caught.value) == f"the cluster can't be read: {said}; {remedy}"


def test_a_proxy_that_breaks_off_is_one_line(proxy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_wait", lambda *_: None)
    proxy.write_text(json.dumps({"says": "no"}))
    with (
        pytest.raises(ConfigError, match=r"the cluster can't be read: .*No such file.*\(MW-E170\)"),
        open_cluster("", ""),
    ):
        pass


def test_without_kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError) as caught:
        kubectl("prod", None)
    assert str(caught.value) == "there is no kubectl on PATH; install it: clusters are reached through it (MW-E171)"
