"""The outside world, one folder a technology; each file carries the name of the port it fulfils."""
