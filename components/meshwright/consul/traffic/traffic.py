"""Where requests to one service go."""

from collections.abc import Iterator

import pulumi

from meshwright.consul.config_entries.entry import entry, require_provider
from meshwright.consul.traffic.args import ConsulServiceTrafficArgs
from meshwright.consul.traffic.checks import traffic_troubles
from meshwright.consul.traffic.specs import resolver, router, splitter
from meshwright.errors import Code
from meshwright.kubernetes.children import below
from meshwright.kubernetes.problems import refuse_all
from meshwright.kubernetes.troubles import Trouble


class ConsulServiceTraffic(pulumi.ComponentResource):
    """A service's ServiceResolver, ServiceSplitter and ServiceRouter, in this order: each names what came before.

    Raises:
        ComponentError: MW-E050 for values that are none, MW-E051 without a provider, MW-E251 for protocols, MW-E252 for
            services that nobody knows, MW-E255 for routes and shares, MW-E256 for subsets, failover and the like.
    """

    def __init__(self, name: str, args: ConsulServiceTrafficArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label, namespace = f"ConsulServiceTraffic {name}", args.get("namespace")
        require_provider(opts, label, namespace)
        refuse_all(traffic_troubles(args), label)
        if namespace is None:
            refuse_all(_lost_off_kubernetes(args), label)
        super().__init__("meshwright:index:ConsulServiceTraffic", name, {**args}, opts)
        children = below(self, opts)
        wanted = [
            ("ServiceResolver", resolver(args)),
            ("ServiceSplitter", splitter(args)),
            ("ServiceRouter", router(args)),
        ]
        if namespace is None and "protocol" in args:
            wanted.insert(0, ("ServiceDefaults", {"protocol": args["protocol"]}))
        made: list[pulumi.Resource] = []
        for kind, spec in wanted:
            if spec is not None:
                after = pulumi.ResourceOptions.merge(children, pulumi.ResourceOptions(depends_on=made))
                resource = f"{name}-{kind.removeprefix('Service').lower()}"
                made = [entry(resource, kind, args["service"], spec, namespace=namespace, opts=after)]
        self.register_outputs({})


def _lost_off_kubernetes(args: ConsulServiceTrafficArgs) -> Iterator[Trouble]:
    """What pulumi_consul's typed resources can't do.

    Headers of requests are added where they should be set; headers of responses and a cookie's end can be written, but
    not read again. Source: terraform-provider-consul, ``resource_consul_config_entry_service_{router,resolver}.go``;
    seen with 3.15.2.
    """
    elsewhere = "or name a namespace, for objects in Kubernetes"
    for index, route in enumerate(args.get("routes") or ()):
        if (route.get("request_headers") or {}).get("set"):
            message = "is added by the provider for Consul's API, beside what the caller sent"
            at = ("routes", index, "request_headers", "set")
            yield Trouble(Code.CONSUL_ROUTE, message, f"use remove and add, {elsewhere}", at)
        if route.get("response_headers"):
            message = "is not read by the provider for Consul's API: each up would change it again"
            yield Trouble(Code.CONSUL_ROUTE, message, f"remove it, {elsewhere}", ("routes", index, "response_headers"))
    balancer = args.get("load_balancer")
    for index, each in enumerate((balancer.get("hash") or []) if balancer else []):
        if each.get("ttl") or each.get("session"):
            message = "has an end of its cookie, which the provider for Consul's API fails to read"
            where = ("load_balancer", "hash", index)
            yield Trouble(Code.CONSUL_RESOLVER, message, f"remove ttl and session, {elsewhere}", where)
