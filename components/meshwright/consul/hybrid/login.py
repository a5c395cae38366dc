"""How workloads outside of Kubernetes get their tokens: an auth method, and one role for each service."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NotRequired, TypedDict, cast

import pulumi

from meshwright.consul.ca.settings import as_go
from meshwright.consul.config_entries.typed import require_consul_provider
from meshwright.consul.hybrid.outside import name_troubles
from meshwright.errors import Code
from meshwright.kubernetes.children import below
from meshwright.kubernetes.problems import refuse_all
from meshwright.kubernetes.troubles import Trouble

_ROLE: Final = re.compile(r"arn:(aws(?:-[a-z]+)*):iam::(\d{12}):role/(?:[\x21-\x7e]+/)?([\w+=,.@-]+)", re.ASCII)
_CLAIM: Final = re.compile(r"[A-Za-z0-9_./-]+", re.ASCII)
_PLAIN: Final = re.compile(r"[^\"\\\x00-\x1f]+")
_KEYS: Final = ("discovery_url", "jwks_url", "public_keys")


class LoginServiceArgs(TypedDict):
    """A service, and who may be it."""

    service: str
    iam_role: NotRequired[pulumi.Input[str]]
    """With ``aws``: the ARN of the IAM role of its instances or tasks. No other service may have the same."""
    claims: NotRequired[dict[str, str]]
    """With ``jwt``: claim -> what a token has to say."""
    machines: NotRequired[bool]
    """Agents log in, which register their nodes too: those whose names begin with the service's. Default: false."""


class JwtLoginArgs(TypedDict):
    """Tokens of an issuer: a cloud's metadata service, SPIRE, a CI system."""

    issuer: str
    """The claim ``iss``."""
    audiences: list[str]
    """A token is for one of them, and so for this Consul."""
    discovery_url: NotRequired[str]
    """Where the issuer says what its keys are. One of the three."""
    jwks_url: NotRequired[str]
    public_keys: NotRequired[list[str]]
    """PEM."""


class AwsLoginArgs(TypedDict, total=False):
    """Who they are, AWS says: an instance or a task signs a request to STS, and Consul sends it."""

    server_id: str
    """Part of what is signed, so that a request for another service isn't taken here. Default: none."""


class ConsulLoginArgs(TypedDict):
    """Arguments of `ConsulLogin`."""

    method: str
    """The auth method's name."""
    aws: NotRequired[AwsLoginArgs]
    """``{}`` will do. One of ``aws`` and ``jwt``."""
    jwt: NotRequired[JwtLoginArgs]
    services: list[LoginServiceArgs]
    """Who may log in. Nobody else can."""


class ConsulLogin(pulumi.ComponentResource):
    """An auth method for machines or tasks. A token may register the one service of whoever logs in, and read others.

    Each IAM role, or set of claims, is bound to one service by name: no tag and no wildcard lets a role be another's.

    Raises:
        ComponentError: MW-E051 without a provider, MW-E262 for a login that lets in nobody, or more than it seems.
    """

    method: pulumi.Output[str]
    """The auth method's name, known when all may log in."""

    def __init__(self, name: str, args: ConsulLoginArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        label = f"ConsulLogin {name}"
        require_consul_provider(opts, label)
        refuse_all(login_troubles(args), label)
        super().__init__("meshwright:index:ConsulLogin", name, cast("dict[str, Any]", args), opts)
        import pulumi_consul as consul

        children = below(self, opts)
        method = consul.AclAuthMethod(
            f"{name}-method",
            name=args["method"],
            type="aws-iam" if "aws" in args else "jwt",
            description="Machines and tasks outside of Kubernetes",
            config_json=_config(args),
            opts=children,
        )
        rules = [_bind(name, each, method.name, children) for each in args["services"]]
        self.method = pulumi.Output.all(method.name, *(rule.id for rule in rules)).apply(lambda known: str(known[0]))
        self.register_outputs({"method": self.method})


def login_troubles(args: ConsulLoginArgs) -> Iterator[Trouble]:
    """A login that lets in nobody, or more than it seems."""
    if ("aws" in args) == ("jwt" in args):
        yield Trouble(Code.CONSUL_LOGIN, "has to be by aws or by jwt", "write one of the two")
        return
    if "jwt" in args:
        yield from _issuer_troubles(args["jwt"])
    if not args["services"]:
        yield Trouble(Code.CONSUL_LOGIN, "is empty, and nobody could log in", "name the services", ("services",))
    seen: dict[str, int] = {}
    for index, each in enumerate(args["services"]):
        at = ("services", index)
        for trouble in _who_troubles(each, by_aws="aws" in args):
            yield trouble._replace(at=(*at, *trouble.at))
        who = each.get("iam_role") if "aws" in args else json.dumps(each.get("claims") or {}, sort_keys=True)
        if isinstance(who, str) and (first := seen.setdefault(who, index)) != index:
            message = f"is who services[{first}] is: each would get the token of both"
            yield Trouble(Code.CONSUL_LOGIN, message, "give each service an identity of its own", at)


def _issuer_troubles(jwt: JwtLoginArgs) -> Iterator[Trouble]:
    keys = [key for key in _KEYS if jwt.get(key)]
    if len(keys) != 1:
        message = f"has {len(keys)} of the three that tell an issuer's keys"
        yield Trouble(Code.CONSUL_LOGIN, message, f"write one of {', '.join(_KEYS)}", ("jwt",))
    if not jwt["audiences"]:
        message = "is empty: a token that was made for any other service would do"
        yield Trouble(Code.CONSUL_LOGIN, message, "name an audience of this Consul's", ("jwt", "audiences"))
    for key in ("discovery_url", "jwks_url"):
        url = str(jwt.get(key, "https://"))
        if not url.startswith("https://"):
            message = f"is {url}: whoever stands between could give keys of his own"
            yield Trouble(Code.CONSUL_LOGIN, message, "begin it with https://", ("jwt", key))


def _who_troubles(who: LoginServiceArgs, *, by_aws: bool) -> Iterator[Trouble]:
    yield from name_troubles("service", who["service"], Code.CONSUL_LOGIN)
    if by_aws:
        arn = who.get("iam_role")
        if arn is None or (isinstance(arn, str) and not _ROLE.fullmatch(arn)):
            message = "is missing" if arn is None else f'is "{arn}", which is no role\'s'
            remedy = "write it as arn:aws:iam::123456789012:role/billing; wildcards bind nobody by name"
            yield Trouble(Code.CONSUL_LOGIN, message, remedy, ("iam_role",))
        return
    claims = who.get("claims") or {}
    if not claims:
        message = "are missing: every token of the issuer's would do"
        yield Trouble(Code.CONSUL_LOGIN, message, "name claims and their values", ("claims",))
    for claim, value in claims.items():
        if not _CLAIM.fullmatch(claim) or not _PLAIN.fullmatch(value):
            message = f'has {claim}: "{value}", which no selector can name'
            yield Trouble(Code.CONSUL_LOGIN, message, "use values without quotes", ("claims",))


def canonical(arn: str) -> str:
    """A role's ARN as STS tells it, which leaves its path out. Raises `ValueError` for what is no role's."""
    if not (match := _ROLE.fullmatch(arn)):
        raise ValueError(f"{arn} is no role's")
    return f"arn:{match[1]}:iam::{match[2]}:role/{match[3]}"


def _config(args: ConsulLoginArgs) -> pulumi.Output[str]:
    """As Consul tells it, to the letter: the provider compares texts, and would show a change at each preview."""
    if "aws" in args:
        server_id = args["aws"].get("server_id")
        more = {"ServerIDHeaderValue": server_id} if server_id else {}
        arns = pulumi.Output.all(*(each["iam_role"] for each in args["services"]))
        return arns.apply(
            lambda known: as_go({"BoundIAMPrincipalARNs": [canonical(str(each)) for each in known], **more})
        )
    jwt = args["jwt"]
    config: dict[str, Any] = {"BoundIssuer": jwt["issuer"], "BoundAudiences": jwt["audiences"]}
    names = {"discovery_url": "OIDCDiscoveryURL", "jwks_url": "JWKSURL", "public_keys": "JWTValidationPubKeys"}
    config |= {new: jwt[key] for key, new in names.items() if key in jwt}  # type: ignore[literal-required]
    config["ClaimMappings"] = _mappings(args["services"])
    return pulumi.Output.from_input(as_go(config))


def _mappings(services: list[LoginServiceArgs]) -> dict[str, str]:
    """Claim -> its name in selectors, which has letters, digits and ``_`` alone."""
    claims = sorted({claim for each in services for claim in each["claims"]})
    return {claim: variable(claim) for claim in claims}


def variable(claim: str) -> str:
    """A claim's name in selectors."""
    return re.sub(r"[^A-Za-z0-9]", "_", claim)


def _selector(who: LoginServiceArgs) -> pulumi.Input[str]:
    if "iam_role" in who:
        arn = pulumi.Output.from_input(who["iam_role"])
        return arn.apply(lambda known: f'entity_name=="{canonical(known).rsplit("/", 1)[1]}"')
    return " and ".join(f'value.{variable(claim)}=="{value}"' for claim, value in sorted(who["claims"].items()))


def _bind(
    name: str, who: LoginServiceArgs, method: pulumi.Output[str], opts: pulumi.ResourceOptions
) -> pulumi.CustomResource:
    import pulumi_consul as consul

    service, policies = who["service"], []
    if who.get("machines"):
        nodes = consul.AclPolicy(
            f"{name}-{service}-nodes",
            name=f"{service}-nodes",
            description=f"Nodes of {service}",
            # `consul connect envoy` asks the agent for its ports.
            rules="".join(
                f'{kind}_prefix "{service}-" {{\n  policy = "{right}"\n}}\n'
                for kind, right in (("agent", "read"), ("node", "write"))
            ),
            opts=opts,
        )
        policies = [nodes.id]
    role = consul.AclRole(
        f"{name}-{service}",
        name=f"{service}-outside",
        description=f"{service}, outside of Kubernetes",
        service_identities=[consul.AclRoleServiceIdentityArgs(service_name=service)],
        policies=policies,
        opts=opts,
    )
    return consul.AclBindingRule(
        f"{name}-{service}",
        auth_method=method,
        description=f"{service} by who it is",
        bind_type="role",
        bind_name=role.name,
        selector=_selector(who),
        opts=opts,
    )
