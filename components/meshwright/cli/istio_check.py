"""`meshwright istio check`: whether the mesh is healthy, on a cluster or as a program would make it."""

from meshwright.cli import checks


def _mesh() -> checks.Mesh:
    from meshwright.istio.health import from_cluster, from_graph
    from meshwright.istio.health.catalogue import CHECKS, PAGE

    return checks.Mesh(
        "istio", CHECKS, PAGE, from_graph.snapshot_of, from_graph.declared_phases, from_cluster.snapshot_of
    )


check = checks.command("Istio ambient", _mesh)
