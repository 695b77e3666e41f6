"""Running it: settings, wiring, command line, server, worker, benchmarks."""
