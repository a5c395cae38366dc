from meshwright.catalog import load_catalog
from meshwright.catalog.prerequisites import unmet


def told(**facts: object) -> list[str]:
    catalog = load_catalog()
    release = catalog.release("istio", "1.31.1")
    return [str(problem) for problem in unmet(release, catalog.platforms["eks"], **facts)]  # type: ignore[arg-type]


def test_what_the_cluster_has_is_enough() -> None:
    assert told() == []
    assert told(kubernetes_version="1.32", compute=["nodes", "ec2"]) == []
    assert told(kubernetes_version="1.40.2") == []


def test_what_it_lacks_is_named() -> None:
    (old,) = told(kubernetes_version="1.31.9")
    assert old.endswith("or choose an older version of the mesh (MW-E056)")
    fargate, autopilot = told(compute=["fargate", "autopilot"])
    assert "AWS Fargate has no nodes" in fargate
    assert autopilot.endswith("(MW-E057)")
