"""The command line: one file a noun, and `output` alone prints."""
