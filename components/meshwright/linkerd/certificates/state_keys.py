"""An anchor and issuers made by pulumi_tls, for development: their keys are in the state, as secrets."""

from importlib.util import find_spec

import pulumi

from meshwright.errors import Code
from meshwright.kubernetes.errors import refuse
from meshwright.linkerd.certificates.lifetimes import in_seconds

_USES = ["cert_signing", "crl_signing"]


def require_tls(label: str) -> None:
    """Refuse the source where its package is missing. Raises `ComponentError`: MW-E190."""
    if find_spec("pulumi_tls") is None:
        remedy = "pip install 'meshwright[tls]'; or let cert-manager make the anchor"
        raise refuse(Code.EXTRA_MISSING, label, "the source pulumi-tls needs the package pulumi_tls", remedy)


class StateAnchor:
    """An anchor, P-256, valid from the moment that it is made."""

    def __init__(
        self, name: str, lifetime: str, common_name: str, generation: str, opts: pulumi.ResourceOptions
    ) -> None:
        import pulumi_tls as tls

        parent = pulumi.ResourceOptions(parent=opts.parent)
        self._key = tls.PrivateKey(f"{name}-key", algorithm="ECDSA", ecdsa_curve="P256", opts=parent)
        made = tls.SelfSignedCert(
            f"{name}-certificate",
            private_key_pem=self._key.private_key_pem,
            subject={"common_name": common_name, "organizational_unit": generation},
            validity_period_hours=in_seconds(lifetime) // 3600,
            allowed_uses=_USES,
            is_ca_certificate=True,
            set_subject_key_id=True,
            opts=parent,
        )
        self.certificate: pulumi.Output[str] = made.cert_pem

    def issue(
        self, name: str, lifetime: str, common_name: str, parent: pulumi.Resource
    ) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
        """An issuer below the anchor: its certificate and key."""
        import pulumi_tls as tls

        opts = pulumi.ResourceOptions(parent=parent)
        key = tls.PrivateKey(f"{name}-key", algorithm="ECDSA", ecdsa_curve="P256", opts=opts)
        request = tls.CertRequest(
            f"{name}-request", private_key_pem=key.private_key_pem, subject={"common_name": common_name}, opts=opts
        )
        made = tls.LocallySignedCert(
            f"{name}-certificate",
            cert_request_pem=request.cert_request_pem,
            ca_cert_pem=self.certificate,
            ca_private_key_pem=self._key.private_key_pem,
            validity_period_hours=in_seconds(lifetime) // 3600,
            early_renewal_hours=in_seconds(lifetime) // 3600 // 3,
            allowed_uses=_USES,
            is_ca_certificate=True,
            set_subject_key_id=True,
            opts=opts,
        )
        return made.cert_pem, key.private_key_pem
