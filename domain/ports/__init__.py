"""What the domain asks of the world, as small Protocols that state their failures. Imports no third party."""
