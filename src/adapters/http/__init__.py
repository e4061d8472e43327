"""The HTTP edge: OAuth 2.0 requests in, JSON out. It reads and renders; the core decides."""
