"""What becomes of a cluster, of a graph and of the APIs' answers: only what the checks look at, and no secret."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from meshwright.certs.consul_seen import ConsulAddress
from meshwright.consul.health import apis, from_cluster, from_graph
from meshwright.consul.health.catalogue import CHECKS
from meshwright.consul.health.kinds import KINDS
from meshwright.engine.graph import UNKNOWN, Graph
from meshwright.errors import Code, ConfigError
from meshwright.health.verdicts import Verdict, ask
from meshwright.kubernetes.reading import ReadError
from tests.unit.certs.consul_scenes import STEADY
from tests.unit.istio.health.test_snapshots import FakeReader, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

PLACE = "/api/v1/namespaces/consul"
TOKEN = f"{PLACE}/secrets?metadata.name=consul-bootstrap-acl-token"
DECLARED = {"ConsulNamespace": ({"kind": "ConsulNamespace", "namespace": "shop", "phase": "strict"},)}


def snapshot(answers: dict[str, Any], *shown: apis.Shown) -> tuple[Any, FakeReader]:
    reader = FakeReader({TOKEN: [], **answers})
    return from_cluster.snapshot_of(reader, DECLARED, shown), reader  # type: ignore[arg-type]


def test_of_secrets_the_certificates_are_kept_and_of_the_token_its_name() -> None:
    about = {"namespace": "consul", "name": "consul-server-cert", "annotations": {"last-applied": "cHJpdmF0ZQ=="}}
    data = {"tls.crt": "cHVibGlj", "tls.key": "cHJpdmF0ZQ=="}
    token = {"metadata": {"name": "consul-bootstrap-acl-token", "annotations": {"x": "cHJpdmF0ZQ=="}}}
    answers = {f"{PLACE}/secrets/consul-server-cert": {"metadata": about, "data": data}, TOKEN: [token]}
    found, reader = snapshot(answers)
    metadata = {"namespace": "consul", "name": "consul-server-cert"}
    assert found.of("Secret") == (
        {"kind": "Secret", "metadata": metadata, "data": {"tls.crt": "cHVibGlj"}},
        {"kind": "Secret", "metadata": {"namespace": "consul", "name": "consul-bootstrap-acl-token"}},
    )
    assert "cHJpdmF0ZQ==" not in repr(found)
    asked = [path for path, _, _ in reader.asked if "secrets" in path]
    assert f"{PLACE}/secrets/consul-bootstrap-acl-token" not in asked
    assert found.phases == {"shop": "strict"}
    assert {path for path, _, _ in reader.asked} >= {kind.path for kind in KINDS.values()}


def test_what_is_forbidden_is_a_gap_and_no_check_passes_for_it() -> None:
    no = ReadError(403, "forbidden")
    paths = [each.path for each in KINDS.values()] + [f"{PLACE}/configmaps/consul-server-config", TOKEN]
    found, _ = snapshot(dict.fromkeys(paths, no))
    assert found.gaps.keys() >= {"Secret", "ConfigMap", "Pod", "ServiceIntentions"}
    verdicts = {each.id: ask(each, found).verdict for each in CHECKS}
    skipped = {each for each, verdict in verdicts.items() if verdict is Verdict.SKIPPED}
    assert skipped == {"one-leader", "ca-as-declared"}
    assert set(verdicts.values()) == {Verdict.UNKNOWN, Verdict.SKIPPED}


def test_a_graphs_declarations_are_taken_with_its_objects() -> None:
    graph = Graph(
        "test",
        "dev",
        "organization",
        (
            resource("kubernetes:consul.hashicorp.com/v1alpha1:ServiceDefaults", "web", metadata={"name": "web"}),
            resource("kubernetes:core/v1:Secret", "s", metadata={"name": "consul-ca-cert"}),
            resource("meshwright:index:ConsulNamespace", "shop", namespace="shop", phase="strict"),
            resource("meshwright:index:ConsulNamespace", "other", namespace="other", phase=UNKNOWN),
        ),
    )
    found = from_graph.snapshot_of(graph)
    assert [each["metadata"]["name"] for each in found.of("ServiceDefaults")] == ["web"]
    assert [each["namespace"] for each in found.of("ConsulNamespace")] == ["shop", "other"]
    assert found.of("Secret") == ()
    assert found.phases == {"shop": "strict"}


@contextmanager
def server(answers: dict[str, tuple[int, bytes]]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers.get(self.path, (403, b"Permission denied"))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    made = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{made.server_port}"
    finally:
        made.shutdown()
        thread.join()
        made.server_close()


CONSUL = {
    path: (200, json.dumps(body).encode())
    for path, body in zip(("/v1/connect/ca/roots", "/v1/connect/ca/configuration"), STEADY, strict=True)
}


def test_what_consul_says() -> None:
    unhealthy = (429, b'{"Servers": []}')
    with server({**CONSUL, apis.SERVERS: unhealthy}) as address:
        shown = apis.ask_consul(ConsulAddress(address, "operator"))
    assert set(shown.objects) == {"ConsulAuthority", "ConsulServers"}
    assert shown.gaps == {}
    assert "s.secret" not in repr(shown)
    found, _ = snapshot({}, shown)
    assert found.of("ConsulServers")[0]["Servers"] == []


def test_what_consul_does_not_say_to_this_token() -> None:
    with server(CONSUL) as address:
        shown = apis.ask_consul(ConsulAddress(address))
    assert shown.gaps == {
        "ConsulServers": f"{address}/v1/operator/autopilot/health answers with 403; the token needs operator:read"
    }
    found, _ = snapshot({}, shown)
    assert "ConsulServers" in found.gaps


@pytest.mark.parametrize(
    ("status", "content", "gap"),
    [
        (200, b'{"sealed": false, "initialized": true}', ""),
        (503, b'{"sealed": true, "initialized": true}', ""),
        (404, b"<html>", "is no Vault"),
        (200, b"[]", "is no Vault"),
    ],
)
def test_what_vault_says(status: int, content: bytes, gap: str) -> None:
    with server({apis.VAULT_HEALTH: (status, content)}) as address:
        shown = apis.ask_vault(f"{address}/")
    assert bool(shown.objects) is not bool(gap)
    assert gap in shown.gaps.get("VaultHealth", "")


def test_a_vault_that_does_not_answer_and_no_address() -> None:
    assert "does not answer: " in apis.ask_vault("http://127.0.0.1:1").gaps["VaultHealth"]
    with pytest.raises(ConfigError, match="vault:8200 is no address of Vault's API") as error:
        apis.ask_vault("vault:8200")
    assert error.value.problems[0].code is Code.VAULT_ADDRESS
