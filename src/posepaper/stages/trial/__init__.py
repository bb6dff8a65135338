"""Numbers on trial: what provenance can check, joined with plan, commit, science and print."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from posepaper.progress import Progress
from posepaper.provenance import audit, tracked, waivers
from posepaper.provenance.environment import Environment
from posepaper.provenance.history import Past, Present
from posepaper.provenance.links import Link
from posepaper.provenance.stores import Here, Store, Tracked
from posepaper.provenance.verify import Trial
from posepaper.stages import impact
from posepaper.stages.trial import printed, tables
from posepaper.stages.trial.commits import Commits
from posepaper.stages.trial.inside import Inside
from posepaper.stages.trial.today import Today, imagined


@dataclass(frozen=True)
class Question:
    """What an audit is asked.

    Attributes:
        addresses: numbers or artefacts; with ``everything`` all numbers made here, of which
            ``sample`` (0: all) are drawn by ``seed``.
        rev: a commit whose printed numbers are meant; '' for those that stand here.
        verify: hold files also against DVC, git, what they say inside and what is printed.
        reevaluate: run checkpoints again as well, on a ``share`` of each run's sequences drawn by
            ``seed``; verifies too.
    """

    study: str
    addresses: tuple[str, ...] = ()
    everything: bool = False
    sample: int = 0
    seed: int = 0
    rev: str = ""
    verify: bool = False
    reevaluate: bool = False
    share: float = 1.0


def hold(question: Question) -> Trial:
    """Puts numbers on trial; the answers are :meth:`Trial.answer` of :attr:`Trial.numbers`.

    Raises:
        InputError: an address, study or commit is none.
    """
    base = Path("results", question.study)
    plan = impact.plan_of(question.study)
    past = Past(base, question.rev) if question.rev else Present(base)
    store = Tracked(past) if question.rev else Here(Tracked(past))
    checks = [_planned(plan, question.rev)]
    deep = question.verify or question.reevaluate
    lock = Environment(store)
    if deep:
        checks += [lock, Commits(plan)]
    trial = Trial(store, question.study, _each(checks))
    _ask(trial, question, base)
    _waivers(trial)
    if deep:
        trial.links[lock.link.path] = lock.link
        trial.everywhere.append(lock.link.path)
        _deeply(trial, past, here=not question.rev)
    if question.reevaluate:
        # torch takes seconds to import
        from posepaper.stages.trial import again

        again.check(trial, question.share, question.seed)
    return trial


def _planned(plan, rev: str) -> Today:
    if not rev:
        return Today(plan.stamps, imagined(plan))
    return Today(impact.stamps_at(rev, plan, own_code=True), when=f"at {rev}", packages=False)


def _each(checks: Iterable[Callable]) -> Callable[[Trial, Link, dict], None]:
    def every(trial: Trial, link: Link, whole: dict) -> None:
        for check in checks:
            for finding in check(link, whole):
                trial.add(finding)

    return every


def _ask(trial: Trial, question: Question, base: Path) -> None:
    asked = list(question.addresses)
    if question.everything or question.sample:
        paths = tables_of(trial.store, base)
        asked += [name for path in paths for name in audit.numbers(trial.table(path))]
    if question.sample and question.sample < len(asked):
        chosen = set(random.Random(question.seed).sample(range(len(asked)), question.sample))
        asked = [name for n, name in enumerate(asked) if n in chosen]
    bar = Progress("audit", len(asked), "number")
    for name in asked:
        trial.ask(name)
        if len(asked) > 1:
            bar.update()


def tables_of(store: Store, base: Path) -> list[str]:
    """Every table file of a study."""
    found = store.paths(f"{base}/tables")
    return [p for p in found if audit.is_table(p)]


def _waivers(trial: Trial) -> None:
    """Shows every waiver that stands beside a link, holding or not."""
    for path, link in trial.links.items():
        waiver = link.made and waivers.parse(trial.store.read(str(waivers.path_of(path))))
        if waiver:
            ended = "" if link.made["fingerprint"] == waiver["recorded"] else " (ended)"
            words = f"by {waiver['by']}, {waiver['at']}, because {waiver['because']}"
            changes = "; ".join(waiver["changes"])
            trial.notes[path].append(f"accepted{ended} {words}: {changes}")


def _deeply(trial: Trial, past: Past, *, here: bool) -> None:
    shown = sorted({n["table"] for n in trial.numbers.values()} - {""})
    steps = [
        lambda: _siblings(trial),
        lambda: Inside(trial).all(),
        lambda: tables.check(trial, shown),
        lambda: printed.check(trial, shown),
        lambda: print_all(trial),
        lambda: tracked.check(trial, past, here=here),
    ]
    bar = Progress("verify", len(steps), "check")
    for step in steps:
        step()
        bar.update()


def _siblings(trial: Trial) -> None:
    """Looks at what was made in one job with a link."""
    for link in list(trial.links.values()):
        for path in link.made["outputs"] if link.made else ():
            trial.look(path)


def print_all(trial: Trial) -> None:
    """Adds to every number the files that print it."""
    for address, number in trial.numbers.items():
        if not number["table"]:
            continue
        paper = address.partition(":")[0]
        csv = number["table"].replace(".json", ".csv")
        for path in [csv, *printed.documents(trial, paper)]:
            trial.print_in(address, path)
