"""The config of a stack of kind `vpc-lattice`. Limits are those of the API (botocore's service model)."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from meshwright.config.base import Mistake, Model, Port, Spelt, Text, Whole, repeated
from meshwright.config.consul_access import HttpMethod
from meshwright.config.shared import Cluster, Compliance, EnvironmentName, PhaseName, Rung, Workload
from meshwright.errors import Code

_NAME_REMEDY = "use lower-case letters, digits and single '-', with a letter or digit at both ends"
NetworkName = Annotated[
    str, Spelt(r"(?=.{3,})(?!svc-|sn-)[a-z0-9]+(-[a-z0-9]+)*", "name of 3 to 63 characters", _NAME_REMEDY, limit=63)
]
LatticeServiceName = Annotated[
    str, Spelt(r"(?=.{3,})(?!svc-)[a-z0-9]+(-[a-z0-9]+)*", "name of 3 to 40 characters", _NAME_REMEDY, limit=40)
]
Region = Annotated[str, Spelt(r"[a-z]{2}(-[a-z]+)+-\d", "region", 'write its code: "eu-west-1"', limit=25)]
AwsId = Annotated[str, Spelt(r"[a-z]+-[0-9a-z-]+", "id", 'write the id that AWS gave it: "vpc-0abc"', limit=40)]
HttpPath = Annotated[str, Spelt(r"/\S*", "path", "begin it with /", limit=1000)]
Organization = Annotated[str, Spelt(r"o-[a-z0-9]{10,32}", "organization", 'write its id: "o-abcdefghij"', limit=34)]


class Vpc(Model):
    """A VPC whose workloads reach the network. A VPC can be associated with one network."""

    id: AwsId = Field(examples=["vpc-0abc"])
    """Its id."""
    security_groups: Annotated[tuple[AwsId, ...], Field(max_length=5)] = ()
    """Who in the VPC may reach the network; at most 5."""


class Logs(Model):
    """Where access logs go; off where nothing is said."""

    cloudwatch: Text | None = None
    """A log group of CloudWatch."""
    s3: Text | None = None
    """A bucket."""
    firehose: Text | None = None
    """A delivery stream of Firehose."""


class Network(Model):
    """The service network."""

    name: NetworkName = Field(examples=["shop"])
    """Its name."""
    auth: Literal["iam", "none"] = "iam"
    """`iam`: each request is checked against the policies. `none`: no request is. AWS's default is `none`."""
    organization: Organization | None = None
    """The AWS organization whose principals may call."""
    vpcs: tuple[Vpc, ...] = ()
    """The VPCs that are associated."""
    logs: Logs = Field(default_factory=Logs)
    """Access logs."""

    def mistakes(self) -> Iterator[Mistake]:
        """A VPC is associated once."""
        return repeated("vpcs", (vpc.id for vpc in self.vpcs), "id")


class PoolShare(Model):
    """A pool of targets and its share of the traffic."""

    pool: Text = Field(examples=["cart-v1"])
    """The target group's name."""
    weight: Annotated[Whole, Field(ge=0, le=999)] = 100
    """Its share, by the sum of all weights."""


class Rule(Model):
    """A rule of a listener: what it matches, and where it goes."""

    path_prefix: HttpPath | None = None
    """Paths that begin with this."""
    path_exact: HttpPath | None = None
    """This path alone."""
    method: HttpMethod | None = None
    """This method. Default: all."""
    targets: Annotated[tuple[PoolShare, ...], Field(min_length=1, max_length=10)] = Field(
        examples=[[{"pool": "cart-v1", "weight": 100}]]
    )
    """Where requests go; 1 to 10 pools."""

    def mistakes(self) -> Iterator[Mistake]:
        """One way to match a path, and some target with weight."""
        if self.path_prefix and self.path_exact:
            yield Mistake(Code.CONTRADICTION, "is given beside path_prefix", "keep one of the two", ("path_exact",))
        if not any(target.weight for target in self.targets):
            yield Mistake(Code.CONTRADICTION, "have weights that sum to 0", "give one of them a weight", ("targets",))


class Listener(Model):
    """A listener of a service."""

    protocol: Literal["http", "https", "tls-passthrough"] = Field(examples=["https"])
    """What it speaks."""
    port: Port | None = None
    """Default: 80 for http, else 443."""
    rules: tuple[Rule, ...] = ()
    """Its rules, first match first."""


class LatticeService(Rung[PhaseName]):
    """A service and its phase: unmeshed, permissive (auth type NONE), strict (AWS_IAM)."""

    name: LatticeServiceName = Field(examples=["cart"])
    """Its name."""
    listeners: tuple[Listener, ...] = ()
    """Its listeners."""


class Controller(Model):
    """The AWS Gateway API Controller, which drives Lattice from a cluster."""

    cluster: Text = Field(examples=["prod-eu"])
    """The EKS cluster's name."""
    identity: Literal["pod-identity", "irsa"] = "pod-identity"
    """How the controller gets its AWS role."""


class LatticeMesh(Model):
    """Amazon VPC Lattice: service networks, without proxies of your own."""

    kind: Literal["vpc-lattice"]
    """The mesh."""
    region: Region = Field(examples=["eu-west-1"])
    """The AWS region."""
    network: Network = Field(examples=[{"name": "shop"}])
    """The service network."""
    services: tuple[LatticeService, ...] = ()
    """The services and how far each has come."""
    controller: Controller | None = None
    """The controller in a cluster. Default: none; services are made by this stack alone."""
    cluster: Cluster | None = None
    """The cluster that the controller runs in."""
    environment: EnvironmentName | None = None
    """What the stack is for."""
    compliance: Compliance = Field(default_factory=Compliance)
    """What auditors ask for."""
    workload: Workload = Field(default_factory=Workload)
    """Facts about what runs."""
