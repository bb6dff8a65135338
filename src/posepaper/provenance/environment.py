"""The environment's lock file held against what records say they ran with."""

from posepaper.provenance.links import Finding, Link
from posepaper.provenance.stores import Store

LOCK = "envs/lock.txt"


class Environment:
    """Today's lock file: a record made with another is behind where that concerns its packages."""

    def __init__(self, store: Store):
        self.md5 = store.md5(LOCK)
        text = (store.read(LOCK) or b"").decode("utf-8", "replace")
        lines = (line.partition(" ")[0].partition(";")[0] for line in text.splitlines())
        pairs = (line.partition("==") for line in lines if "==" in line)
        self.pins = {_plain(name): version.partition("+")[0] for name, _, version in pairs}
        self.link = Link(LOCK, "environment", self.md5, store.size(LOCK))

    def __call__(self, link: Link, whole: dict) -> list[Finding]:
        """Packages a job reached that the lock file pins otherwise than they were."""
        if self.md5 in (None, whole["machine"].get("lock")):
            return []
        used = whole["covers"]["code"]["packages"]
        odd = [
            f"{name} {self.pins[_plain(name)]}, it was made with {version}"
            for name, version in sorted(used.items())
            if self.pins.get(_plain(name), version) != version
        ]
        why = f"changed since {link.path} was made: pins {'; '.join(odd)}"
        return [Finding(LOCK, "behind", why, link.path)] if odd else []


def _plain(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
