"""One set of ninety rules, served by our analyzer and by the SDK's."""
