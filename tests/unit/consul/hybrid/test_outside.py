"""Services of others, functions, and the gateway that leads to both."""

import json
from typing import Any

import pulumi
import pytest

from meshwright import ConsulExternalService, ConsulFunction, ConsulTerminatingGateway
from meshwright.consul.hybrid.function import endpoint
from tests.unit.consul.hybrid.asked import refused, run
from tests.unit.graphs import find, inputs, names, shape

ARN = "arn:aws:lambda:eu-central-1:123456789012:function:resize:live"
BILLING: dict[str, Any] = {"service": "billing", "host": "billing.corp", "port": 443, "namespace": "consul"}


def external(**more: Any) -> Any:
    return lambda opts: ConsulExternalService("billing", {**BILLING, **more}, opts)  # type: ignore[typeddict-item]


def function(**more: Any) -> Any:
    args: Any = {"service": "resize", "arn": ARN, "namespace": "consul", **more}
    return lambda opts: ConsulFunction("resize", args, opts)


def test_a_service_elsewhere_is_in_the_catalog_after_its_protocol() -> None:
    graph = run(
        external(
            protocol="http",
            check={"http": "/healthz", "interval": "30s"},
            tags=["v1"],
            meta={"team": "money"},
        ),
        "kubernetes",
    )
    assert [each[1:] for each in shape(graph)[1:]] == [
        ("billing-defaults", "billing"),
        ("billing-registration", "billing"),
    ]
    assert inputs(graph, "billing-defaults")["spec"] == {"protocol": "http"}
    registration = inputs(graph, "billing-registration")
    assert registration["metadata"] == {"name": "billing"}
    assert registration["spec"] == {
        "node": "outside-billing",
        "nodeMeta": {"external-node": "true", "external-probe": "true"},
        "address": "billing.corp",
        "service": {"id": "billing", "name": "billing", "port": 443, "tags": ["v1"], "meta": {"team": "money"}},
        "check": {
            "checkId": "billing-health",
            "name": "billing answers",
            "node": "outside-billing",
            "serviceId": "billing",
            "serviceName": "billing",
            "status": "passing",
            "definition": {
                "http": "http://billing.corp:443/healthz",
                "intervalDuration": "30s",
                "timeoutDuration": "5s",
            },
        },
    }
    assert "billing-defaults" in names(find(graph, "billing-registration").dependencies)


def test_an_address_is_known_by_itself() -> None:
    graph = run(external(host="10.0.0.7", by_host_name=True, tls={}), "kubernetes")
    assert inputs(graph, "billing-defaults")["spec"]["destination"]["addresses"] == ["10.0.0.7"]


def test_it_can_be_called_by_its_own_name() -> None:
    graph = run(external(by_host_name=True), "kubernetes")
    assert inputs(graph, "billing-defaults")["spec"] == {
        "protocol": "tcp",
        "destination": {"addresses": ["billing.corp"], "port": 443},
    }
    assert [each.name for each in graph if each.type.endswith("Registration")] == []


@pytest.mark.parametrize(
    ("check", "told"),
    [
        ({"http": "/h"}, {"http": "http://billing.corp:443/h"}),
        ({"grpc": True}, {"tcp": "billing.corp:443"}),
        ({}, None),
    ],
)
def test_off_kubernetes_it_is_written_to_the_api(check: dict[str, Any], told: dict[str, str] | None) -> None:
    args = {key: value for key, value in BILLING.items() if key != "namespace"} | ({"check": check} if check else {})
    graph = run(lambda opts: ConsulExternalService("billing", args, opts), "consul")  # type: ignore[arg-type]
    assert inputs(graph, "billing-node")["name"] == "outside-billing"
    service = inputs(graph, "billing-service")
    assert (service["name"], service["port"]) == ("billing", 443)
    if told is None:
        assert service.get("checks", []) == []
    else:
        (made,) = service["checks"]
        assert told.items() <= made.items()
        assert (made["interval"], made["timeout"], made["status"]) == ("10s", "5s", "passing")


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({"service": "Billing"}, 'service is "Billing", which is no name of a service; use lower-case letters'),
        ({"port": 0}, "port is 0; from 1 to 65535 (MW-E260)"),
        (
            {"protocol": "smtp"},
            'protocol is "smtp", which Consul does not know; one of: tcp, http, http2, grpc (MW-E251)',
        ),
        ({"check": {}}, "check has 0 kinds, and takes one; write one of http, tcp, grpc (MW-E260)"),
        ({"check": {"http": "healthz"}}, 'check.http is "healthz"; write the path alone: "/healthz" (MW-E260)'),
        ({"check": {"tcp": True, "interval": "often"}}, 'check.interval is "often"; write it as "10s" (MW-E260)'),
        ({"host": "https://billing"}, 'host is "https://billing"; write a host name or an address: "billing.corp"'),
        (
            {"host": "localhost"},
            (
                'ConsulExternalService billing: host is "localhost", which is the gateway itself; write the host by which '
                "others reach it (MW-E260)"
            ),
        ),
        ({"host": "127.0.0.2"}, 'host is "127.0.0.2", which is the gateway itself'),
        (
            {"by_host_name": True, "tls": {}},
            "tls is TLS within TLS: with by_host_name and tcp, a host name is known by",
        ),
        ({"by_host_name": True, "tags": ["a"]}, "tags is for the catalog, in which a service with by_host_name is not"),
    ],
)
def test_what_leads_nowhere_is_refused(more: dict[str, Any], line: str) -> None:
    assert line in refused(external(**more), "kubernetes")


def test_a_function_is_called_by_the_gateway_with_a_right_to_it_alone() -> None:
    graph = run(function(gateway_role="gateway", payload_passthrough=True), "kubernetes", "aws")
    assert inputs(graph, "resize-defaults")["spec"] == {
        "protocol": "http",
        "envoyExtensions": [
            {
                "name": "builtin/aws/lambda",
                "required": True,
                "arguments": {"arn": ARN, "payloadPassthrough": True, "invocationMode": "SYNCHRONOUS"},
            }
        ],
    }
    assert inputs(graph, "resize-registration")["spec"]["address"] == "lambda.eu-central-1.amazonaws.com"
    assert json.loads(inputs(graph, "resize-invoke")["policy"])["Statement"] == [
        {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": ARN}
    ]
    assert inputs(graph, "resize-invoke")["role"] == "gateway"


def test_a_function_whose_answer_nobody_waits_for() -> None:
    graph = run(function(asynchronous=True), "kubernetes")
    (extension,) = inputs(graph, "resize-defaults")["spec"]["envoyExtensions"]
    assert extension["arguments"]["invocationMode"] == "ASYNCHRONOUS"
    assert "resize-invoke" not in [each.name for each in graph]
    assert endpoint("arn:aws-cn:lambda:cn-north-1:123456789012:function:f") == "lambda.cn-north-1.amazonaws.com.cn"


def test_a_function_that_is_not_known_yet() -> None:
    def program(opts: pulumi.ResourceOptions) -> None:
        function(arn=pulumi.Output.from_input(ARN))(opts)

    graph = run(program, "kubernetes")
    assert inputs(graph, "resize-registration")["spec"]["service"]["port"] == 443


def test_what_is_no_function_is_refused() -> None:
    assert 'arn is "resize", which is no function\'s' in refused(function(arn="resize"), "kubernetes")
    assert "MW-E051" in refused(function(gateway_role="r"), "kubernetes")


def test_the_gateway_has_what_the_services_tell_it() -> None:
    def program(opts: pulumi.ResourceOptions) -> None:
        plain: Any = {**BILLING, "service": "plain"}
        ours: Any = {**BILLING, "tls": {"ca_file": "/ca.pem", "server_name": "b.corp"}}
        public: Any = {**BILLING, "service": "public", "tls": {}}
        services = [
            ConsulExternalService("plain", plain, opts),
            ConsulExternalService("billing", ours, opts),
            ConsulExternalService("public", public, opts),
        ]
        args: Any = {"services": [each.link for each in services], "namespace": "consul"}
        ConsulTerminatingGateway(
            "out", args, pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=services))
        )

    graph = run(program, "kubernetes")
    (gateway,) = [each for each in graph if each.type.endswith(":TerminatingGateway")]
    assert gateway.inputs["metadata"] == {"name": "terminating-gateway", "namespace": "consul"}
    assert gateway.inputs["spec"] == {
        "services": [
            {"name": "plain"},
            {"name": "billing", "caFile": "/ca.pem", "sni": "b.corp"},
            {"name": "public", "caFile": "/etc/ssl/certs/ca-certificates.crt", "sni": "billing.corp"},
        ]
    }
    assert "billing-registration" in names(gateway.dependencies)


def test_off_kubernetes_the_list_is_written_to_the_api() -> None:
    args: Any = {"gateway": "out", "services": [{"service": "billing", "ca_file": "/ca.pem", "server_name": "b.corp"}]}
    graph = run(lambda opts: ConsulTerminatingGateway("list", args, opts), "consul")
    (made,) = [each.inputs for each in graph if each.type == "consul:index/configEntry:ConfigEntry"]
    assert (made["kind"], made["name"]) == ("terminating-gateway", "out")
    assert json.loads(made["configJson"]) == {"Services": [{"Name": "billing", "CAFile": "/ca.pem", "SNI": "b.corp"}]}


@pytest.mark.parametrize(
    ("services", "line"),
    [
        ([], "services is empty; name a service, or leave the gateway out (MW-E260)"),
        (["a", "a"], "services has a 2 times; name it once (MW-E260)"),
        (["*"], "services has *: every service of the mesh could be called through the gateway"),
    ],
)
def test_a_gateways_list_that_cannot_be(services: list[str], line: str) -> None:
    args: Any = {"services": [{"service": each} for each in services], "namespace": "consul"}
    assert line in refused(lambda opts: ConsulTerminatingGateway("out", args, opts), "kubernetes")
