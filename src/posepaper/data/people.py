"""The HDF5 layout of a 2D dataset: encoded images and the people annotated in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from posepaper.data import jpeg
from posepaper.data.hdf5 import ByteStore, StoredBytes, create, opened
from posepaper.errors import InputError
from posepaper.skeleton import COCO


@dataclass(eq=False)
class PeopleSet:
    """Images and people of one split; I images, P people, D detected boxes.

    Boxes are (x, y, width, height) in pixels inside the image, keypoints (x, y, visibility) in
    COCO order with visibility 0 (not labelled), 1 (hidden) or 2 (seen). Crowds and people without
    a labelled keypoint are kept, since evaluation has to ignore detections on them; training
    takes those that :attr:`usable` marks. ``dropped`` counts annotations without any area.
    """

    file: str
    image_ids: np.ndarray
    sizes: np.ndarray
    encoded: Sequence[bytes]
    annotation_ids: np.ndarray
    image_index: np.ndarray
    boxes: np.ndarray
    keypoints: np.ndarray
    areas: np.ndarray
    crowds: np.ndarray
    detection_image_index: np.ndarray | None = None
    detection_boxes: np.ndarray | None = None
    detection_scores: np.ndarray | None = None
    dropped: int = 0

    @property
    def usable(self) -> np.ndarray:
        """(P,) bool: single people with at least one labelled keypoint, SimpleBaseline's choice."""
        return ~self.crowds & (self.keypoints[..., 2] > 0).any(axis=1)

    def image(self, index: int) -> np.ndarray:
        """Decodes image ``index`` to (H, W, 3) uint8 RGB, its pixels as stored (EXIF ignored).

        Raises:
            InputError: the image is damaged or has another size than its annotation says.
        """
        image = jpeg.decode(self.encoded[index])
        label = f"image {self.image_ids[index]}"
        if image is None:
            raise InputError(self.file, f"{label} cannot be decoded", "Fetch the images again")
        width, height = self.sizes[index]
        if image.shape[:2] != (height, width):
            found = f"{image.shape[1]}x{image.shape[0]}"
            fault = f"{label} is {found}, its annotation says {width}x{height}"
            raise InputError(self.file, fault, "Use images and annotations of one release")
        return image


_PLAIN = {
    "image_ids": np.int64,
    "sizes": np.int32,
    "annotation_ids": np.int64,
    "image_index": np.int32,
    "boxes": np.float32,
    "keypoints": np.float32,
    "areas": np.float32,
    "crowds": np.bool_,
}
_DETECTED = {
    "detection_image_index": np.int32,
    "detection_boxes": np.float32,
    "detection_scores": np.float32,
}


def write_people(
    path: str | Path, splits: Mapping[str, PeopleSet], *, identity: str | dict
) -> None:
    """Writes a 2D dataset, images as the bytes they came in.

    Raises:
        InputError: an image cannot be read, or the disk does not take the file.
    """
    attributes = {"identity": identity, "joints": list(COCO.joints), "units": "px"}
    with create(path, "people", attributes) as file:
        for split in sorted(splits):
            people, group = splits[split], file.create_group(split)
            group.attrs["dropped"] = people.dropped
            for name, dtype in (_PLAIN | _DETECTED).items():
                if (value := getattr(people, name)) is not None:
                    group[name] = np.asarray(value, dtype=dtype)
            store = ByteStore(group.create_group("images"))
            for index in range(len(people.image_ids)):
                store.append(people.encoded[index])
            store.finish()


def read_people(path: str | Path, split: str) -> PeopleSet:
    """Reads one split; images stay in the file until they are asked for.

    Raises:
        InputError: the file is absent or damaged, or has no such split.
    """
    with opened(path, "people") as file:
        if split not in file:
            raise InputError(path, f"has no split {split}", "Rebuild it from the study's data")
        group = file[split]
        arrays = {k: group[k][()] for k in (*_PLAIN, *_DETECTED) if k in group}
        images = StoredBytes(str(path), f"{split}/images", group["images/offsets"][()])
        return PeopleSet(
            file=str(path), encoded=images, dropped=int(group.attrs["dropped"]), **arrays
        )


def first_images(people: PeopleSet, wanted: int, *, boxes: bool) -> PeopleSet:
    """The first images of a split that together show enough people; those without are left out.

    Args:
        wanted: usable people, or detected boxes, there shall be; all where there are fewer.
        boxes: whether detected boxes are counted, where the split has them.
    """
    detected = boxes and people.detection_boxes is not None
    shown = people.detection_image_index if detected else people.image_index[people.usable]
    counts = np.bincount(shown, minlength=len(people.image_ids))
    chosen = np.flatnonzero(counts)
    enough = np.searchsorted(counts[chosen].cumsum(), wanted)
    return _of_images(people, chosen[: enough + 1])


def _of_images(people: PeopleSet, chosen: np.ndarray) -> PeopleSet:
    """The chosen images, ascending, with all their people and boxes."""
    number = np.full(len(people.image_ids), -1)
    number[chosen] = np.arange(len(chosen))
    kept = number[people.image_index] >= 0
    names = ("annotation_ids", "boxes", "keypoints", "areas", "crowds")
    parts = {name: getattr(people, name)[kept] for name in names}
    parts["image_index"] = number[people.image_index[kept]]
    if people.detection_boxes is not None:
        kept = number[people.detection_image_index] >= 0
        for name in ("detection_boxes", "detection_scores"):
            parts[name] = getattr(people, name)[kept]
        parts["detection_image_index"] = number[people.detection_image_index[kept]]
    return replace(
        people,
        image_ids=people.image_ids[chosen],
        sizes=people.sizes[chosen],
        encoded=[people.encoded[index] for index in chosen.tolist()],
        **parts,
    )
