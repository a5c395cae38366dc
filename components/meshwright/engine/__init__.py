"""The offline engine: run a Pulumi program without a cloud, collect its resource graph, apply policy, render it."""
