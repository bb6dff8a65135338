"""Artefacts held against what DVC tracked: pointers, their listings, and the note of tracking."""

import hashlib
import json
from pathlib import Path

from posepaper.provenance import record
from posepaper.provenance.history import Past, log_of
from posepaper.provenance.links import Finding, Link
from posepaper.provenance.verify import Trial


def check(trial: Trial, past: Past, *, here: bool) -> None:
    """Holds every artefact of a trial, and its record, against DVC's listing of its folder.

    Args:
        past: what the pointers say.
        here: whether they are the working tree's, so that its note of tracking must agree.
    """
    folders: dict[str, list[Link]] = {}
    for link in list(trial.links.values()):
        if past.holds(link.path) and link.kind == "artefact":
            folder = "/".join(Path(link.path).parts[:3])
            folders.setdefault(folder, []).append(link)
    noted, at = _noted(past) if here else ({}, "")
    for folder, links in sorted(folders.items()):
        md5 = past.pointers.get(folder)
        if md5 is None:
            for link in links:
                trial.notes[link.path].append("not tracked by DVC")
            continue
        pointer = f"{folder}.dvc"
        trial.links[pointer] = Link(pointer, "pointer", recorded={"md5": md5})
        trial.kept_by.update((link.path, pointer) for link in links)
        if noted.get(folder, md5) != md5:
            note = f"{past.base}/stamps/tracked.json"
            trial.break_(pointer, f"points at {md5 or 'nothing'}, {note} at {noted[folder]}")
        else:
            _Folder(trial, past, folder, at).check(links)


class _Folder:
    """One tracked folder, or one file tracked by itself."""

    def __init__(self, trial: Trial, past: Past, folder: str, at: str):
        self.trial, self.past, self.folder, self.at = trial, past, folder, at
        self.pointer, self.md5 = f"{folder}.dvc", past.pointers[folder]

    def check(self, links: list[Link]) -> None:
        """Holds links against the listing."""
        listed = self._listing()
        for link in links if listed is not None else ():
            for path, found in ((link.path, link.md5), (f"{link.path}.record.json", link.text)):
                self._one(link, path, found, listed.get(path))

    def _one(self, link: Link, path: str, found: str | None, tracked: str | None) -> None:
        if not found or found == tracked:
            return
        if link.made and self.at and _later(link.made["end"], self.at):
            self.trial.notes[link.path].append("made since DVC tracked its folder")
            return
        what = "its record" if path != link.path else "it"
        told = f"tracked {what} as md5 {tracked}" if tracked else f"does not track {what}"
        self.trial.break_(link.path, f"DVC {told}, here is {found}")

    def _listing(self) -> dict[str, str] | None:
        """md5 by path; None where nothing can be said."""
        if not self.md5.endswith(".dir"):
            return {self.folder: self.md5} if self.md5 else self._faulty("cannot be read")
        file = self.past.cached(self.md5)
        if file is None:
            return self._made_again()
        data = file.read_bytes()
        if hashlib.md5(data, usedforsecurity=False).hexdigest() != self.md5.removesuffix(".dir"):
            return self._faulty("its listing in DVC's cache is damaged")
        return {f"{self.folder}/{e['relpath']}": e["md5"] for e in json.loads(data)}

    def _made_again(self) -> dict[str, str] | None:
        """The listing DVC would make of what is here, where that is what it points at."""
        store = self.trial.store
        here = {p: store.md5(p) for p in store.paths(self.folder)}
        entries = [{"md5": here[p], "relpath": p.removeprefix(f"{self.folder}/")} for p in here]
        entries.sort(key=lambda entry: tuple(entry["relpath"].split("/")))
        text = json.dumps(entries, sort_keys=True).encode()
        if hashlib.md5(text, usedforsecurity=False).hexdigest() + ".dir" == self.md5:
            return here
        why = "points at a listing that is not here, and what is here is another; try dvc fetch"
        self.trial.add(Finding(self.pointer, "unverifiable", why))
        return None

    def _faulty(self, why: str) -> None:
        self.trial.break_(self.pointer, why)


def _noted(past: Past) -> tuple[dict[str, str], str]:
    """{path: md5} that tracking noted last, and when that was; '' where nobody noted."""
    file, log = past.base / "stamps" / "tracked.json", log_of(past.base)
    try:
        noted = json.loads(file.read_text(encoding="utf-8"))["pointers"]
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        entries = [json.loads(line) for line in lines]
    except (OSError, ValueError, KeyError, TypeError):
        return {}, ""
    same = [e["at"] for e in entries if e["pointers"] == noted]
    return noted, same[-1] if same else ""


def _later(time: str, at: str) -> bool:
    return record.nanoseconds(time) > record.nanoseconds(at)
