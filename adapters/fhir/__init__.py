"""The record and its audit as FHIR R4B (HL7 FHIR release 4B, 4.3.0), held to the specification by fhir.resources."""
