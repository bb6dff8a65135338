#!/usr/bin/env bash
# Installs a TeX where this machine lets us; without one the run makes HTML and .tex, and says so.
set -u
command -v pdflatex >/dev/null && command -v latexmk >/dev/null && exit 0
packages="texlive-latex-base texlive-latex-recommended texlive-fonts-recommended lmodern latexmk poppler-utils"
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "posepaper: installing a TeX (about 200 MB)" >&2
    apt-get update -q >/dev/null &&
        DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $packages >/dev/null &&
        exit 0
fi
echo "posepaper: no TeX here, so no PDF; for one, install: $packages" >&2
exit 0
