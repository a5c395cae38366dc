"""Logins, services outside and peerings by the real engine and provider, and two real servers: made, unchanged, gone."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.conftest import Projects
from tests.servers.consul_secured import ROOT, SecuredConsul, issued
from tests.servers.programs import find_program, require_programs

PROJECT = "name: hybrid\nruntime: {name: python, options: {virtualenv: .venv}}\n"
PROGRAM = """\
import pulumi
import pulumi_consul as consul
from meshwright import (
    ConsulExports,
    ConsulExternalService,
    ConsulLogin,
    ConsulPeeringAcceptor,
    ConsulPeeringDialer,
    ConsulTerminatingGateway,
)

config = pulumi.Config()


def options(name):
    where = config.require_object(name)
    provider = consul.Provider(name, **where, token=config.require_secret("token"))
    return pulumi.ResourceOptions(providers=[provider])


eu, us = options("eu"), options("us")
ConsulLogin(
    "login",
    {
        "method": "machines",
        "jwt": {
            "issuer": "https://issuer.test",
            "audiences": ["consul"],
            "public_keys": [config.require_object("public_key")],
        },
        "services": [{"service": "billing", "claims": {"sub": "billing"}, "machines": True}],
    },
    eu,
)
tax = ConsulExternalService(
    "tax",
    {"service": "tax", "host": "tax.corp", "port": 443, "protocol": "http", "check": {"tcp": True}, "tls": {}},
    eu,
)
ConsulTerminatingGateway("out", {"services": [tax.link]}, pulumi.ResourceOptions.merge(eu, pulumi.ResourceOptions(depends_on=[tax])))
accepts = ConsulPeeringAcceptor("us", {"peer": "us"}, eu)
ConsulPeeringDialer("eu", {"peer": "eu", "token": accepts.token}, us)
ConsulExports("exports", {"services": [{"service": "billing", "peers": ["us"]}]}, pulumi.ResourceOptions.merge(eu, pulumi.ResourceOptions(depends_on=[accepts])))
pulumi.export("token", accepts.token)
"""


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[SecuredConsul, SecuredConsul]]:
    require_programs("consul", "pulumi-resource-consul")
    with SecuredConsul(tmp_path / "eu", "eu") as eu, SecuredConsul(tmp_path / "us", "us") as us:
        yield eu, us


def test_what_is_made_is_of_use_and_stays_and_goes(
    real: Projects, two: tuple[SecuredConsul, SecuredConsul], tmp_path: Path
) -> None:
    eu, us = two
    public_key, token = issued("billing")
    source = tmp_path / "source"
    source.mkdir()
    (source / "Pulumi.yaml").write_text(PROJECT)
    (source / "__main__.py").write_text(PROGRAM)
    pulumi = real.project(source)
    pulumi.select("dev")
    for name, server in (("eu", eu), ("us", us)):
        told = {"address": server.url, "datacenter": name, "ca_file": str(server.ca)}
        pulumi.run("config", "set", name, json.dumps(told))
    pulumi.run("config", "set", "--secret", "token", ROOT)
    pulumi.run("config", "set", "public_key", json.dumps(public_key))
    pulumi.run("up", "--yes", "--skip-preview")
    pulumi.run("preview", "--expect-no-changes")

    (tmp_path / "jwt").write_text(token)
    by = ["-method=machines", "-type=jwt", f"-bearer-token-file={tmp_path / 'jwt'}"]
    where = [f"-http-addr={eu.url}", f"-ca-file={eu.ca}", f"-token-sink-file={tmp_path / 'token'}"]
    subprocess.run([find_program("consul"), "login", *by, *where], check=True, capture_output=True)
    mine = eu.request("GET", "acl/token/self", token=(tmp_path / "token").read_text())
    assert [each["Name"] for each in mine["Roles"]] == ["billing-outside"]

    (tax,) = eu.request("GET", "catalog/service/tax")
    assert (tax["Node"], tax["Address"], tax["ServicePort"]) == ("outside-tax", "tax.corp", 443)
    assert eu.request("GET", "config/service-defaults/tax")["Protocol"] == "http"
    (led_to,) = eu.request("GET", "config/terminating-gateway/terminating-gateway")["Services"]
    assert (led_to["Name"], led_to["SNI"]) == ("tax", "tax.corp")
    (exported,) = eu.request("GET", "config/exported-services/default")["Services"]
    assert (exported["Name"], [each["Peer"] for each in exported["Consumers"]]) == ("billing", ["us"])
    eu.server.wait_until(lambda: eu.request("GET", "peering/us")["State"] == "ACTIVE", "peered", timeout_s=30.0)
    assert us.request("GET", "peering/eu")["State"] == "ACTIVE"
    # The token is in no state that anybody could read.
    peering = pulumi.run("stack", "output", "token", "--show-secrets").stdout.strip()
    assert len(peering) > 100
    assert peering not in pulumi.run("stack", "export").stdout

    pulumi.run("destroy", "--yes", "--skip-preview")
    assert eu.request("GET", "catalog/service/tax") == []
    assert eu.request("GET", "acl/auth-methods") == []
