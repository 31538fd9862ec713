"""`zebbra backup` and `zebbra restore`: a folder that holds everything, or nothing that is accepted."""

from zebbra_pipeline.backup.making import Part, back_up
from zebbra_pipeline.backup.manifest import BackupError, Manifest
from zebbra_pipeline.backup.restoring import Restored, restore

__all__ = ["BackupError", "Manifest", "Part", "Restored", "back_up", "restore"]
