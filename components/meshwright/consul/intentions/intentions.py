"""The calls that are allowed in a mesh of Consul's."""

from collections.abc import Iterator

import pulumi

from meshwright.consul.config_entries.entry import entry, require_provider
from meshwright.consul.intentions.args import ConsulIntentionsArgs
from meshwright.consul.intentions.checks import intention_troubles
from meshwright.consul.intentions.compile import ANY, entries
from meshwright.consul.intentions.jwt import provider_spec
from meshwright.errors import Code
from meshwright.kubernetes.children import below
from meshwright.kubernetes.problems import refuse_all
from meshwright.kubernetes.troubles import Trouble


class ConsulIntentions(pulumi.ComponentResource):
    """Lets the declared calls through, and refuses all others, whatever Consul's default is.

    One ServiceIntentions for each service that is called, and one for ``*``; a JWTProvider for each issuer of tokens.
    Services whose requests are looked at need their ServiceDefaults first, with a protocol of HTTP.

    Raises:
        ComponentError: MW-E051 without a provider, MW-E017 for one call twice, MW-E251 for a protocol, MW-E252 for
            services that nobody knows, MW-E254 for what Consul would refuse or read in another way, MW-E258 for tokens.
    """

    def __init__(self, name: str, args: ConsulIntentionsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label, namespace = f"ConsulIntentions {name}", args.get("namespace")
        require_provider(opts, label, namespace)
        refuse_all(intention_troubles(args), label)
        if namespace is None:
            refuse_all(_lost_off_kubernetes(args), label)
        super().__init__("meshwright:index:ConsulIntentions", name, {**args}, opts)
        children = below(self, opts)
        issuers: list[pulumi.Resource] = []
        for each, provider in (args.get("jwt") or {}).items():
            spec = provider_spec(provider)
            issuers.append(entry(f"{name}-jwt-{each}", "JWTProvider", each, spec, namespace=namespace, opts=children))
        # Consul answers proxies with nothing while an intention names an issuer that there isn't.
        after = pulumi.ResourceOptions.merge(children, pulumi.ResourceOptions(depends_on=issuers))
        for to, spec in entries(args["intentions"]):
            resource = f"{name}-{'every-service' if to == ANY else 'to-' + to}"
            entry(resource, "ServiceIntentions", to, spec, namespace=namespace, opts=after)
        self.register_outputs({})


def _lost_off_kubernetes(args: ConsulIntentionsArgs) -> Iterator[Trouble]:
    """What pulumi_consul's typed resource drops.

    It overwrites a path's prefix with its expression, which is empty where there is none, loses headers, and knows no
    tokens (terraform-provider-consul, ``resource_consul_config_entry_service_intentions.go``; seen with 3.15.2).
    """
    remedy = "use path_exact or methods, or write this entry with the consul command"
    for index, line in enumerate(args["intentions"]):
        for place, allowed in enumerate(line.get("allow") or ()):
            for key in ("path_prefix", "path_regex", "headers", "headers_regex", "tokens"):
                if key in allowed:
                    message = "is lost by the provider for Consul's API, and requests without it would be let through"
                    at = ("intentions", index, "allow", place, key)
                    yield Trouble(Code.CONSUL_INTENTION, message, remedy, at)
    if args.get("jwt"):
        message = "can't be written by the provider for Consul's API"
        yield Trouble(Code.CONSUL_JWT, message, "name a namespace, for objects in Kubernetes", ("jwt",))
