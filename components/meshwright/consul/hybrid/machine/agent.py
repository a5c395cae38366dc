"""The agent's configuration, as JSON that Consul takes; no secret is in it.

Sources: developer.hashicorp.com's reference of agent configuration for 1.22, and ``agent/config`` of its source.
"""

from typing import Any, Final

from meshwright.consul.hybrid.machine.args import ConsulVirtualMachineArgs, Places, UpstreamArgs
from meshwright.consul.hybrid.outside import agent_check
from meshwright.consul.labels import DNS_PORT, GRPC_PORT, HTTP_PORT

_LOOPBACK: Final = "127.0.0.1"
_OFF: Final = -1
TOKEN: Final = "@TOKEN@"  # noqa: S105 - where the token goes
"""What the machine puts its token for."""


def agent_config(args: ConsulVirtualMachineArgs, places: Places) -> dict[str, Any]:
    """A client agent that trusts the servers alone, and that others on the machine's network can't ask."""
    return {
        "datacenter": args["datacenter"],
        "domain": args.get("domain", "consul"),
        "server": False,
        "data_dir": places.data,
        "bind_addr": "{{ GetPrivateIP }}",
        "client_addr": _LOOPBACK,
        "retry_join": list(args["servers"]),
        "ports": {"http": HTTP_PORT, "https": _OFF, "grpc": GRPC_PORT, "grpc_tls": _OFF, "dns": DNS_PORT},
        # No token is written to disk, and none is for whoever asks without one.
        "acl": {"enabled": True, "default_policy": "deny", "enable_token_persistence": False},
        "auto_encrypt": {"tls": True},
        "tls": {
            "defaults": {
                "ca_file": f"{places.config}/tls/ca.pem",
                "verify_outgoing": True,
                "tls_min_version": "TLSv1_2",
            },
            "internal_rpc": {"verify_server_hostname": True},
        },
        # The key comes from Vault with each start.
        "disable_keyring_file": True,
        "encrypt_verify_incoming": True,
        "encrypt_verify_outgoing": True,
        # A machine that goes is no failed node.
        "leave_on_terminate": True,
        "disable_update_check": True,
    }


def service_config(args: ConsulVirtualMachineArgs) -> dict[str, Any]:
    """The service, its check and its sidecar, with a place for the token.

    The agent asks the servers for the sidecar's intentions and certificates by the service's own token: without one it
    would ask as nobody, and ``acl.tokens.config_file_service_registration`` registers, and does no more.
    """
    service: dict[str, Any] = {"name": args["service"], "port": args["port"], "token": TOKEN}
    service |= {key: args[key] for key in ("tags", "meta") if key in args}
    if "check" in args:
        service["check"] = {"name": f"{args['service']} answers", **agent_check(args["check"], args["port"])}
    sidecar: dict[str, Any] = {}
    if upstreams := args.get("upstreams"):
        sidecar["proxy"] = {"upstreams": [_upstream(each) for each in upstreams]}
    return {"service": {**service, "connect": {"sidecar_service": sidecar}}}


def _upstream(upstream: UpstreamArgs) -> dict[str, Any]:
    made: dict[str, Any] = {"destination_name": upstream["service"], "local_bind_port": upstream["local_port"]}
    if "peer" in upstream:
        made["destination_peer"] = upstream["peer"]
    return made
