import cv2
import numpy as np
import pytest

from posepaper.data.video import CODECS, VideoFacts, describe_video, read_video, video_writer
from posepaper.errors import InputError


def _film(path, frames):
    fourcc = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path), cv2.CAP_OPENCV_MJPEG, fourcc, 25.0, (64, 48))
    for level in range(frames):
        writer.write(np.full((48, 64, 3), (0, 0, 20 * level), np.uint8))
    writer.release()


def test_frames_in_order_and_rgb(tmp_path):
    _film(tmp_path / "v.avi", 5)
    frames, fps = read_video(tmp_path / "v.avi")
    frames = list(frames)
    assert fps == 25.0 and len(frames) == 5 and frames[0].shape == (48, 64, 3)
    np.testing.assert_allclose([f[..., 0].mean() for f in frames], range(0, 100, 20), atol=3)


@pytest.mark.parametrize(
    ("content", "fault"),
    [(None, "is not there"), (b"", "is empty"), (b"no video " * 99, "is no video OpenCV can read")],
)
def test_unreadable(tmp_path, content, fault):
    if content is not None:
        (tmp_path / "v.avi").write_bytes(content)
    with pytest.raises(InputError, match=fault):
        read_video(tmp_path / "v.avi")


def test_a_video_without_frames(tmp_path):
    _film(tmp_path / "v.avi", 5)
    data = (tmp_path / "v.avi").read_bytes()
    (tmp_path / "v.avi").write_bytes(data[: data.index(b"movi") + 4])
    with pytest.raises(InputError, match=r"no frame that decodes|no video OpenCV can read"):
        read_video(tmp_path / "v.avi")


@pytest.mark.parametrize("suffix", CODECS)
def test_a_written_video_is_read_again(tmp_path, suffix):
    path = tmp_path / f"v{suffix}"
    with video_writer(path, (64, 48), 12.0) as write:
        for level in range(5):
            write(np.full((48, 64, 3), (50 * level, 0, 0), np.uint8))
    assert describe_video(path) == VideoFacts(64, 48, 12.0, 5)
    frames = [frame[..., 0].mean() for frame in read_video(path)[0]]
    np.testing.assert_allclose(frames, range(0, 250, 50), atol=16)


def test_a_suffix_opencv_does_not_write_is_named(tmp_path):
    with (
        pytest.raises(InputError, match=r"'\.gif' is no video OpenCV writes\. Use \.mp4, \.avi"),
        video_writer(tmp_path / "v.gif", (64, 48), 12.0),
    ):
        pass
