#!/bin/sh
# Writes the lock files anew from the .in files. Needs uv; add --upgrade to move the pins.
set -eu
cd "$(dirname "$0")"
lock() {
    uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-annotate \
        --no-emit-index-url --custom-compile-command requirements/lock.sh "$@"
}
lock "$@" bootstrap.in -o bootstrap.txt
lock "$@" uv.in -o uv.txt
lock "$@" base.in ros.in -c dev.in -c bootstrap.txt -o wheels.txt
lock "$@" base.in system.in -c dev.in -c bootstrap.txt -o system.txt
lock "$@" --no-emit-package numpy dev.in -o dev.txt
lock "$@" --no-emit-package numpy video.in -o video.txt
lock "$@" parquet.in -o parquet.txt
lock "$@" --no-deps policies.in -o policies.txt
lock "$@" -c wheels.txt --no-emit-package numpy ray.in -o ray.txt
lock "$@" --no-emit-package numpy oracles.in -c dev.txt -c wheels.txt -o oracles.txt
lock "$@" fuzz.in -o fuzz.txt
