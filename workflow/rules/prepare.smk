# Datasets and imported 2D keypoints, from their own file formats to one HDF5 layout each.
#
# Needs: the datasets' own files (config: data), or nothing for the generated mini world.
# Makes: data/{role}.h5, data/pose2d-crops.h5, data/pose3d-frames.h5, keypoints/{source}.h5; in a
#        rehearsal data/{role}-whole.h5 first, and of it data/{role}.h5
# Steps: the world is generated; poses, people and videos are read and checked; keypoint files are
#        aligned with the poses; the 2D dataset's people are cut out of their photos once; person
#        crops of the 3D dataset's videos go into one archive.


rule prepare_world:
    input:
        stamp=plan.planned("prepare_world", "stamp"),
    output:
        manifest="results/{study}/data/world.json",
    log:
        "results/{study}/logs/data/world.log",
    benchmark:
        "results/{study}/benchmarks/data/world.tsv"
    threads: 2
    resources:
        **cluster.resources("prepare_world"),
    params:
        fingerprint=plan.planned("prepare_world", "fingerprint"),
    message:
        "Generating the mini world in the real formats"
    shell:
        "python -m posepaper.stages.prepare {output.manifest:q}"
        " --fingerprint {params.fingerprint} 2>&1 | tee {log:q}"


rule prepare_poses:
    input:
        world=plan.planned("prepare_poses", "world"),
        stamp=plan.planned("prepare_poses", "stamp"),
    output:
        dataset="results/{study}/data/{role}.h5",
    log:
        "results/{study}/logs/data/{role}.log",
    benchmark:
        "results/{study}/benchmarks/data/{role}.tsv"
    wildcard_constraints:
        role=plan.values("prepare_poses", "role"),
    resources:
        **cluster.resources("prepare_poses"),
    params:
        fingerprint=plan.planned("prepare_poses", "fingerprint"),
    message:
        "Reading the 3D poses of {wildcards.role}"
    shell:
        "python -m posepaper.stages.prepare {output.dataset:q}"
        " --fingerprint {params.fingerprint} 2>&1 | tee {log:q}"


rule prepare_people:
    input:
        world=plan.planned("prepare_people", "world"),
        stamp=plan.planned("prepare_people", "stamp"),
    output:
        dataset="results/{study}/data/{role}.h5",
    log:
        "results/{study}/logs/data/{role}.log",
    benchmark:
        "results/{study}/benchmarks/data/{role}.tsv"
    wildcard_constraints:
        role=plan.values("prepare_people", "role"),
    resources:
        **cluster.resources("prepare_people"),
    params:
        fingerprint=plan.planned("prepare_people", "fingerprint"),
    message:
        "Reading the annotated people of {wildcards.role}"
    shell:
        "python -m posepaper.stages.prepare {output.dataset:q}"
        " --fingerprint {params.fingerprint} 2>&1 | tee {log:q}"


rule prepare_few:
    input:
        whole=plan.planned("prepare_few", "whole"),
        stamp=plan.planned("prepare_few", "stamp"),
    output:
        dataset="results/{study}/data/{role}.h5",
    log:
        "results/{study}/logs/data/{role}.log",
    benchmark:
        "results/{study}/benchmarks/data/{role}.tsv"
    wildcard_constraints:
        role=plan.values("prepare_few", "role"),
    resources:
        **cluster.resources("prepare_few"),
    params:
        fingerprint=plan.planned("prepare_few", "fingerprint"),
    message:
        "Taking a few samples of {wildcards.role} to rehearse with"
    shell:
        "python -m posepaper.stages.prepare {output.dataset:q}"
        " --fingerprint {params.fingerprint} 2>&1 | tee {log:q}"


rule prepare_crops:
    input:
        people=plan.planned("prepare_crops", "people"),
        stamp=plan.planned("prepare_crops", "stamp"),
    output:
        crops="results/{study}/data/{role}-crops.h5",
    log:
        "results/{study}/logs/data/{role}-crops.log",
    benchmark:
        "results/{study}/benchmarks/data/{role}-crops.tsv"
    wildcard_constraints:
        role=plan.values("prepare_crops", "role"),
    resources:
        **cluster.resources("prepare_crops"),
    params:
        fingerprint=plan.planned("prepare_crops", "fingerprint"),
    message:
        "Cutting the people of {wildcards.role} out of their photos"
    shell:
        "python -m posepaper.stages.prepare {output.crops:q}"
        " --fingerprint {params.fingerprint} 2>&1 | tee {log:q}"


rule prepare_video:
    input:
        world=plan.planned("prepare_video", "world"),
        stamp=plan.planned("prepare_video", "stamp"),
    output:
        dataset="results/{study}/data/{role}.h5",
    log:
        "results/{study}/logs/data/{role}.log",
    benchmark:
        "results/{study}/benchmarks/data/{role}.tsv"
    wildcard_constraints:
        role=plan.values("prepare_video", "role"),
    resources:
        **cluster.resources("prepare_video"),
    params:
        fingerprint=plan.planned("prepare_video", "fingerprint"),
    message:
        "Reading the unlabelled videos"
    shell:
        "python -m posepaper.stages.prepare {output.dataset:q}"
        " --fingerprint {params.fingerprint} 2>&1 | tee {log:q}"


rule prepare_keypoints:
    input:
        world=plan.planned("prepare_keypoints", "world"),
        poses=plan.planned("prepare_keypoints", "poses"),
        stamp=plan.planned("prepare_keypoints", "stamp"),
    output:
        keypoints="results/{study}/keypoints/{source}.h5",
    log:
        "results/{study}/logs/keypoints/{source}.log",
    benchmark:
        "results/{study}/benchmarks/keypoints/{source}.tsv"
    wildcard_constraints:
        source=plan.values("prepare_keypoints", "source"),
    resources:
        **cluster.resources("prepare_keypoints"),
    params:
        fingerprint=plan.planned("prepare_keypoints", "fingerprint"),
    message:
        "Importing the 2D keypoints of source {wildcards.source}"
    shell:
        "python -m posepaper.stages.prepare {output.keypoints:q}"
        " --fingerprint {params.fingerprint} 2>&1 | tee {log:q}"


rule prepare_frames:
    input:
        world=plan.planned("prepare_frames", "world"),
        poses=plan.planned("prepare_frames", "poses"),
        keypoints=plan.planned("prepare_frames", "keypoints"),
        stamp=plan.planned("prepare_frames", "stamp"),
    output:
        frames="results/{study}/data/pose3d-frames.h5",
    log:
        "results/{study}/logs/data/pose3d-frames.log",
    benchmark:
        "results/{study}/benchmarks/data/pose3d-frames.tsv"
    resources:
        **cluster.resources("prepare_frames"),
    params:
        fingerprint=plan.planned("prepare_frames", "fingerprint"),
    message:
        "Cropping the person from every video frame"
    shell:
        "python -m posepaper.stages.prepare {output.frames:q}"
        " --fingerprint {params.fingerprint} 2>&1 | tee {log:q}"
