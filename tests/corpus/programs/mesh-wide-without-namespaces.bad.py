# finds: MW-ADO-003 violated nobody-listed: mesh-wide mTLS is STRICT, but no namespace is listed with its phase: nobody knows who would be cut off
import pulumi

pulumi.ComponentResource(
    "meshwright:index:MeshWideMtls",
    "nobody-listed",
    {"mode": "STRICT", "phases": {}},
)
