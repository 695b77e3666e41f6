"""Published measures (PHQ-9, GAD-7 …) as cited, versioned data."""
