"""Operations that FHIR defines, in its own words and media type."""
