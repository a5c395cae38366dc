"""The text that a cloud hands its machines: cloud-init's YAML. No secret is in it."""

import json
from typing import Any

import yaml

from meshwright.consul.hybrid.machine.agent import agent_config, service_config
from meshwright.consul.hybrid.machine.args import ConsulVirtualMachineArgs, Places
from meshwright.consul.hybrid.machine.boot import agent_unit, envoy_unit, secrets_script, template
from meshwright.consul.labels import DNS_PORT


def files(args: ConsulVirtualMachineArgs, ca_certificate: str, places: Places) -> dict[str, tuple[str, str]]:
    """Path -> permissions and text of every file that is written to the machine."""
    made = {
        f"{places.config}/agent.json": ("0644", _json(agent_config(args, places))),
        template(places): ("0644", _json(service_config(args))),
        f"{places.config}/tls/ca.pem": ("0644", ca_certificate.strip() + "\n"),
        places.script: ("0755", secrets_script(args, places)),
        "/etc/systemd/system/consul.service": ("0644", agent_unit(args, places)),
        "/etc/systemd/system/consul-envoy.service": ("0644", envoy_unit(args, places)),
    }
    if args.get("dns", True):
        domain = args.get("domain", "consul")
        text = f"[Resolve]\nDNS=127.0.0.1:{DNS_PORT}\nDomains=~{domain}\nDNSSEC=false\n"
        made["/etc/systemd/resolved.conf.d/consul.conf"] = ("0644", text)
    return made


def cloud_init(args: ConsulVirtualMachineArgs, ca_certificate: str, places: Places) -> str:
    """User data for a machine whose image has consul, envoy and, for gossip, vault or bao in ``/usr/bin``."""
    said: dict[str, Any] = {
        "users": ["default", {"name": "consul", "system": True, "shell": "/usr/sbin/nologin", "lock_passwd": True}],
        "write_files": [
            {"path": path, "permissions": mode, "content": text}
            for path, (mode, text) in files(args, ca_certificate, places).items()
        ],
        "runcmd": [
            ["install", "-d", "-m", "0700", "-o", "consul", "-g", "consul", places.data],
            ["systemctl", "daemon-reload"],
            *([["systemctl", "restart", "systemd-resolved.service"]] if args.get("dns", True) else []),
            # Without waiting: a server that can't be reached yet must not hold the machine's start up.
            ["systemctl", "enable", "--now", "--no-block", "consul.service", "consul-envoy.service"],
        ],
    }
    return "#cloud-config\n" + yaml.dump(said, Dumper=_Readable, sort_keys=False, width=1000)


class _Readable(yaml.SafeDumper):
    """Texts of more than one line stay so."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Readable.add_representer(str, _text)


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, sort_keys=True) + "\n"
