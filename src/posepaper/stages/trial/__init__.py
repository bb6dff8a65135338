"""Numbers on trial: what provenance can check, joined with plan, commit, science and print."""

from pathlib import Path

from posepaper.provenance import audit
from posepaper.provenance.history import Past, Present
from posepaper.provenance.links import Finding
from posepaper.provenance.stores import Here, Tracked
from posepaper.provenance.verify import Trial, verify
from posepaper.stages import impact
from posepaper.stages.trial.today import Today, imagined


def tables_of(store, base: Path) -> list[str]:
    """Every table file of a study."""
    ends = (".record.json", ".waiver.json")
    found = store.paths(f"{base}/tables")
    return [p for p in found if p.endswith(".json") and not p.endswith(ends)]
