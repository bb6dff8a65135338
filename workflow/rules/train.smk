# The trainings of both papers, 2D and 3D, one job a seed.
#
# Needs: data/{role}-crops.h5, or data/{role}.h5 and keypoints/{source}.h5 for lifting; no data
#        where published weights take the training's place
# Makes: checkpoints/{experiment}/seed{k}.safetensors and its curve
# Steps: a killed training goes on from results/{study}/runs; a finished one is found there again.


rule train_pose2d:
    input:
        crops=plan.planned("train_pose2d", "crops"),
        stamp=plan.planned("train_pose2d", "stamp"),
    output:
        checkpoint="results/{study}/checkpoints/{experiment}/seed{seed}.safetensors",
        curve="results/{study}/checkpoints/{experiment}/seed{seed}.curve.json",
    log:
        "results/{study}/logs/train/{experiment}/seed{seed}.log",
    benchmark:
        "results/{study}/benchmarks/train/{experiment}/seed{seed}.tsv"
    wildcard_constraints:
        experiment="pose2d/[a-z0-9.-]+",
    threads: plan.planned("train_pose2d", "threads")
    resources:
        **cluster.resources("train_pose2d"),
    params:
        fingerprint=plan.planned("train_pose2d", "fingerprint"),
        launch=cluster.launch("train_pose2d"),
    message:
        "Training {wildcards.experiment}, seed {wildcards.seed}"
    shell:
        "{params.launch} -m posepaper.stages.train {output.checkpoint:q}"
        " --fingerprint {params.fingerprint} 2>&1 | tee {log:q}"


rule train_lifting:
    input:
        data=plan.planned("train_lifting", "data"),
        keypoints=plan.planned("train_lifting", "keypoints"),
        stamp=plan.planned("train_lifting", "stamp"),
    output:
        checkpoint="results/{study}/checkpoints/{experiment}/seed{seed}.safetensors",
        curve="results/{study}/checkpoints/{experiment}/seed{seed}.curve.json",
    log:
        "results/{study}/logs/train/{experiment}/seed{seed}.log",
    benchmark:
        "results/{study}/benchmarks/train/{experiment}/seed{seed}.tsv"
    wildcard_constraints:
        experiment="lift/[a-z0-9.-]+",
    threads: plan.planned("train_lifting", "threads")
    resources:
        **cluster.resources("train_lifting"),
    params:
        fingerprint=plan.planned("train_lifting", "fingerprint"),
        launch=cluster.launch("train_lifting"),
    message:
        "Training {wildcards.experiment}, seed {wildcards.seed}"
    shell:
        "{params.launch} -m posepaper.stages.train {output.checkpoint:q}"
        " --fingerprint {params.fingerprint} 2>&1 | tee {log:q}"
