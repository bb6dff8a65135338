"""Which jobs a study has: rule, inputs, outputs and the settings each one reads.

The one place that knows how artefacts follow from one another; the rules in ``workflow/rules``
ask it for their inputs.
"""

from posepaper.config import Dataset, Experiment, Study, nearest
from posepaper.errors import InputError
from posepaper.experiments import network_settings
from posepaper.stages import layouts
from posepaper.stages.availability import Availability
from posepaper.stages.dag import Job

# Files of a data root's folder ``weights`` that a person detector needs; the best detector first.
DETECTOR_FILES = {"yolov3": ("yolov3.cfg", "yolov3.weights"), "hog": ()}


# The papers' whole system, and where a study does not train that, what comes nearest.
SYSTEM = {
    "pose2d": ("pose2d/hrnet-w32-am4", "pose2d/hrnet-w32"),
    "lifting": ("lift/ours-f81-hrnet-w32-am4", "lift/ours-f81-cpn", "lift/ours-f81-gt"),
}


class Builder(Availability):
    """Builds the jobs of one study from its settings and from which raw files are there.

    Args:
        study: resolved settings.
        roots: folders searched in order for the datasets' files.
    """

    def __init__(self, study: Study, roots: list[str]):
        super().__init__(study, roots)
        self.base = f"results/{study.name}"

    def jobs(self) -> list[Job]:
        """Every job of the study, upstream first."""
        return [*self.computing(), *layouts.jobs(self)]

    def computing(self) -> list[Job]:
        """Those that make numbers: all but tables, figures and report."""
        planned = [e for n, e in self.study.experiments.items() if not self.states[n]]
        jobs = [*self._world(), *self._datasets(), *self._keypoints()]
        for experiment in planned:
            for seed in self.seeds(experiment.name):
                jobs += self._experiment(experiment, seed)
        followed = self.video_poses()
        return [*jobs, followed] if isinstance(followed, Job) else jobs

    # -- names of artefacts --------------------------------------------------------------------

    def data(self, role: str) -> str:
        """The prepared dataset of a role."""
        return f"{self.base}/data/{role}.h5"

    def crops(self, role: str) -> str:
        """The people of a 2D dataset cut out of their photos."""
        return f"{self.base}/data/{role}-crops.h5"

    def frames(self) -> str:
        """The people of the 3D dataset's videos, cut out of every frame."""
        return f"{self.base}/data/pose3d-frames.h5"

    def has_frames(self) -> bool:
        """Whether there are such videos."""
        dataset = self.study.datasets.get("pose3d")
        return dataset is not None and not self.missing["pose3d"] and self._has_videos(dataset)

    def keypoints(self, source: str) -> str:
        """The keypoint file of a 2D source role."""
        return f"{self.base}/keypoints/{source}.h5"

    def artefact(self, stage: str, experiment: str, seed: int, suffix: str) -> str:
        """A run's file in ``checkpoints``, ``predictions`` or ``metrics``."""
        return f"{self.base}/{stage}/{experiment}/seed{seed}{suffix}"

    # -- jobs ----------------------------------------------------------------------------------

    def _world(self) -> list[Job]:
        if self.study.world is None:
            return []
        output = {"manifest": f"{self.base}/data/world.json"}
        settings = self.study.world.model_dump(mode="json")
        return [Job("prepare_world", {}, output, settings=settings)]

    def _origin(self, dataset: Dataset, files: list[str]) -> tuple[dict, str | None]:
        """A job's arguments by which it reads a dataset's own files; their folder, if generated."""
        if self._is_world(dataset):
            folder = f"{self.base}/data/{dataset.folder}"
            return {"inputs": {"world": f"{self.base}/data/world.json"}, "raw": {}}, folder
        raw = {name: self.find(dataset, name) for name in files}
        return {"inputs": {}, "raw": {n: p for n, p in raw.items() if p}}, None

    def _datasets(self) -> list[Job]:
        jobs = []
        for role, dataset in self.study.datasets.items():
            if self.missing[role]:
                continue
            origin, folder = self._origin(dataset, list(dataset.files))
            rule = {"pose2d": "prepare_people", "video": "prepare_video"}.get(role, "prepare_poses")
            keep = ("identity", "reader", "files", "wheel")
            settings = {"folder": folder, **dataset.model_dump(mode="json", include=keep)}
            outputs = {"dataset": self.data(role)}
            jobs.append(Job(rule, {"role": role}, outputs, settings=settings, **origin))
            if role == "pose2d":
                jobs.append(self._crops(role, dataset))
            if role == "pose3d" and self._has_videos(dataset):
                jobs.append(self._frames(dataset))
        return jobs

    def _crops(self, role: str, dataset: Dataset) -> Job:
        images = {e.image for e in self.study.experiments.values() if e.kind == "pose2d"}
        settings = {
            "identity": dataset.identity,
            "aspects": sorted({width / height for height, width in images}),
        }
        inputs, outputs = {"people": self.data(role)}, {"crops": self.crops(role)}
        return Job("prepare_crops", {"role": role}, outputs, inputs, settings=settings)

    def _frames(self, dataset: Dataset) -> Job:
        origin, folder = self._origin(dataset, list(dataset.files))
        origin["inputs"] |= {"poses": self.data("pose3d"), "keypoints": self.keypoints("gt")}
        image = next(e.image for e in self.study.experiments.values() if e.kind == "pose2d")
        settings = {"folder": folder, "identity": dataset.identity, "image": list(image)}
        outputs = {"frames": self.frames()}
        return Job("prepare_frames", {}, outputs, settings=settings, **origin)

    def _keypoints(self) -> list[Job]:
        jobs = []
        for source, given in self.study.keypoints.items():
            if self._source_state(source):
                continue
            dataset = self.study.datasets[given.data]
            outputs = {"keypoints": self.keypoints(source)}
            wildcards = {"source": source}
            if given.experiment:
                jobs.append(self._detection(given.experiment, outputs, wildcards))
                continue
            read = [given.file] if given.file else list(dataset.files)
            origin, folder = self._origin(dataset, read)
            origin["inputs"]["poses"] = self.data(given.data)
            settings = {
                "folder": folder,
                "reader": dataset.reader,
                **given.model_dump(mode="json", include={"identity", "file", "noise"}),
            }
            jobs.append(Job("prepare_keypoints", wildcards, outputs, settings=settings, **origin))
        return jobs

    def _detection(self, name: str, outputs: dict, wildcards: dict) -> Job:
        experiment = self.study.experiments[name]
        inputs = {
            "checkpoint": self.artefact("checkpoints", name, 0, ".safetensors"),
            "frames": self.frames(),
        }
        settings = {
            "experiment": name,
            "model": experiment.model.options() | {"name": experiment.model.name},
            "flip": experiment.protocol.flip,
            "decoder": experiment.protocol.decoder,
            "threads": experiment.training.threads,
        }
        return Job("detect_keypoints", wildcards, outputs, inputs, settings=settings)

    def video_poses(self) -> Job | str:
        """The job that follows a person through the unlabelled videos, or why there is none."""
        dataset = self.study.datasets.get("video")
        if dataset is None or not dataset.show:
            return "not-applicable:the study shows no video"
        if self.missing["video"]:
            return self.missing["video"]
        settings, inputs = {}, {"data": self.data("video")}
        for kind, names in SYSTEM.items():
            trained = self.system(kind)
            if not trained:
                return self.states.get(names[0], "not-run")
            inputs[kind] = self.artefact("checkpoints", trained, 0, ".safetensors")
            settings[kind] = network_settings(self.study.experiments[trained])
        settings["detector"], raw = self.detector()
        settings["threads"] = max(settings[kind]["threads"] for kind in SYSTEM)
        outputs = {"poses": f"{self.base}/predictions/video.h5"}
        return Job("detect_video", {}, outputs, inputs, raw, settings)

    def system(self, kind: str) -> str:
        """The experiment that stands for the papers' system in this study; '' where none does."""
        return next((n for n in SYSTEM[kind] if not self.states.get(n, "not-run")), "")

    def detector(self, wanted: str = "") -> tuple[str, dict[str, str]]:
        """A person detector, by default the best whose files are there, and these files.

        Raises:
            InputError: there is no such detector, or a file of it is in no data root.
        """
        if wanted and wanted not in DETECTOR_FILES:
            todo = f"Nearest valid: '{nearest(wanted, DETECTOR_FILES)}'"
            raise InputError("--detector", f"there is no '{wanted}'", todo)
        for name in [wanted] if wanted else DETECTOR_FILES:
            found = {f"weights/{file}": self.find_weights(file) for file in DETECTOR_FILES[name]}
            if all(found.values()):
                return name, found
        absent = next(file for file, path in found.items() if not path)
        raise InputError(absent, f"is in no data root, {name} needs it", "See data/README.md")

    def _experiment(self, e: Experiment, seed: int) -> list[Job]:
        wildcards = {"experiment": e.name, "seed": str(seed)}
        inputs = {"data": self.data(e.data)}
        if e.source:
            inputs["keypoints"] = self.keypoints(e.source)
        shared = {
            "experiment": e.name,
            "model": e.model.options() | {"name": e.model.name},
            "seed": seed,
            "threads": e.training.threads,
        }
        predictions = {"predictions": self.artefact("predictions", e.name, seed, ".h5")}
        metrics = {"metrics": self.artefact("metrics", e.name, seed, ".json")}
        training = self._training(e, shared, wildcards, inputs)
        trained = {"checkpoint": training.target}
        protocol = e.protocol.model_dump(mode="json")
        prediction = shared | {"protocol": protocol, "image": e.image}
        prediction["boxes"] = self.study.datasets[e.data].boxes
        jobs = [
            training,
            Job(f"predict_{e.kind}", wildcards, predictions, inputs | trained, settings=prediction),
            Job(
                f"evaluate_{e.kind}",
                wildcards,
                metrics,
                {"data": inputs["data"], **predictions, **trained},
                settings={
                    "experiment": e.name,
                    "seed": seed,
                    "protocol": protocol,
                    "identity": self._identity(e),
                    "roles": self.roles(e),
                },
            ),
        ]
        every = e.training.validate_every
        if every and every < e.training.epochs and not e.weights:
            epochs = [*range(every, e.training.epochs, every), e.training.epochs]
            outputs = {
                "best": self.artefact("checkpoints", e.name, seed, ".best.safetensors"),
                "curve": self.artefact("checkpoints", e.name, seed, ".ap.json"),
            }
            settings = prediction | {"epochs": epochs}
            rule = "evaluate_epochs"
            jobs.append(Job(rule, wildcards, outputs, inputs | trained, settings=settings))
        return jobs

    def _training(self, e: Experiment, shared: dict, wildcards: dict, inputs: dict) -> Job:
        """A training, or published weights in its place, which need no data."""
        seed = shared["seed"]
        outputs = {
            "checkpoint": self.artefact("checkpoints", e.name, seed, ".safetensors"),
            "curve": self.artefact("checkpoints", e.name, seed, ".curve.json"),
        }
        files = self.published(e)
        settings = shared | {"image": e.image, "published": files}
        raw = {f"weights/{file}": self.find_weights(file) for file in files}
        if e.weights:
            return Job(f"train_{e.kind}", wildcards, outputs, {}, raw, settings)
        settings["training"] = e.training.model_dump(mode="json")
        if e.kind == "pose2d":
            inputs = {"crops": self.crops(e.data)}
        return Job(f"train_{e.kind}", wildcards, outputs, inputs, raw, settings)

    def roles(self, e: Experiment) -> dict:
        """What an experiment's numbers are made from, in the words of the tables' ``requires``."""
        boxes = "ground-truth" if self._exact_boxes(e) else e.boxes
        return {"data": e.data, "source": e.source, "boxes": boxes, "protocol": e.protocol.name}

    def _exact_boxes(self, e: Experiment) -> bool:
        return bool(e.boxes) and self.study.datasets[e.data].boxes == "ground-truth"

    def _identity(self, e: Experiment) -> dict:
        source = self.study.keypoints[e.source].identity or e.source if e.source else None
        return {
            "study": self.study.name,
            "data": self.study.datasets[e.data].identity,
            "source": source,
            "boxes": self.study.datasets[e.data].boxes if e.boxes else None,
            "protocol": e.protocol.name,
        }
