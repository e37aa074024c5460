"""The checks of `troika doctor`, with fake servers and a fake machine."""
