"""What no policy of Linkerd could say as it is declared."""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from meshwright.errors import Code, Problem
from meshwright.kubernetes.service_accounts import is_identity
from meshwright.kubernetes.troubles import Trouble
from meshwright.linkerd.access.args import LinkerdAccessArgs, LinkerdCallArgs, PortArgs, WorkloadArgs
from meshwright.linkerd.access.matches import is_grpc, is_path
from meshwright.linkerd.access.plan import number, operation, reaches
from meshwright.linkerd.labels import ADMIN_PORT, CONTROL_PORT
from meshwright.linkerd.traffic.checks import REFUSED

PROTOCOLS = ("unknown", "HTTP/1", "HTTP/2", "gRPC", "opaque", "TLS")
_HTTP = ("unknown", "HTTP/1", "HTTP/2")


def mistakes(args: LinkerdAccessArgs) -> Iterator[Problem]:
    """All of them; none for args that `plan` may take."""
    for code, message, remedy, at in refused_keys(args):
        where = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in at).removeprefix(".")
        yield Problem(code, f"{where} {message}", remedy)
    for name, workload in args["workloads"].items():
        yield from _workload(name, workload)
        if workload.get("phase", args["phase"]) == "deny":
            yield from _unreachable(name, workload, args)
    yield from _overlaps(args["workloads"])
    yield from _own_ports(args)
    for index, call in enumerate(args["calls"]):
        yield from _call(f"calls[{index}]", call, args)
    scrapers = args.get("scrapers") or []
    yield from (_no_identity(f"scrapers names {caller!r}") for caller in scrapers if not is_identity(caller))
    yield from _no_networks("probe_networks", args.get("probe_networks") or [])


def refused_keys(args: Any) -> Iterator[Trouble]:
    """What other meshes have beside these keys or in a call, such as tokens. A workload may have any name."""
    whole = args if isinstance(args, Mapping) else {}
    calls = whole.get("calls")
    listed = enumerate(calls) if isinstance(calls, list | tuple) else ()
    for at, part in [((), whole), *((("calls", index), call) for index, call in listed)]:
        for key in part if isinstance(part, Mapping) else ():
            if key in REFUSED:
                yield Trouble(Code.NOT_IN_LINKERD, *REFUSED[key], at=(*at, key))


def _own_ports(args: LinkerdAccessArgs) -> Iterator[Problem]:
    """The proxy's own: tap asks for viz's identity and no policy (linkerd2-proxy, ``app/src/tap.rs``)."""
    for name, workload in args["workloads"].items():
        ports = [number(port["port"]) for port in workload["ports"]]
        if CONTROL_PORT in ports:
            yield Problem(
                Code.LINKERD_ACCESS,
                f"port {CONTROL_PORT} of {name} is the proxy's own, which lets in viz's tap alone, by no policy",
                "leave it out",
            )
        if ADMIN_PORT in ports and args.get("scrapers"):
            yield Problem(
                Code.SERVER_OVERLAP,
                f"port {ADMIN_PORT} of {name} is the one that scrapers has a Server for",
                "leave it out, or remove scrapers",
            )


def _workload(name: str, workload: WorkloadArgs) -> Iterator[Problem]:
    if workload.get("host_network", False):
        yield Problem(
            Code.LINKERD_NO_PROXY,
            f"{name} uses the node's network, so that its pods get no proxy and no policy holds for them",
            "leave it out of workloads, and guard it by a NetworkPolicy or by the node's firewall",
        )
    for port in workload["ports"]:
        protocol = port.get("protocol", "unknown")
        if protocol not in PROTOCOLS:
            yield Problem(
                Code.LINKERD_ACCESS,
                f"the protocol of {name}'s port {number(port['port'])} is {protocol!r}",
                f"one of: {', '.join(PROTOCOLS)}",
            )
        elif protocol in ("opaque", "TLS") and port.get("probes"):
            yield Problem(
                Code.LINKERD_PROBES,
                f"port {number(port['port'])} of {name} is {protocol} and has HTTP probes, which no policy tells apart",
                "let the probes use a port of HTTP, or a command",
            )
        if protocol in _HTTP:
            for probe in port.get("probes") or ():
                if not is_path(probe.partition("?")[0]) or "*" in probe:
                    yield Problem(Code.LINKERD_PROBES, f"{name} has the probe {probe!r}", "write its path: /healthz")


def _unreachable(name: str, workload: WorkloadArgs, args: LinkerdAccessArgs) -> Iterator[Problem]:
    for port in workload["ports"]:
        if not any(call["service"] == name and reaches(call, port) for call in args["calls"]):
            yield Problem(
                Code.LINKERD_ACCESS,
                f"{name} is in phase deny, and no call is to its port {number(port['port'])}: nobody could use it",
                "add the calls, or leave the port out",
            )


def _overlaps(workloads: Mapping[str, WorkloadArgs]) -> Iterator[Problem]:
    """Two Servers on one port of a pod: the older one wins, whichever that is."""
    servers = [
        (name, workload.get("labels") or {"app": name}, number(port["port"]))
        for name, workload in workloads.items()
        for port in workload["ports"]
    ]
    for (name, labels, port), (other, others, second) in combinations(servers, 2):
        apart = any(others.get(key, value) != value for key, value in labels.items())
        if apart or (isinstance(port, type(second)) and port != second):
            continue
        same = port == second
        yield Problem(
            Code.SERVER_OVERLAP,
            f"{name}'s port {port} and {other}'s port {second} "
            + ("are the same on pods that both select" if same else "may be the same: one is a name, one a number"),
            "give their pods labels that tell them apart" if same else "write both as numbers, or both as names",
        )


def _call(place: str, call: LinkerdCallArgs, args: LinkerdAccessArgs) -> Iterator[Problem]:
    caller, networks, service = call.get("caller"), call.get("networks") or [], call["service"]
    if caller is not None and not is_identity(caller):
        yield _no_identity(f"{place} is from {caller!r}")
    if caller is None and not networks:
        yield Problem(Code.LINKERD_ACCESS, f"{place} says nobody who calls", "add a caller, or networks")
    yield from _no_networks(f"{place}.networks", networks)
    yield from _misspelt(place, call)
    workload = args["workloads"].get(service)
    if workload is None:
        yield Problem(Code.LINKERD_ACCESS, f"{place} is to {service}, which is no workload here", "add it to workloads")
        return
    known = {number(port["port"]) for port in workload["ports"]}
    for port in map(number, call.get("ports") or ()):
        if port not in known:
            listed = ", ".join(map(str, sorted(known, key=str)))
            yield Problem(
                Code.LINKERD_ACCESS,
                f"{place} is to port {port}, which {service} doesn't list",
                f"write a pod's port, as listed: {listed}",
            )
    if operation(call) is not None:
        for each in workload["ports"]:
            if reaches(call, each):
                yield from _limited(place, call, each, args)


def _limited(place: str, call: LinkerdCallArgs, port: PortArgs, args: LinkerdAccessArgs) -> Iterator[Problem]:
    protocol, shown = port.get("protocol", "unknown"), number(port["port"])
    suits = protocol == "gRPC" if call.get("grpc") else protocol in _HTTP
    if not suits or (call.get("grpc") and (call.get("paths") or call.get("methods"))):
        limits = " and ".join(key for key in ("paths", "methods", "grpc") if call.get(key))
        yield Problem(
            Code.LINKERD_ACCESS,
            f"{place} is limited by {limits}, and {call['service']}'s port {shown} is {protocol}",
            "paths and methods are for HTTP, and grpc for a port of protocol gRPC",
        )
    elif "probes" not in port:
        yield Problem(
            Code.LINKERD_PROBES,
            f"{place} is limited: with a route, Linkerd no longer lets the kubelet probe "
            f"{call['service']}'s port {shown}",
            "list the port's probes; [] if it has none",
        )
    elif port["probes"] and not args.get("probe_networks"):
        yield Problem(
            Code.LINKERD_PROBES,
            f"{place} is limited, and nobody says where probes of {call['service']}'s port {shown} come from",
            "set probe_networks to the networks of the nodes",
        )


def _misspelt(place: str, call: LinkerdCallArgs) -> Iterator[Problem]:
    for text in call.get("paths") or ():
        if not is_path(text):
            yield Problem(Code.LINKERD_ACCESS, f"{place} has the path {text!r}", "write /a, or /a/* with all below it")
    for text in call.get("methods") or ():
        if not re.fullmatch(r"[A-Z]+", text):
            yield Problem(Code.LINKERD_ACCESS, f"{place} has the method {text!r}", "write it in capitals: GET")
    for text in call.get("grpc") or ():
        if not is_grpc(text):
            yield Problem(Code.LINKERD_ACCESS, f"{place} has {text!r} for gRPC", "write shop.Cart, or shop.Cart/Add")


def _no_networks(place: str, networks: list[str]) -> Iterator[Problem]:
    for cidr in networks:
        try:
            ipaddress.ip_network(cidr)
        except ValueError:
            yield Problem(Code.LINKERD_ACCESS, f"{place} has {cidr!r}, which is no network", "write 10.0.0.0/16")


def _no_identity(what: str) -> Problem:
    return Problem(Code.LINKERD_ACCESS, f"{what}, which is no identity", "write it as namespace/service-account")
