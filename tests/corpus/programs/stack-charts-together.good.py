from pulumi_kubernetes.helm.v3 import Release

WHERE = "oci://ghcr.io/istio/release/charts"
CA = "cert-manager-istio-csr.cert-manager.svc:443"

Release(
    "istiod",
    chart=f"{WHERE}/istiod",
    version="1.31.1",
    values={"profile": "ambient", "autoscaleMin": 2, "global": {"caAddress": CA, "platform": "openshift"}},
)
Release(
    "istio-cni",
    chart=f"{WHERE}/cni",
    version="1.31.1",
    values={
        "profile": "ambient",
        "global": {"platform": "openshift"},
        "ambient": {"enableAmbientDetectionRetry": True},
    },
)
Release(
    "ztunnel",
    chart=f"{WHERE}/ztunnel",
    version="1.31.1",
    values={"global": {"platform": "openshift"}, "caAddress": CA},
)
