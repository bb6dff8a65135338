"""The plan of a study: every job's fingerprint, and the stamps through which Snakemake sees it.

A stamp is a small file under ``results/{study}/stamps``, an input of its job. It is dated before
the job's outputs where their records agree with the fingerprint, and now where they do not, so
that Snakemake needs nothing but mtimes to rerun exactly what changed in meaning.
"""

import os
import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from posepaper import files
from posepaper.config import Config, nearest, parse
from posepaper.errors import InputError, Refused
from posepaper.experiments import load_study
from posepaper.provenance import fingerprint, record, waivers
from posepaper.stages import dag, layouts, rehearsal, track
from posepaper.stages.dag import Job
from posepaper.stages.jobs import Builder
from posepaper.stages.rehearsal import Rehearsal

HASHES = Path(".posepaper/md5.json")


def stamp_path(target: str) -> str:
    """Where the stamp of the job that makes ``target`` stands."""
    results, study, *rest = Path(target).parts
    return str(Path(results, study, "stamps", *rest)) + ".json"


def read_stamp(target: str) -> dict:
    """The stamp of an artefact's job; plans its study where there is none yet.

    Raises:
        InputError: ``target`` is no artefact of its study.
    """
    parts = Path(target).parts
    if len(parts) < 3 or parts[0] != "results":
        raise InputError(target, "is not an artefact", "Name one below results/{study}")
    if not Path(stamp_path(target)).exists():
        from posepaper.config import read_yaml

        Plan({**read_yaml("config.yaml"), "study": parts[1]}).refresh()
    if not Path(stamp_path(target)).exists():
        raise Refused(f"{target}: no job of study '{parts[1]}' makes it")
    return files.read_json(stamp_path(target))


class Plan:
    """Jobs and fingerprints of the configured study, or of its rehearsal.

    Args:
        config: ``config.yaml`` as Snakemake has it, ``--config`` applied; a study's name may be
            a rehearsal's too.
        code: the package whose meaning counts; default: the one this process runs.
        recalls: plan the jobs alone that make numbers, and take their fingerprints from the stamps
            of an earlier plan. For a process that runs one job of a cluster's, which need not
            find out again what 500 mean; tables and report never queue.

    Raises:
        InputError: a setting is wrong.
    """

    def __init__(
        self, config: dict, code: fingerprint.Code | None = None, *, recalls: bool = False
    ):
        self.recalls = recalls
        if code is None:
            _check_environment()
        self.code = code or fingerprint.installed()
        given = parse(Config, config, "config.yaml")
        self.roots = [given.data] if isinstance(given.data, str) else list(given.data)
        name = rehearsal.study_of(given.study)
        self.study, self.rehearses = load_study(name), given.rehearse or name != given.study
        if self.rehearses:
            self.study = rehearsal.rehearsed(self.study, self.roots)
        self.builder = (Rehearsal if self.rehearses else Builder)(self.study, self.roots)
        self.jobs: list[Job] = self.builder.computing() if recalls else self.builder.jobs()
        if code is None and not recalls:  # the tables of another commit are as they were
            layouts.check(self.builder)
        self._by_wildcards = {_key(j.rule, j.wildcards): j for j in self.jobs}
        self.made_by = {path: job for job in self.jobs for path in job.outputs.values()}

    @property
    def base(self) -> str:
        """``results/{study}``."""
        return self.builder.base

    def targets(self, *rules: str) -> list[str]:
        """Every output of the jobs of these rules, of all jobs where none is named."""
        wanted = [j for j in self.jobs if not rules or j.rule in rules]
        return [path for job in wanted for path in job.outputs.values()]

    def values(self, rule: str, wildcard: str) -> str:
        """A regular expression of the values a wildcard takes in a rule."""
        found = sorted({j.wildcards[wildcard] for j in self.jobs if j.rule == rule})
        return "|".join(v.replace(".", r"\.") for v in found) or "none-planned"

    def planned(self, rule: str, what: str) -> Callable:
        """An input, params or threads function: ``what`` the plan says of a rule's job.

        ``what`` is the name of an input, ``stamp``, ``fingerprint`` or ``threads``.
        """

        def function(wildcards):
            job = self.find(rule, dict(wildcards))
            if what == "stamp":
                return stamp_path(job.target)
            if what == "fingerprint":
                return self.meaning(job)
            if what == "threads":
                return job.settings["threads"]
            return job.inputs.get(what, [])

        return function

    def find(self, rule: str, wildcards: dict) -> Job:
        """The job of a rule with these wildcards.

        Raises:
            InputError: there is none.
        """
        wildcards = {k: v for k, v in wildcards.items() if k != "study"}
        job = self._by_wildcards.get(_key(rule, wildcards))
        if job is None:
            known = ["/".join(j.wildcards.values()) for j in self.jobs if j.rule == rule]
            given = "/".join(wildcards.values())
            raise InputError(
                f"study '{self.study.name}'",
                f"{rule} plans no '{given}'",
                f"Nearest planned: '{nearest(given, known)}'",
            )
        return job

    def meaning(self, job: Job) -> str:
        """A job's fingerprint, recalled where this plan recalls."""
        if self.recalls:
            return read_stamp(job.target)["fingerprint"]
        return self.fingerprints[job.target]

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """Every job's fingerprint, by its target; where a waiver holds, the accepted one."""
        return {target: stamp["fingerprint"] for target, stamp in self.stamps.items()}

    @cached_property
    def stamps(self) -> dict[str, dict]:
        """{"fingerprint", "parts" it covers, "job", "waiver" where one holds} by target."""
        hashes, stamps = _Hashes(), {}

        def stamp(job: Job) -> str:
            if job.target not in stamps:
                parents = {path: stamp(self.made_by[path]) for path in job.input_paths()}
                stamps[job.target] = self._stamp(job, parents, hashes)
            return stamps[job.target]["fingerprint"]

        for job in self.jobs:
            stamp(job)
        hashes.save()
        self.code.modules.save()
        return stamps

    def _stamp(self, job: Job, parents: dict[str, str], hashes: "_Hashes") -> dict:
        stage = dag.module(job.rule).rpartition(".")[2]
        parts = {
            "code": dag.code(job.rule, job.settings, self.code),
            "rule": fingerprint.rule_text(f"workflow/rules/{stage}.smk", job.rule),
            "settings": fingerprint.digest(job.settings),
            "parents": parents,
            "raw": {name: hashes.md5(path) for name, path in job.raw.items()},
        }
        meaning = fingerprint.digest(parts)
        stamp = {"fingerprint": meaning, "parts": parts, "job": job.as_json()}
        waiver = waivers.holding(job.target, meaning)
        if waiver:
            stamp |= {"fingerprint": waiver["recorded"], "waiver": waiver}
        return stamp

    def refresh(self) -> None:
        """Writes and dates every stamp, and dates every artefact as its record says."""
        at_rest, latest = True, 0
        for job in self.jobs:
            meaning = self.fingerprints[job.target]
            records = [record.agrees(path, meaning) for path in job.outputs.values()]
            path, text = Path(stamp_path(job.target)), files.dump_json(self.stamps[job.target])
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                with files.atomic(path) as part:
                    part.write_text(text, encoding="utf-8")
            if all(records):
                for output, made in zip(job.outputs.values(), records, strict=True):
                    record.date_as_recorded(output, made)
                start = min(record.nanoseconds(made["start"]) for made in records)
                latest = max([latest, *(record.nanoseconds(made["end"]) for made in records)])
                os.utime(path, ns=(start, start))
            else:
                os.utime(path)
                at_rest = False
        if at_rest:
            track.restore_stamp(Path(self.base), latest)

    def stale(self) -> list[Job]:
        """Jobs whose outputs are absent or do not agree with their fingerprint."""
        return [
            j
            for j in self.jobs
            if not all(record.agrees(p, self.fingerprints[j.target]) for p in j.outputs.values())
        ]


def _check_environment() -> None:
    """The code that is fingerprinted and run must be this folder's."""
    here = Path("src/posepaper").resolve()
    if here.is_dir() and here != fingerprint.PACKAGE.resolve():
        what = f"runs the code of {fingerprint.PACKAGE}, not that of this folder"
        raise InputError(sys.executable, what, "Use .venv/bin here: make environment")


class _Hashes:
    """md5 of raw files, remembered by size and mtime."""

    def __init__(self):
        self.known = files.read_json(HASHES) if HASHES.exists() else {}
        self.fresh = False

    def md5(self, path: str) -> str:
        stat, name = os.stat(path), str(Path(path).absolute())
        key = [stat.st_size, stat.st_mtime_ns]
        if self.known.get(name, [None])[0] != key:
            self.known[name], self.fresh = [key, files.md5(path)], True
        return self.known[name][1]

    def save(self) -> None:
        if self.fresh:
            files.write_json(HASHES, self.known)


def _key(rule: str, wildcards: dict) -> tuple:
    return rule, tuple(sorted((k, str(v)) for k, v in wildcards.items()))
