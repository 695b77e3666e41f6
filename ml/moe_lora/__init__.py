"""Mixture-of-experts LoRA as a PEFT method."""
