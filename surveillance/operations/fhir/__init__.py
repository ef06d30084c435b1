"""Export as FHIR R4 (4.0.1). ``fhir.resources`` speaks R5 at its top; R4 on the wire is its ``R4B`` package."""
