"""The part of its photo that any training crop of a person can show, kept apart from the photo.

A region is cut at the photo's own resolution and never resampled, so a crop taken from it is the
crop taken from the photo up to JPEG's loss, whatever the network's input size. Training then
decodes one person and not a whole photo for each sample.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posepaper.data import jpeg
from posepaper.data.crops import SCALE_UNIT, body_halves, box_to_centre_scale
from posepaper.data.hdf5 import ByteStore, StoredBytes, create, opened
from posepaper.data.people import PeopleSet
from posepaper.errors import InputError
from posepaper.progress import Progress
from posepaper.skeleton import COCO

# The most a recipe may enlarge a crop (``config.Training.scale_factor`` is at most .5).
MOST_SCALE = 1.5


@dataclass(eq=False)
class PersonCrops:
    """The usable people of one split, P of them.

    Attributes:
        annotation_ids: (P,) int64.
        boxes: (P, 4) xywh, pixels of the photo.
        keypoints: (P, 17, 3) COCO order, x, y in pixels of the photo and visibility.
        regions: (P, 4) int32 xywh, the kept part of the photo.
        encoded: JPEG of each region.
    """

    file: str
    annotation_ids: np.ndarray
    boxes: np.ndarray
    keypoints: np.ndarray
    regions: np.ndarray
    encoded: Sequence[bytes]

    def __len__(self) -> int:
        return len(self.boxes)

    def image(self, person: int) -> np.ndarray:
        """(h, w, 3) uint8 RGB of a person's region.

        Raises:
            InputError: it is damaged.
        """
        image = jpeg.decode(self.encoded[person])
        if image is None:
            label = f"the crop of person {self.annotation_ids[person]}"
            raise InputError(self.file, f"{label} cannot be decoded", "Delete it and rebuild it")
        return image


def regions(
    boxes: np.ndarray, keypoints: np.ndarray, sizes: np.ndarray, aspects: Sequence[float]
) -> np.ndarray:
    """The part of the photo that the crops of P people can reach, whole or half body.

    Args:
        boxes: (P, 4) xywh pixels.
        keypoints: (P, 17, 3) x, y in pixels, visibility.
        sizes: (P, 2) width and height of each person's photo.
        aspects: width / height of the crops.

    Returns:
        (P, 4) int32 xywh, inside the photo: every rotation at :data:`MOST_SCALE`, and a pixel
        for interpolation.
    """
    low, high = np.full(sizes.shape, np.inf), np.full(sizes.shape, -np.inf)
    for aspect in aspects:
        _, centres, scales = body_halves(keypoints, aspect)
        whole = box_to_centre_scale(boxes, aspect)
        for centre, scale in (whole, *zip(centres, scales, strict=True)):
            radius = MOST_SCALE * SCALE_UNIT * np.hypot(*scale.T)[:, None] / 2
            there = radius > 0
            low = np.where(there, np.minimum(low, centre - radius), low)
            high = np.where(there, np.maximum(high, centre + radius), high)
    low = np.clip(np.floor(low) - 1, 0, sizes - 1)
    high = np.clip(np.ceil(high) + 2, low + 1, sizes)
    return np.concatenate([low, high - low], axis=1).astype(np.int32)


def write_person_crops(
    path: str | Path, people: PeopleSet, aspects: Sequence[float], *, identity: str
) -> None:
    """Cuts the usable people of a split out of their photos, each photo decoded once.

    Raises:
        InputError: a photo cannot be read, or the disk does not take the file.
    """
    chosen = np.flatnonzero(people.usable)
    photo = people.image_index[chosen]
    wanted = regions(people.boxes[chosen], people.keypoints[chosen], people.sizes[photo], aspects)
    attributes = {"identity": identity, "joints": list(COCO.joints), "units": "px"}
    with create(path, "person-crops", attributes) as file, Progress("crops", len(chosen)) as bar:
        file["annotation_ids"] = people.annotation_ids[chosen].astype(np.int64)
        file["boxes"] = people.boxes[chosen].astype(np.float32)
        file["keypoints"] = people.keypoints[chosen].astype(np.float32)
        file["regions"] = wanted
        store, shown, image = ByteStore(file.create_group("images")), None, None
        for index, (x, y, width, height) in zip(photo, wanted, strict=True):
            if shown != index:
                shown, image = index, people.image(int(index))
            store.append(jpeg.encode(image[y : y + height, x : x + width]))
            bar.update()
        store.finish()


def read_person_crops(path: str | Path) -> PersonCrops:
    """Reads what :func:`write_person_crops` wrote; regions stay in the file until asked for.

    Raises:
        InputError: the file is absent, damaged or of another kind.
    """
    with opened(path, "person-crops") as file:
        names = ("annotation_ids", "boxes", "keypoints", "regions")
        images = StoredBytes(str(path), "images", file["images/offsets"][()])
        return PersonCrops(str(path), *(file[name][()] for name in names), images)
