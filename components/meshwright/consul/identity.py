"""Who a service is. With ACLs a pod logs in by its service account, and may register a service of that name alone.

Sources: the chart's binding rule (``connectInject.aclBindingRuleSelector``: ``serviceaccount.name!=default``), and
``control-plane/subcommand/connect-init`` of consul-k8s, which waits for the one service of its pod.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations

from meshwright.consul.service_defaults import ServiceArgs
from meshwright.errors import Code
from meshwright.kubernetes.troubles import Trouble


def identity_troubles(services: Mapping[str, ServiceArgs]) -> Iterator[Trouble]:
    """What would keep pods of one namespace's services from logging in, or from being told apart."""
    for name, service in services.items():
        account = service.get("service_account", name)
        if account == name:
            continue
        if account == "default":
            message = 'is "default", and Consul lets no pod log in by the account default'
        else:
            message = f'is "{account}": Consul would let its pods register {account}, and not {name}'
        remedy = f"give the pods a service account {name}"
        yield Trouble(Code.CONSUL_IDENTITY, message, remedy, (name, "service_account"))
    for (name, service), (other, second) in combinations(services.items(), 2):
        mine, others = service.get("selector"), second.get("selector")
        if mine and others and (mine.items() <= others.items() or others.items() <= mine.items()):
            message = f"picks pods that {other} picks too, and Consul registers a pod for one Service only"
            remedy = "give their pods labels that tell them apart, or label one Service "
            remedy += "consul.hashicorp.com/service-ignore: true and leave it out"
            yield Trouble(Code.CONSUL_IDENTITY, message, remedy, (name, "selector"))
