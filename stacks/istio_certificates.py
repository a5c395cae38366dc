"""The certificates of an Istio stack: what its keys become, with the files and secrets that they name."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pulumi
from pulumi.runtime.config import is_config_secret

from meshwright.config.istio import IstioAmbientMesh
from meshwright.config.istio_certificates import Authority, Certificates, IstioCsr, Rotation
from meshwright.errors import Code, ConfigError, Problem
from parts import chart_source

if TYPE_CHECKING:
    from meshwright.istio.ambient import IstioAmbientArgs
    from meshwright.istio.certificates.issuers import IssuerArgs
    from meshwright.istio.certificates.istio_csr import IstioCsrSettings
    from meshwright.istio.certificates.plan import CertificatesArgs
    from meshwright.istio.certificates.plugged_in import AuthorityArgs, RotationArgs

_CONFIG = "config:"
_FILES = {
    "certificate": "ca-cert.pem",
    "key": "ca-key.pem",
    "root": "root-cert.pem",
    "chain": "cert-chain.pem",
    "crl": "ca-crl.pem",
}
_OPTIONAL = ("chain", "crl")
_NOT_DECRYPTED = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What Pulumi, and the offline engine, put where a value isn't known."""


def set_trust(args: "IstioAmbientArgs", mesh: IstioAmbientMesh) -> None:
    """Set the arguments that say where certificates come from, and which place the cluster has among others.

    Raises:
        ConfigError: MW-E145 for a file or config value that isn't there, or a key that is no secret.
    """
    if mesh.certificates:
        args["certificates"] = _certificates(mesh.certificates)
    if member := mesh.multicluster:
        args["multicluster"] = {
            "mesh": member.mesh,
            "cluster": member.cluster,
            "network": member.network,
            "topology": member.topology,
            "remote_ingress": member.remote_ingress,
            "baggage": member.baggage,
        }


def roots(wanted: Certificates) -> "pulumi.Input[str]":
    """The roots that the mesh trusts, PEM."""
    args = _certificates(wanted)
    if "istio_csr" in args:
        return args["istio_csr"]["root"]
    trusted, rotation = [args["authority"]["root"]], args.get("rotation")
    if rotation and "next" in rotation:
        trusted = [*(trusted if rotation["step"] != "old-removed" else []), rotation["next"]["root"]]
    return pulumi.Output.concat(*trusted)


def signing_roots(wanted: Certificates) -> "pulumi.Input[str]":
    """The roots above what signs, PEM; those that are trusted where that isn't known."""
    args, rotation = _certificates(wanted), wanted.rotation
    if "authority" not in args:
        return roots(wanted)
    has_switched = rotation is not None and rotation.step in ("switched", "old-removed")
    return (args["rotation"]["next"] if has_switched else args["authority"])["root"]


def _certificates(wanted: Certificates) -> "CertificatesArgs":
    args: CertificatesArgs = {"source": wanted.source}
    if wanted.authority:
        args["authority"] = _authority(wanted.authority, "authority")
    if wanted.rotation:
        args["rotation"] = _rotation(wanted.rotation)
    if wanted.istio_csr:
        args["istio_csr"] = _istio_csr(wanted.istio_csr)
    return args


def _rotation(wanted: Rotation) -> "RotationArgs":
    said = wanted.model_dump(mode="json", exclude_none=True, exclude={"next"})
    args = cast("RotationArgs", said)
    if wanted.next:
        args["next"] = _authority(wanted.next, "rotation.next")
    return args


def _authority(wanted: Authority, key: str) -> "AuthorityArgs":
    args: dict[str, Any] = {"root_signs": True} if wanted.root_signs else {}
    for name, file in _FILES.items():
        place = f"{wanted.folder}/{file}" if wanted.folder else getattr(wanted, name)
        if place is None or (wanted.folder and name in _OPTIONAL and not _path(place).is_file()):
            continue
        args[name] = _text(place, f"{key}.{name}", secret=name == "key")
    return cast("AuthorityArgs", args)


def _istio_csr(wanted: IstioCsr) -> "IstioCsrSettings":
    args: IstioCsrSettings = {
        "issuer": cast("IssuerArgs", wanted.issuer.model_dump(exclude_none=True)),
        "root": _text(wanted.root, "istio_csr.root"),
        "namespace": wanted.namespace,
        "replicas": wanted.replicas,
    }
    if wanted.max_duration:
        args["max_duration"] = wanted.max_duration
    if wanted.values:
        args["values"] = wanted.values
    if wanted.charts:
        args["charts"] = chart_source(wanted.charts)
    return args


def _text(place: str, key: str, *, secret: bool = False) -> "pulumi.Input[str]":
    """What stands in a file, or in a config value of the stack. A secret that nobody decrypted isn't known."""
    if not place.startswith(_CONFIG):
        try:
            return _path(place).read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            raise _missing(key, f"names {place}, which can't be read", "give the path of a PEM file") from None
    full = place.removeprefix(_CONFIG)
    namespace, _, name = full.rpartition(":")
    config = pulumi.Config(namespace or None)
    full, value = config.full_key(name), config.get(name)
    if value is None:
        raise _missing(key, f"names the config value {full}, which isn't set", f"pulumi config set --secret {full}")
    if secret and not is_config_secret(full):
        raise _missing(key, f"names the config value {full}, which is no secret", f"pulumi config set --secret {full}")
    if value == _NOT_DECRYPTED:
        unknown: Any = pulumi.UNKNOWN
        return pulumi.Output.secret(unknown)
    return value


def _path(place: str) -> Path:
    return Path(pulumi.runtime.get_root_directory()) / Path(place).expanduser()


def _missing(key: str, message: str, remedy: str) -> ConfigError:
    place = f"stacks/Pulumi.{pulumi.get_stack()}.yaml"
    return ConfigError(Problem(Code.CERTIFICATE_UNREADABLE, f"mesh.certificates.{key} {message}", remedy, place))
