"""Figures as files: vector PDF, PNG, and an SVG small enough to stand in a page."""

import base64
import re
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from posepaper.files import atomic

STYLE = {
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "pdf.fonttype": 42,
    "svg.hashsalt": "posepaper",
    # As letters, a fifth of what their outlines take; those who lack the first font see a font that
    # is no wider, so that nothing leaves its box.
    "svg.fonttype": "none",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],
}
# Pixels: smaller pictures stay as they are, pixel by pixel.
_PHOTO = 100
DATELESS = {"pdf": {"CreationDate": None}, "png": {}, "svg": {"Date": None}}


def save(figure: Figure, folder: Path, name: str) -> dict[str, str]:
    """Writes a figure into ``folder``; its paths by suffix."""
    files = {}
    with mpl.rc_context(STYLE):
        for suffix, metadata in DATELESS.items():
            files[suffix] = str(folder / f"{name}.{suffix}")
            with atomic(files[suffix]) as part:
                figure.savefig(part, metadata=metadata, dpi=200)
                if suffix == "svg":
                    _slim(part)
    return files


def _slim(path: str | Path) -> None:
    """Photos inside an SVG as JPEG, where that is less than half of PNG; hundredths of a point."""

    def smaller(found: re.Match) -> str:
        png = base64.b64decode(found[1])
        image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
        if min(image.shape[:2]) < _PHOTO or (image.shape[-1] == 4 and image[..., 3].min() < 255):
            return found[0]
        jpeg = cv2.imencode(".jpg", image[..., :3], [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes()
        if 2 * len(jpeg) > len(png):
            return found[0]
        return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"

    text = Path(path).read_text(encoding="utf-8")
    slim = re.sub(r"data:image/png;base64,([A-Za-z0-9+/=\s]+)", smaller, text)
    slim = re.sub(r' d="[^"]*"', lambda d: re.sub(r"\d+\.\d{3,}", _rounded, d[0]), slim)
    Path(path).write_text(re.sub(r"\n +", "\n", slim), encoding="utf-8")


def _rounded(found: re.Match) -> str:
    return f"{float(found[0]):.2f}".rstrip("0").rstrip(".")
