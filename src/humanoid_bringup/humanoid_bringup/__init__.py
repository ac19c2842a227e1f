"""The graph, the `humanoid` command line and the launch glue."""
