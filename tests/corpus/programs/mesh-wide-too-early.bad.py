# finds: MW-ADO-003 violated all-strict: mesh-wide mTLS is STRICT, but legacy is unmeshed: callers that speak plaintext would be cut off
import pulumi

pulumi.ComponentResource(
    "meshwright:index:MeshWideMtls",
    "all-strict",
    {"mode": "STRICT", "phases": {"shop": "strict", "legacy": "unmeshed"}},
)
