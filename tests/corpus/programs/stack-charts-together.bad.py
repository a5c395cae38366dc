# finds: MW-IST-036 violated istiod: istiod may run as one replica, and then has no disruption budget
# finds: MW-IST-039 violated istio-cni: the chart cni is not given the profile ambient: it serves no ztunnel
# finds: MW-IST-051 violated ztunnel: only istiod's chart is told the CA's address (caAddress): pods get certificates of two roots
from pulumi_kubernetes.helm.v3 import Release

WHERE = "oci://ghcr.io/istio/release/charts"
CA = "cert-manager-istio-csr.cert-manager.svc:443"

Release(
    "istiod",
    chart=f"{WHERE}/istiod",
    version="1.31.1",
    values={"profile": "ambient", "global": {"caAddress": CA, "platform": "openshift"}},
)
Release(
    "istio-cni",
    chart=f"{WHERE}/cni",
    version="1.31.1",
    values={
        "profile": "default",
        "global": {"platform": "openshift"},
        "ambient": {"enableAmbientDetectionRetry": True},
    },
)
Release(
    "ztunnel",
    chart=f"{WHERE}/ztunnel",
    version="1.31.1",
    values={"global": {"platform": "openshift"}},
)
