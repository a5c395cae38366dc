"""Where requests to one service go."""

import pulumi

from meshwright.consul.config_entries.entry import entry, require_provider
from meshwright.consul.traffic.args import ConsulServiceTrafficArgs
from meshwright.consul.traffic.checks import traffic_troubles
from meshwright.consul.traffic.specs import resolver, router, splitter
from meshwright.kubernetes.children import below
from meshwright.kubernetes.problems import refuse_all


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
