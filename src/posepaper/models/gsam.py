"""The papers' 3D network: PoseFormer with spatial (SA) and temporal (TA) attention modules.

Source: GSAM III.A, Lifting 2D-3D II.B. With `sam` and `tam` both "none" it is PoseFormer.
"""

from posepaper.models.attention import SequenceAttention, check_reading
from posepaper.models.poseformer import JOINTS, PoseFormer

POSITIONS = ("none", "before_msa", "after_msa", "after_mlp")
# The dense reading's groups of the temporal convolution: two per joint.
TA_DENSE_GROUPS = 2 * JOINTS


class GSAM(PoseFormer):
    """PoseFormer with SA in the spatial blocks (kernel 5, along the joints) and TA in the
    temporal ones (kernel 3, along the frames).

    sam, tam: where in its block the module stands, one of POSITIONS; the papers' choice is
        between MSA and MLP ("after_msa").
    reading: "literal", depthwise convolutions as the text says; "count_matching", a dense SA
        and a TA in 34 groups, nearest to the printed parameter counts.
    Other options as PoseFormer's. Raises ValueError for an unknown position or reading.
    """

    def __init__(
        self,
        frames: int = 81,
        sam: str = "after_msa",
        tam: str = "after_msa",
        reading: str = "literal",
        spatial_width: int = 32,
        depth: int = 4,
        heads: int = 8,
        mlp_ratio: float = 2.0,
        drop_path: float = 0.1,
        dropout: float = 0.0,
    ):
        super().__init__(frames, spatial_width, depth, heads, mlp_ratio, drop_path, dropout)
        dense = check_reading(reading) == "count_matching"
        width = JOINTS * spatial_width
        sa_groups = 1 if dense else spatial_width
        ta_groups = TA_DENSE_GROUPS if dense else width
        if _check_position("sam", sam) != "none":
            for block in self.Spatial_blocks:
                block.inserted[sam] = SequenceAttention(spatial_width, 5, sa_groups, heads)
        if _check_position("tam", tam) != "none":
            for block in self.blocks:
                block.inserted[tam] = SequenceAttention(width, 3, ta_groups, heads)


def _check_position(option: str, position: str) -> str:
    if position not in POSITIONS:
        raise ValueError(f"{option}: {position!r} is unknown. Use one of {', '.join(POSITIONS)}")
    return position
