"""The mesh's root has expired: no certificate is valid, and calls between captured pods fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography import x509

from meshwright.breakglass.plan import Plan, Step, refused
from meshwright.breakglass.restarts import pods_of, restarted
from meshwright.config.clock import today
from meshwright.health.objects import label, name_of, namespace_of
from meshwright.istio import labels
from meshwright.istio.health.installation import ZTUNNEL, environment

if TYPE_CHECKING:
    from pathlib import Path

    from meshwright.istio.breakglass.looking import Look

SCENARIO = "root-expired"
_FILES: Final = ("ca-cert.pem", "ca-key.pem", "root-cert.pem", "cert-chain.pem")
_CERTIFICATES: Final = ("ca-cert.pem", "root-cert.pem", "cert-chain.pem")
_SELF_SIGNED, _OURS = "istio-ca-secret", "cacerts"
_GONE: Final = "the old CA is of no use: it has expired"


def plan(look: Look, files: Path | None = None) -> Plan:
    """Give the mesh a new root, and every proxy a new certificate.

    Args:
        look: The cluster.
        files: Folder of `cacerts`' four files; needed where the CA is one of yours, as it stands in that Secret.

    Raises:
        ConfigError: MW-E172: no istiod, a CA that istiod doesn't have or that is still valid, or files that are
            missing or expired.
    """
    planes = look.istiods()
    root = namespace_of(planes[0])
    if all(environment(each).get("ENABLE_CA_SERVER") == "false" for each in planes):
        raise refused(f"istiod doesn't sign in {root}: another one does", "renew its issuer, then restart ztunnel")
    is_ours, is_self = look.has_secret(root, _OURS), look.has_secret(root, _SELF_SIGNED)
    if not (is_ours or is_self or files):
        raise refused(
            f"istiod has no CA in {root}: another one signs",
            "renew its issuer, then restart ztunnel",
        )
    _refuse_valid(look, root)
    renewed = _replaced(root, _checked(files)) if is_ours or files else _removed(root)
    agents = [each for each in look.all("DaemonSet") if label(each, "app.kubernetes.io/name") == ZTUNNEL]
    waypoints = [
        each for each in look.all("Deployment") if label(each, labels.GATEWAY_CLASS_NAME) in labels.WAYPOINT_CLASSES
    ]
    restarts = [
        *(restarted("deployment", name_of(each), namespace_of(each), pods_of(each)) for each in planes),
        *(restarted("daemonset", name_of(each), namespace_of(each), pods_of(each)) for each in agents),
        *(restarted("deployment", name_of(each), namespace_of(each), pods_of(each)) for each in waypoints),
    ]
    return Plan(
        SCENARIO,
        "istiod signs below a new root, and every proxy has a certificate of it",
        f"the CA in {root}",
        (
            "calls between two nodes fail until ztunnel on both has restarted",
            "each restart of ztunnel cuts the connections of its node",
            "a mesh of several clusters needs the same root in each: do it in all",
            "PERMISSIVE doesn't help: captured pods speak HBONE to each other, whatever the mode",
        ),
        (*renewed, *(step for pair in restarts for step in pair)),
        (
            "restart workloads that still have sidecars",
            "`meshwright istio check`: root-certificate and ca-certificate pass",
            "bring the new root into the stack, or the next `pulumi up` brings back the old one",
        ),
    )


def _refuse_valid(look: Look, root: str) -> None:
    """A new root cuts all calls while proxies restart: not for one that is still good."""
    ends = look.ca_ends(root)
    if ends > look.now:
        raise refused(
            f"the CA in {root} has not expired: it is valid until {ends:%Y-%m-%d %H:%M} UTC",
            "see what else fails: `meshwright istio check`; rotate a valid root with both in the bundle",
        )


def _removed(root: str) -> tuple[Step, ...]:
    remove = ("delete", "secret", _SELF_SIGNED, f"--namespace={root}", "--ignore-not-found")
    return (Step(f"Secret {root}/{_SELF_SIGNED} goes: istiod makes a new root as it starts", remove, (), _GONE),)


def _replaced(root: str, files: Path) -> tuple[Step, ...]:
    home = f"--namespace={root}"
    remove = ("delete", "secret", _OURS, home, "--ignore-not-found")
    create = ("create", "secret", "generic", _OURS, home, *(f"--from-file={name}={files / name}" for name in _FILES))
    return (
        Step(f"Secret {root}/{_OURS} goes", remove, (), _GONE),
        Step(
            f"Secret {root}/{_OURS} is made of the files in {files}", create, (), _GONE, done_if_says="already exists"
        ),
    )


def _checked(files: Path | None) -> Path:
    """The folder, if it has all files, and valid certificates. The key is not read."""
    if files is None:
        raise refused(
            f"the CA is yours, in the Secret {_OURS}", f"name a folder with {', '.join(_FILES)} by --ca-files"
        )
    if set('=,"') & set(str(files.absolute())):
        raise refused(f"kubectl can't take files from {files}", "a folder without = , and quotes in its path")
    if missing := [name for name in _FILES if not (files / name).is_file()]:
        raise refused(f"{files} has no {missing[0]}", f"put there: {', '.join(_FILES)}")
    for name in _CERTIFICATES:
        try:
            found = x509.load_pem_x509_certificates((files / name).read_bytes())
        except ValueError:
            raise refused(f"{files / name} holds no certificate", "write certificates in PEM") from None
        if any(each.not_valid_after_utc.date() <= today() for each in found):
            raise refused(f"{files / name} has a certificate that has expired", "issue a new one")
    return files.absolute()
