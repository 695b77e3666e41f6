"""Pure statistics over dated observations: change, trend, report."""
