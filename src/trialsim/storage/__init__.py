"""Where results are kept: results folder, manifest, replicates on disk, and the folder of unfinished work."""
