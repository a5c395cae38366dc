"""Auth policies, resource policies, access logs and tags.

A function is the operation of its name, in snake case. Facts are botocore's service model's, unless a source is named.
"""

import json

from tests.servers.aws_account import Account, Item, LatticeError, conflict, invalid

_POLICY_BYTES = 10 * 1024
"""Auth policy size, not adjustable: AWS general reference, VPC Lattice endpoints and quotas."""
_GUARDED = ("servicenetwork", "service")
_LOGGED = (*_GUARDED, "resourceconfiguration")


def put_auth_policy(account: Account, given: Item) -> Item:
    """JSON without newlines, 10 KB at most; inactive where the auth type is NONE."""
    item, policy = account.either(_GUARDED, given["resourceIdentifier"]), given["policy"]
    if "\n" in policy or "\r" in policy:
        raise invalid("the policy must not contain newlines or blank lines")
    if len(policy.encode()) > _POLICY_BYTES:
        raise invalid(f"the policy has {len(policy.encode())} bytes, more than {_POLICY_BYTES}")
    try:
        json.loads(policy)
    except ValueError as error:
        raise invalid(f"the policy is not JSON: {error}") from error
    times = {name: item[name] for name in ("createdAt", "lastUpdatedAt")}
    account.auth_policies[item["arn"]] = {"policy": policy, **times}
    return get_auth_policy(account, given)


def get_auth_policy(account: Account, given: Item) -> Item:
    item = account.either(_GUARDED, given["resourceIdentifier"])
    policy = account.auth_policies.get(item["arn"])
    if policy is None:
        raise _no_policy(item["arn"])
    return {**policy, "state": "Active" if item["authType"] == "AWS_IAM" else "Inactive"}


def delete_auth_policy(account: Account, given: Item) -> Item:
    get_auth_policy(account, given)
    return account.auth_policies.pop(account.either(_GUARDED, given["resourceIdentifier"])["arn"])


def put_resource_policy(account: Account, given: Item) -> Item:
    account.resource_policies[account.either(_LOGGED, given["resourceArn"])["arn"]] = given["policy"]
    return {}


def get_resource_policy(account: Account, given: Item) -> Item:
    if given["resourceArn"] not in account.resource_policies:
        raise _no_policy(given["resourceArn"])
    return {"policy": account.resource_policies[given["resourceArn"]]}


def delete_resource_policy(account: Account, given: Item) -> Item:
    get_resource_policy(account, given)
    del account.resource_policies[given["resourceArn"]]
    return {}


def create_access_log_subscription(account: Account, given: Item) -> Item:
    """One for each type of destination and of log: VPC Lattice user guide, monitoring-access-logs."""
    item = account.either(_LOGGED, given["resourceIdentifier"])
    kind, wanted = given.get("serviceNetworkLogType", "SERVICE"), given["destinationArn"].split(":")[2]
    for other in account.where("accesslogsubscription", resourceArn=item["arn"], serviceNetworkLogType=kind):
        if other["destinationArn"].split(":")[2] == wanted:
            raise conflict(f"{item['id']} already logs to {wanted}", "accesslogsubscription", other["id"])
    fields = {"resourceId": item["id"], "resourceArn": item["arn"], "serviceNetworkLogType": kind}
    return account.add("accesslogsubscription", given, **fields)


def get_access_log_subscription(account: Account, given: Item) -> Item:
    return account.find("accesslogsubscription", given["accessLogSubscriptionIdentifier"])


def list_access_log_subscriptions(account: Account, given: Item) -> Item:
    item = account.either(_LOGGED, given["resourceIdentifier"])
    return {"items": account.where("accesslogsubscription", resourceArn=item["arn"])}


def update_access_log_subscription(account: Account, given: Item) -> Item:
    return account.update(get_access_log_subscription(account, given), destinationArn=given["destinationArn"])


def delete_access_log_subscription(account: Account, given: Item) -> Item:
    return account.remove("accesslogsubscription", get_access_log_subscription(account, given))


def tag_resource(account: Account, given: Item) -> Item:
    _tags(account, given).update(given["tags"])
    return {}


def untag_resource(account: Account, given: Item) -> Item:
    for key in given["tagKeys"]:
        _tags(account, given).pop(key, None)
    return {}


def list_tags_for_resource(account: Account, given: Item) -> Item:
    return {"tags": _tags(account, given)}


def _tags(account: Account, given: Item) -> dict[str, str]:
    if given["resourceArn"] not in account.tags:
        raise LatticeError(
            "ResourceNotFoundException",
            f"{given['resourceArn']} not found",
            resourceType="resource",
            resourceId=given["resourceArn"],
        )
    return account.tags[given["resourceArn"]]


def _no_policy(arn: str) -> LatticeError:
    return LatticeError("ResourceNotFoundException", f"{arn} has no policy", resourceType="policy", resourceId=arn)
