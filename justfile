# What developers run. `just` alone lists this.

[private]
default:
    @just --list --unsorted

# Before every commit: format, lints, tests, shell scripts, spelling
check:
    scripts/test fmt clippy test shellcheck typos

# All that CI runs (20 minutes): also 1 GB corpora and the size of the release
test:
    .ci/run

# Time and memory against other trackers, as in `just bench --sizes 50MB`; the cost of a prompt, the agent, the status line
bench *OPTIONS:
    python3 bench/bench.py {{ OPTIONS }}
    python3 bench/prompt.py
    python3 bench/agent.py
    python3 bench/abuse.py
    python3 bench/statusline.py

# CPU time of a look at the process trees, at 600 processes
bench-processes *OPTIONS:
    cargo bench --locked --bench process_trees -- {{ OPTIONS }}

# Fuzz `line`, `otlp`, `price` or `request`; finds go to target/fuzz, worthy ones to fuzz/corpus. Needs nightly, cargo-fuzz
fuzz TARGET="line" SECONDS="300":
    mkdir -p target/fuzz/{{ TARGET }} fuzz/corpus/{{ TARGET }}
    cargo +nightly fuzz run {{ TARGET }} target/fuzz/{{ TARGET }} fuzz/corpus/{{ TARGET }} -- \
        -dict=fuzz/{{ TARGET }}.dict -max_total_time={{ SECONDS }} -max_len=4096 -timeout=5

# A first look, without transcripts of one's own
demo:
    cargo run --release -- up --demo
