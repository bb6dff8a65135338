"""Which data, keypoints and weights a study has, and why what it lacks is not there."""

import fnmatch
from pathlib import Path

from posepaper.config import Dataset, Experiment, Study

# Where Human3.6M keeps a subject's videos; the first subject stands for all.
VIDEOS = "S1/Videos"


class Availability:
    """What of a study's files is there.

    Args:
        study: resolved settings.
        roots: folders searched in order for the datasets' files.
    """

    def __init__(self, study: Study, roots: list[str]):
        self.study, self.roots = study, roots
        self.missing = {role: self._missing(d) for role, d in study.datasets.items()}
        self.states = {name: self._state(e) for name, e in study.experiments.items()}

    def _missing(self, dataset: Dataset) -> str:
        """Why a dataset cannot be used, or ''."""
        if dataset.not_applicable:
            return f"not-applicable:{dataset.not_applicable}"
        if self._is_world(dataset) or dataset.wheel:
            return ""
        absent = [name for name in dataset.files if self.find(dataset, name) is None]
        return f"missing-data:{dataset.name}" if absent else ""

    def _state(self, experiment: Experiment) -> str:
        """Why an experiment is not run, or ''."""
        chosen = any(fnmatch.fnmatch(experiment.name, p) for p in self.study.only)
        if not chosen or any(fnmatch.fnmatch(experiment.name, p) for p in self.study.not_run):
            return "not-run"
        if self.missing[experiment.data]:
            return self.missing[experiment.data]
        if absent := [f for f in self.published(experiment) if not self.find_weights(f)]:
            return f"missing-data:weights/{absent[0]}"
        return self._source_state(experiment.source) if experiment.source else ""

    def _source_state(self, source: str) -> str:
        keypoints = self.study.keypoints[source]
        dataset = self.study.datasets[keypoints.data]
        if keypoints.not_applicable:
            return f"not-applicable:{keypoints.not_applicable}"
        if self.missing[keypoints.data]:
            return self.missing[keypoints.data]
        if keypoints.experiment:
            if not self._has_videos(dataset):
                return f"missing-data:{dataset.name} videos"
            return self._state(self.study.experiments[keypoints.experiment])
        if (
            keypoints.file
            and not self._is_world(dataset)
            and not self.find(dataset, keypoints.file)
        ):
            return f"missing-data:{keypoints.file}"
        return ""

    def find(self, dataset: Dataset, name: str) -> str | None:
        """A dataset's file in the first data root that has it."""
        return self._in_roots(Path(dataset.folder) / name)

    def find_weights(self, name: str) -> str | None:
        """A published weight file in the folder ``weights`` of the first data root that has it."""
        return self._in_roots(Path("weights") / name)

    def _in_roots(self, name: Path) -> str | None:
        there = (Path(root) / name for root in self.roots)
        return next((str(path) for path in there if path.exists()), None)

    @staticmethod
    def published(experiment: Experiment) -> dict[str, str]:
        """Weight files an experiment starts from, and what they are to it."""
        given = {"weights": experiment.weights, "backbone": experiment.backbone}
        return {file: role for role, file in given.items() if file}

    def missing_weights(self) -> list[str]:
        """Published weights that experiments name and no data root has."""
        named = {file for e in self.study.experiments.values() for file in self.published(e)}
        return sorted(file for file in named if not self.find_weights(file))

    def seeds(self, name: str) -> range:
        """Seeds an experiment is run with; published weights have one."""
        return range(1 if self.study.experiments[name].weights else self.study.seeds)

    def absent(self, role: str) -> list[str]:
        """Files of a role's dataset that no data root has, keypoint files and videos included."""
        dataset = self.study.datasets[role]
        if dataset.not_applicable or dataset.wheel or self._is_world(dataset):
            return []
        keypoints = [k.file for k in self.study.keypoints.values() if k.data == role and k.file]
        wanted = [*dict.fromkeys([*dataset.files, *keypoints]), *[VIDEOS] * dataset.images]
        return [name for name in wanted if self.find(dataset, name) is None]

    def _has_videos(self, dataset: Dataset) -> bool:
        there = self._is_world(dataset) or self.find(dataset, VIDEOS)
        return dataset.images and bool(there)

    @staticmethod
    def _is_world(dataset: Dataset) -> bool:
        return dataset.folder.split("/")[0] == "world"
