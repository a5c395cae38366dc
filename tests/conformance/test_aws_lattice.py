"""AWS's rules for VPC Lattice, one test each, through boto3. The rule's source is in the test's docstring.

"API" is botocore's service model of vpc-lattice (its constraints and its documentation of the operation), "quotas" the
AWS general reference's page of VPC Lattice endpoints and quotas, "guide" the VPC Lattice user guide.
"""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.servers.aws import Aws

VPC, OTHER_VPC = "vpc-0123456789abcdef0", "vpc-0123456789abcdef1"
FIXED = {"fixedResponse": {"statusCode": 404}}
EVERYTHING = {"httpMatch": {"pathMatch": {"match": {"prefix": "/"}}}}


@pytest.fixture
def lattice(aws: Aws) -> Any:
    return aws.client("vpc-lattice")


def refused(code: str, words: str = "") -> AbstractContextManager[Any]:
    """The call fails with this exception, as AWS names it, and these words."""
    return pytest.raises(ClientError, match=rf"\({code}\).*{words}")


def network(lattice: Any, name: str = "shop") -> str:
    return str(lattice.create_service_network(name=name)["id"])


def service(lattice: Any, name: str = "cart", **more: str) -> str:
    return str(lattice.create_service(name=name, **more)["id"])


def listener(lattice: Any, of: str, name: str = "https", **more: Any) -> str:
    given = {"protocol": "HTTPS", "defaultAction": FIXED, **more}
    return str(lattice.create_listener(serviceIdentifier=of, name=name, **given)["id"])


def group(lattice: Any, name: str = "cart-pods", kind: str = "IP", **config: Any) -> str:
    given = {"config": {"protocol": "HTTP", "vpcIdentifier": VPC, **config}} if kind != "LAMBDA" else {}
    return str(lattice.create_target_group(name=name, type=kind, **given)["id"])


def rule(lattice: Any, of: str, on: str, priority: int = 10, **more: Any) -> str:
    given = {"name": f"rule{priority}", "match": EVERYTHING, "action": FIXED, **more}
    arguments = {"serviceIdentifier": of, "listenerIdentifier": on, "priority": priority, **given}
    return str(lattice.create_rule(**arguments)["id"])


def forward(*groups: str) -> dict[str, Any]:
    return {"forward": {"targetGroups": [{"targetGroupIdentifier": name, "weight": 1} for name in groups]}}


def test_a_vpc_has_one_association_whatever_the_network(lattice: Any) -> None:
    """aws-application-networking-k8s, docs/guides/service-network-endpoint.md and issue #984."""
    first, second = network(lattice, "shop"), network(lattice, "bank")
    made = lattice.create_service_network_vpc_association(serviceNetworkIdentifier=first, vpcIdentifier=VPC)
    with refused("ConflictException", "VPC has already been associated to a service network") as caught:
        lattice.create_service_network_vpc_association(serviceNetworkIdentifier=second, vpcIdentifier=VPC)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    lattice.create_service_network_vpc_association(serviceNetworkIdentifier=second, vpcIdentifier=OTHER_VPC)
    (listed,) = lattice.list_service_network_vpc_associations(vpcIdentifier=VPC)["items"]
    assert listed["serviceNetworkName"] == "shop"
    assert lattice.get_service_network(serviceNetworkIdentifier=first)["numberOfAssociatedVPCs"] == 1
    gone = {"serviceNetworkVpcAssociationIdentifier": made["arn"]}
    assert lattice.delete_service_network_vpc_association(**gone)["status"] == "DELETE_IN_PROGRESS"
    with refused("ResourceNotFoundException"):
        lattice.get_service_network_vpc_association(**gone)
    lattice.create_service_network_vpc_association(serviceNetworkIdentifier=second, vpcIdentifier=VPC)


def test_security_groups_of_an_association_are_changed_but_never_taken_away(lattice: Any) -> None:
    """API: UpdateServiceNetworkVpcAssociation."""
    made = lattice.create_service_network_vpc_association(
        serviceNetworkIdentifier=network(lattice), vpcIdentifier=VPC, securityGroupIds=["sg-0123456789abcdef0"]
    )
    which = {"serviceNetworkVpcAssociationIdentifier": made["id"]}
    lattice.update_service_network_vpc_association(**which, securityGroupIds=["sg-0123456789abcdef1"])
    kept = lattice.get_service_network_vpc_association(**which)
    assert kept["securityGroupIds"] == ["sg-0123456789abcdef1"]
    with refused("ValidationException", "securityGroupIds"):
        lattice.update_service_network_vpc_association(**which, securityGroupIds=[])


def test_an_association_has_five_security_groups(lattice: Any) -> None:
    """Quotas: L-CA6A1CC5, not adjustable; API: CreateServiceNetworkVpcAssociation."""
    groups = [f"sg-0123456789abcdef{number}" for number in range(6)]
    given = {"serviceNetworkIdentifier": network(lattice), "vpcIdentifier": VPC}
    with refused("ValidationException", "securityGroupIds"):
        lattice.create_service_network_vpc_association(**given, securityGroupIds=groups)
    lattice.create_service_network_vpc_association(**given, securityGroupIds=groups[:5])


def test_a_priority_is_unique_within_its_listener(lattice: Any) -> None:
    """API: CreateRule.priority."""
    cart = service(lattice)
    https, http = listener(lattice, cart), listener(lattice, cart, "http", protocol="HTTP")
    rule(lattice, cart, https, 10)
    rule(lattice, cart, http, 10)
    other = rule(lattice, cart, https, 20)
    with refused("ConflictException", "priority 10"):
        rule(lattice, cart, https, 10, name="again")
    which = {"serviceIdentifier": cart, "listenerIdentifier": https, "ruleIdentifier": other}
    with refused("ConflictException", "priority 10"):
        lattice.update_rule(**which, priority=10)
    lattice.update_rule(**which, priority=30, action={"fixedResponse": {"statusCode": 500}})
    kept = lattice.get_rule(**which)
    assert (kept["priority"], kept["action"]["fixedResponse"], kept["isDefault"]) == (30, {"statusCode": 500}, False)


def test_names_are_unique(lattice: Any) -> None:
    """API: the field `name` of each Create operation says so."""
    cart, bank = service(lattice), service(lattice, "bank")
    https = listener(lattice, cart)
    listener(lattice, bank)
    rule(lattice, cart, https, 1, name="first")
    makers: dict[str, Callable[[], object]] = {
        "service": lambda: service(lattice),
        "servicenetwork": lambda: (network(lattice), network(lattice)),
        "listener": lambda: listener(lattice, cart),
        "rule": lambda: rule(lattice, cart, https, 2, name="first"),
        "targetgroup": lambda: (group(lattice), group(lattice)),
    }
    for kind, make in makers.items():
        with refused("ConflictException", f"{kind} with name") as caught:
            make()
        assert caught.value.response["resourceType"] == kind


@pytest.mark.parametrize("name", ["Cart", "-cart", "cart-", "ca--rt", "svc-cart", "c" * 41, "cart_1"])
def test_names_have_a_pattern_and_a_length(lattice: Any, name: str) -> None:
    """API: CreateService.name; boto3 checks neither pattern nor greatest length."""
    with refused("ValidationException", "'name'"):
        lattice.create_service(name=name)


@pytest.mark.parametrize(
    ("field", "value"),
    [("authType", "IAM"), ("idleTimeoutSeconds", 601), ("customDomainName", "c" * 256)],
)
def test_values_are_within_the_limits_of_the_model(lattice: Any, field: str, value: object) -> None:
    """API: constraints of CreateService."""
    with refused("ValidationException", field):
        lattice.create_service(name="cart", **{field: value})


def test_a_target_group_is_for_one_service(lattice: Any) -> None:
    """API: CreateTargetGroup, "can only be used by a single service"."""
    cart, bank, pods = service(lattice), service(lattice, "bank"), group(lattice)
    https = listener(lattice, cart, defaultAction=forward(pods))
    rule(lattice, cart, https, action=forward(pods))
    other = listener(lattice, bank)
    for use in (
        lambda: listener(lattice, bank, "http", protocol="HTTP", defaultAction=forward(pods)),
        lambda: rule(lattice, bank, other, action=forward(pods)),
        lambda: lattice.update_listener(serviceIdentifier=bank, listenerIdentifier=other, defaultAction=forward(pods)),
    ):
        with refused("ConflictException", f"{pods} is already in use by arn:.*{cart}"):
            use()
    users = lattice.get_target_group(targetGroupIdentifier=pods)["serviceArns"]
    assert [arn.rsplit("/", 1)[1] for arn in users] == [cart]


def test_a_target_group_in_use_is_not_deleted(lattice: Any) -> None:
    """API: DeleteTargetGroup."""
    cart, pods = service(lattice), group(lattice)
    https = listener(lattice, cart, defaultAction=forward(pods))
    with refused("ConflictException", "in use"):
        lattice.delete_target_group(targetGroupIdentifier=pods)
    lattice.update_listener(serviceIdentifier=cart, listenerIdentifier=https, defaultAction=FIXED)
    assert lattice.delete_target_group(targetGroupIdentifier=pods)["status"] == "DELETE_IN_PROGRESS"
    with refused("ResourceNotFoundException"):
        lattice.get_target_group(targetGroupIdentifier=pods)


def test_a_service_with_associations_is_not_deleted(lattice: Any) -> None:
    """API: DeleteService, which takes listeners and rules along."""
    cart = service(lattice)
    https = listener(lattice, cart)
    rule(lattice, cart, https)
    given = {"serviceIdentifier": cart, "serviceNetworkIdentifier": network(lattice)}
    made = lattice.create_service_network_service_association(**given)
    with refused("ConflictException", "is associated"):
        lattice.delete_service(serviceIdentifier=cart)
    which = {"serviceNetworkServiceAssociationIdentifier": made["id"]}
    assert lattice.get_service_network_service_association(**which)["serviceName"] == "cart"
    lattice.delete_service_network_service_association(**which)
    lattice.delete_service(serviceIdentifier=cart)
    assert lattice.list_services()["items"] == []
    again = service(lattice)
    with refused("ResourceNotFoundException"):
        lattice.get_listener(serviceIdentifier=again, listenerIdentifier=https)


def test_a_network_with_associations_is_not_deleted(lattice: Any) -> None:
    """API: DeleteServiceNetwork."""
    shop, cart = network(lattice), service(lattice)
    vpc = lattice.create_service_network_vpc_association(serviceNetworkIdentifier=shop, vpcIdentifier=VPC)
    of_cart = lattice.create_service_network_service_association(serviceNetworkIdentifier=shop, serviceIdentifier=cart)
    with refused("ConflictException", "has associations"):
        lattice.delete_service_network(serviceNetworkIdentifier=shop)
    lattice.delete_service_network_vpc_association(serviceNetworkVpcAssociationIdentifier=vpc["id"])
    with refused("ConflictException", "has associations"):
        lattice.delete_service_network(serviceNetworkIdentifier=shop)
    lattice.delete_service_network_service_association(serviceNetworkServiceAssociationIdentifier=of_cart["id"])
    lattice.delete_service_network(serviceNetworkIdentifier=shop)
    assert lattice.list_service_networks()["items"] == []


def test_a_service_is_associated_once_with_a_network_and_with_several_networks(lattice: Any) -> None:
    """API: CreateServiceNetworkServiceAssociation."""
    cart, shop, bank = service(lattice), network(lattice), network(lattice, "bank")
    lattice.create_service_network_service_association(serviceIdentifier=cart, serviceNetworkIdentifier=shop)
    with refused("ConflictException", "already associated"):
        lattice.create_service_network_service_association(serviceIdentifier=cart, serviceNetworkIdentifier=shop)
    lattice.create_service_network_service_association(serviceIdentifier=cart, serviceNetworkIdentifier=bank)
    listed = lattice.list_service_network_service_associations(serviceIdentifier=cart)["items"]
    assert [item["serviceNetworkName"] for item in listed] == ["shop", "bank"]


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ('{\n"Version":"2012-10-17"}', "newlines"),
        ('{"Version":"2012-10-17"}\r\n', "newlines"),
        ('{"Sid":"' + "x" * 10 * 1024 + '"}', "more than 10240"),
        ("Allow", "not JSON"),
    ],
)
def test_an_auth_policy_is_small_json_on_one_line(lattice: Any, policy: str, words: str) -> None:
    """API: PutAuthPolicy (newlines); quotas: auth policy size 10 KB, not adjustable."""
    with refused("ValidationException", words):
        lattice.put_auth_policy(resourceIdentifier=service(lattice), policy=policy)


def test_an_auth_policy_is_active_with_iam_alone(lattice: Any) -> None:
    """API: PutAuthPolicy.state."""
    shop = network(lattice)
    policy = '{"Version":"2012-10-17","Statement":[]}'
    assert lattice.put_auth_policy(resourceIdentifier=shop, policy=policy)["state"] == "Inactive"
    lattice.update_service_network(serviceNetworkIdentifier=shop, authType="AWS_IAM")
    assert lattice.get_auth_policy(resourceIdentifier=shop)["state"] == "Active"
    lattice.delete_auth_policy(resourceIdentifier=shop)
    with refused("ResourceNotFoundException"):
        lattice.get_auth_policy(resourceIdentifier=shop)


def test_a_service_has_two_listeners(lattice: Any) -> None:
    """Quotas: L-D64E952E."""
    cart = service(lattice)
    for name in ("one", "two"):
        listener(lattice, cart, name)
    with refused("ServiceQuotaExceededException", "L-D64E952E") as caught:
        listener(lattice, cart, "three")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 402
    assert len(lattice.list_listeners(serviceIdentifier=cart)["items"]) == 2


def test_a_listener_has_ten_rules_beside_its_default_rule(lattice: Any) -> None:
    """Quotas: L-CF78395E."""
    cart = service(lattice)
    https = listener(lattice, cart)
    for priority in range(1, 11):
        rule(lattice, cart, https, priority)
    with refused("ServiceQuotaExceededException", "L-CF78395E"):
        rule(lattice, cart, https, 11)
    listed = lattice.list_rules(serviceIdentifier=cart, listenerIdentifier=https)["items"]
    assert [item["isDefault"] for item in listed] == [True] + [False] * 10
    which = {"serviceIdentifier": cart, "listenerIdentifier": https}
    lattice.delete_rule(**which, ruleIdentifier=listed[1]["id"])
    rule(lattice, cart, https, 11)


def test_a_service_has_ten_target_groups(lattice: Any) -> None:
    """Quotas: L-3DEC3B9F."""
    cart = service(lattice)
    groups = [group(lattice, f"pods{number}") for number in range(11)]
    listener(lattice, cart, defaultAction=forward(*groups[:10]))
    with refused("ServiceQuotaExceededException", "L-3DEC3B9F"):
        listener(lattice, cart, "other", defaultAction=forward(groups[10]))


def test_a_region_has_fifty_networks(lattice: Any, aws: Aws) -> None:
    """Quotas: L-9CAD07FB. Listings come in pages."""
    for number in range(50):
        network(lattice, f"net{number}")
    with refused("ServiceQuotaExceededException", "L-9CAD07FB"):
        network(lattice, "one-more")
    pages = list(lattice.get_paginator("list_service_networks").paginate(PaginationConfig={"PageSize": 20}))
    assert [len(page["items"]) for page in pages] == [20, 20, 10]


def test_the_default_rule_is_the_listeners(lattice: Any) -> None:
    """API: UpdateRule and DeleteRule."""
    cart = service(lattice)
    https = listener(lattice, cart)
    (default,) = lattice.list_rules(serviceIdentifier=cart, listenerIdentifier=https)["items"]
    which = {"serviceIdentifier": cart, "listenerIdentifier": https, "ruleIdentifier": default["id"]}
    with refused("ValidationException", "default rule"):
        lattice.delete_rule(**which)
    with refused("ValidationException", "default rule"):
        lattice.update_rule(**which, priority=1)


def test_tls_passthrough_needs_a_custom_domain_tcp_groups_and_no_rules(lattice: Any) -> None:
    """Guide: tls-listeners."""
    tcp, http = group(lattice, "tcp", protocol="TCP", port=443), group(lattice, "http")
    plain, named = service(lattice, "plain"), service(lattice, "named", customDomainName="cart.example.com")
    wanted: dict[str, Any] = {"protocol": "TLS_PASSTHROUGH", "defaultAction": forward(tcp)}
    with refused("ValidationException", "custom domain"):
        listener(lattice, plain, **wanted)
    for action in (forward(http), FIXED):
        with refused("ValidationException", "TCP"):
            listener(lattice, named, **{**wanted, "defaultAction": action})
    tls = listener(lattice, named, **wanted)
    with refused("ValidationException", "no rule but its default"):
        rule(lattice, named, tls)


def test_groups_for_functions_and_load_balancers_take_no_more_than_they_know(lattice: Any) -> None:
    """API: TargetGroupConfig."""
    with refused("ValidationException", "port"):
        lattice.create_target_group(name="function", type="LAMBDA", config={"port": 80})
    with refused("ValidationException", "healthCheck"):
        group(lattice, "balancer", "ALB", healthCheck={"enabled": True})
    with refused("ValidationException", "vpcIdentifier"):
        lattice.create_target_group(name="pods", type="IP", config={"protocol": "HTTP"})
    with refused("ValidationException", "healthCheck"):
        lattice.update_target_group(targetGroupIdentifier=group(lattice, "balancer", "ALB"), healthCheck={})


def test_a_group_of_a_function_has_one_target(lattice: Any) -> None:
    """Guide: register-targets; API: RegisterTargets takes 1 to 100."""
    function = group(lattice, "function", "LAMBDA")
    arns = [f"arn:aws:lambda:eu-west-1:123456789012:function:f{number}" for number in range(2)]
    lattice.register_targets(targetGroupIdentifier=function, targets=[{"id": arns[0]}])
    with refused("ServiceQuotaExceededException"):
        lattice.register_targets(targetGroupIdentifier=function, targets=[{"id": arns[1]}])
    many = [{"id": f"10.0.0.{number}"} for number in range(101)]
    with refused("ValidationException", "targets"):
        lattice.register_targets(targetGroupIdentifier=group(lattice), targets=many)


def test_targets_are_registered_listed_and_deregistered(lattice: Any) -> None:
    """API: RegisterTargets, ListTargets, DeregisterTargets; guide: target-group-health-checks (on for HTTP1 alone)."""
    cart, pods, streams = service(lattice), group(lattice), group(lattice, "streams", protocolVersion="HTTP2")
    for name in (pods, streams):
        lattice.register_targets(
            targetGroupIdentifier=name, targets=[{"id": "10.0.0.1"}, {"id": "10.0.0.2", "port": 81}]
        )
    listed = lattice.list_targets(targetGroupIdentifier=pods)["items"]
    assert [(item["id"], item["port"], item["status"]) for item in listed] == [
        ("10.0.0.1", 80, "UNUSED"),
        ("10.0.0.2", 81, "UNUSED"),
    ]
    listener(lattice, cart, defaultAction=forward(pods, streams))
    (healthy,) = lattice.list_targets(targetGroupIdentifier=pods, targets=[{"id": "10.0.0.1"}])["items"]
    unseen = lattice.list_targets(targetGroupIdentifier=streams)["items"]
    assert (healthy["status"], {item["status"] for item in unseen}) == ("HEALTHY", {"UNAVAILABLE"})
    gone = lattice.deregister_targets(targetGroupIdentifier=pods, targets=[{"id": "10.0.0.1"}, {"id": "10.0.0.9"}])
    assert [item["id"] for item in gone["successful"]] == ["10.0.0.1"]
    assert [item["id"] for item in gone["unsuccessful"]] == ["10.0.0.9"]


def test_health_checks_are_the_part_of_a_group_that_changes(lattice: Any) -> None:
    """API: UpdateTargetGroup."""
    pods = group(lattice)
    lattice.update_target_group(targetGroupIdentifier=pods, healthCheck={"path": "/ready"})
    check = lattice.get_target_group(targetGroupIdentifier=pods)["config"]["healthCheck"]
    assert (check["path"], check["enabled"], check["healthyThresholdCount"]) == ("/ready", True, 5)
    (listed,) = lattice.list_target_groups(vpcIdentifier=VPC, targetGroupType="IP")["items"]
    assert (listed["port"], listed["protocol"]) == (80, "HTTP")
    assert lattice.list_target_groups(vpcIdentifier=OTHER_VPC)["items"] == []


def test_one_subscription_for_each_type_of_destination_and_log(lattice: Any) -> None:
    """Guide: monitoring-access-logs."""
    shop = network(lattice)
    bucket, other = "arn:aws:s3:::access-logs", "arn:aws:s3:::more-access-logs"
    made = lattice.create_access_log_subscription(resourceIdentifier=shop, destinationArn=bucket)
    with refused("ConflictException", "already logs to s3"):
        lattice.create_access_log_subscription(resourceIdentifier=shop, destinationArn=other)
    lattice.create_access_log_subscription(
        resourceIdentifier=shop, destinationArn=other, serviceNetworkLogType="RESOURCE"
    )
    which = {"accessLogSubscriptionIdentifier": made["id"]}
    lattice.update_access_log_subscription(**which, destinationArn=other)
    assert lattice.get_access_log_subscription(**which)["destinationArn"] == other
    lattice.delete_access_log_subscription(**which)
    assert len(lattice.list_access_log_subscriptions(resourceIdentifier=shop)["items"]) == 1


def test_deletion_takes_policies_logs_and_tags_along(lattice: Any) -> None:
    """API: DeleteServiceNetwork."""
    made = lattice.create_service_network(name="shop", tags={"team": "shop"})
    lattice.tag_resource(resourceArn=made["arn"], tags={"stage": "test", "cost": "low"})
    lattice.untag_resource(resourceArn=made["arn"], tagKeys=["cost"])
    assert lattice.list_tags_for_resource(resourceArn=made["arn"])["tags"] == {"team": "shop", "stage": "test"}
    lattice.put_resource_policy(resourceArn=made["arn"], policy="{}")
    assert lattice.get_resource_policy(resourceArn=made["arn"])["policy"] == "{}"
    lattice.delete_resource_policy(resourceArn=made["arn"])
    log = lattice.create_access_log_subscription(
        resourceIdentifier=made["id"], destinationArn="arn:aws:s3:::access-logs"
    )
    lattice.delete_service_network(serviceNetworkIdentifier=made["arn"])
    with refused("ResourceNotFoundException"):
        lattice.list_tags_for_resource(resourceArn=made["arn"])
    with refused("ResourceNotFoundException"):
        lattice.get_resource_policy(resourceArn=made["arn"])
    with refused("ResourceNotFoundException"):
        lattice.get_access_log_subscription(accessLogSubscriptionIdentifier=log["id"])


def resource(lattice: Any, gateway: str, name: str = "orders", **more: Any) -> str:
    definition = {"dnsResource": {"domainName": "db.example.com", "ipAddressType": "IPV4"}}
    given = {"type": "SINGLE", "portRanges": ["5432"], "resourceConfigurationDefinition": definition}
    if gateway:
        given["resourceGatewayIdentifier"] = gateway
    return str(lattice.create_resource_configuration(name=name, **{**given, **more})["id"])


def gateway_in(lattice: Any, vpc: str) -> str:
    made = lattice.create_resource_gateway(name="data", vpcIdentifier=vpc, subnetIds=["subnet-0123456789abcdef0"])
    return str(made["id"])


def test_resources_are_deleted_from_the_outside_in(lattice: Any) -> None:
    """API: both Delete operations list ConflictException, and don't say for what; that it is for users is inferred."""
    shop, gateway = network(lattice), gateway_in(lattice, VPC)
    orders = resource(lattice, gateway)
    given = {"resourceConfigurationIdentifier": orders, "serviceNetworkIdentifier": shop}
    made = lattice.create_service_network_resource_association(**given)
    with refused("ConflictException", "already associated"):
        lattice.create_service_network_resource_association(**given)
    with refused("ConflictException", "has associations"):
        lattice.delete_service_network(serviceNetworkIdentifier=shop)
    with refused("ConflictException", "in use"):
        lattice.delete_resource_configuration(resourceConfigurationIdentifier=orders)
    with refused("ConflictException", "in use"):
        lattice.delete_resource_gateway(resourceGatewayIdentifier=gateway)
    which = {"serviceNetworkResourceAssociationIdentifier": made["id"]}
    assert lattice.get_service_network_resource_association(**which)["resourceConfigurationName"] == "orders"
    assert len(lattice.list_service_network_resource_associations(serviceNetworkIdentifier=shop)["items"]) == 1
    lattice.delete_service_network_resource_association(**which)
    lattice.delete_resource_configuration(resourceConfigurationIdentifier=orders)
    lattice.delete_resource_gateway(resourceGatewayIdentifier=gateway)
    assert lattice.list_resource_gateways()["items"] == lattice.list_resource_configurations()["items"] == []


def test_a_child_is_reached_through_its_group(lattice: Any) -> None:
    """Guide: resource-configuration; API: CreateResourceConfiguration."""
    gateway = gateway_in(lattice, VPC)
    with refused("ValidationException", "resourceGatewayIdentifier"):
        resource(lattice, "")
    with refused("ValidationException", "resourceConfigurationGroupIdentifier"):
        resource(lattice, "", type="CHILD")
    parent = lattice.create_resource_configuration(name="data", type="GROUP", resourceGatewayIdentifier=gateway)["id"]
    child = resource(lattice, "", type="CHILD", resourceConfigurationGroupIdentifier=parent)
    given = {"resourceConfigurationIdentifier": child, "serviceNetworkIdentifier": network(lattice)}
    with refused("ValidationException", "CHILD"):
        lattice.create_service_network_resource_association(**given)
    with refused("ConflictException", "in use"):
        lattice.delete_resource_configuration(resourceConfigurationIdentifier=parent)
    kept = lattice.get_resource_configuration(resourceConfigurationIdentifier=child)
    assert (kept["resourceGatewayId"], kept["resourceConfigurationGroupId"]) == (gateway, parent)
    lattice.update_resource_configuration(resourceConfigurationIdentifier=child, portRanges=["5433"])
    assert lattice.get_resource_configuration(resourceConfigurationIdentifier=child)["portRanges"] == ["5433"]


def test_gateways_change_their_security_groups(lattice: Any) -> None:
    """API: UpdateResourceGateway; defaults of CreateResourceGateway."""
    gateway = gateway_in(lattice, VPC)
    which = {"resourceGatewayIdentifier": gateway}
    lattice.update_resource_gateway(**which, securityGroupIds=["sg-0123456789abcdef0"])
    kept = lattice.get_resource_gateway(**which)
    assert (kept["vpcId"], kept["ipv4AddressesPerEni"], kept["securityGroupIds"]) == (VPC, 16, ["sg-0123456789abcdef0"])


def test_updates_of_a_service_leave_its_name_and_domain(lattice: Any) -> None:
    """API: UpdateService; aws-application-networking-k8s, docs/guides/custom-domain-name.md."""
    cart = service(lattice, customDomainName="cart.example.com")
    lattice.update_service(serviceIdentifier=cart, authType="AWS_IAM", idleTimeoutSeconds=120)
    kept = lattice.get_service(serviceIdentifier=cart)
    assert (kept["authType"], kept["idleTimeoutSeconds"], kept["customDomainName"]) == (
        "AWS_IAM",
        120,
        "cart.example.com",
    )
    with refused("ResourceNotFoundException"):
        lattice.update_service(serviceIdentifier="svc-00000000000000000", authType="NONE")


def test_things_of_others_are_not_found(lattice: Any) -> None:
    """API: a listener is a service's, a rule is a listener's."""
    cart, bank = service(lattice), service(lattice, "bank")
    https, other = listener(lattice, cart), listener(lattice, bank)
    made = rule(lattice, cart, https)
    with refused("ResourceNotFoundException"):
        lattice.get_listener(serviceIdentifier=bank, listenerIdentifier=https)
    with refused("ResourceNotFoundException"):
        lattice.get_rule(serviceIdentifier=bank, listenerIdentifier=other, ruleIdentifier=made)
    lattice.delete_listener(serviceIdentifier=cart, listenerIdentifier=https)
    with refused("ResourceNotFoundException"):
        lattice.list_rules(serviceIdentifier=cart, listenerIdentifier=https)


def test_ids_and_arns_are_as_the_model_has_them(lattice: Any) -> None:
    """API: patterns of ServiceNetworkId and RuleArn, which moto's ids break."""
    cart = service(lattice)
    https = listener(lattice, cart)
    made = lattice.create_rule(
        serviceIdentifier=cart, listenerIdentifier=https, name="all", match=EVERYTHING, priority=1, action=FIXED
    )
    assert re.fullmatch(r"sn-[0-9a-z]{17}", network(lattice))
    end = r"service/svc-[0-9a-z]{17}/listener/listener-[0-9a-z]{17}/rule/rule-[0-9a-z]{17}"
    assert re.fullmatch(rf"arn:aws:vpc-lattice:eu-west-1:\d{{12}}:{end}", made["arn"])


def test_what_the_fake_does_not_have_is_said(lattice: Any) -> None:
    with refused("UnknownOperationException", "StartDomainVerification"):
        lattice.start_domain_verification(domainName="example.com")
    shop = network(lattice)
    assert lattice.list_service_network_vpc_endpoint_associations(serviceNetworkIdentifier=shop)["items"] == []


def test_regions_have_nothing_in_common(lattice: Any, aws: Aws) -> None:
    network(lattice)
    aws.region, region = "us-east-1", aws.region
    try:
        assert aws.client("vpc-lattice").list_service_networks()["items"] == []
    finally:
        aws.region = region
