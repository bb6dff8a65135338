# The papers' figures, as vector PDF, PNG and SVG.
#
# Needs: metrics and training curves of the experiments a figure names; report/papers/{paper}/figures.yaml;
#        for the video's figure data/video.h5 and predictions/video.h5;
#        tables/comparisons.json for intervals of differences;
#        a 2D checkpoint and data/pose2d.h5 for heatmaps; predictions, keypoints and
#        data/pose3d-frames.h5 for frames chosen by rule. Diagrams need none of these.
# Makes: figures/{paper}/{figure}.pdf, .png and .svg


rule make_figure:
    input:
        metrics=plan.planned("make_figure", "metrics"),
        curves=plan.planned("make_figure", "curves"),
        table=plan.planned("make_figure", "table"),
        data=plan.planned("make_figure", "data"),
        poses=plan.planned("make_figure", "poses"),
        comparisons=plan.planned("make_figure", "comparisons"),
        checkpoint=plan.planned("make_figure", "checkpoint"),
        predictions=plan.planned("make_figure", "predictions"),
        keypoints=plan.planned("make_figure", "keypoints"),
        exact=plan.planned("make_figure", "exact"),
        frames=plan.planned("make_figure", "frames"),
        stamp=plan.planned("make_figure", "stamp"),
    output:
        pdf="results/{study}/figures/{paper}/{figure}.pdf",
        png="results/{study}/figures/{paper}/{figure}.png",
        svg="results/{study}/figures/{paper}/{figure}.svg",
    log:
        "results/{study}/logs/figures/{paper}/{figure}.log",
    benchmark:
        "results/{study}/benchmarks/figures/{paper}/{figure}.tsv"
    params:
        fingerprint=plan.planned("make_figure", "fingerprint"),
    message:
        "Drawing figure {wildcards.figure} of {wildcards.paper}"
    shell:
        "python -m posepaper.stages.figures {output.pdf:q}"
        " --fingerprint {params.fingerprint} 2>&1 | tee {log:q}"
