"""A machine in the mesh."""

from typing import Any, cast

import pulumi

from meshwright.consul.config_entries.entry import entry, require_provider
from meshwright.consul.hybrid.machine.args import (
    USER_DATA_LIMIT,
    ConsulVirtualMachineArgs,
    Places,
    machine_troubles,
)
from meshwright.consul.hybrid.machine.cloud_init import cloud_init
from meshwright.errors import Code
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import refuse
from meshwright.kubernetes.problems import refuse_all


class ConsulVirtualMachine(pulumi.ComponentResource):
    """A service on machines, of a cloud or on bare metal: what each is told when it starts for the first time.

    The gossip key and the token are fetched by the machine with each start, by who it is. Neither is in `user_data`,
    nor on its disk. The token is deleted when the agent ends.

    Raises:
        ComponentError: MW-E051 without a provider for `protocol`, MW-E251 for a protocol, MW-E261 for what would keep
            the machine out of the mesh, and for user data that is too long.
    """

    user_data: pulumi.Output[str]
    """cloud-init's text, for `pulumi_aws.ec2.Instance`'s ``user_data`` and its like."""

    def __init__(self, name: str, args: ConsulVirtualMachineArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"ConsulVirtualMachine {name}"
        if "protocol" in args:
            require_provider(opts, label, args.get("namespace"))
        refuse_all(machine_troubles(args), label)
        super().__init__("meshwright:index:ConsulVirtualMachine", name, cast("dict[str, Any]", args), opts)
        if "protocol" in args:
            spec = {"protocol": args["protocol"]}
            children = below(self, opts)
            entry(
                f"{name}-defaults",
                "ServiceDefaults",
                args["service"],
                spec,
                namespace=args.get("namespace"),
                opts=children,
            )
        certificate = pulumi.Output.from_input(args["ca_certificate"])
        self.user_data = certificate.apply(lambda known: user_data(args, known, label))
        self.register_outputs({"user_data": self.user_data})


def user_data(args: ConsulVirtualMachineArgs, ca_certificate: str, label: str) -> str:
    """cloud-init's text for one machine.

    Args:
        args: The machine's.
        ca_certificate: PEM, known by now.
        label: How messages call it.

    Raises:
        ComponentError: MW-E261 for text that a cloud would refuse.
    """
    text = cloud_init(args, ca_certificate, Places())
    if (length := len(text.encode())) > USER_DATA_LIMIT:
        message = f"its user data has {length} bytes, and EC2 takes {USER_DATA_LIMIT}"
        raise refuse(Code.CONSUL_MACHINE, label, message, "shorten ca_certificate to the root, or tags and meta")
    return text
