"""The checks of `troika doctor`, with servers and a machine that are made up."""
