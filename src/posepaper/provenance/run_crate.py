"""A study's run told as a Provenance Run Crate: RO-Crate 1.1, profile workflow run 0.5.

One ``CreateAction`` a job, from its record: the rule as instrument, what it read as objects, what
it made as results. A file that is not inside has a local name (``#results/...``), size and hash.
"""

import json
from pathlib import PurePosixPath
from urllib.parse import quote

from rocrate.model import ContextEntity, File
from rocrate.rocrate import ROCrate

from posepaper.provenance.crate import iso_time, told_of

VERSION = "1.1"
RO_CRATE = f"https://w3id.org/ro/crate/{VERSION}"
WORKFLOW_RO_CRATE = "https://w3id.org/workflowhub/workflow-ro-crate/1.0"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/ro/wfrun/provenance/0.5": "Provenance Run Crate",
    WORKFLOW_RO_CRATE: "Workflow RO-Crate",
}
# Of the workflow run profiles' own vocabulary, named here so that no second context is needed.
WORKFLOW_RUN = "https://w3id.org/ro/terms/workflow-run#"
TERMS = ("md5", "sha256", "environment", "resourceUsage")
KINDS = {
    "": "text/plain",
    ".txt": "text/plain",
    ".smk": "text/plain",
    ".toml": "application/toml",
    ".h5": "application/x-hdf5",
    ".json": "application/json",
    ".csv": "text/csv",
    ".html": "text/html",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".py": "text/x-python",
    ".yaml": "application/yaml",
    ".tex": "application/x-tex",
    ".md": "text/markdown",
}
BIOSCHEMAS = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
WORKFLOW = "Snakefile"
LOCK = "envs/lock.txt"
COMPLETED = "http://schema.org/CompletedActionStatus"


def metadata(about: dict, inside: dict[str, dict], records: list[dict]) -> dict:
    """What ``ro-crate-metadata.json`` says; the same for the same arguments.

    Args:
        about: {"name", "title", "note", "configs": [path], "results": [path] the run was for,
            "commit", "dirty", "snakemake": its version, "author": who bundles or ''}.
        inside: by path, {"size", "md5", "sha256"} of every file of the crate but this one.
        records: one a job, upstream first.
    """
    return _Told(about, inside, records).crate.metadata.generate()


class _Told:
    """One crate while it is told."""

    def __init__(self, about: dict, inside: dict[str, dict], records: list[dict]):
        self.about, self.inside = about, inside
        self.crate = ROCrate(version=VERSION)
        self.crate.metadata.extra_terms.update({term: WORKFLOW_RUN + term for term in TERMS})
        self.files = {path: self._inside(path, known) for path, known in sorted(inside.items())}
        self.outside: dict[tuple[str, str], ContextEntity] = {}
        self.agent = self._agent()
        self.language = self._entity(
            "https://w3id.org/workflowhub/workflow-ro-crate#snakemake",
            "ComputerLanguage",
            name="Snakemake",
            identifier={"@id": "https://snakemake.github.io"},
            url={"@id": "https://snakemake.github.io"},
        )
        rules = list(dict.fromkeys(made["rule"] for made in records))
        self.tools = {rule: self._tool(rule) for rule in rules}
        self.steps = {rule: self._step(rule, n) for n, rule in enumerate(rules)}
        self.jobs = [self._job(made) for made in records]
        self.workflow = self._workflow()
        self._run(records)
        self._root(records)

    def _entity(self, identifier: str, kind: str, /, **properties) -> ContextEntity:
        told = {name: _compact(value) for name, value in properties.items()}
        return self.crate.add(ContextEntity(self.crate, identifier, {"@type": kind, **told}))

    def _inside(self, path: str, known: dict) -> File:
        told = {
            "name": path,
            "contentSize": str(known["size"]),
            "md5": known["md5"],
            "sha256": known["sha256"],
            "encodingFormat": _kind(path),
        }
        if path == WORKFLOW:
            told["@type"] = ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"]
        return self.crate.add_file(dest_path=path, properties=told)

    def _file(self, path: str, known: dict) -> ContextEntity:
        """A file that a job read or made: the one inside, if its bytes are these."""
        within = self.inside.get(path)
        if within and within["md5"] == known["md5"]:
            return self.files[path]
        key = path, known["md5"]
        if key not in self.outside:
            self.outside[key] = self._entity(
                f"#{quote(path)}@{known['md5']}",
                "File",
                name=path,
                description="Not in this crate; known by its size and hash.",
                contentSize=str(known["size"]),
                md5=known["md5"],
                encodingFormat=_kind(path),
            )
        return self.outside[key]

    def _agent(self) -> ContextEntity:
        if self.about["author"]:
            return self._entity("#author", "Person", name=self.about["author"])
        return self._entity("#posepaper", "Organization", name="posepaper")

    def _property(self, identifier: str, name: str, value, /, **more) -> ContextEntity:
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        return self._entity(identifier, "PropertyValue", name=name, value=text, **more)

    def _tool(self, rule: str) -> ContextEntity:
        version = self.about["commit"] or "uncommitted"
        words = f"Rule {rule} of the workflow, run by posepaper.stages."
        identifier = f"#rule/{rule}"
        return self._entity(
            identifier, "SoftwareApplication", name=rule, description=words, softwareVersion=version
        )

    def _step(self, rule: str, position: int) -> ContextEntity:
        tool = self.tools[rule]
        return self._entity(
            f"#step/{rule}", "HowToStep", name=rule, position=str(position), workExample=tool
        )

    def _machine(self, made: dict) -> list[ContextEntity]:
        """Where a job ran, one entity a fact and machine."""
        machine = made["machine"]
        facts = {key: value for key, value in sorted(machine.items()) if value not in (None, [])}
        return [
            self._property(f"#machine/{key}/{quote(json.dumps(value), safe='')}", key, value)
            for key, value in facts.items()
        ]

    def _job(self, made: dict) -> ContextEntity:
        target = quote(made["target"])
        memory = self._property(
            f"#memory/{target}",
            "peak memory",
            str(made["peak_memory_bytes"]),
            propertyID="https://w3id.org/ro/terms/workflow-run#memoryUsage",
            unitCode="http://qudt.org/vocab/unit/BYTE",
        )
        told = told_of(made)
        known = {
            "name": f"{made['rule']}: {made['target']}",
            "description": told["description"],
            "instrument": self.tools[made["rule"]],
            "agent": self.agent,
            "object": self._used(made),
            "result": [self._file(out["path"], out) for out in made["outputs"].values()],
            "startTime": told["startTime"],
            "endTime": told["endTime"],
            "actionStatus": COMPLETED,
            "resourceUsage": memory,
            "environment": self._machine(made),
        }
        record = self.files.get(f"{made['target']}.record.json")
        if record:
            known["subjectOf"] = record
        known = {key: value for key, value in known.items() if value != []}
        return self._entity(f"#job/{target}", "CreateAction", **known)

    def _used(self, made: dict) -> list[ContextEntity]:
        used = [self._file(path, known) for path, known in made["inputs"].items()]
        used += [self._file(path, known) for path, known in made["raw"].items()]
        if made["seed"] is not None:
            used.append(self._property(f"#seed/{made['seed']}", "seed", str(made["seed"])))
        return used

    def _workflow(self) -> File:
        workflow = self.files[WORKFLOW]
        workflow["name"] = "Two human-pose papers, from data to PDF"
        workflow["programmingLanguage"] = self.language
        workflow["version"] = self.about["commit"] or "uncommitted"
        workflow["conformsTo"] = {"@id": BIOSCHEMAS}
        workflow["hasPart"] = list(self.tools.values())
        workflow["step"] = list(self.steps.values())
        if LOCK in self.files:
            workflow["softwareRequirements"] = self.files[LOCK]
        return workflow

    def _run(self, records: list[dict]) -> None:
        """The workflow's own run, and the engine that ordered its jobs."""
        about, start, end = self.about, *_span(records)
        control = [
            self._entity(
                f"#control/{quote(made['target'])}",
                "ControlAction",
                name=f"Order {made['target']}",
                instrument=self.steps[made["rule"]],
                object=job,
            )
            for made, job in zip(records, self.jobs, strict=True)
        ]
        self.run = self._entity(
            "#run",
            "CreateAction",
            name=f"Run of study {about['name']}",
            description="From the first job's start to the last one's end; runs may lie between.",
            instrument=self.workflow,
            agent=self.agent,
            object=[self.files[path] for path in about["configs"]],
            result=[self.files[path] for path in about["results"]],
            startTime=iso_time(start),
            endTime=iso_time(end),
            actionStatus=COMPLETED,
        )
        engine = self._entity(
            "https://snakemake.github.io",
            "SoftwareApplication",
            name="Snakemake",
            url={"@id": "https://snakemake.github.io"},
            softwareVersion=about["snakemake"],
        )
        self.engine_run = self._entity(
            "#engine",
            "OrganizeAction",
            name=f"Snakemake's run of study {about['name']}",
            instrument=engine,
            agent=self.agent,
            object=control,
            result=self.run,
            startTime=iso_time(start),
            endTime=iso_time(end),
            actionStatus=COMPLETED,
        )

    def _root(self, records: list[dict]) -> None:
        crate, about = self.crate, self.about
        crate.name = f"posepaper, study {about['name']}: {about['title']}"
        crate.description = about["note"] or about["title"]
        crate.datePublished = iso_time(_span(records)[1])
        crate.license = self._entity(
            "https://spdx.org/licenses/MIT",
            "CreativeWork",
            name="MIT License",
            description="For the code; data carry their own licences and are not inside.",
        )
        crate.creator = self.agent
        crate.mainEntity = self.workflow
        root = crate.root_dataset
        root["conformsTo"] = [
            self._entity(uri, "CreativeWork", name=name, version=uri.rpartition("/")[2])
            for uri, name in PROFILES.items()
        ]
        root["author"] = self.agent
        crate.metadata["conformsTo"] = [{"@id": uri} for uri in (RO_CRATE, WORKFLOW_RO_CRATE)]
        if "README.md" in self.files:
            self.files["README.md"]["about"] = root
        root["mentions"] = [self.run, self.engine_run, *self.jobs]
        root["version"] = about["commit"] or "uncommitted"
        dirty = ", with uncommitted changes" if about["dirty"] else ""
        root["keywords"] = f"human pose estimation, study {about['name']}{dirty}"


def _compact(value):
    """A list of one is written as the one, as RO-Crate asks."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _kind(path: str) -> str:
    return KINDS.get(PurePosixPath(path).suffix, "application/octet-stream")


def _span(records: list[dict]) -> tuple[str, str]:
    return min(r["start"] for r in records), max(r["end"] for r in records)
