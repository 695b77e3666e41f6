"""Code lists that are published as packages, behind the ports of `domain.ports.codes`."""
