"""Resource gateways and resource configurations: a name, an address or a database, reached through a service network.

A function is the operation of its name, in snake case. Facts are botocore's service model's, unless a source is named.
"""

from tests.servers.aws_account import Account, Item, conflict, invalid


def create_resource_gateway(account: Account, given: Item) -> Item:
    """A name is unique; 500 gateways in a VPC (L-0DCA4434)."""
    account.must_be_new("resourcegateway", given["name"])
    vpc = given["vpcIdentifier"]
    account.must_fit("resourcegateway", len(account.where("resourcegateway", vpcId=vpc)) + 1, 500, "L-0DCA4434")
    defaults = {"ipAddressType": "IPV4", "ipv4AddressesPerEni": 16, "resourceConfigDnsResolution": "PUBLIC"}
    return account.add("resourcegateway", {**defaults, "securityGroupIds": [], **given}, vpcId=vpc, status="ACTIVE")


def get_resource_gateway(account: Account, given: Item) -> Item:
    return account.find("resourcegateway", given["resourceGatewayIdentifier"])


def list_resource_gateways(account: Account, given: Item) -> Item:
    return {"items": account.where("resourcegateway")}


def update_resource_gateway(account: Account, given: Item) -> Item:
    fields = {name: given.get(name) for name in ("securityGroupIds", "resourceConfigDnsResolution")}
    return account.update(get_resource_gateway(account, given), **fields)


def delete_resource_gateway(account: Account, given: Item) -> Item:
    """Not while a resource configuration uses it."""
    gateway = get_resource_gateway(account, given)
    for user in account.where("resourceconfiguration", resourceGatewayId=gateway["id"]):
        raise conflict(f"resource gateway {gateway['id']} is in use by {user['id']}", "resourcegateway", gateway["id"])
    return {**account.remove("resourcegateway", gateway), "status": "DELETE_IN_PROGRESS"}


def create_resource_configuration(account: Account, given: Item) -> Item:
    """A name is unique within the account; a CHILD is in a GROUP, which has 60 (L-9BC96FEF), and uses its gateway."""
    account.must_be_new("resourceconfiguration", given["name"])
    fields = {"status": "ACTIVE", "allowAssociationToShareableServiceNetwork": False, "protocol": "TCP", **given}
    if given["type"] == "CHILD":
        if "resourceConfigurationGroupIdentifier" not in given:
            raise invalid("a CHILD needs resourceConfigurationGroupIdentifier")
        group = account.find("resourceconfiguration", given["resourceConfigurationGroupIdentifier"])
        children = account.where("resourceconfiguration", resourceConfigurationGroupId=group["id"])
        account.must_fit("resourceconfiguration", len(children) + 1, 60, "L-9BC96FEF")
        owner = {"resourceConfigurationGroupId": group["id"], "resourceGatewayId": group["resourceGatewayId"]}
        return account.add("resourceconfiguration", fields, **owner)
    if given["type"] == "ARN":
        return account.add("resourceconfiguration", fields)
    if "resourceGatewayIdentifier" not in given:
        raise invalid(f"a resource configuration of type {given['type']} needs resourceGatewayIdentifier")
    gateway = account.find("resourcegateway", given["resourceGatewayIdentifier"])
    return account.add("resourceconfiguration", fields, resourceGatewayId=gateway["id"])


def get_resource_configuration(account: Account, given: Item) -> Item:
    return account.find("resourceconfiguration", given["resourceConfigurationIdentifier"])


def list_resource_configurations(account: Account, given: Item) -> Item:
    wanted = {
        "resourceGatewayId": given.get("resourceGatewayIdentifier"),
        "resourceConfigurationGroupId": given.get("resourceConfigurationGroupIdentifier"),
    }
    return {"items": account.where("resourceconfiguration", **wanted)}


def update_resource_configuration(account: Account, given: Item) -> Item:
    names = ("resourceConfigurationDefinition", "allowAssociationToShareableServiceNetwork", "portRanges")
    fields = {name: given.get(name) for name in names}
    return account.update(get_resource_configuration(account, given), **fields)


def delete_resource_configuration(account: Account, given: Item) -> Item:
    """Not while it is associated with a network or has children."""
    item = get_resource_configuration(account, given)
    users = [
        *account.where("servicenetworkresourceassociation", resourceConfigurationId=item["id"]),
        *account.where("resourceconfiguration", resourceConfigurationGroupId=item["id"]),
    ]
    for user in users:
        raise conflict(f"{item['id']} is in use by {user['id']}", "resourceconfiguration", item["id"])
    return account.remove("resourceconfiguration", item)
