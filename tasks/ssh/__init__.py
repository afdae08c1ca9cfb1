"""SSH key rotation: nobody locked out, old keys provably gone."""
