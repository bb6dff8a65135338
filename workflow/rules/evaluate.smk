# Predictions of every trained network on its test set, and the numbers measured on them.
#
# Needs: checkpoints, data/{role}.h5, keypoints/{source}.h5
# Makes: predictions/{experiment}/seed{k}.h5, metrics/{experiment}/seed{k}.json; where a recipe has
#        validate_every, checkpoints/{experiment}/seed{k}.best.safetensors and .ap.json
# Steps: predictions are kept, so that a metric can be measured again without the network.


rule predict_pose2d:
    input:
        data=plan.planned("predict_pose2d", "data"),
        checkpoint=plan.planned("predict_pose2d", "checkpoint"),
        stamp=plan.planned("predict_pose2d", "stamp"),
    output:
        predictions="results/{study}/predictions/{experiment}/seed{seed}.h5",
    log:
        "results/{study}/logs/predict/{experiment}/seed{seed}.log",
    benchmark:
        "results/{study}/benchmarks/predict/{experiment}/seed{seed}.tsv"
    wildcard_constraints:
        experiment="pose2d/[a-z0-9.-]+",
    threads: plan.planned("predict_pose2d", "threads")
    resources:
        **cluster.resources("predict_pose2d"),
    params:
        fingerprint=plan.planned("predict_pose2d", "fingerprint"),
    message:
        "Predicting with {wildcards.experiment}, seed {wildcards.seed}"
    shell:
        "python -m posepaper.stages.evaluate {output.predictions:q}"
        " --fingerprint {params.fingerprint} 2>&1 | tee {log:q}"


rule predict_lifting:
    input:
        data=plan.planned("predict_lifting", "data"),
        keypoints=plan.planned("predict_lifting", "keypoints"),
        checkpoint=plan.planned("predict_lifting", "checkpoint"),
        stamp=plan.planned("predict_lifting", "stamp"),
    output:
        predictions="results/{study}/predictions/{experiment}/seed{seed}.h5",
    log:
        "results/{study}/logs/predict/{experiment}/seed{seed}.log",
    benchmark:
        "results/{study}/benchmarks/predict/{experiment}/seed{seed}.tsv"
    wildcard_constraints:
        experiment="lift/[a-z0-9.-]+",
    threads: plan.planned("predict_lifting", "threads")
    resources:
        **cluster.resources("predict_lifting"),
    params:
        fingerprint=plan.planned("predict_lifting", "fingerprint"),
    message:
        "Predicting with {wildcards.experiment}, seed {wildcards.seed}"
    shell:
        "python -m posepaper.stages.evaluate {output.predictions:q}"
        " --fingerprint {params.fingerprint} 2>&1 | tee {log:q}"


rule evaluate_pose2d:
    input:
        data=plan.planned("evaluate_pose2d", "data"),
        predictions=plan.planned("evaluate_pose2d", "predictions"),
        checkpoint=plan.planned("evaluate_pose2d", "checkpoint"),
        stamp=plan.planned("evaluate_pose2d", "stamp"),
    output:
        metrics="results/{study}/metrics/{experiment}/seed{seed}.json",
    log:
        "results/{study}/logs/evaluate/{experiment}/seed{seed}.log",
    benchmark:
        "results/{study}/benchmarks/evaluate/{experiment}/seed{seed}.tsv"
    wildcard_constraints:
        experiment="pose2d/[a-z0-9.-]+",
    resources:
        **cluster.resources("evaluate_pose2d"),
    params:
        fingerprint=plan.planned("evaluate_pose2d", "fingerprint"),
    message:
        "Evaluating {wildcards.experiment}, seed {wildcards.seed}"
    shell:
        "python -m posepaper.stages.evaluate {output.metrics:q}"
        " --fingerprint {params.fingerprint} 2>&1 | tee {log:q}"


rule evaluate_lifting:
    input:
        data=plan.planned("evaluate_lifting", "data"),
        predictions=plan.planned("evaluate_lifting", "predictions"),
        checkpoint=plan.planned("evaluate_lifting", "checkpoint"),
        stamp=plan.planned("evaluate_lifting", "stamp"),
    output:
        metrics="results/{study}/metrics/{experiment}/seed{seed}.json",
    log:
        "results/{study}/logs/evaluate/{experiment}/seed{seed}.log",
    benchmark:
        "results/{study}/benchmarks/evaluate/{experiment}/seed{seed}.tsv"
    wildcard_constraints:
        experiment="lift/[a-z0-9.-]+",
    resources:
        **cluster.resources("evaluate_lifting"),
    params:
        fingerprint=plan.planned("evaluate_lifting", "fingerprint"),
    message:
        "Evaluating {wildcards.experiment}, seed {wildcards.seed}"
    shell:
        "python -m posepaper.stages.evaluate {output.metrics:q}"
        " --fingerprint {params.fingerprint} 2>&1 | tee {log:q}"


rule evaluate_epochs:
    input:
        data=plan.planned("evaluate_epochs", "data"),
        checkpoint=plan.planned("evaluate_epochs", "checkpoint"),
        stamp=plan.planned("evaluate_epochs", "stamp"),
    output:
        best="results/{study}/checkpoints/{experiment}/seed{seed}.best.safetensors",
        curve="results/{study}/checkpoints/{experiment}/seed{seed}.ap.json",
    log:
        "results/{study}/logs/epochs/{experiment}/seed{seed}.log",
    benchmark:
        "results/{study}/benchmarks/epochs/{experiment}/seed{seed}.tsv"
    wildcard_constraints:
        experiment="pose2d/[a-z0-9.-]+",
    threads: plan.planned("evaluate_epochs", "threads")
    resources:
        **cluster.resources("evaluate_epochs"),
    params:
        fingerprint=plan.planned("evaluate_epochs", "fingerprint"),
    message:
        "Comparing the epochs of {wildcards.experiment}, seed {wildcards.seed}"
    shell:
        "python -m posepaper.stages.evaluate {output.best:q}"
        " --fingerprint {params.fingerprint} 2>&1 | tee {log:q}"
