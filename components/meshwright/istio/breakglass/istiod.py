"""istiod is lost: what runs goes on for a while, but nothing can be changed, and certificates run out within a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshwright.breakglass.plan import DRIFT, Plan, Step, as_json
from meshwright.breakglass.restarts import brought_back
from meshwright.health.objects import at, called, items, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshwright.istio.breakglass.looking import Look

SCENARIO = "istiod-lost"


def plan(look: Look, *, relax_webhooks: bool = False) -> Plan:
    """Bring istiod back; and let Istio's configuration be written meanwhile, if that is asked for.

    Args:
        look: The cluster.
        relax_webhooks: Whether the API server is to store Istio's objects unseen while istiod doesn't answer.

    Raises:
        ConfigError: MW-E172: no istiod is installed.
    """
    planes = look.istiods()
    relaxed = list(_relaxed(look)) if relax_webhooks else []
    return Plan(
        SCENARIO,
        "istiod is available again",
        ", ".join(called(each) for each in planes),
        (
            "until then proxies go on with what they have; certificates last 24 hours, and new pods get none",
            "until then pods of namespaces with sidecars don't start: their webhook is not relaxed",
            *(("objects that Istio can't use are stored unseen while webhooks are relaxed",) if relaxed else ()),
        ),
        (*relaxed, *(step for each in planes for step in brought_back(each))),
        (
            "see why it was lost: its log, its node, its disruption budget; two replicas or more outlive a node",
            "istiod itself sets its webhooks to Fail again once it runs; undo does so at once",
            DRIFT,
        ),
    )


def _relaxed(look: Look) -> Iterator[Step]:
    for each in look.all("ValidatingWebhookConfiguration"):
        for index, webhook in enumerate(items(each, "webhooks")):
            name = str(at(webhook, "name"))
            if not name.endswith("validation.istio.io") or at(webhook, "failurePolicy") != "Fail":
                continue
            place = ("patch", "validatingwebhookconfiguration", name_of(each), "--type=json")
            yield Step(
                f"{called(each)}, {name}: Fail becomes Ignore",
                (*place, f"--patch={_policy(index, name, 'Ignore')}"),
                (*place, f"--patch={_policy(index, name, 'Fail')}"),
            )


def _policy(index: int, name: str, policy: str) -> str:
    path = f"/webhooks/{index}"
    return as_json(
        [
            {"op": "test", "path": f"{path}/name", "value": name},
            {"op": "replace", "path": f"{path}/failurePolicy", "value": policy},
        ]
    )
