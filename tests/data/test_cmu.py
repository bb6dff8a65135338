import csv
import importlib.util
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from posepaper.data import bvh, cmu
from posepaper.data.open_data import check_hash
from posepaper.errors import InputError
from posepaper.experiments import load_study
from posepaper.skeleton import H36M

SHARED = Path(__file__).parents[3] / "shared" / "data" / "cmu_mocap"
NEEDS_DATA = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the open data are not beside this checkout"
)
# Joints, parents by their place in the list, offsets in the file's unit.
TREE = (
    ("Hips", -1, (0, 0, 0)),
    ("LeftUpLeg", 0, (1.8, -1.7, 0)),
    ("LeftLeg", 1, (0, -7, 0)),
    ("LeftFoot", 2, (0, -7, 0)),
    ("RightUpLeg", 0, (-1.8, -1.7, 0)),
    ("RightLeg", 4, (0, -7, 0)),
    ("RightFoot", 5, (0, -7, 0)),
    ("Spine", 0, (0, 2, 0)),
    ("Neck", 7, (0, 6, 0)),
    ("Neck1", 8, (0, 1.4, 0)),
    ("Head", 9, (0, 1.5, 0)),
    ("LeftArm", 8, (3, 0, 0)),
    ("LeftForeArm", 11, (5, 0, 0)),
    ("LeftHand", 12, (4, 0, 0)),
    ("RightArm", 8, (-3, 0, 0)),
    ("RightForeArm", 14, (-5, 0, 0)),
    ("RightHand", 15, (-4, 0, 0)),
)


def _hierarchy(joint: int) -> str:
    name, parent, offset = TREE[joint]
    head = "ROOT" if parent < 0 else "JOINT"
    channels = "6 Xposition Yposition Zposition" if parent < 0 else "3"
    inside = "".join(_hierarchy(k) for k, row in enumerate(TREE) if row[1] == joint)
    inside += "End Site\n{\nOFFSET 0 1.5 0\n}\n" if name == "Head" else ""
    place = " ".join(map(str, offset))
    turns = "Zrotation Yrotation Xrotation"
    return f"{head} {name}\n{{\nOFFSET {place}\nCHANNELS {channels} {turns}\n{inside}}}\n"


def _bvh(frames: int, jump_at: int | None = None) -> str:
    """A person who walks along z, arms swinging; ``jump_at`` is a frame where he is moved."""
    values = np.zeros((frames, 6 + 3 * (len(TREE) - 1)))
    values[:, 1], values[:, 2] = 16, np.linspace(0, 30, frames)
    values[:, 6:] = 10 * np.sin(np.arange(frames) / 30)[:, None]
    values[0, :3] = 500
    if jump_at is not None:
        values[jump_at:, 0] += 10
    rows = "\n".join(" ".join(f"{v:.6f}" for v in row) for row in values)
    return f"HIERARCHY\n{_hierarchy(0)}MOTION\nFrames: {frames}\nFrame Time: .0083333\n{rows}\n"


CLIPS = (
    ("02_01", "02", "Walking", 401, None),
    ("05_01", "05", "Walking", 401, 201),
    ("49_01", "49", "Balancing", 301, None),
    ("49_02", "49", "Balancing", 301, None),
    ("49_03", "49", "Balancing", 301, None),
    ("02_04", "02", "Walking", 301, 51),
)


def _archive(folder: Path, change=lambda name, text: text, leave_out: str = ""):
    with tarfile.open(folder / "bvh.tar.xz", "w:xz") as tar:
        for clip, _, _, frames, jump in CLIPS:
            if clip != leave_out:
                data = change(clip, _bvh(frames, jump)).encode()
                member = tarfile.TarInfo(f"bvh/{clip}.bvh")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    rows = ["clip,subject,action,frames,fps,description"]
    rows += [f'{c},{s},{a},{n},120.0,"walk, turn"' for c, s, a, n, _ in CLIPS]
    (folder / "clips.csv").write_text("\n".join(rows) + "\n")
    return folder / "bvh.tar.xz", folder / "clips.csv"


def test_pieces_splits_and_names(tmp_path):
    found = cmu.sequences(*_archive(tmp_path))
    table = {s.key: (len(s.positions), s.split, s.split_by) for s in found if s.camera == "0"}
    assert table == {
        "02/Walking 02_01/0": (100, "train", "subject"),
        "05/Walking 05_01-1/0": (50, "test", "subject"),
        "05/Walking 05_01-2/0": (50, "test", "subject"),
        "49/Balancing 49_01/0": (75, "train", "clip"),
        "49/Balancing 49_02/0": (75, "test", "clip"),
        "49/Balancing 49_03/0": (75, "train", "clip"),
        "02/Walking 02_04/0": (63, "train", "subject"),  # the 50 frames before the cut are short
    }
    assert len(found) == 4 * len(table)
    assert {(s.width, s.height, s.fps) for s in found} == {(1000, 1000, 30.0)}


def test_metres_z_up_and_joint_order(tmp_path):
    motion = bvh.parse("a.bvh", _bvh(3))
    world = cmu.world_positions("a.bvh", motion)
    unit = 0.0254 / 0.45
    scale = {name: k for k, name in enumerate(H36M.joints)}
    np.testing.assert_allclose(world[1, 0, 2], 16 * unit, rtol=1e-5)
    np.testing.assert_allclose(world[2, 0, 1], -30 * unit, rtol=1e-5)  # BVH's z is our -y
    for child, parent, length in (("RKnee", "RHip", 7), ("LWrist", "LElbow", 4)):
        bone = world[:, scale[child]] - world[:, scale[parent]]
        np.testing.assert_allclose(np.linalg.norm(bone, axis=-1), length * unit, rtol=1e-5)
    assert (world[1:, scale["Head"], 2] > world[1:, scale["Thorax"], 2]).all()
    # He faces +z of the BVH, our -y, so that his left is +x.
    assert (world[:, scale["LHip"], 0] > world[:, scale["RHip"], 0]).all()


def test_cameras_see_everybody_upright_and_from_all_sides(tmp_path):
    found = cmu.sequences(*_archive(tmp_path))
    pixels = cmu.exact_keypoints(found)
    for sequence in found:
        seen, deep = pixels[sequence.key], sequence.positions[..., 2]
        assert deep.min() > 1 and seen.min() > 0 and seen.max() < 1000
        assert (seen[:, 10, 1] < seen[:, 3, 1]).all()  # head above foot
    first = [s for s in found if s.action == "Walking 02_01"]
    pelvis = [s.positions[:, 4] - s.positions[:, 1] for s in first]
    lengths = [np.linalg.norm(p, axis=-1) for p in pelvis]
    np.testing.assert_allclose(lengths, np.broadcast_to(lengths[0], (4, 100)), rtol=1e-4)
    assert {bool(np.mean(p[:, 0]) > 0) for p in pelvis} == {True, False}


def test_cameras_keep_the_pose_right_handed(tmp_path):
    """A mirror would swap left and right: compare with a rigid fit of determinant +1."""
    found = cmu.sequences(*_archive(tmp_path))
    world = cmu.world_positions("a.bvh", bvh.parse("a.bvh", _bvh(401)))[1::4]
    for sequence in (s for s in found if s.action == "Walking 02_01"):
        a = world[7] - world[7].mean(0)
        b = sequence.positions[7] - sequence.positions[7].mean(0)
        u, _, vt = np.linalg.svd(a.T @ b)
        turn = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
        np.testing.assert_allclose(a @ turn, b, atol=1e-4)


def test_noise_is_seeded_sized_and_lasting(tmp_path):
    found = cmu.sequences(*_archive(tmp_path))
    exact = cmu.exact_keypoints(found)
    noisy = cmu.noisy_keypoints(found, sigma_px=8.0, correlation=0.7, seed=3)
    alone = cmu.noisy_keypoints(found[5:6], sigma_px=8.0, correlation=0.7, seed=3)
    np.testing.assert_array_equal(noisy[found[5].key], alone[found[5].key])
    other = cmu.noisy_keypoints(found[5:6], sigma_px=8.0, correlation=0.7, seed=4)
    assert not np.array_equal(other[found[5].key], alone[found[5].key])
    assert next(iter(noisy.values())).dtype == np.float32
    errors = [noisy[k] - exact[k] for k in exact]
    everything = np.concatenate(errors)
    assert abs(everything.std() - 8) < 0.2 and abs(everything.mean()) < 0.2
    for lag in (1, 2, 5):
        product = np.concatenate([e[lag:] * e[:-lag] for e in errors]).mean() / 64
        assert abs(product - 0.7**lag) < 0.04
    white = cmu.noisy_keypoints(found, sigma_px=8.0, correlation=0.0, seed=3)
    errors = [white[k] - exact[k] for k in exact]
    assert abs(np.concatenate([e[1:] * e[:-1] for e in errors]).mean() / 64) < 0.04


def test_an_unknown_camera_has_no_keypoints(tmp_path):
    sequence = cmu.sequences(*_archive(tmp_path))[0]
    object.__setattr__(sequence, "camera", "9")
    with pytest.raises(InputError, match="has an unknown camera 9"):
        cmu.exact_keypoints([sequence])


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda n, t: t.replace("LeftArm", "LeftWing"), "02_01.bvh: has no joint LeftArm"),
        (lambda n, t: t.replace("Frames: 401", "Frames: 400"), "has 401 frames, not the 400"),
        (lambda n, t: t[:-200], "02_01.bvh: .*frame 400 has|02_01.bvh: has 400 frames"),
        (lambda n, t: _bvh(100), "02_01.bvh: has 100 frames, its index says 401"),
    ],
)
def test_bad_clips(tmp_path, change, fault):
    with pytest.raises(InputError, match=fault):
        cmu.sequences(*_archive(tmp_path, change))


def test_bad_archives_and_indexes(tmp_path):
    archive, clips = _archive(tmp_path, leave_out="49_02")
    with pytest.raises(InputError, match=r"lacks 49_02.bvh, which the index names"):
        cmu.sequences(archive, clips)
    data = archive.read_bytes()
    broken = [data[:length] for length in range(0, len(data) - 1, 997)]
    broken += [data[:3000] + bytes(50) + data[3050:], b"no archive"]
    for content in broken:
        archive.write_bytes(content)
        with pytest.raises(InputError, match="cut off or no tar"):
            cmu.sequences(archive, clips)
    with pytest.raises(InputError, match="is not there"):
        cmu.sequences(tmp_path / "x.tar.xz", clips)
    for text in ("", "a,b\n1,2\n"):
        clips.write_text(text)
        with pytest.raises(InputError, match="has not the columns action, clip, frames, subject"):
            cmu.sequences(archive, clips)
    with pytest.raises(InputError, match="is not there"):
        cmu.sequences(archive, tmp_path / "x.csv")


def _brute_force():
    path = Path(__file__).with_name("test_bvh.py")
    spec = importlib.util.spec_from_file_location("brute_force_bvh", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.brute_force


@NEEDS_DATA
def test_every_real_clip():
    """All 127 parse to 86,164 frames; bones keep their length; kinematics match 4x4 matrices."""
    pinned = load_study("open", Path(__file__).parents[2]).datasets["pose3d"].files
    for name in ("bvh.tar.xz", "clips.csv"):
        check_hash(SHARED / name, pinned[name])
    with open(SHARED / "clips.csv", newline="", encoding="utf-8") as stream:
        index = {row["clip"]: int(row["frames"]) for row in csv.DictReader(stream)}
    brute_force, frames, clips = _brute_force(), 0, 0
    with tarfile.open(SHARED / "bvh.tar.xz") as tar:
        for member in tar:
            if not member.name.endswith(".bvh"):
                continue
            motion = bvh.parse(member.name, tar.extractfile(member).read().decode("latin-1"))
            assert len(motion.values) == index[Path(member.name).stem]
            frames, clips = frames + len(motion.values), clips + 1
            places = bvh.positions(motion)
            parents = np.array(motion.parents[1:])
            bones = np.linalg.norm(places[:, 1:] - places[:, parents], axis=-1)
            assert np.ptp(bones, axis=0).max() < 1e-9
            middle = len(places) // 2
            np.testing.assert_allclose(places[middle], brute_force(motion, middle), atol=1e-9)
    assert (clips, frames) == (127, 86164)


@NEEDS_DATA
def test_the_real_sequences():
    found = cmu.sequences(SHARED / "bvh.tar.xz", SHARED / "clips.csv")
    pixels = cmu.exact_keypoints(found)
    everything = np.concatenate(list(pixels.values()))
    assert everything.min() > 0 and everything.max() < 1000
    for sequence in found:
        speed = np.linalg.norm(np.diff(sequence.positions, axis=0), axis=-1).max() * 30
        assert speed < 12.1, sequence.key
    trained = {s.subject for s in found if s.split == "train"}
    tested = {s.subject for s in found if s.split == "test" and s.split_by == "subject"}
    assert tested == set(cmu.HELD_OUT) and not tested & trained
    for action in ("Walking", "Running", "Dancing", "Cartwheel"):
        splits = {s.split for s in found if s.action.split(" ")[0] == action}
        assert splits == {"train", "test"}, action
