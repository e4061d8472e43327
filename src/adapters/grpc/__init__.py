"""The gRPC edge: `grantd.v1.TokenService`, health checking and reflection on grpc.aio."""
