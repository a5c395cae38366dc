"""Listeners, their rules, target groups and targets.

A function is the operation of its name, in snake case. Facts are botocore's service model's, unless a source is named.
"""

from typing import Any

from tests.servers.aws_account import Account, Item, conflict, invalid

_PORTS = {"HTTP": 80, "HTTPS": 443, "TLS_PASSTHROUGH": 443}


def create_listener(account: Account, given: Item) -> Item:
    """A name is unique within the service, which has two listeners (L-D64E952E). It brings its default rule."""
    service = account.find("service", given["serviceIdentifier"])
    account.must_be_new("listener", given["name"], serviceId=service["id"])
    account.must_fit("listener", len(account.where("listener", serviceId=service["id"])) + 1, 2, "L-D64E952E")
    _check_action(account, service, given["protocol"], given["defaultAction"])
    fields = {"serviceId": service["id"], "serviceArn": service["arn"]}
    port = {"port": _PORTS[given["protocol"]]}
    listener = account.add("listener", {**port, **given}, under=f"service/{service['id']}/", **fields)
    default = {"name": "default", "isDefault": True, "action": given["defaultAction"]}
    _add_rule(account, listener, default)
    return listener


def get_listener(account: Account, given: Item) -> Item:
    service = account.find("service", given["serviceIdentifier"])
    listener = account.find("listener", given["listenerIdentifier"])
    return listener if listener["serviceId"] == service["id"] else account.find("listener", "of another service")


def list_listeners(account: Account, given: Item) -> Item:
    service = account.find("service", given["serviceIdentifier"])
    return {"items": account.where("listener", serviceId=service["id"])}


def update_listener(account: Account, given: Item) -> Item:
    """The default action alone: name, protocol and port stay."""
    listener = get_listener(account, given)
    service = account.find("service", listener["serviceId"])
    _check_action(account, service, listener["protocol"], given["defaultAction"])
    for rule in account.where("rule", listenerId=listener["id"], isDefault=True):
        account.update(rule, action=given["defaultAction"])
    return account.update(listener, defaultAction=given["defaultAction"])


def delete_listener(account: Account, given: Item) -> Item:
    """Its rules go with it."""
    listener = get_listener(account, given)
    for rule in account.where("rule", listenerId=listener["id"]):
        account.remove("rule", rule)
    return account.remove("listener", listener)


def create_rule(account: Account, given: Item) -> Item:
    """Name and priority are unique within the listener, which has ten rules (L-CF78395E).

    A TLS_PASSTHROUGH listener has its default rule only: VPC Lattice user guide, tls-listeners.
    """
    listener = get_listener(account, given)
    if listener["protocol"] == "TLS_PASSTHROUGH":
        raise invalid("a TLS_PASSTHROUGH listener has no rule but its default rule")
    account.must_be_new("rule", given["name"], listenerId=listener["id"])
    _check_priority(account, listener, given["priority"])
    own = account.where("rule", listenerId=listener["id"], isDefault=False)
    account.must_fit("rule", len(own) + 1, 10, "L-CF78395E")
    service = account.find("service", listener["serviceId"])
    _check_action(account, service, listener["protocol"], given["action"])
    return _add_rule(account, listener, {**given, "isDefault": False})


def get_rule(account: Account, given: Item) -> Item:
    listener = get_listener(account, given)
    rule = account.find("rule", given["ruleIdentifier"])
    return rule if rule["listenerId"] == listener["id"] else account.find("rule", "of another listener")


def list_rules(account: Account, given: Item) -> Item:
    return {"items": account.where("rule", listenerId=get_listener(account, given)["id"])}


def update_rule(account: Account, given: Item) -> Item:
    """Not the default rule: that is `update_listener`'s."""
    rule = _own_rule(account, given)
    listener = account.find("listener", rule["listenerId"])
    if given.get("priority", rule["priority"]) != rule["priority"]:
        _check_priority(account, listener, given["priority"])
    if "action" in given:
        service = account.find("service", rule["serviceId"])
        _check_action(account, service, listener["protocol"], given["action"])
    return account.update(rule, **{name: given.get(name) for name in ("match", "priority", "action")})


def delete_rule(account: Account, given: Item) -> Item:
    """Not the default rule."""
    return account.remove("rule", _own_rule(account, given))


def create_target_group(account: Account, given: Item) -> Item:
    """A name is unique within the account; what its type doesn't support isn't taken."""
    account.must_be_new("targetgroup", given["name"])
    account.must_fit("targetgroup", len(account.where("targetgroup")) + 1, 500, "L-BB11C6B9")
    kind, config = given["type"], given.get("config", {})
    refused = {
        "LAMBDA": ("port", "protocol", "protocolVersion", "vpcIdentifier", "healthCheck"),
        "ALB": ("healthCheck",),
    }
    for name in refused.get(kind, ()):
        if name in config:
            raise invalid(f"config.{name} is not supported when the target group's type is {kind}")
    if kind != "LAMBDA" and not {"protocol", "vpcIdentifier"} <= set(config):
        raise invalid(f"config.protocol and config.vpcIdentifier are required when the target group's type is {kind}")
    return account.add("targetgroup", given, config=_with_defaults(kind, config), status="ACTIVE")


def get_target_group(account: Account, given: Item) -> Item:
    group = account.find("targetgroup", given["targetGroupIdentifier"])
    return {**group, "serviceArns": _users(account, group)}


def list_target_groups(account: Account, given: Item) -> Item:
    groups = [
        {**group["config"], **group, "serviceArns": _users(account, group)}
        for group in account.where("targetgroup", type=given.get("targetGroupType"))
    ]
    vpc = given.get("vpcIdentifier")
    return {"items": [group for group in groups if vpc in (None, group.get("vpcIdentifier"))]}


def update_target_group(account: Account, given: Item) -> Item:
    """The health check alone."""
    group = account.find("targetgroup", given["targetGroupIdentifier"])
    if group["type"] in ("LAMBDA", "ALB"):
        raise invalid(f"healthCheck is not supported when the target group's type is {group['type']}")
    check = {**group["config"].get("healthCheck", {}), **given["healthCheck"]}
    return account.update(group, config={**group["config"], "healthCheck": check})


def delete_target_group(account: Account, given: Item) -> Item:
    """Not while a rule uses it, a listener's default rule included."""
    group = account.find("targetgroup", given["targetGroupIdentifier"])
    if users := _users(account, group):
        raise conflict(f"target group {group['id']} is in use by {users[0]}", "targetgroup", group["id"])
    return {**account.remove("targetgroup", group), "status": "DELETE_IN_PROGRESS"}


def register_targets(account: Account, given: Item) -> Item:
    """1,000 targets in a group (L-D71303F3), one in a group of type LAMBDA or ALB."""
    group = account.find("targetgroup", given["targetGroupIdentifier"])
    kept = account.targets.setdefault(group["id"], [])
    new = [_target(group, target) for target in given["targets"]]
    new = [target for target in new if target not in kept]
    one = group["type"] in ("LAMBDA", "ALB")
    account.must_fit("target", len(kept) + len(new), 1 if one else 1000, "L-D71303F3")
    kept += new
    return {"successful": given["targets"], "unsuccessful": []}


def list_targets(account: Account, given: Item) -> Item:
    """Targets of a group that nothing uses are UNUSED; the others are healthy where anything looks at them."""
    group = account.find("targetgroup", given["targetGroupIdentifier"])
    checked = group["config"].get("healthCheck", {}).get("enabled", False)
    status = ("HEALTHY" if checked else "UNAVAILABLE") if _users(account, group) else "UNUSED"
    wanted = [_target(group, target) for target in given.get("targets", [])]
    kept = account.targets.get(group["id"], [])
    return {"items": [{**target, "status": status} for target in kept if not wanted or target in wanted]}


def deregister_targets(account: Account, given: Item) -> Item:
    group = account.find("targetgroup", given["targetGroupIdentifier"])
    gone = [_target(group, target) for target in given["targets"]]
    kept = account.targets.get(group["id"], [])
    account.targets[group["id"]] = [target for target in kept if target not in gone]
    known = [target for target in gone if target in kept]
    unknown = [{**target, "failureCode": "TargetNotFound"} for target in gone if target not in kept]
    return {"successful": known, "unsuccessful": unknown}


def _add_rule(account: Account, listener: Item, given: Item) -> Item:
    under = f"service/{listener['serviceId']}/listener/{listener['id']}/"
    return account.add("rule", given, under=under, listenerId=listener["id"], serviceId=listener["serviceId"])


def _own_rule(account: Account, given: Item) -> Item:
    rule = get_rule(account, given)
    if rule["isDefault"]:
        raise invalid("the default rule is the listener's: it is neither updated nor deleted by itself")
    return rule


def _check_priority(account: Account, listener: Item, priority: int) -> None:
    for other in account.where("rule", listenerId=listener["id"], priority=priority):
        raise conflict(f"priority {priority} is already in use by rule {other['id']}", "rule", other["id"])


def _check_action(account: Account, service: Item, protocol: str, action: Item) -> None:
    """A target group is for one service alone; a service has ten (L-3DEC3B9F).

    TLS_PASSTHROUGH needs a custom domain and forwards to TCP groups: VPC Lattice user guide, tls-listeners.
    """
    groups = [account.find("targetgroup", identifier) for identifier in _groups(action)]
    for group in groups:
        for user in _users(account, group):
            if user != service["arn"]:
                raise conflict(f"target group {group['id']} is already in use by {user}", "targetgroup", group["id"])
    if protocol == "TLS_PASSTHROUGH":
        if not service.get("customDomainName"):
            raise invalid("a service with a TLS_PASSTHROUGH listener needs a custom domain name")
        if not groups or any(group["config"].get("protocol") != "TCP" for group in groups):
            raise invalid("a TLS_PASSTHROUGH listener forwards to target groups of protocol TCP")
    used = {group["id"] for group in account.where("targetgroup") if service["arn"] in _users(account, group)}
    account.must_fit("targetgroup", len(used | {group["id"] for group in groups}), 10, "L-3DEC3B9F")


def _groups(action: Item) -> list[str]:
    return [entry["targetGroupIdentifier"] for entry in action.get("forward", {}).get("targetGroups", [])]


def _users(account: Account, group: Item) -> list[str]:
    """ARNs of the services whose rules forward to a group."""
    names = {group["id"], group["arn"]}
    ids = {rule["serviceId"] for rule in account.where("rule") if names & set(_groups(rule["action"]))}
    return sorted(account.find("service", service_id)["arn"] for service_id in ids)


def _target(group: Item, target: Item) -> Item:
    if group["type"] == "LAMBDA":
        return dict(target)
    return {"id": target["id"], "port": target.get("port", group["config"]["port"])}


def _with_defaults(kind: str, config: Item) -> dict[str, Any]:
    """Health checks are on for HTTP1 alone: VPC Lattice user guide, target-group-health-checks."""
    if kind == "LAMBDA":
        return {"lambdaEventStructureVersion": "V1", **config}
    given = {"port": 80 if config["protocol"] == "HTTP" else 443, **config}
    if config["protocol"] != "TCP":
        given.setdefault("protocolVersion", "HTTP1")
    if kind == "ALB":
        return given
    check = {
        "enabled": given.get("protocolVersion") == "HTTP1",
        "healthCheckIntervalSeconds": 30,
        "healthCheckTimeoutSeconds": 5,
        "healthyThresholdCount": 5,
        "unhealthyThresholdCount": 2,
    }
    return {**given, "healthCheck": {**check, **given.get("healthCheck", {})}}
