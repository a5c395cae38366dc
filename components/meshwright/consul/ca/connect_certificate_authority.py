"""Consul's live CA configuration, which Helm's values don't change once the CA is made."""

import json
from collections.abc import Iterator, Mapping
from datetime import date
from importlib.util import find_spec
from typing import Any, NotRequired, TypedDict

import pulumi

from meshwright.certs.rotation import CONSUL_STEPS, step_mistakes
from meshwright.consul.ca.rotation import (
    OLD_PRUNED,
    STEADY,
    SWITCHED,
    ProviderName,
    Root,
    expected_live,
    root_mistakes,
    root_stand,
)
from meshwright.consul.ca.settings import (
    TOKENS,
    Lifetimes,
    additional_mistakes,
    as_go,
    ca_config,
    key_mistakes,
    lifetime_mistakes,
    live_root,
)
from meshwright.consul.vault.backend import VaultBackendArgs
from meshwright.errors import Code, Problem
from meshwright.kubernetes.children import below
from meshwright.kubernetes.errors import ComponentError, refuse
from meshwright.kubernetes.providers import require_provider

_LIVE_ID = "consul-ca"
"""There is one CA in a datacenter; pulumi_consul gives it this id, and reads it by none."""
_HIDDEN = pulumi.ResourceOptions(additional_secret_outputs=["configJson", "config"])


class RootArgs(TypedDict):
    """One generation of the root."""

    provider: NotRequired[ProviderName]
    """``vault`` (OpenBao too) or ``consul``. Default: ``vault``."""
    path: NotRequired[str]
    """vault: the mount, such as ``dc1/connect_root_2027``."""
    namespace: NotRequired[str]
    """vault: the namespace of its mount, below the backend's. Default: the same."""
    key_type: NotRequired[str]
    """``ec`` or ``rsa``. Default: ``ec``."""
    key_bits: NotRequired[int]
    """Default: 256."""


class StepArgs(TypedDict):
    """A step of a rotation, as it was applied."""

    step: str
    since: NotRequired[date | str]


class ConnectCaRotationArgs(StepArgs):
    """Where the change to another root stands."""

    previous: NotRequired[StepArgs]
    without_cross_signing: NotRequired[str]
    """Why the change was made by hand with ``ForceWithoutCrossSigning``."""


class ConnectCertificateAuthorityArgs(TypedDict):
    """Arguments of `ConnectCertificateAuthority`."""

    root: RootArgs
    """During a rotation, the one that it began with."""
    next: NotRequired[RootArgs]
    """The new root: in every step but the first."""
    rotation: NotRequired[ConnectCaRotationArgs]
    """Default: ``{"step": "steady"}``."""
    backend: NotRequired[VaultBackendArgs]
    """Where Vault is, and how Consul logs in. Not needed while both roots are Consul's own."""
    leaf_lifetime_hours: NotRequired[int]
    """Default: 72, which is the most."""
    intermediate_lifetime_hours: NotRequired[int]
    """Default: 8760, which is the most."""
    root_lifetime_hours: NotRequired[int]
    """Of a root that Consul makes itself. Default: 87600."""


class ConnectCertificateAuthority(pulumi.ComponentResource):
    """What signs in the mesh, as Consul has it live. One a datacenter; it comes after Consul and its rights in Vault.

    While a rotation is under way each `preview` reads what is live, and refuses a step that does not follow from it.

    Raises:
        ComponentError: MW-E050 for arguments that contradict each other, MW-E051 without a provider of Consul's,
            MW-E149 for a step that can't be taken, MW-E190 where pulumi_consul is missing, MW-E245 for what Consul
            refuses or ignores, MW-E246 for a token instead of an auth method, MW-E247 for a root that can't take the
            other's place, MW-E248 for a change by force without a reason, MW-E249, when it is known, for a live
            configuration from which the step does not follow.
    """

    provider_name: str
    """``vault`` or ``consul``: what Consul is told."""
    configuration: dict[str, Any]
    """What Consul is told, the body's ``Config``; no secret is in it."""

    def __init__(
        self, name: str, args: ConnectCertificateAuthorityArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        label = f"ConnectCertificateAuthority {name}"
        require_provider(opts, label, "consul")
        if find_spec("pulumi_consul") is None:
            remedy = "pip install 'meshwright[consul]'"
            raise refuse(Code.EXTRA_MISSING, label, "it needs the package pulumi_consul", remedy)
        check_connect_ca(args, label)
        super().__init__("meshwright:index:ConnectCertificateAuthority", name, _settled(args), opts)
        signs = root_stand(_step(args), _root(args["root"]), _next(args)).signs
        self.provider_name = signs.provider
        self.configuration = ca_config(signs, _lifetimes(args), args.get("backend"))
        import pulumi_consul as consul

        children = below(self, opts)
        text: pulumi.Input[str] = as_go(self.configuration)
        if _step(args) != STEADY:
            text = _once_it_follows(self._live(name, children), str(text), args, label)
        # What somebody else has told Consul, which `refresh` reads, may hold a token or a key.
        hidden = pulumi.ResourceOptions.merge(children, _HIDDEN)
        consul.CertificateAuthority(name, connect_provider=signs.provider, config_json=text, opts=hidden)
        self.register_outputs({"provider": self.provider_name, "configuration": self.configuration})

    def _live(self, name: str, opts: pulumi.ResourceOptions) -> pulumi.Output[tuple[str, str]]:
        """Provider and root path of what is live now, at preview as well."""
        import pulumi_consul as consul

        found = consul.CertificateAuthority.get(
            f"{name}-live", _LIVE_ID, opts=pulumi.ResourceOptions.merge(opts, _HIDDEN)
        )
        both = pulumi.Output.all(found.connect_provider, found.config_json)
        # Of the configuration, which may hold a token, nothing but the path is kept.
        return pulumi.Output.unsecret(both.apply(lambda given: live_root(given[0], json.loads(given[1] or "{}"))))


def check_connect_ca(args: ConnectCertificateAuthorityArgs, label: str) -> None:
    """Refuse what cannot work. Raises `ComponentError` as `ConnectCertificateAuthority`."""
    if problems := [Problem(*each, label) for each in _problems(args)]:
        raise ComponentError(problems)


def _problems(args: ConnectCertificateAuthorityArgs) -> Iterator[tuple[Code, str, str]]:
    root, upcoming = _root(args["root"]), _next(args)
    steady: ConnectCaRotationArgs = {"step": STEADY}
    rotation = args.get("rotation", steady)
    additional = args["backend"].get("connect_ca", {}).get("additional", {}) if "backend" in args else {}
    if rotation["step"] not in CONSUL_STEPS.names:
        yield Code.BAD_ARGUMENT, f"the step {rotation['step']} is unknown", f"one of: {', '.join(CONSUL_STEPS.names)}"
        return
    for key, each in (("root", root), ("next", upcoming)):
        if each is not None:
            yield from _root_problems(key, each, args.get("backend"))
    if upcoming is not None:
        for message, remedy in root_mistakes(root, upcoming):
            yield Code.CONNECT_CA_ROOT, f"next {message}", remedy
    for mistake in lifetime_mistakes(_lifetimes(args)):
        yield Code.CONNECT_CA_SETTING, f"{mistake.key} {mistake.message}", mistake.remedy
    for mistake in additional_mistakes(additional):
        code = Code.CONNECT_CA_TOKEN if mistake.key in TOKENS else Code.CONNECT_CA_SETTING
        yield code, f"connect_ca.additional.{mistake.key} {mistake.message}", mistake.remedy
    yield from _step_problems(rotation, upcoming)


def _root_problems(key: str, root: Root, backend: VaultBackendArgs | None) -> Iterator[tuple[Code, str, str]]:
    if root.provider == "vault" and not root.path:
        yield Code.BAD_ARGUMENT, f"{key} is in Vault, and has no path", "name its mount"
    if root.provider == "vault" and backend is None:
        remedy = "give backend, which VaultCertificateAuthority has"
        yield Code.BAD_ARGUMENT, f"{key} is in Vault, and nothing says where Vault is", remedy
    for mistake in key_mistakes(root.key_type, root.key_bits):
        yield Code.CONNECT_CA_SETTING, f"{key}.{mistake.key} {mistake.message}", mistake.remedy


def _step_problems(rotation: ConnectCaRotationArgs, upcoming: Root | None) -> Iterator[tuple[Code, str, str]]:
    before: Mapping[str, Any] = rotation.get("previous", {})
    for message, remedy in step_mistakes(
        CONSUL_STEPS,
        rotation["step"],
        _day(rotation.get("since")),
        before.get("step"),
        _day(before.get("since")),
        has_next=upcoming is not None,
    ):
        yield Code.ROTATION_STEP, message, remedy
    reason = rotation.get("without_cross_signing")
    if reason is not None and (not str(reason).strip() or rotation["step"] not in (SWITCHED, OLD_PRUNED)):
        yield (
            Code.CONNECT_CA_FORCED,
            "the root is changed without cross-signing, and no step and reason are recorded for it",
            "say why in without_cross_signing, in the step switched; or leave it out, and let the old root cross-sign",
        )


def check_live(found: tuple[str, str], args: ConnectCertificateAuthorityArgs, label: str) -> None:
    """Refuse a step that does not follow from what is live.

    Args:
        found: Provider and root path of Consul's live configuration.
        args: The component's, with a rotation.
        label: How messages call it.

    Raises:
        ComponentError: MW-E249.
    """
    rotation = args["rotation"]
    before, forced = str(rotation.get("previous", {}).get("step", "")), "without_cross_signing" in rotation
    allowed = expected_live(rotation["step"], before, _root(args["root"]), _next(args), is_forced=forced)
    provider, path = found
    if (provider, path) in {(each.provider, each.path) for each in allowed}:
        return
    named = str(Root("vault", path)) if provider == "vault" else f"that of the provider {provider}"
    wanted = " or ".join(sorted(map(str, allowed)))
    raise refuse(
        Code.CONNECT_CA_LIVE,
        label,
        f"Consul's live root is {named}, and the step {rotation['step']} follows from {wanted}",
        "go from step to step, each with an up of its own; Helm's values don't change what is live",
    )


def _once_it_follows(
    live: pulumi.Output[tuple[str, str]], text: str, args: ConnectCertificateAuthorityArgs, label: str
) -> pulumi.Output[str]:
    """What Consul is told, where the step follows from what is live."""

    def told(found: tuple[str, str]) -> str:
        check_live(found, args, label)
        return text

    return live.apply(told)


def _settled(args: ConnectCertificateAuthorityArgs) -> dict[str, Any]:
    """What is registered: after the last step as if `next` were `root` already. That it will be, changes nothing."""
    shown: dict[str, Any] = dict(args)
    if _step(args) == OLD_PRUNED:
        shown |= {"root": shown.pop("next")}
        del shown["rotation"]
    return shown


def _root(given: RootArgs) -> Root:
    return Root(
        given.get("provider", "vault"),
        given.get("path", ""),
        given.get("key_type", "ec"),
        given.get("key_bits", 256),
        given.get("namespace", ""),
    )


def _next(args: ConnectCertificateAuthorityArgs) -> Root | None:
    return _root(args["next"]) if "next" in args else None


def _step(args: ConnectCertificateAuthorityArgs) -> str:
    return args["rotation"]["step"] if "rotation" in args else STEADY


def _lifetimes(args: ConnectCertificateAuthorityArgs) -> Lifetimes:
    default = Lifetimes()
    return Lifetimes(
        args.get("leaf_lifetime_hours", default.leaf_h),
        args.get("intermediate_lifetime_hours", default.intermediate_h),
        args.get("root_lifetime_hours", default.root_h),
    )


def _day(given: object) -> date | None:
    from datetime import date

    if given is None or isinstance(given, date):
        return given
    return date.fromisoformat(str(given))
