# finds: MW-ADO-003 undecided nobody-listed: mesh-wide mTLS may be STRICT, but no namespace is listed with its phase
import pulumi

pulumi.ComponentResource(
    "meshwright:index:MeshWideMtls",
    "nobody-listed",
    {"mode": "STRICT", "phases": {}},
)
