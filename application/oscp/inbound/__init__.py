"""What a partner sends: resolved, judged, recorded, answered."""
