"""ConsulVirtualMachine: what a machine is told, and what would give its secrets away."""

import json
import subprocess
from typing import Any

import pulumi
import pytest
import yaml

from meshwright import ConsulVirtualMachine
from meshwright.consul.hybrid.machine.args import ConsulVirtualMachineArgs, Places
from meshwright.consul.hybrid.machine.boot import secrets_script
from meshwright.consul.hybrid.machine.machine import user_data
from meshwright.kubernetes.errors import ComponentError
from tests.unit.consul.hybrid.asked import refused, run
from tests.unit.graphs import inputs

CA = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
LOGIN = {"method": "machines", "address": "https://consul.internal:8501", "aws_region": "eu-central-1"}
VAULT: dict[str, Any] = {
    "address": "https://vault.internal:8200",
    "key": {"path": "dc1/consul/data/gossip", "key": "gossip"},
    "auth_path": "aws",
    "role": "billing",
}
MACHINE: dict[str, Any] = {
    "service": "billing",
    "port": 8080,
    "datacenter": "dc1",
    "servers": ["consul.internal"],
    "ca_certificate": CA,
    "login": LOGIN,
    "gossip": {"vault": VAULT},
}


def args_of(**more: Any) -> ConsulVirtualMachineArgs:
    args: ConsulVirtualMachineArgs = {**MACHINE, **more}  # type: ignore[typeddict-item]
    return args


def machine(**more: Any) -> Any:
    return lambda opts: ConsulVirtualMachine("billing", args_of(**more), opts)


def written(**more: Any) -> dict[str, str]:
    """Path -> text of the files in the user data, read as cloud-init reads it."""
    text = user_data(args_of(**more), CA, "ConsulVirtualMachine billing")
    assert text.startswith("#cloud-config\n")
    return {each["path"]: each["content"] for each in yaml.safe_load(text)["write_files"]}


def test_the_user_data_is_for_others_to_take() -> None:
    def program(opts: pulumi.ResourceOptions) -> None:
        made = ConsulVirtualMachine("billing", args_of(ca_certificate=pulumi.Output.from_input(CA)), opts)
        pulumi.export("user_data", made.user_data)

    assert run(program).outputs["user_data"] == user_data(args_of(), CA, "x")


def test_its_protocol_is_told_to_consul() -> None:
    graph = run(machine(protocol="http", namespace="consul"), "kubernetes")
    assert inputs(graph, "billing-defaults")["spec"] == {"protocol": "http"}
    assert inputs(run(machine(protocol="grpc"), "consul"), "billing-defaults")["protocol"] == "grpc"
    assert "MW-E051" in refused(machine(protocol="http"))


def test_the_agent_trusts_the_servers_alone_and_keeps_no_secret() -> None:
    agent = json.loads(written()["/etc/consul.d/agent.json"])
    assert agent["retry_join"] == ["consul.internal"]
    assert agent["client_addr"] == "127.0.0.1"
    assert agent["auto_encrypt"] == {"tls": True}
    assert agent["tls"]["internal_rpc"] == {"verify_server_hostname": True}
    assert agent["acl"] == {"enabled": True, "default_policy": "deny", "enable_token_persistence": False}
    assert agent["disable_keyring_file"] is True
    assert "encrypt" not in agent


def test_the_service_has_its_check_and_its_sidecar() -> None:
    service = json.loads(
        written(
            check={"grpc": True},
            tags=["v1"],
            upstreams=[{"service": "stock", "local_port": 9001}, {"service": "tax", "local_port": 9002, "peer": "us"}],
        )["/etc/consul.d/templates/service.json"]
    )["service"]
    assert service == {
        "name": "billing",
        "port": 8080,
        "token": "@TOKEN@",
        "tags": ["v1"],
        "check": {"name": "billing answers", "grpc": "127.0.0.1:8080", "interval": "10s", "timeout": "5s"},
        "connect": {
            "sidecar_service": {
                "proxy": {
                    "upstreams": [
                        {"destination_name": "stock", "local_bind_port": 9001},
                        {"destination_name": "tax", "local_bind_port": 9002, "destination_peer": "us"},
                    ]
                }
            }
        },
    }
    assert json.loads(written()["/etc/consul.d/templates/service.json"])["service"]["connect"] == {
        "sidecar_service": {}
    }


def test_names_of_consul_are_found_by_the_system() -> None:
    assert written(domain="mesh")["/etc/systemd/resolved.conf.d/consul.conf"] == (
        "[Resolve]\nDNS=127.0.0.1:8600\nDomains=~mesh\nDNSSEC=false\n"
    )
    text = user_data(args_of(dns=False), CA, "x")
    assert "resolved" not in text
    assert yaml.safe_load(text)["runcmd"][-1][:3] == ["systemctl", "enable", "--now"]


def test_units_log_in_before_the_agent_and_out_after_it() -> None:
    files = written()
    agent, envoy = (files[f"/etc/systemd/system/{each}.service"] for each in ("consul", "consul-envoy"))
    assert (
        "ExecStartPre=/usr/local/bin/consul-secrets\nExecStart=/usr/bin/consul agent -config-dir=/etc/consul.d" in agent
    )
    assert "ExecStopPost=-/usr/bin/consul logout -http-addr=https://consul.internal:8501" in agent
    assert "RuntimeDirectory=consul-secrets\nRuntimeDirectoryMode=0700" in agent
    assert "BindsTo=consul.service" in envoy
    assert "-sidecar-for=billing -grpc-addr=127.0.0.1:8502 -token-file=/run/consul-secrets/token -bootstrap" in envoy


@pytest.mark.parametrize(
    ("more", "lines"),
    [
        (
            {},
            [
                "export VAULT_ADDR=https://vault.internal:8200",
                "VAULT_TOKEN=$(vault login -no-store -token-only -method=aws -path=aws role=billing)",
                "key=$(vault kv get -mount=dc1/consul -field=gossip gossip)",
                "vault token revoke -self >/dev/null",
                (
                    "consul login -type=aws-iam -aws-auto-bearer-token -aws-region=eu-central-1 -method=machines "
                    "-http-addr=https://consul.internal:8501 -ca-file=/etc/consul.d/tls/ca.pem "
                    '-token-sink-file="$run/token"'
                ),
            ],
        ),
        (
            {
                "gossip": {"vault": {**VAULT, "flavor": "openbao", "namespace": "ops", "token_command": "cat /jwt"}},
                "login": {"method": "m", "address": "https://c", "token_command": "curl -sf http://metadata"},
            },
            [
                "export BAO_NAMESPACE=ops",
                '(cat /jwt) >"$run/vault-jwt"',
                'BAO_TOKEN=$(bao write -field=token auth/aws/login role=billing jwt=@"$run/vault-jwt")',
                '(curl -sf http://metadata) >"$run/jwt"',
                (
                    'consul login -type=jwt -bearer-token-file="$run/jwt" -method=m -http-addr=https://c '
                    '-ca-file=/etc/consul.d/tls/ca.pem -token-sink-file="$run/token"'
                ),
            ],
        ),
        (
            {"gossip": {"file": "/etc/gossip key"}, "login": {**LOGIN, "server_id": "consul.test"}},
            ["key=$(cat '/etc/gossip key')", "-aws-server-id-header-value=consul.test -method=machines"],
        ),
    ],
)
def test_the_script_fetches_the_secrets_by_who_the_machine_is(more: dict[str, Any], lines: list[str]) -> None:
    script = secrets_script(args_of(**more), Places())
    for line in lines:
        assert line in script
    subprocess.run(["sh", "-n"], input=script, text=True, check=True)
    assert ("vault" in script) == ("vault" in (more.get("gossip") or MACHINE["gossip"]))


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({"port": 8500}, "port is 8500, which the agent or the proxy takes; use another one (MW-E261)"),
        ({"servers": []}, "servers is empty, and the agent would join nobody; name the servers (MW-E261)"),
        (
            {"ca_certificate": CA + "\n-----BEGIN PRIVATE KEY-----"},
            (
                "ConsulVirtualMachine billing: ca_certificate has a private key in it, and whoever reads user data would have "
                "it; give the certificate alone (MW-E261)"
            ),
        ),
        ({"ca_certificate": "ca.pem"}, "ca_certificate is no certificate; give it as PEM (MW-E261)"),
        ({"login": {**LOGIN, "token_command": "cat x"}}, "login has to say who the machine is, in one way"),
        ({"login": {**LOGIN, "address": "http://c"}}, "login.address is http://c: the token would come in plain text"),
        (
            {"login": {"method": "m", "address": "https://c", "token_command": "x", "server_id": "y"}},
            "login.server_id is for the login by AWS; remove it (MW-E261)",
        ),
        ({"gossip": {}}, "gossip has 0 places of the key, and takes one; write vault, or file (MW-E261)"),
        (
            {"gossip": {"vault": {**VAULT, "key": {"path": "kv/gossip", "key": "k"}}}},
            "gossip.vault.key.path is kv/gossip, which is no path of KV version 2",
        ),
        (
            {"gossip": {"vault": {**VAULT, "address": "http://v"}}},
            "gossip.vault.address is http://v: the key would come",
        ),
        ({"gossip": {"vault": {**VAULT, "flavor": "hcp"}}}, 'gossip.vault.flavor is "hcp"; vault or openbao (MW-E261)'),
        ({"upstreams": [{"service": "A", "local_port": 1}]}, 'upstreams[0].service is "A", which is no name'),
        ({"upstreams": [{"service": "a", "local_port": 0}]}, "upstreams[0].local_port is 0; from 1 to 65535"),
        (
            {"upstreams": [{"service": each, "local_port": 9001} for each in ("a", "b")]},
            "upstreams[1].local_port is 9001, which is taken on the machine; use another one (MW-E261)",
        ),
    ],
)
def test_what_would_keep_it_out_or_give_its_secrets_away(more: dict[str, Any], line: str) -> None:
    assert line in refused(machine(**more))


def test_user_data_that_a_cloud_would_refuse() -> None:
    with pytest.raises(
        ComponentError, match=r"its user data has \d+ bytes, and EC2 takes 16384; shorten ca_certificate"
    ):
        user_data(args_of(meta={"x": "y" * 16_000}), CA, "ConsulVirtualMachine billing")
