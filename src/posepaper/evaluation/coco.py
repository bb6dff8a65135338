"""COCO keypoint average precision, computed by pycocotools on arrays in memory."""

import contextlib
import io
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from posepaper.errors import InputError
from posepaper.evaluation.oks import oks_nms

PERSON = 1
# Where COCOeval.summarize puts the values for keypoints.
STATS = {"ap": 0, "ap50": 1, "ap75": 2, "ap_medium": 3, "ap_large": 4, "ar": 5}


class People(Protocol):
    """Annotated people: any object with these arrays (P people on I images)."""

    image_ids: np.ndarray  # (I,) unique integers
    image_index: np.ndarray  # (P,) position in image_ids
    boxes: np.ndarray  # (P, 4) x, y, width, height in pixels
    keypoints: np.ndarray  # (P, 17, 3) x, y, v
    areas: np.ndarray  # (P,) segment areas in square pixels
    crowds: np.ndarray  # (P,) bool


@dataclass(frozen=True)
class Detections:
    """D detected people: ``image_index`` (D,), ``keypoints`` (D, 17, 3) x, y in image pixels
    and score, ``scores`` (D,) of the whole person."""

    image_index: np.ndarray
    keypoints: np.ndarray
    scores: np.ndarray


def rescore(
    box_scores: np.ndarray, keypoint_scores: np.ndarray, threshold: float = 0.2
) -> np.ndarray:
    """A person's score (D,): box score (D,) times the mean of its keypoint scores (D, 17) that
    exceed the threshold, 0 where none does (evaluation of SimpleBaseline and HRNet)."""
    counted = keypoint_scores > threshold
    total = np.where(counted, keypoint_scores, 0).sum(axis=1)
    return box_scores * total / np.maximum(counted.sum(axis=1), 1)


def detections(
    image_index: np.ndarray,
    keypoints: np.ndarray,
    keypoint_scores: np.ndarray,
    box_scores: np.ndarray,
    areas: np.ndarray,
    *,
    keypoint_threshold: float = 0.2,
    nms_threshold: float = 0.9,
) -> Detections:
    """Rescore decoded people and suppress duplicates within each image.

    Args:
        image_index: (D,) position in the ground truth's ``image_ids``.
        keypoints: (D, 17, 2) image pixels.
        keypoint_scores: (D, 17) heatmap maxima.
        box_scores: (D,) scores of the boxes; ones for ground-truth boxes.
        areas: (D,) square pixels of the crop's region, padded and enlarged as it was cropped
            (the reference evaluation compares duplicates at that area).
        keypoint_threshold: keypoint scores above it enter the rescoring.
        nms_threshold: OKS above which the lower-scored of a pair is dropped.

    Returns:
        The kept people, by image and best first.
    """
    scores = rescore(box_scores, keypoint_scores, keypoint_threshold)
    chosen = oks_nms(keypoints, scores, areas, nms_threshold, image_index)
    people = np.concatenate([keypoints, keypoint_scores[..., None]], axis=2)
    return Detections(image_index[chosen], people[chosen], scores[chosen])


def evaluate(
    ground_truth: People, found: Detections, *, resamples: int = 100, seed: int = 0
) -> dict[str, dict]:
    """COCO keypoint AP and AR of detections, with bootstrap intervals over images.

    People in crowds or without a labelled keypoint are ignored by COCO's rules: they are no
    miss, and a detection that fits them no false alarm. At most 20 detections an image count.

    Args:
        ground_truth: annotated people, images without people included.
        found: detected people on these images.
        resamples: how often images are drawn with replacement; 0 gives no intervals.
        seed: of the draws.

    Returns:
        ``values``: "ap", "ap50", "ap75", "ap_medium", "ap_large", "ar" in percent, without
        those that have no person of that size to find; ``intervals``: the same names -> [low,
        high], the central 95 % of the resamples that could be scored; ``draws``: the same names ->
        each resample's value, None where it could not be scored; ``images``: how many images the
        resamples are drawn from, and the seed. Two results with the same ``images`` have the same
        resamples, so their draws can be subtracted.

    Raises:
        InputError: arrays do not fit each other, or a value is not finite.
    """
    check(ground_truth, found)
    with contextlib.redirect_stdout(io.StringIO()):
        scorer = COCOeval(annotated(ground_truth), detected(ground_truth, found), "keypoints")
        scorer.evaluate()
        values = percentages(scorer)
        draws = resampled(scorer, resamples, seed)
    known = {name: value for name, value in values.items() if not np.isnan(value)}
    intervals, kept = {}, {}
    if resamples:
        for name in known:
            scored = [draw[name] for draw in draws if not np.isnan(draw[name])]
            if scored:
                intervals[name] = [float(end) for end in np.percentile(scored, [2.5, 97.5])]
            kept[name] = [None if np.isnan(d[name]) else round(d[name], 4) for d in draws]
    images = {"count": len(ground_truth.image_ids), "resamples": resamples, "seed": seed}
    return {"values": known, "intervals": intervals, "draws": kept, "images": images}


def resampled(scorer: COCOeval, resamples: int, seed: int) -> list[dict[str, float]]:
    """The values of ``resamples`` draws of images from an evaluated scorer.

    People were matched once; a draw only gathers other images' matches, so each costs an
    accumulation and not an evaluation. The scorer is left with the last draw.
    """
    matches = scorer.evalImgs
    images = len(scorer.params.imgIds)
    ranges = np.arange(len(matches) // images)[:, None] * images
    generator = np.random.default_rng(seed)
    draws = []
    for _ in range(resamples):
        chosen = np.sort(generator.integers(images, size=images))
        scorer.evalImgs = [matches[place] for place in (ranges + chosen).ravel()]
        draws.append(percentages(scorer))
    return draws


def percentages(scorer: COCOeval) -> dict[str, float]:
    """Accumulate and summarise; NaN where there was nobody to find."""
    scorer.accumulate()
    scorer.summarize()
    stats = {name: float(scorer.stats[place]) for name, place in STATS.items()}
    return {name: 100 * value if value >= 0 else float("nan") for name, value in stats.items()}


def annotated(people: People) -> COCO:
    """Ground truth as pycocotools holds it; people are numbered from 1, for it takes a match
    with number 0 for none."""
    labelled = (people.keypoints[:, :, 2] > 0).sum(axis=1)
    ids = people.image_ids[people.image_index]
    keypoints = np.asarray(people.keypoints, np.float64).reshape(-1, 51)
    return indexed(
        people,
        [
            {
                "id": p + 1,
                "image_id": int(ids[p]),
                "category_id": PERSON,
                "keypoints": keypoints[p].tolist(),
                "num_keypoints": int(labelled[p]),
                "bbox": people.boxes[p].tolist(),
                "area": float(people.areas[p]),
                "iscrowd": int(people.crowds[p]),
            }
            for p in range(len(ids))
        ],
    )


def detected(people: People, found: Detections) -> COCO:
    """Detections as COCO.loadRes makes them: a detection's area is its keypoints' extent."""
    ids = people.image_ids[found.image_index]
    keypoints = np.asarray(found.keypoints, np.float64)
    extents = np.ptp(keypoints[:, :, :2], axis=1).prod(axis=1)
    return indexed(
        people,
        [
            {
                "id": d + 1,
                "image_id": int(ids[d]),
                "category_id": PERSON,
                "keypoints": keypoints[d].ravel().tolist(),
                "score": float(found.scores[d]),
                "area": float(extents[d]),
            }
            for d in range(len(ids))
        ],
    )


def indexed(people: People, annotations: list[dict]) -> COCO:
    """A COCO object over the images of ``people`` and these annotations."""
    coco = COCO()
    coco.dataset = {
        "images": [{"id": int(image)} for image in people.image_ids],
        "categories": [{"id": PERSON, "name": "person"}],
        "annotations": annotations,
    }
    coco.createIndex()
    return coco


def check(people: People, found: Detections) -> None:
    """Raise InputError unless the arrays fit each other and hold finite numbers."""
    images, count, number = len(people.image_ids), len(people.image_index), len(found.image_index)
    if not images or len(np.unique(people.image_ids)) != images:
        raise InputError("ground truth", "image_ids are empty or repeat", "Give each image once")
    expected = [
        ("ground truth", "boxes", people.boxes, (count, 4)),
        ("ground truth", "keypoints", people.keypoints, (count, 17, 3)),
        ("ground truth", "areas", people.areas, (count,)),
        ("ground truth", "crowds", people.crowds, (count,)),
        ("detections", "keypoints", found.keypoints, (number, 17, 3)),
        ("detections", "scores", found.scores, (number,)),
    ]
    for owner, name, array, shape in expected:
        if array.shape != shape:
            what = f"{name} have shape {array.shape}"
            raise InputError(owner, what, f"Give {shape}, as image_index has it")
        if not np.isfinite(array).all():
            raise InputError(owner, f"{name} are not finite", "Find out where they went wrong")
    for owner, index in (("ground truth", people.image_index), ("detections", found.image_index)):
        if len(index) and (index.min() < 0 or index.max() >= images):
            raise InputError(owner, f"image_index leaves 0..{images - 1}", "Index image_ids")
