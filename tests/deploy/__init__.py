"""The image, Compose and the chart, tried with a Docker engine: `make test-deploy`."""
