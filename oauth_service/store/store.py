"""`Store`: one database, one vault."""

from oauth_service.security.crypto import TokenVault
from oauth_service.security.keyring import Keys
from oauth_service.store.connections import Connections
from oauth_service.store.consents import Consents
from oauth_service.store.database import Database
from oauth_service.store.direct import DirectReads
from oauth_service.store.history import History
from oauth_service.store.leases import Leases
from oauth_service.store.overview import Overview
from oauth_service.store.probe import Probe
from oauth_service.store.refreshes import Refreshes
from oauth_service.store.workspaces import Workspaces


class Store:
    """
    Everything the service remembers. Its methods block; each is one short transaction.

    Args:
        url: SQLAlchemy URL.
        keys: Encryption keys, newest first, or what returns them.

    Raises:
        ConfigurationError: If the database cannot be opened or a key is malformed.
    """

    def __init__(self, url: str, keys: Keys) -> None:
        vault = TokenVault(keys)
        self._database = Database(url)
        self.workspaces = Workspaces(self._database)
        self.connections = Connections(self._database, vault)
        self.refreshes = Refreshes(self._database, vault)
        self.leases = Leases(self._database)
        self.consents = Consents(self._database, vault)
        self.history = History(self._database)
        self.overview = Overview(self._database)
        file = self._database.sqlite_file
        self.direct = None if file is None else DirectReads(file, vault)
        self._probe = Probe(url, file)

    def check(self) -> None:
        """
        Read something over a new connection.

        Raises:
            SQLAlchemyError: If the database does not answer within some seconds.
        """
        self._probe.check()

    def check_writable(self) -> None:
        """
        Look whether the storage of the database takes what is written.

        Raises:
            NotWritableError: If it does not: a full or read-only disk.
        """
        self._probe.check_writable(doubted=self._database.write_failed)
        self._database.write_failed = False

    def checkpoint(self) -> None:
        """Bring what was committed into SQLite's file itself; see `Database.checkpoint`."""
        self._database.checkpoint()

    def close(self) -> None:
        """Close all database connections."""
        try:
            if self.direct is not None:
                self.direct.close()
        finally:
            self._database.close()
