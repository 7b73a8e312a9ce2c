"""The saved, versioned depot definition that runs are pinned to."""
