"""Records held against the commit they claim to be made of."""

from posepaper.errors import InputError
from posepaper.provenance import gitstate, record
from posepaper.provenance.links import Finding, Link
from posepaper.stages import impact
from posepaper.stages.plan import Plan
from posepaper.stages.trial.today import needs_tex

MOST = 3


class Commits:
    """The plans of the commits that records name, each made once, by that commit's own code.

    Args:
        plan: today's, which is that of HEAD where nothing is uncommitted.
    """

    def __init__(self, plan: Plan):
        self.plan = plan
        self._planned: dict[str, dict | str] = {}

    def __call__(self, link: Link, whole: dict) -> list[Finding]:
        """What of a record is not its commit's; nothing where it admits uncommitted changes."""
        git = whole["git"]
        if git["commit"] is None or git["dirty"]:
            return []
        if not gitstate.exists(git["commit"]):
            why = f"its commit {git['commit'][:12]} is not in this repository"
            return [Finding(link.path, "unverifiable", why)]
        planned = self._of(git["commit"])
        if isinstance(planned, str):
            why = f"the plan of its commit {git['commit'][:12]} cannot be made here ({planned})"
            return [Finding(link.path, "unverifiable", why)]
        parts = planned.get(link.path)
        if parts is None and not needs_tex(whole["rule"]):
            return [self._unplanned(link.path, git["commit"])]
        odd = _lock(git["commit"], whole) + (_differing(whole, parts) if parts else [])
        if not odd:
            return []
        more = f" and {len(odd) - MOST} more" if len(odd) > MOST else ""
        told = ", ".join(odd[:MOST]) + more
        why = f"claims the clean commit {git['commit'][:12]}, which has another {told}"
        return [Finding(link.path, "broken", why)]

    def _unplanned(self, path: str, commit: str) -> Finding:
        lacks = any("missing-data" in state for state in self.plan.builder.states.values())
        verdict = "unverifiable" if lacks else "broken"
        told = "with the data here" if lacks else "at all"
        why = f"claims the clean commit {commit[:12]}, which does not make it {told}"
        return Finding(path, verdict, why)

    def _of(self, commit: str) -> dict | str:
        """Parts by output path; a commit without such a plan says why."""
        if commit not in self._planned:
            try:
                self._planned[commit] = self._made(commit)
            except InputError as error:
                self._planned[commit] = error.what
        return self._planned[commit]

    def _made(self, commit: str) -> dict:
        git = record.git_state()
        clean = git["commit"] == commit and git["dirty"] is False
        stamps = self.plan.stamps if clean else impact.stamps_at(commit, self.plan, own_code=True)
        return {
            path: stamp["parts"]
            for stamp in stamps.values()
            for path in stamp["job"]["outputs"].values()
        }


def _lock(commit: str, whole: dict) -> list[str]:
    """Whether the environment's lock file was that of the commit."""
    then, there = whole["machine"]["lock"], gitstate.md5(commit, "envs/lock.txt")
    return ["envs/lock.txt"] if then != there else []


def _differing(whole: dict, parts: dict) -> list[str]:
    """Definitions, rule, settings and committed raw files that are not the commit's."""
    covers = whole["covers"]
    then, there = covers["code"]["definitions"], parts["code"]["definitions"]
    odd = sorted(n for n in then.keys() | there.keys() if then.get(n) != there.get(n))
    odd += ["rule's command"] * (covers["rule"] != parts["rule"])
    odd += ["settings"] * (covers["settings"] != parts["settings"])
    raw = covers["raw"].keys() | parts["raw"].keys()
    committed = [n for n in sorted(raw) if n.split("/")[0] in record.TRACKED_CODE]
    return odd + [n for n in committed if covers["raw"].get(n) != parts["raw"].get(n)]
