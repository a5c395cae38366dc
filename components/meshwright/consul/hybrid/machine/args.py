"""What a machine in the mesh is told, and what can't work of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NotRequired, TypedDict

import pulumi

from meshwright.consul.hybrid.outside import OutsideServiceArgs, name_troubles, port_troubles, service_troubles
from meshwright.consul.vault.backend import KvKey
from meshwright.errors import Code
from meshwright.kubernetes.troubles import Trouble

USER_DATA_LIMIT: Final = 16_384
"""Bytes that EC2 takes, before base64. Google and Azure take more."""
_OURS: Final = {8300, 8301, 8500, 8502, 8600, 19000, 21000}
"""Ports of the agent, of Envoy's admin page, and of the sidecar."""


class UpstreamArgs(TypedDict):
    """A service that is called, at a port of the loopback address."""

    service: str
    local_port: int
    peer: NotRequired[str]
    """Of a peering. Default: this Consul's."""


class MachineLoginArgs(TypedDict):
    """How a machine gets its token, from the auth method of a `ConsulLogin`."""

    method: str
    address: str
    """The servers' API as the machine reaches it: ``https://consul.internal:8501``."""
    aws_region: NotRequired[str]
    """By its instance's IAM role: the region whose STS is asked. One of ``aws_region`` and ``token_command``."""
    server_id: NotRequired[str]
    """As the `ConsulLogin` has it."""
    token_command: NotRequired[str]
    """By JWT: a shell command that prints one, such as a request to the cloud's metadata service."""


class GossipVaultArgs(TypedDict):
    """The gossip key's place in Vault or OpenBao, and how the machine logs in there."""

    address: str
    key: KvKey
    """As `VaultCertificateAuthority.backend` has it: ``{"path": "dc1/consul/data/gossip", "key": "gossip"}``."""
    auth_path: str
    """Mount of the auth method, without ``auth/``."""
    role: str
    """It may read that key and nothing else."""
    token_command: NotRequired[str]
    """The method is ``jwt``; the command prints one. Default: it is ``aws``, by the instance's IAM role."""
    namespace: NotRequired[str]
    flavor: NotRequired[str]
    """``vault`` or ``openbao``: which program the machine has. Default: ``vault``."""


class GossipArgs(TypedDict, total=False):
    """Where the machine gets the gossip key from when it starts; one of the two. It is never in user data."""

    vault: GossipVaultArgs
    file: str
    """A file that something else puts there, which Consul's user can read."""


class ConsulVirtualMachineArgs(OutsideServiceArgs):
    """Arguments of `ConsulVirtualMachine`."""

    datacenter: str
    servers: list[str]
    """What the agent joins: addresses, or go-discover's ``provider=aws tag_key=...``."""
    ca_certificate: pulumi.Input[str]
    """What the servers' certificates are verified with, PEM."""
    login: MachineLoginArgs
    gossip: GossipArgs
    upstreams: NotRequired[list[UpstreamArgs]]
    """What it calls. Default: nothing."""
    dns: NotRequired[bool]
    """systemd-resolved asks the agent for names that end in ``.consul``. Default: true."""
    domain: NotRequired[str]
    """Of Consul's DNS. Default: ``consul``."""
    namespace: NotRequired[str]
    """Where its ServiceDefaults stand, if `protocol` is given. Default: they are written to Consul's API."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are on the machine."""

    config: str = "/etc/consul.d"
    data: str = "/var/lib/consul"
    secrets: str = "/run/consul-secrets"
    """In memory, Consul's user's alone."""
    envoy: str = "/run/consul-envoy"
    script: str = "/usr/local/bin/consul-secrets"


def machine_troubles(args: ConsulVirtualMachineArgs) -> Iterator[Trouble]:
    """What would keep the machine out of the mesh, or its secrets from being any."""
    code = Code.CONSUL_MACHINE
    yield from service_troubles(args, code)
    if args["port"] in _OURS:
        yield Trouble(code, f"is {args['port']}, which the agent or the proxy takes", "use another one", ("port",))
    if not args["servers"]:
        yield Trouble(code, "is empty, and the agent would join nobody", "name the servers", ("servers",))
    certificate = args["ca_certificate"]
    if isinstance(certificate, str) and "PRIVATE KEY" in certificate:
        message = "has a private key in it, and whoever reads user data would have it"
        yield Trouble(code, message, "give the certificate alone", ("ca_certificate",))
    elif isinstance(certificate, str) and "BEGIN CERTIFICATE" not in certificate:
        yield Trouble(code, "is no certificate", "give it as PEM", ("ca_certificate",))
    yield from _login_troubles(args["login"])
    yield from _gossip_troubles(args["gossip"])
    taken = {args["port"], *_OURS}
    for index, each in enumerate(args.get("upstreams") or ()):
        for trouble in (
            *name_troubles("service", each["service"], code),
            *port_troubles("local_port", each["local_port"], code),
        ):
            yield trouble._replace(at=("upstreams", index, *trouble.at))
        if each["local_port"] in taken:
            message = f"is {each['local_port']}, which is taken on the machine"
            yield Trouble(code, message, "use another one", ("upstreams", index, "local_port"))
        taken.add(each["local_port"])


def _login_troubles(login: MachineLoginArgs) -> Iterator[Trouble]:
    code = Code.CONSUL_MACHINE
    if ("aws_region" in login) == ("token_command" in login):
        remedy = "write aws_region, for its IAM role, or token_command, for a JWT"
        yield Trouble(code, "has to say who the machine is, in one way", remedy, ("login",))
    if not login["address"].startswith("https://"):
        message = f"is {login['address']}: the token would come in plain text"
        yield Trouble(code, message, "begin it with https://", ("login", "address"))
    if "server_id" in login and "aws_region" not in login:
        yield Trouble(code, "is for the login by AWS", "remove it", ("login", "server_id"))


def _gossip_troubles(gossip: GossipArgs) -> Iterator[Trouble]:
    code = Code.CONSUL_MACHINE
    if len(gossip) != 1:
        message = f"has {len(gossip)} places of the key, and takes one"
        yield Trouble(code, message, "write vault, or file", ("gossip",))
    if (vault := gossip.get("vault")) is None:
        return
    if "/data/" not in vault["key"]["path"]:
        message = f"is {vault['key']['path']}, which is no path of KV version 2"
        yield Trouble(code, message, "write it with data: dc1/consul/data/gossip", ("gossip", "vault", "key", "path"))
    if not vault["address"].startswith("https://"):
        message = f"is {vault['address']}: the key would come in plain text"
        yield Trouble(code, message, "begin it with https://", ("gossip", "vault", "address"))
    if (flavor := vault.get("flavor", "vault")) not in ("vault", "openbao"):
        yield Trouble(code, f'is "{flavor}"', "vault or openbao", ("gossip", "vault", "flavor"))
