# 2D keypoints of the 3D dataset, found by the trained 2D networks.
#
# Needs: a 2D network's checkpoint, data/pose3d-frames.h5
# Makes: keypoints/{source}.h5, in the layout of the imported keypoint files
# Steps: heatmaps of every person crop, decoded, mapped back to the frame and to Human3.6M's joints.


rule detect_keypoints:
    input:
        checkpoint=plan.planned("detect_keypoints", "checkpoint"),
        frames=plan.planned("detect_keypoints", "frames"),
        stamp=plan.planned("detect_keypoints", "stamp"),
    output:
        keypoints="results/{study}/keypoints/{source}.h5",
    log:
        "results/{study}/logs/keypoints/{source}.log",
    benchmark:
        "results/{study}/benchmarks/keypoints/{source}.tsv"
    wildcard_constraints:
        source=plan.values("detect_keypoints", "source"),
    threads: plan.planned("detect_keypoints", "threads")
    resources:
        **cluster.resources("detect_keypoints"),
    params:
        fingerprint=plan.planned("detect_keypoints", "fingerprint"),
    message:
        "Detecting 2D keypoints with {wildcards.source}"
    shell:
        "python -m posepaper.stages.detect {output.keypoints:q}"
        " --fingerprint {params.fingerprint} 2>&1 | tee {log:q}"
