"""Service networks, services and the associations between them and with VPCs.

A function is the operation of its name, in snake case. Facts are botocore's service model's, unless a source is named.
"""

from typing import Any

from tests.servers.aws_account import ACCOUNT_ID, Account, Item, conflict, invalid

_ASSOCIATIONS = (
    "servicenetworkserviceassociation",
    "servicenetworkvpcassociation",
    "servicenetworkresourceassociation",
)


def create_service_network(account: Account, given: Item) -> Item:
    """A name is unique to the account; 50 networks in a Region (L-9CAD07FB)."""
    account.must_be_new("servicenetwork", given["name"])
    account.must_fit("servicenetwork", len(account.where("servicenetwork")) + 1, 50, "L-9CAD07FB")
    return account.add("servicenetwork", {"authType": "NONE", "sharingConfig": {"enabled": True}, **given})


def get_service_network(account: Account, given: Item) -> Item:
    network = account.find("servicenetwork", given["serviceNetworkIdentifier"])
    services, vpcs = (account.where(kind, serviceNetworkId=network["id"]) for kind in _ASSOCIATIONS[:2])
    return {**network, "numberOfAssociatedServices": len(services), "numberOfAssociatedVPCs": len(vpcs)}


def list_service_networks(account: Account, given: Item) -> Item:
    found = account.where("servicenetwork")
    return {"items": [get_service_network(account, {"serviceNetworkIdentifier": item["id"]}) for item in found]}


def update_service_network(account: Account, given: Item) -> Item:
    network = account.find("servicenetwork", given["serviceNetworkIdentifier"])
    return account.update(network, authType=given["authType"])


def delete_service_network(account: Account, given: Item) -> Item:
    """Only when no services, VPCs or resource configurations are associated with it."""
    network = account.find("servicenetwork", given["serviceNetworkIdentifier"])
    for kind in _ASSOCIATIONS:
        for association in account.where(kind, serviceNetworkId=network["id"]):
            raise conflict(f"service network {network['id']} has associations", kind, association["id"])
    return account.remove("servicenetwork", network)


def create_service(account: Account, given: Item) -> Item:
    """A name is unique within the account."""
    account.must_be_new("service", given["name"])
    defaults = {"authType": "NONE", "idleTimeoutSeconds": 60}
    service = account.add("service", {**defaults, **given}, status="ACTIVE")
    domain = f"{given['name']}-{service['id'][4:]}.7d67968.vpc-lattice-svcs.{account.region}.on.aws"
    return account.update(service, dnsEntry={"domainName": domain, "hostedZoneId": "Z0123456789EXAMPLE"})


def get_service(account: Account, given: Item) -> Item:
    return account.find("service", given["serviceIdentifier"])


def list_services(account: Account, given: Item) -> Item:
    return {"items": account.where("service")}


def update_service(account: Account, given: Item) -> Item:
    """The name and the custom domain stay as they are: the operation has no field for them."""
    fields = {name: given.get(name) for name in ("authType", "certificateArn", "idleTimeoutSeconds")}
    return account.update(get_service(account, given), **fields)


def delete_service(account: Account, given: Item) -> Item:
    """Not while it is associated with a network; its listeners, rules, policies and logs go with it."""
    service = get_service(account, given)
    for association in account.where("servicenetworkserviceassociation", serviceId=service["id"]):
        raise conflict(f"service {service['id']} is associated with a service network", "service", association["id"])
    for kind in ("rule", "listener"):
        for item in account.where(kind, serviceId=service["id"]):
            account.remove(kind, item)
    return {**account.remove("service", service), "status": "DELETE_IN_PROGRESS"}


def create_service_network_service_association(account: Account, given: Item) -> Item:
    """Not when the two are associated already; 500 services in a network (L-75D4A19E)."""
    kind = "servicenetworkserviceassociation"
    network = account.find("servicenetwork", given["serviceNetworkIdentifier"])
    service = account.find("service", given["serviceIdentifier"])
    for other in account.where(kind, serviceNetworkId=network["id"], serviceId=service["id"]):
        raise conflict(f"service {service['id']} is already associated with {network['id']}", kind, other["id"])
    account.must_fit(kind, len(account.where(kind, serviceNetworkId=network["id"])) + 1, 500, "L-75D4A19E")
    fields = {name: service.get(name) for name in ("dnsEntry", "customDomainName")}
    return account.add(kind, {**_of("service", service), **_of("serviceNetwork", network), **fields, **_made(given)})


def get_service_network_service_association(account: Account, given: Item) -> Item:
    identifier = given["serviceNetworkServiceAssociationIdentifier"]
    return account.find("servicenetworkserviceassociation", identifier)


def list_service_network_service_associations(account: Account, given: Item) -> Item:
    return {"items": _listed(account, "servicenetworkserviceassociation", given)}


def delete_service_network_service_association(account: Account, given: Item) -> Item:
    return _deleted(account, "servicenetworkserviceassociation", given["serviceNetworkServiceAssociationIdentifier"])


def create_service_network_vpc_association(account: Account, given: Item) -> Item:
    """One for each VPC, whatever the network: aws-application-networking-k8s, docs/guides/service-network-endpoint.md
    and issue #984, which has AWS's words. 500 in a network (L-EF6E2D62); five security groups (L-CA6A1CC5).
    """
    kind = "servicenetworkvpcassociation"
    network = account.find("servicenetwork", given["serviceNetworkIdentifier"])
    for other in account.where(kind, vpcId=given["vpcIdentifier"]):
        raise conflict("VPC has already been associated to a service network", kind, other["id"])
    account.must_fit(kind, len(account.where(kind, serviceNetworkId=network["id"])) + 1, 500, "L-EF6E2D62")
    defaults = {"securityGroupIds": [], "privateDnsEnabled": False}
    fields = {**defaults, **given, **_of("serviceNetwork", network), **_made(given)}
    return account.add(kind, fields, vpcId=given["vpcIdentifier"])


def get_service_network_vpc_association(account: Account, given: Item) -> Item:
    return account.find("servicenetworkvpcassociation", given["serviceNetworkVpcAssociationIdentifier"])


def list_service_network_vpc_associations(account: Account, given: Item) -> Item:
    return {"items": _listed(account, "servicenetworkvpcassociation", given)}


def update_service_network_vpc_association(account: Account, given: Item) -> Item:
    """From some security groups to none leads only a new association: the list has one entry at least."""
    fields = {name: given.get(name) for name in ("securityGroupIds", "privateDnsEnabled", "dnsOptions")}
    return account.update(get_service_network_vpc_association(account, given), **fields)


def delete_service_network_vpc_association(account: Account, given: Item) -> Item:
    return _deleted(account, "servicenetworkvpcassociation", given["serviceNetworkVpcAssociationIdentifier"])


def create_service_network_resource_association(account: Account, given: Item) -> Item:
    """Not when the two are associated already; 500 in a network (L-6095700C)."""
    kind = "servicenetworkresourceassociation"
    network = account.find("servicenetwork", given["serviceNetworkIdentifier"])
    resource = account.find("resourceconfiguration", given["resourceConfigurationIdentifier"])
    if resource["type"] == "CHILD":
        raise invalid(f"{resource['id']} is a CHILD: its group is what is associated with a network")
    for other in account.where(kind, serviceNetworkId=network["id"], resourceConfigurationId=resource["id"]):
        raise conflict(f"{resource['id']} is already associated with {network['id']}", kind, other["id"])
    account.must_fit(kind, len(account.where(kind, serviceNetworkId=network["id"])) + 1, 500, "L-6095700C")
    fields = {**_of("resourceConfiguration", resource), **_of("serviceNetwork", network), **_made(given)}
    return account.add(kind, {"privateDnsEnabled": False, **given, **fields})


def get_service_network_resource_association(account: Account, given: Item) -> Item:
    identifier = given["serviceNetworkResourceAssociationIdentifier"]
    return account.find("servicenetworkresourceassociation", identifier)


def list_service_network_resource_associations(account: Account, given: Item) -> Item:
    return {"items": _listed(account, "servicenetworkresourceassociation", given)}


def delete_service_network_resource_association(account: Account, given: Item) -> Item:
    return _deleted(account, "servicenetworkresourceassociation", given["serviceNetworkResourceAssociationIdentifier"])


def list_service_network_vpc_endpoint_associations(account: Account, given: Item) -> Item:
    """None: VPC endpoints are EC2's."""
    account.find("servicenetwork", given["serviceNetworkIdentifier"])
    return {"items": []}


def _of(name: str, item: Item) -> dict[str, Any]:
    return {f"{name}Id": item["id"], f"{name}Name": item["name"], f"{name}Arn": item["arn"]}


def _made(given: Item) -> dict[str, Any]:
    return {"status": "ACTIVE", "createdBy": ACCOUNT_ID, "tags": given.get("tags", {})}


def _listed(account: Account, kind: str, given: Item) -> list[Item]:
    wanted = {
        "serviceNetworkId": "serviceNetworkIdentifier",
        "serviceId": "serviceIdentifier",
        "resourceConfigurationId": "resourceConfigurationIdentifier",
        "vpcId": "vpcIdentifier",
    }
    ids = {field: given[name].rsplit("/", 1)[-1] for field, name in wanted.items() if name in given}
    return account.where(kind, **ids)


def _deleted(account: Account, kind: str, identifier: str) -> Item:
    return {**account.remove(kind, account.find(kind, identifier)), "status": "DELETE_IN_PROGRESS"}
