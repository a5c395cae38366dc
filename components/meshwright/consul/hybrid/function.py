"""A function of AWS Lambda, called as any service."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NotRequired, TypedDict, cast

import pulumi

from meshwright.consul.config_entries.entry import entry
from meshwright.consul.hybrid.external import GatewayLink
from meshwright.consul.hybrid.outside import name_troubles
from meshwright.consul.hybrid.registration import register
from meshwright.errors import Code
from meshwright.kubernetes.children import below
from meshwright.kubernetes.problems import refuse_all
from meshwright.kubernetes.providers import require_kubernetes_provider, require_provider
from meshwright.kubernetes.troubles import Trouble

EXTENSION: Final = "builtin/aws/lambda"
_ARN: Final = re.compile(r"arn:aws(-[a-z]+)*:lambda:[a-z0-9-]+:\d{12}:function:[\w-]+(:[\w$-]+)?", re.ASCII)
_SUFFIX: Final = {"aws-cn": "amazonaws.com.cn"}
"""Partition -> the end of its services' names."""


class ConsulFunctionArgs(TypedDict):
    """Arguments of `ConsulFunction`."""

    service: str
    """Its name in Consul."""
    arn: pulumi.Input[str]
    """The function's, with a version or an alias where one is meant."""
    payload_passthrough: NotRequired[bool]
    """The function gets the request's body alone. Default: false, it gets a JSON object that tells of the request."""
    asynchronous: NotRequired[bool]
    """Nobody waits for its answer. Default: false."""
    gateway_role: NotRequired[str]
    """Name of the IAM role that the terminating gateway runs with; it gets the right to call this function, which takes
    an AWS provider. Default: the role has it already."""
    namespace: str
    """Where the objects stand."""


class ConsulFunction(pulumi.ComponentResource):
    """A function in Consul's catalog, that the terminating gateway calls by AWS's API.

    Raises:
        ComponentError: MW-E051 without a provider, MW-E260 for an ARN that is none.
    """

    link: GatewayLink
    """For `ConsulTerminatingGateway`."""

    def __init__(self, name: str, args: ConsulFunctionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"ConsulFunction {name}"
        require_kubernetes_provider(opts, label)
        if "gateway_role" in args:
            require_provider(opts, label, "aws")
        refuse_all(function_troubles(args), label)
        super().__init__("meshwright:index:ConsulFunction", name, cast("dict[str, Any]", args), opts)
        children, service = below(self, opts), args["service"]
        defaults = entry(
            f"{name}-defaults", "ServiceDefaults", service, _spec(args), namespace=args["namespace"], opts=children
        )
        after = pulumi.ResourceOptions.merge(children, pulumi.ResourceOptions(depends_on=[defaults]))
        address = pulumi.Output.from_input(args["arn"]).apply(endpoint)
        register(name, {"service": service, "port": 443}, address, in_kubernetes=True, opts=after)
        if "gateway_role" in args:
            _allow(name, args["gateway_role"], args["arn"], children)
        self.link = {"service": service}
        self.register_outputs({"link": self.link})


def function_troubles(args: ConsulFunctionArgs) -> Iterator[Trouble]:
    """What Consul's extension, or AWS, would refuse."""
    yield from name_troubles("service", args["service"], Code.CONSUL_OUTSIDE)
    arn = args["arn"]
    if isinstance(arn, str) and not _ARN.fullmatch(arn):
        remedy = "write it as arn:aws:lambda:eu-central-1:123456789012:function:resize"
        yield Trouble(Code.CONSUL_OUTSIDE, f'is "{arn}", which is no function\'s', remedy, ("arn",))


def endpoint(arn: str) -> str:
    """The host that a function is called at."""
    _, partition, _, region, *_ = arn.split(":")
    return f"lambda.{region}.{_SUFFIX.get(partition, 'amazonaws.com')}"


def _spec(args: ConsulFunctionArgs) -> dict[str, Any]:
    arguments = {
        "arn": args["arn"],
        "payloadPassthrough": bool(args.get("payload_passthrough", False)),
        "invocationMode": "ASYNCHRONOUS" if args.get("asynchronous") else "SYNCHRONOUS",
    }
    # Required: without the extension the gateway would send AWS a request that isn't signed.
    return {"protocol": "http", "envoyExtensions": [{"name": EXTENSION, "required": True, "arguments": arguments}]}


def _allow(name: str, role: str, arn: pulumi.Input[str], opts: pulumi.ResourceOptions) -> None:
    import pulumi_aws as aws

    policy = pulumi.Output.from_input(arn).apply(
        lambda known: json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": known}],
            }
        )
    )
    aws.iam.RolePolicy(f"{name}-invoke", role=role, policy=policy, opts=opts)
