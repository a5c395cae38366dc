"""What every service outside of the cluster has, whatever it runs on, and what would be refused of it."""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NotRequired, TypedDict

from meshwright.consul.service_defaults import PROTOCOLS
from meshwright.errors import Code
from meshwright.kubernetes.troubles import Trouble

INTERVAL: Final = "10s"
TIMEOUT: Final = "5s"
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_DURATION: Final = re.compile(r"(\d{1,6}(\.\d{1,3})?(ms|s|m|h)){1,4}", re.ASCII)
_KINDS: Final = ("http", "tcp", "grpc")


class CheckArgs(TypedDict, total=False):
    """How one knows that it is healthy; one of the first three."""

    http: str
    """A path, ``/healthz``, that answers 2xx."""
    tcp: bool
    """Its port takes connections."""
    grpc: bool
    """It answers as ``grpc.health.v1`` has it."""
    interval: str
    """Default: ``10s``."""
    timeout: str
    """Default: ``5s``."""


class OutsideServiceArgs(TypedDict):
    """A service, by the same names on every kind of computer."""

    service: str
    """Its name in Consul, by which intentions know it."""
    port: int
    """Where it listens."""
    protocol: NotRequired[str]
    """``tcp``, ``http``, ``http2`` or ``grpc``. Default: ``tcp``."""
    check: NotRequired[CheckArgs]
    """Default: none, it counts as healthy."""
    tags: NotRequired[list[str]]
    meta: NotRequired[dict[str, str]]


def service_troubles(args: Mapping[str, Any], code: Code = Code.CONSUL_OUTSIDE) -> Iterator[Trouble]:
    """What Consul would refuse of a service outside."""
    yield from name_troubles("service", args["service"], code)
    yield from port_troubles("port", args["port"], code)
    if (protocol := args.get("protocol", "tcp")) not in PROTOCOLS:
        message = f'is "{protocol}", which Consul does not know'
        yield Trouble(Code.CONSUL_PROTOCOL, message, f"one of: {', '.join(PROTOCOLS)}", ("protocol",))
    if (check := args.get("check")) is not None:
        yield from _check_troubles(check, code)


def external_troubles(args: Mapping[str, Any]) -> Iterator[Trouble]:
    """What can't be registered of a service of somebody else's, or would lead elsewhere than it seems."""
    yield from service_troubles(args)
    code, host = Code.CONSUL_OUTSIDE, args["host"]
    if not host or "/" in host or host != host.strip():
        yield Trouble(code, f'is "{host}"', 'write a host name or an address: "billing.corp"', ("host",))
    elif host == "localhost" or ((address := _address(host)) and address.is_loopback):
        message = f'is "{host}", which is the gateway itself'
        yield Trouble(code, message, "write the host by which others reach it", ("host",))
    if not args.get("by_host_name"):
        return
    for key in ("check", "tags", "meta"):
        if key in args:
            message = "is for the catalog, in which a service with by_host_name is not"
            yield Trouble(code, message, "keep one of the two", (key,))
    if "tls" in args and args.get("protocol", "tcp") == "tcp" and not _address(host):
        message = "is TLS within TLS: with by_host_name and tcp, a host name is known by what callers say in TLS"
        yield Trouble(code, message, "remove it; or set protocol: http", ("tls",))


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def name_troubles(key: str, name: str, code: Code) -> Iterator[Trouble]:
    """A name that DNS, and Consul's identities, can't have."""
    if not _NAME.fullmatch(name):
        message = f'is "{name}", which is no name of a service'
        yield Trouble(code, message, "use lower-case letters, digits and '-', at most 63", (key,))


def port_troubles(key: str, port: int, code: Code) -> Iterator[Trouble]:
    """A number that is no port."""
    if not 1 <= port <= 65535:
        yield Trouble(code, f"is {port}", "from 1 to 65535", (key,))


def _check_troubles(check: CheckArgs, code: Code) -> Iterator[Trouble]:
    kinds = [kind for kind in _KINDS if check.get(kind)]
    if len(kinds) != 1:
        yield Trouble(code, f"has {len(kinds)} kinds, and takes one", f"write one of {', '.join(_KINDS)}", ("check",))
    if (path := check.get("http")) and not path.startswith("/"):
        yield Trouble(code, f'is "{path}"', 'write the path alone: "/healthz"', ("check", "http"))
    for key, default in (("interval", INTERVAL), ("timeout", TIMEOUT)):
        if not _DURATION.fullmatch(str(check.get(key, default))):
            yield Trouble(code, f'is "{check.get(key)}"', 'write it as "10s"', ("check", key))


def agent_check(check: CheckArgs, port: int) -> dict[str, Any]:
    """The check as an agent beside the service makes it."""
    return {**_asked(check, "127.0.0.1", port), **_times(check, "interval", "timeout")}


def catalog_check(check: CheckArgs, host: str, port: int) -> dict[str, Any]:
    """The check's definition in the catalog, as the Registration CRD has it: consul-esm makes it."""
    return {**_asked(check, host, port), **_times(check, "intervalDuration", "timeoutDuration")}


def _asked(check: CheckArgs, host: str, port: int) -> dict[str, str]:
    if path := check.get("http"):
        return {"http": f"http://{host}:{port}{path}"}
    return {"tcp" if check.get("tcp") else "grpc": f"{host}:{port}"}


def _times(check: CheckArgs, interval: str, timeout: str) -> dict[str, str]:
    return {interval: check.get("interval", INTERVAL), timeout: check.get("timeout", TIMEOUT)}
