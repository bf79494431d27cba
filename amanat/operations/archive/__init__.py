"""The continuous archive of the embedded database: whatever it writes is kept, encrypted, so that `restore --to` can bring
back any moment of the last days.

    AMANAT_BACKUP_FOLDER/archive/CHAPTER/base        a copy of the cluster's files, made each night
                                        /wal/SEGMENT.PART   what the database wrote since, seconds after it wrote it
                                        /chapter.json       whose it is and since when it can be restored
                                /papers/             stored files, as sealed as the store has them
    AMANAT_BACKUP_FOLDER/keys/archive/CHAPTER.keys   the key of that chapter, locked as the keys of backups are

`streaming` takes the write-ahead log from the server over the replication protocol, so that no readable byte of it ever lies
outside the cluster; `keeping` is the process that does it; `rewinding` brings a moment back. A replication slot makes the
server keep what we have not got yet, up to a limit, so that a failing archive cannot fill the disk.
"""
