"""The world as a whole: the same bytes every time, the files a study expects, clear refusals."""

import hashlib

import pytest

from posepaper.world import ACTIONS, SUBJECTS, generate


def digests(folder):
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_same_bytes_from_one_process_and_from_two(tiny, settings, tmp_path):
    generate(tmp_path, **settings, processes=2)
    assert digests(tmp_path) == digests(tiny)


def test_another_seed_is_another_world(tiny, settings, tmp_path):
    generate(tmp_path, **{**settings, "seed": 4, "takes": 1}, processes=1)
    first, second = digests(tiny), digests(tmp_path)
    assert all(first[name] != digest for name, digest in second.items())


def test_every_promised_file_is_there_and_no_other(tiny, settings):
    videos = {
        f"{subject}/Videos/{action}.{camera}.avi"
        for subject in settings["subjects"]
        for action in ("Walking", "Walking 1", "Sitting", "Sitting 1")
        for camera in ("54138969", "55011271", "58860488", "60457274")
    }
    files = {"data_3d_h36m.npz", "cameras_h36m.json", "video/factory.avi"}
    files |= {
        f"data_2d_h36m_{name}.npz"
        for name in ("gt", "cpn_ft_h36m_dbb", "detectron_ft_h36m", "sh_ft_h36m")
    }
    files |= {"data_train_3dhp.npz", "data_test_3dhp.npz"}
    files |= {f"coco/annotations/person_keypoints_{s}2017.json" for s in ("train", "val")}
    files |= {"coco/train2017.zip", "coco/val2017.zip"}
    files |= {"coco/COCO_val2017_detections_AP_H_56_person.json"}
    assert set(digests(tiny)) == videos | files


def test_names_are_human36ms():
    assert SUBJECTS == ("S1", "S5", "S6", "S7", "S8", "S9", "S11")
    names = "Directions Discussion Eating Greeting Phoning Photo Posing Purchases Sitting"
    names += " SittingDown Smoking Waiting WalkDog Walking WalkTogether"
    assert list(ACTIONS) == names.split()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"subjects": ["S2", "S9"]}, "S2 not among"),
        ({"actions": ["Jumping"]}, "Jumping not among"),
        ({"subjects": ["S1"]}, "none of the val subjects"),
    ],
)
def test_a_wrong_choice_is_refused_before_anything_is_written(settings, tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        generate(tmp_path, **{**settings, **change})
    assert not list(tmp_path.iterdir())
