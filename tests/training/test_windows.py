import numpy as np
import pytest
import torch

from posepaper.skeleton import H36M, MPI3DHP
from posepaper.training.windows import Windows, mirror, pad_edges

torch.set_num_threads(1)


def dataset(lengths=(7, 1, 12), seed=0):
    rng = np.random.default_rng(seed)
    keypoints = [rng.standard_normal((t, 17, 2)).astype(np.float32) for t in lengths]
    poses = [rng.standard_normal((t, 17, 3)).astype(np.float32) for t in lengths]
    return keypoints, poses


def slow_samples(keypoints, poses, receptive_field, skeleton):
    """One sample after another, in the obvious way."""
    margin = receptive_field // 2
    windows, targets = [], []
    for xy, xyz in zip(keypoints, poses, strict=True):
        for frame in range(len(xy)):
            rows = [
                xy[min(max(t, 0), len(xy) - 1)] for t in range(frame - margin, frame + margin + 1)
            ]
            windows.append(np.stack(rows))
            targets.append(xyz[frame] - xyz[frame][skeleton.root])
    return np.stack(windows), np.stack(targets)[:, None]


def slow_mirror(joints, skeleton):
    out = np.empty_like(joints)
    for j, other in enumerate(skeleton.flip):
        out[..., j, :] = joints[..., other, :]
        out[..., j, 0] = -joints[..., other, 0]
    return out


@pytest.mark.parametrize("receptive_field", [1, 3, 9])
@pytest.mark.parametrize("skeleton", [H36M, MPI3DHP])
def test_windows_are_those_of_the_slow_twin(receptive_field, skeleton):
    keypoints, poses = dataset()
    windows = Windows(
        keypoints, poses, receptive_field=receptive_field, skeleton=skeleton, flip=True
    )
    expected, targets = slow_samples(keypoints, poses, receptive_field, skeleton)
    count = len(expected)
    assert len(windows) == 2 * count
    index = torch.randperm(2 * count, generator=torch.Generator().manual_seed(1))
    inputs, answers = windows.gather(index).numpy(), windows.targets(index).numpy()
    for i, sample in enumerate(index.tolist()):
        x, y = expected[sample % count], targets[sample % count]
        if sample >= count:
            x, y = slow_mirror(x, skeleton), slow_mirror(y, skeleton)
        np.testing.assert_array_equal(inputs[i], x)
        np.testing.assert_array_equal(answers[i], y)
    assert np.all(answers[:, :, skeleton.root] == 0)
    assert inputs.dtype == answers.dtype == np.float32


def test_without_flip_every_frame_counts_once():
    keypoints, poses = dataset()
    windows = Windows(keypoints, poses, receptive_field=3, skeleton=H36M, flip=False)
    assert len(windows) == 20


def test_epoch_yields_each_batch():
    keypoints, poses = dataset()
    windows = Windows(keypoints, poses, receptive_field=3, skeleton=H36M, flip=False)
    parts = [torch.tensor([3, 4]), torch.tensor([0])]
    shapes = [(x.shape, y.shape) for x, y in windows.epoch(0, parts)]
    assert shapes == [((2, 3, 17, 2), (2, 1, 17, 3)), ((1, 3, 17, 2), (1, 1, 17, 3))]


def test_mirroring_twice_changes_nothing():
    pose = torch.randn(4, 17, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(mirror(mirror(pose, H36M), H36M), pose)
    assert not torch.equal(mirror(pose, H36M), pose)


def test_edges_are_repeated():
    padded = pad_edges(torch.arange(3.0).reshape(3, 1, 1), 5)
    assert padded.ravel().tolist() == [0, 0, 0, 1, 2, 2, 2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda k, p: (k, p[:2]), "pair up"),
        (lambda k, p: (k, [p[0][:5], *p[1:]]), "pair up"),
        (lambda k, p: ([x[:, :16] for x in k], [x[:, :16] for x in p]), "pair up"),
        (lambda k, p: ([], []), "without frames"),
        (lambda k, p: ([k[0][:0]], [p[0][:0]]), "without frames"),
    ],
)
def test_faulty_data_is_refused(change, message):
    keypoints, poses = change(*dataset())
    with pytest.raises(ValueError, match=message):
        Windows(keypoints, poses, receptive_field=3, skeleton=H36M, flip=False)


def test_even_receptive_field_is_refused():
    with pytest.raises(ValueError, match="odd"):
        Windows(*dataset(), receptive_field=4, skeleton=H36M, flip=False)


@pytest.mark.parametrize("flip", [False, True])
def test_without_padding_only_whole_windows_count(flip):
    keypoints, poses = dataset((7, 2, 12))
    windows = Windows(keypoints, poses, receptive_field=5, skeleton=H36M, flip=flip, padding="none")
    expected = [k[s : s + 5] for k in keypoints for s in range(len(k) - 4)]
    middles = [p[s + 2] - p[s + 2, 0] for p in poses for s in range(len(p) - 4)]
    if flip:
        expected += [slow_mirror(x, H36M) for x in expected]
        middles += [slow_mirror(y, H36M) for y in middles]
    everything = torch.arange(len(windows))
    np.testing.assert_array_equal(windows.gather(everything).numpy(), np.stack(expected))
    np.testing.assert_array_equal(windows.targets(everything).numpy()[:, 0], np.stack(middles))


def test_windows_longer_than_every_sequence_need_padding():
    Windows(*dataset(), receptive_field=27, skeleton=H36M, flip=False)
    with pytest.raises(ValueError, match=r"27 frames .* \(the longest has 12\)"):
        Windows(*dataset(), receptive_field=27, skeleton=H36M, flip=False, padding="none")


def test_windows_share_the_memory_of_one_float32_tensor():
    keypoints, poses = dataset((40, 60))
    windows = Windows(
        [k.astype(np.float64) for k in keypoints], poses, receptive_field=27, skeleton=H36M,
        flip=True,
    )  # fmt: skip
    assert windows._view.dtype == torch.float32
    frames = 2 * (40 + 26 + 60 + 26)
    assert windows._view.untyped_storage().nbytes() == frames * 17 * 2 * 4
