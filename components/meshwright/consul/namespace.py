"""A namespace on its way into Consul's mesh: unmeshed, permissive, strict."""

import pulumi

from meshwright.consul.config_entries.entry import entry
from meshwright.consul.labels import ENABLED, MESH_NAMESPACE, TRANSPARENT_PROXY
from meshwright.consul.namespace_checks import ConsulNamespaceArgs, namespace_troubles, phase_of_services
from meshwright.consul.service_defaults import MTLS_MODES, service_defaults
from meshwright.kubernetes.children import below
from meshwright.kubernetes.namespaces import namespace
from meshwright.kubernetes.problems import refuse_all
from meshwright.kubernetes.providers import require_kubernetes_provider


class ConsulNamespace(pulumi.ComponentResource):
    """A namespace whose pods get proxies when they are made, and ServiceDefaults with the phase of its services.

    The label reaches pods with their next start; `restart` tells of it. The way from permissive to strict needs no
    restart: proxies follow ServiceDefaults at once. On the way out they stay as they were, until `previous` goes.

    Raises:
        ComponentError: MW-E050 for arguments that cannot work, MW-E051 without a provider, MW-E250 for permissive mode
            that can't be or has no end, MW-E251 for a protocol, MW-E253 for identities, MW-E257 for rates.
    """

    namespace: pulumi.Output[str]
    """Name of the namespace."""
    phase: pulumi.Output[str]
    """Its phase."""
    restart: pulumi.Output[str]
    """What has to be restarted for the phase to hold; empty where nothing has."""

    def __init__(self, name: str, args: ConsulNamespaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"ConsulNamespace {name}"
        require_kubernetes_provider(opts, label)
        refuse_all(namespace_troubles(args), label)
        super().__init__("meshwright:index:ConsulNamespace", name, {**args}, opts)
        phase, adopt = args["phase"], bool(args.get("adopt", False))
        meshed = phase in MTLS_MODES
        made: list[pulumi.Resource] = []
        if meshed or not adopt:
            labels = _labels(args) if meshed else {}
            where = f"{name}-namespace"
            made = [namespace(where, args["namespace"], labels, adopt=adopt, opts=below(self, opts))]
        in_it = pulumi.ResourceOptions.merge(below(self, opts), pulumi.ResourceOptions(depends_on=made))
        mode = phase_of_services(phase, _before(args))
        for service, said in (args.get("services") or {}).items() if mode else ():
            spec = service_defaults(said, str(mode))
            entry(f"{name}-{service}", "ServiceDefaults", service, spec, namespace=args["namespace"], opts=in_it)
        self.namespace = pulumi.Output.from_input(args["namespace"])
        self.phase = pulumi.Output.from_input(phase)
        self.restart = pulumi.Output.from_input(restart(args))
        self.register_outputs({"namespace": self.namespace, "phase": self.phase, "restart": self.restart})


def restart(args: ConsulNamespaceArgs) -> str:
    """What has to be restarted for the namespace's phase to hold, told by the phase before it."""
    phase, before = args["phase"], _before(args)
    if (phase == "unmeshed") == (before == "unmeshed"):
        return ""
    why = "to run without proxies" if phase == "unmeshed" else "to get proxies"
    return f"all workloads of {args['namespace']}, {why}"


def _before(args: ConsulNamespaceArgs) -> str:
    return (args.get("previous") or {"phase": "unmeshed"})["phase"]


def _labels(args: ConsulNamespaceArgs) -> dict[str, str]:
    labels = {MESH_NAMESPACE: ENABLED}
    if "transparent_proxy" in args:
        labels[TRANSPARENT_PROXY] = str(bool(args["transparent_proxy"])).lower()
    return labels
