# What the trained networks find in frames: 2D keypoints of the 3D dataset, and a person's boxes,
# 2D keypoints and 3D poses in the unlabelled videos.
#
# Needs: a 2D network's checkpoint, data/pose3d-frames.h5; for videos data/video.h5 and a 3D
#        network's checkpoint too, and YOLOv3's files where a data root's weights/ has them
# Makes: keypoints/{source}.h5, in the layout of the imported keypoint files; predictions/video.h5
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


rule detect_video:
    input:
        data=plan.planned("detect_video", "data"),
        pose2d=plan.planned("detect_video", "pose2d"),
        lifting=plan.planned("detect_video", "lifting"),
        stamp=plan.planned("detect_video", "stamp"),
    output:
        poses="results/{study}/predictions/video.h5",
    log:
        "results/{study}/logs/predict/video.log",
    benchmark:
        "results/{study}/benchmarks/predict/video.tsv"
    threads: plan.planned("detect_video", "threads")
    resources:
        **cluster.resources("detect_video"),
    params:
        fingerprint=plan.planned("detect_video", "fingerprint"),
    message:
        "Following a person through the unlabelled videos"
    shell:
        "python -m posepaper.stages.detect {output.poses:q}"
        " --fingerprint {params.fingerprint} 2>&1 | tee {log:q}"
