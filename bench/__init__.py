"""The data plane beside its peers, in one run. `make bench` writes `bench/results/latest.json` and prints a table."""
