import logging

import pytest
import torch

from posepaper.errors import InputError
from posepaper.training.checkpoint import RunFolder, read_checkpoint, write_checkpoint

torch.set_num_threads(1)


def state(epoch):
    return {
        "epoch": epoch,
        "curve": [{"loss": 0.5}],
        "model": {"w": torch.full((64,), epoch + 0.5)},
    }


def test_the_newest_two_states_are_kept(tmp_path):
    folder = RunFolder(tmp_path / "run")
    assert folder.newest() is None
    for epoch in range(1, 12):
        folder.save(state(epoch))
    assert len(list(folder.path.glob("state-*"))) == 2
    loaded = folder.load(folder.newest())
    assert loaded["epoch"] == 11
    assert loaded["curve"] == [{"loss": 0.5}]
    assert torch.equal(loaded["model"]["w"], state(11)["model"]["w"])


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty"])
def test_a_damaged_state_falls_back_and_says_so(tmp_path, caplog, damage):
    folder = RunFolder(tmp_path)
    folder.save(state(1))
    folder.save(state(2))
    newest = max(tmp_path.glob("state-*"))
    data = bytearray(newest.read_bytes())
    if damage == "flipped":
        data[len(data) // 2] ^= 1
    newest.write_bytes({"truncated": data[: len(data) // 2], "empty": b""}.get(damage, data))
    with caplog.at_level(logging.WARNING):
        assert folder.load(folder.newest())["epoch"] == 1
    assert newest.name in caplog.text and "damaged" in caplog.text
    assert not newest.exists()


def test_all_states_damaged_means_from_the_start(tmp_path):
    folder = RunFolder(tmp_path)
    folder.save(state(1))
    next(tmp_path.glob("state-*")).write_bytes(b"PK")
    assert folder.newest() is None


def test_a_save_that_fails_leaves_the_last_state(tmp_path, monkeypatch):
    folder = RunFolder(tmp_path)
    folder.save(state(1))

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr("pathlib.Path.write_bytes", full)
        folder.save(state(2))
    assert [p.name[:12] for p in tmp_path.iterdir()] == ["state-000001"]
    assert folder.load(folder.newest())["epoch"] == 1


def test_status(tmp_path):
    folder = RunFolder(tmp_path / "run")
    assert folder.status == {"state": "new"}
    folder.set_status("failed", error="lift/x seed 0: the loss is nan at epoch 1, batch 2")
    assert folder.status["state"] == "failed"
    assert "batch 2" in folder.status["error"]
    folder.set_status("running")
    assert folder.status == {"state": "running"}


def model():
    torch.manual_seed(3)
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))


def test_checkpoint_bytes_follow_from_weights_and_metadata(tmp_path):
    metadata = {f"key{i}": {"value": i} for i in range(20)}
    write_checkpoint(tmp_path / "a.safetensors", model(), metadata)
    channels_last = model().to(memory_format=torch.channels_last)
    write_checkpoint(tmp_path / "b.safetensors", channels_last, dict(reversed(metadata.items())))
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    weights, read = read_checkpoint(tmp_path / "a.safetensors")
    assert read == metadata
    assert all(torch.equal(v, weights[k]) for k, v in model().state_dict().items())


@pytest.mark.parametrize("content", [None, b"", b"\x80\x04not a checkpoint" * 9])
def test_a_damaged_checkpoint_is_named(tmp_path, content):
    path = tmp_path / "x.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.safetensors: cannot be read"):
        read_checkpoint(path)


def test_a_foreign_checkpoint_is_named(tmp_path):
    import safetensors.torch

    safetensors.torch.save_file({"w": torch.zeros(2)}, tmp_path / "x.safetensors")
    with pytest.raises(InputError, match="no metadata"):
        read_checkpoint(tmp_path / "x.safetensors")
