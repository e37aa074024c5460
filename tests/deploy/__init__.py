"""The image, Compose and the chart, tested with a Docker engine: `make test-deploy`."""
