"""The end of a record: fence, destruction, purge, the leases of processes, register and receipts."""
