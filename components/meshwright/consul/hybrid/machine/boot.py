"""What a machine does when it starts: the script that fetches its secrets, and the units of systemd."""

from shlex import quote
from typing import Final

from meshwright.consul.hybrid.machine.agent import TOKEN
from meshwright.consul.hybrid.machine.args import ConsulVirtualMachineArgs, GossipArgs, MachineLoginArgs, Places
from meshwright.consul.labels import GRPC_PORT

_PROGRAMS: Final = {"vault": "vault", "openbao": "bao"}


def secrets_script(args: ConsulVirtualMachineArgs, places: Places) -> str:
    """A shell script that writes the gossip key, the node's name and the token to memory, as Consul's user.

    The node's name begins with the service's, and ends with the host's: the token may register no other.
    """
    gossip, login = args["gossip"], args["login"]
    programs = ["consul", *([_program(gossip)] if "vault" in gossip else [])]
    lines = [
        "#!/bin/sh",
        "# What the agent must not have on disk: the gossip key, and its token.",
        "set -eu",
        "umask 077",
        f"run={quote(places.secrets)}",
        *(f"command -v {each} >/dev/null || {{ echo '{each} is not on PATH' >&2; exit 1; }}" for each in programs),
        'mkdir -p "$run/config"',
        "",
        *_gossip_lines(gossip),
        # Without a key, gossip would not be encrypted.
        'test -n "$key" || { echo "the gossip key is empty" >&2; exit 1; }',
        """printf '{"encrypt": "%s"}\\n' "$key" >"$run/config/gossip.json\"""",
        "host=$(uname -n | cut -d. -f1 | tr 'A-Z_' 'a-z-')",
        f"""printf '{{"node_name": "%s-%s"}}\\n' {quote(args["service"])} "$host" >"$run/config/node.json\"""",
        "",
        *_login_lines(login, places),
        'token=$(cat "$run/token")',
        """printf '{"acl": {"tokens": {"agent": "%s", "dns": "%s"}}}\\n' "$token" "$token" \\""",
        """  >"$run/config/tokens.json\"""",
        # In awk's environment, and not in its arguments, which everybody on the machine can read.
        f"""TOKEN="$token" awk '{{ gsub(/{TOKEN}/, ENVIRON["TOKEN"]); print }}' \\""",
        f"""  {quote(template(places))} >"$run/config/service.json\"""",
    ]
    return "\n".join(lines) + "\n"


def template(places: Places) -> str:
    """Where the service's definition is, before the token is in it; the agent doesn't read it there."""
    return f"{places.config}/templates/service.json"


def _program(gossip: GossipArgs) -> str:
    return _PROGRAMS[gossip["vault"].get("flavor", "vault")]


def _gossip_lines(gossip: GossipArgs) -> list[str]:
    if "file" in gossip:
        return [f"key=$(cat {quote(gossip['file'])})"]
    vault, program = gossip["vault"], _program(gossip)
    prefix = "BAO" if program == "bao" else "VAULT"
    mount, _, path = vault["key"]["path"].partition("/data/")
    lines = [f"export {prefix}_ADDR={quote(vault['address'])}"]
    if "namespace" in vault:
        lines.append(f"export {prefix}_NAMESPACE={quote(vault['namespace'])}")
    if "token_command" in vault:
        lines.append(f'({vault["token_command"]}) >"$run/vault-jwt"')
        where = quote(f"auth/{vault['auth_path']}/login")
        lines.append(
            f'{prefix}_TOKEN=$({program} write -field=token {where} role={quote(vault["role"])} jwt=@"$run/vault-jwt")'
        )
        lines.append('rm -f "$run/vault-jwt"')
    else:
        lines.append(
            f"{prefix}_TOKEN=$({program} login -no-store -token-only -method=aws "
            f"-path={quote(vault['auth_path'])} role={quote(vault['role'])})"
        )
    lines.append(f"export {prefix}_TOKEN")
    field = quote(vault["key"]["key"])
    lines.append(f"key=$({program} kv get -mount={quote(mount)} -field={field} {quote(path)})")
    lines.append(f"{program} token revoke -self >/dev/null")
    lines.append(f"unset {prefix}_TOKEN")
    return lines


def _login_lines(login: MachineLoginArgs, places: Places) -> list[str]:
    common = [
        "-method=" + quote(login["method"]),
        "-http-addr=" + quote(login["address"]),
        "-ca-file=" + quote(f"{places.config}/tls/ca.pem"),
        '-token-sink-file="$run/token"',
    ]
    if "aws_region" in login:
        own = ["-type=aws-iam", "-aws-auto-bearer-token", "-aws-region=" + quote(login["aws_region"])]
        if "server_id" in login:
            own.append("-aws-server-id-header-value=" + quote(login["server_id"]))
        return [" ".join(["consul login", *own, *common])]
    return [
        f'({login["token_command"]}) >"$run/jwt"',
        " ".join(["consul login", "-type=jwt", '-bearer-token-file="$run/jwt"', *common]),
        'rm -f "$run/jwt"',
    ]


def agent_unit(args: ConsulVirtualMachineArgs, places: Places) -> str:
    """Logs in before the agent starts, and out when it ends: a token lives as long as the agent."""
    login = args["login"]
    logout = f"-http-addr={login['address']} -ca-file={places.config}/tls/ca.pem -token-file={places.secrets}/token"
    return _unit(
        Unit=[
            "Description=Consul agent",
            "Wants=network-online.target",
            "After=network-online.target",
        ],
        Service=[
            "Type=notify",
            *_as_consul(places.secrets),
            f"ExecStartPre={places.script}",
            f"ExecStart=/usr/bin/consul agent -config-dir={places.config} -config-dir={places.secrets}/config",
            "ExecReload=/bin/kill --signal HUP $MAINPID",
            f"ExecStopPost=-/usr/bin/consul logout {logout}",
            "TimeoutStartSec=120",
            "Restart=on-failure",
            "RestartSec=5",
            "LimitNOFILE=65536",
        ],
        Install=["WantedBy=multi-user.target"],
    )


def envoy_unit(args: ConsulVirtualMachineArgs, places: Places) -> str:
    """The sidecar, which starts anew with the agent: its bootstrap file has the token in it."""
    bootstrap = f"{places.envoy}/bootstrap.json"
    make = (
        f"/usr/bin/consul connect envoy -sidecar-for={args['service']} -grpc-addr=127.0.0.1:{GRPC_PORT} "
        f"-token-file={places.secrets}/token -bootstrap"
    )
    return _unit(
        Unit=[
            f"Description=Envoy, the sidecar of {args['service']}",
            "BindsTo=consul.service",
            "After=consul.service",
        ],
        Service=[
            *_as_consul(places.envoy),
            f"ExecStartPre=/bin/sh -c 'umask 077; {make} >{bootstrap}'",
            f"ExecStart=/usr/bin/envoy --config-path {bootstrap}",
            "Restart=always",
            "RestartSec=5",
            "LimitNOFILE=65536",
        ],
        Install=["WantedBy=consul.service"],
    )


def _as_consul(directory: str) -> list[str]:
    """As Consul's user, with a directory in memory that is gone when the unit is."""
    return [
        "User=consul",
        "Group=consul",
        f"RuntimeDirectory={directory.removeprefix('/run/')}",
        "RuntimeDirectoryMode=0700",
        "NoNewPrivileges=true",
        "ProtectSystem=full",
        "ProtectHome=true",
    ]


def _unit(**sections: list[str]) -> str:
    return "\n".join("\n".join((f"[{name}]", *lines, "")) for name, lines in sections.items())
