"""The routed hidden layer for many experts: tokens are sorted by expert, as indices alone; nothing of them is moved."""
