"""The administration of a running server, asked over gRPC for the command line."""
