"""What the operating system gives: time, chance, and work with secrets."""
