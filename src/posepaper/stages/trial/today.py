"""Records held against today's plan: which code, settings and inputs changed since."""

import json

from posepaper.provenance import changes, fingerprint
from posepaper.provenance.links import Finding, Link
from posepaper.reporting.latex import tex_installed
from posepaper.stages import cost, dag
from posepaper.stages.plan import Plan

BEHIND = ("code", "package", "rule")
STALE = ("setting", "raw")
MOST = 4


def same_code(link: Link) -> bool:
    """Whether an artefact was made by the code, and with the packages, that run here."""
    made = link.made
    code = dag.code(made["rule"], json.loads(made["settings"])) if made else {}
    return bool(made) and fingerprint.digest(code) == made["code"]


def needs_tex(rule: str) -> bool:
    """Whether a rule is planned only where there is a TeX, and here is none."""
    return rule == "make_pdf" and not tex_installed()


class Today:
    """What a study's plan says of records.

    Args:
        stamps: {target: stamp} of every job, see :attr:`Plan.stamps`.
        imagined: the same jobs as if all data were there; a record made where they were may
            agree with either.
        when: what the plan is of, for the words.
        packages: whether versions of packages count.
    """

    def __init__(self, stamps: dict, imagined: dict | None = None, when="now", packages=True):
        self.when, self.packages = when, packages
        self.plans = [_by_output(s) for s in (stamps, imagined or {}) if s]

    def __call__(self, link: Link, whole: dict) -> list[Finding]:
        """What changed since an artefact was made; each change at the link it concerns."""
        stamps = [plan[link.path] for plan in self.plans if link.path in plan]
        if not stamps and needs_tex(whole["rule"]):
            return []
        if not stamps:
            why = f"no job of the study makes it {self.when}"
            return [Finding(link.path, "stale", why)]
        rule = stamps[0]["job"]["rule"]
        if whole["rule"] != rule:
            why = f"its record is of rule {whole['rule']}, the study makes it by {rule}"
            return [Finding(link.path, "broken", why)]
        if any(stamp.get("fingerprint") == whole["fingerprint"] for stamp in stamps):
            return []
        found = [self._against(link.path, whole, stamp) for stamp in stamps]
        return min(found, key=len)

    def waiver(self, path: str) -> dict | None:
        """The waiver by which an artefact counts as planned."""
        return next((p[path]["waiver"] for p in self.plans if "waiver" in p.get(path, ())), None)

    def _against(self, path: str, whole: dict, stamp: dict) -> list[Finding]:
        job = stamp["job"]
        for name in ("experiment", "seed"):
            then, now = whole["settings"].get(name), job["settings"].get(name)
            if then != now:
                why = f"its record is of {name} {then}, the study makes it with {now}"
                return [Finding(path, "broken", why)]
        found = changes.between(whole["covers"], whole["settings"], stamp)
        behind = [c for c in found if c.kind in BEHIND and (self.packages or c.kind != "package")]
        stale = [c for c in found if c.kind in STALE and c.new is not None]
        stale += [c for c in found if c.kind == "parent" and changes.ABSENT in (c.old, c.new)]
        pairs = (("behind", behind), ("stale", stale))
        return [Finding(path, verdict, _told(some)) for verdict, some in pairs if some]


def _told(found: list) -> str:
    words = [_parent(c) if c.kind == "parent" else str(c) for c in found[:MOST]]
    more = f" and {len(found) - MOST} more changes" if len(found) > MOST else ""
    return "; ".join(words) + more


def _parent(change: changes.Change) -> str:
    if change.new == changes.ABSENT:
        return f"it would not be made from {change.name} any more"
    return f"it would be made from {change.name} too"


def _by_output(stamps: dict) -> dict:
    return {path: s for s in stamps.values() for path in s["job"]["outputs"].values()}


def imagined(plan: Plan) -> dict:
    """Stamps without fingerprints of a study as if all its data were there; none where they are."""
    if not any("missing-data" in state for state in plan.builder.states.values()):
        return {}
    found = {}
    for job in cost.Imagined(plan.study, plan.roots).jobs():
        stage = dag.module(job.rule).rpartition(".")[2]
        parts = {
            "code": dag.code(job.rule, job.settings, plan.code),
            "rule": fingerprint.rule_text(f"workflow/rules/{stage}.smk", job.rule),
            "settings": fingerprint.digest(job.settings),
            "parents": dict.fromkeys(job.input_paths(), ""),
            "raw": dict.fromkeys(job.raw),
        }
        found[job.target] = {"parts": parts, "job": job.as_json()}
    return found
