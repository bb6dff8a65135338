"""A bundle as a store of bytes: read in place, trusted in nothing.

What its ``ro-crate-metadata.json`` lists is held against the bytes inside, and what it tells of
jobs against their records.
"""

import hashlib
import json
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote

from posepaper.errors import InputError
from posepaper.provenance.links import Finding

METADATA, RECORD = "ro-crate-metadata.json", ".record.json"
# More than any study's bundle has; what a file claims to unpack to is believed only below.
MOST_FILES, MOST_BYTES = 200_000, 4 << 30
MOST_READ = 256 << 20
DAMAGED = "unreadable"
ANOTHER = "Name a bundle written by: snakemake bundle"


class Crate:
    """The files of a bundle by their path in the repository, see :class:`stores.Store`.

    Args:
        file: the bundle.

    Raises:
        InputError: it is no bundle, or one that is not safe to read.
    """

    def __init__(self, file: str | Path):
        self.file = Path(file)
        try:
            self._archive = zipfile.ZipFile(self.file)
        except FileNotFoundError:
            raise InputError(file, "is not there", "Check the path") from None
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
            raise InputError(file, "is no zip file", ANOTHER) from None
        self._entries = {e.filename: e for e in self._archive.infolist() if not e.is_dir()}
        self._check()
        self._hashes: dict[str, tuple[str, str]] = {}
        self._scratch = tempfile.TemporaryDirectory(prefix="posepaper-bundle-")
        self._copies: dict[str, Path] = {}
        self.listed, self.elsewhere, self.actions = self._manifest()

    def _check(self) -> None:
        """What must hold before any entry is read."""
        entries = self._archive.infolist()
        fault = next((f for entry in entries if (f := _unsafe(entry))), "")
        names = [entry.filename for entry in entries]
        if len(entries) > MOST_FILES:
            fault = f"has {len(entries)} entries, more than any bundle"
        elif len(names) != len(set(names)):
            double = next(n for n in names if names.count(n) > 1)
            fault = f"has two entries '{double}'"
        elif clash := sorted(
            {str(p) for n in names for p in PurePosixPath(n).parents} & set(names)
        ):
            fault = f"has a file that is a folder too, '{clash[0]}'"
        elif (size := sum(entry.file_size for entry in entries)) > MOST_BYTES:
            fault = f"unpacks to {size / 1e9:.0f} GB, more than any bundle"
        if fault:
            raise InputError(self.file, fault, "Nothing was read. " + ANOTHER)
        if METADATA not in self._entries:
            raise InputError(self.file, f"holds no {METADATA}", ANOTHER)

    def _manifest(self) -> tuple[dict, dict, dict]:
        """Files inside by path, hashes by path of those outside, actions by target."""
        try:
            graph = json.loads(self.read(METADATA) or b"")["@graph"]
            known = [(str(e["@id"]), e) for e in graph]
            of_files = [(i, e) for i, e in known if "File" in _listed(e["@type"])]
            inside = {unquote(i): e for i, e in of_files if not i.startswith("#")}
            outside: dict[str, set[str]] = {}
            for identifier, entity in of_files:
                if identifier.startswith("#"):
                    outside.setdefault(str(entity["name"]), set()).add(str(entity["md5"]))
            jobs = {unquote(i[5:]): e for i, e in known if i.startswith("#job/")}
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            what = f"{METADATA} cannot be read ({type(error).__name__})"
            raise InputError(self.file, what, ANOTHER) from None
        return inside, outside, jobs

    # -- a store of bytes ----------------------------------------------------------------------

    def md5(self, path: str) -> str | None:
        """Hex md5 of an entry's bytes; of a damaged entry, a word that is no hash."""
        return self._digests(path)[0] if path in self._entries else None

    def size(self, path: str) -> int | None:
        """Bytes, unpacked."""
        return self._entries[path].file_size if path in self._entries else None

    def read(self, path: str) -> bytes | None:
        """An entry's bytes; None where it is absent, damaged or huge."""
        entry = self._entries.get(path)
        if entry is None or entry.file_size > MOST_READ:
            return None
        try:
            return self._archive.read(entry)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError):
            return None

    def paths(self, prefix: str) -> list[str]:
        """Every entry below a folder."""
        return sorted(p for p in self._entries if p.startswith(prefix.rstrip("/") + "/"))

    def local(self, path: str) -> Path | None:
        """A copy of an entry, gone with this object."""
        if path not in self._copies:
            data = self.read(path)
            if data is None:
                return None
            name = f"{len(self._copies)}{PurePosixPath(path).suffix}"
            self._copies[path] = Path(self._scratch.name, name)
            self._copies[path].write_bytes(data)
        return self._copies[path]

    def promises(self, path: str) -> bool:
        """Whether the bundle names the file as one that is kept elsewhere."""
        return path in self.elsewhere

    def _digests(self, path: str) -> tuple[str, str]:
        if path not in self._hashes:
            md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
            try:
                with self._archive.open(path) as stream:
                    while block := stream.read(1 << 20):
                        md5.update(block)
                        sha256.update(block)
                self._hashes[path] = md5.hexdigest(), sha256.hexdigest()
            except (zipfile.BadZipFile, zlib.error, EOFError, OSError):
                self._hashes[path] = DAMAGED, DAMAGED
        return self._hashes[path]

    # -- what it says of itself ----------------------------------------------------------------

    @cached_property
    def studies(self) -> list[str]:
        """The studies it has tables of."""
        parts = [PurePosixPath(path).parts for path in self.paths("results")]
        return sorted({p[1] for p in parts if len(p) > 3 and p[2] == "tables"})

    def faults(self) -> Iterator[Finding]:
        """Every entry against the manifest, and what is told of jobs against their records."""
        for path in sorted((self._entries.keys() | self.listed.keys()) - {METADATA}):
            why = self._against_manifest(path)
            if why:
                yield Finding(path, "broken", why)
        records = {path: made for path in self._entries if (made := self._record(path))}
        for made in records.values():
            if self._told(made["target"]) != told_of(made):
                why = f"{METADATA} tells its job otherwise than its record"
                yield Finding(made["target"], "broken", why)
        targets = {made["target"] for made in records.values()}
        for target in sorted(self.actions.keys() - targets):
            yield Finding(target, "broken", f"{METADATA} tells of its job, no record does")

    def _against_manifest(self, path: str) -> str:
        if path not in self._entries:
            return f"{METADATA} lists it, but it is not inside"
        if path not in self.listed:
            return f"is inside, but {METADATA} does not list it"
        (md5, sha256), known = self._digests(path), self.listed[path]
        if md5 == DAMAGED:
            return "is damaged: its bytes are not those that were packed"
        told = known.get("md5"), known.get("sha256"), known.get("contentSize")
        if told != (md5, sha256, str(self.size(path))):
            return f"is not as {METADATA} lists it (sha256 {sha256}, listed {told[1]})"
        return ""

    def _record(self, path: str) -> dict | None:
        """A record that can be read; one that cannot is its artefact's own fault."""
        if not path.endswith(RECORD):
            return None
        try:
            made = json.loads(self.read(path) or b"")
            told_of(made)
            return made
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None

    def _told(self, target: str) -> dict:
        """What its action says of a job, as :func:`told_of` says it of a record."""
        action = self.actions.get(target, {})
        return {
            **{key: action.get(key) for key in ("startTime", "endTime", "description")},
            "object": sorted(self._names(action.get("object"))),
            "result": sorted(self._names(action.get("result"))),
        }

    def _names(self, given) -> Iterator[str]:
        """path@md5 of the files an action names."""
        for entity in _listed(given):
            identifier = unquote(str(entity.get("@id") if isinstance(entity, dict) else entity))
            if identifier.startswith("#seed/"):
                continue
            if identifier in self.listed:
                yield f"{identifier}@{self.listed[identifier].get('md5')}"
            else:
                yield identifier.removeprefix("#")


def _unsafe(entry: zipfile.ZipInfo) -> str:
    """Why an entry must not be read, '' where it may."""
    name, parts = entry.filename, PurePosixPath(entry.filename).parts
    shown = quote(name, safe="/:\\. ")
    if not name or name.startswith("/") or ".." in parts or "\\" in name or ":" in parts[0]:
        return f"has an entry that leads outside, '{shown}'"
    if name.rstrip("/") != str(PurePosixPath(name)) or any(ord(c) < 32 for c in name):
        return f"has an entry of a name that is no plain path, '{shown}'"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return f"has a link, '{shown}'"
    if entry.flag_bits & 1:
        return f"has an encrypted entry, '{shown}'"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return f"has an entry packed in a way no bundle uses, '{shown}'"
    return ""


def _listed(given) -> list:
    return given if isinstance(given, list) else [] if given is None else [given]


def told_of(made: dict) -> dict:
    """What an action says of its record, files as ``path@md5``.

    Raises:
        KeyError: the record lacks something.
    """
    git, used = made["git"], {**made["inputs"], **made["raw"]}
    dirty = " with uncommitted changes" if git["dirty"] else ""
    return {
        "startTime": iso_time(made["start"]),
        "endTime": iso_time(made["end"]),
        "description": f"Commit {git['commit']}{dirty}, fingerprint {made['fingerprint']}",
        "object": sorted(f"{path}@{known['md5']}" for path, known in used.items()),
        "result": sorted(f"{o['path']}@{o['md5']}" for o in made["outputs"].values()),
    }


def iso_time(text: str) -> str:
    """ISO 8601 as the profile's own pattern takes it: to the millisecond."""
    day, _, zone = text.partition("+")
    return f"{day[:-3] if '.' in day else day}+{zone}"
