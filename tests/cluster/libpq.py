"""libpq as a program uses it that must not wait for ever: each step has a deadline. Needs libpq5 and nothing of Python's
packages."""

import ctypes
import ctypes.util
import select
import time

_CONNECTION_OK, _CONNECTION_BAD = 0, 1
_POLL_FAILED, _POLL_READING, _POLL_WRITING, _POLL_OK = 0, 1, 2, 3
_COMMAND_OK, _TUPLES_OK = 1, 2
_SQLSTATE = ord("C")

_pq = ctypes.CDLL(ctypes.util.find_library("pq") or "libpq.so.5")
for _name, _result, _arguments in (
        ("PQconnectStart", ctypes.c_void_p, [ctypes.c_char_p]),
        ("PQconnectPoll", ctypes.c_int, [ctypes.c_void_p]),
        ("PQstatus", ctypes.c_int, [ctypes.c_void_p]),
        ("PQsocket", ctypes.c_int, [ctypes.c_void_p]),
        ("PQerrorMessage", ctypes.c_char_p, [ctypes.c_void_p]),
        ("PQhost", ctypes.c_char_p, [ctypes.c_void_p]),
        ("PQport", ctypes.c_char_p, [ctypes.c_void_p]),
        ("PQfinish", None, [ctypes.c_void_p]),
        ("PQsendQuery", ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p]),
        ("PQconsumeInput", ctypes.c_int, [ctypes.c_void_p]),
        ("PQisBusy", ctypes.c_int, [ctypes.c_void_p]),
        ("PQgetResult", ctypes.c_void_p, [ctypes.c_void_p]),
        ("PQresultStatus", ctypes.c_int, [ctypes.c_void_p]),
        ("PQresultErrorField", ctypes.c_char_p, [ctypes.c_void_p, ctypes.c_int]),
        ("PQresultErrorMessage", ctypes.c_char_p, [ctypes.c_void_p]),
        ("PQntuples", ctypes.c_int, [ctypes.c_void_p]),
        ("PQnfields", ctypes.c_int, [ctypes.c_void_p]),
        ("PQgetvalue", ctypes.c_char_p, [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]),
        ("PQsetNoticeProcessor", ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]),
        ("PQclear", None, [ctypes.c_void_p])):
    getattr(_pq, _name).restype = _result
    getattr(_pq, _name).argtypes = _arguments
# What a server says besides (that it ends, say) would go to our standard error.
_silent = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p)(lambda _, __: None)


class Lost(Exception):
    """There is no connection (any more), or it did not answer in time."""


class Refused(Exception):
    """The server's answer is an error; the connection holds."""

    def __init__(self, sqlstate, message):
        super().__init__(message)
        self.sqlstate = sqlstate


class Connection:
    def __init__(self, conninfo, patience):
        """`patience`: seconds for the whole of it, over all hosts."""
        self._connection = _pq.PQconnectStart(conninfo.encode())
        _pq.PQsetNoticeProcessor(self._connection, ctypes.cast(_silent, ctypes.c_void_p), None)
        end = time.monotonic() + patience
        try:
            self._connect(end)
        except Lost:
            self.close()
            raise

    def _connect(self, end):
        step = _POLL_WRITING
        while step != _POLL_OK:
            if step == _POLL_FAILED or _pq.PQstatus(self._connection) == _CONNECTION_BAD:
                raise Lost(self._message())
            self._wait(end, writing=step == _POLL_WRITING)
            step = _pq.PQconnectPoll(self._connection)

    def _message(self):
        return _pq.PQerrorMessage(self._connection).decode("utf-8", "replace").strip()

    def _wait(self, end, writing=False):
        socket = _pq.PQsocket(self._connection)
        left = end - time.monotonic()
        if socket < 0 or left <= 0:
            raise Lost("no answer in time")
        ready = select.select([] if writing else [socket], [socket] if writing else [], [], left)
        if not (ready[0] or ready[1]):
            raise Lost("no answer in time")

    @property
    def server(self):
        """"host:port" of the server that was taken."""
        return f"{_pq.PQhost(self._connection).decode()}:{_pq.PQport(self._connection).decode()}"

    def execute(self, sql, patience):
        """The rows of the last statement, as lists of text."""
        end = time.monotonic() + patience
        if not _pq.PQsendQuery(self._connection, sql.encode()):
            raise Lost(self._message())
        rows, error = [], None
        while True:
            while _pq.PQisBusy(self._connection):
                self._wait(end)
                if not _pq.PQconsumeInput(self._connection):
                    raise Lost(self._message())
            result = _pq.PQgetResult(self._connection)
            if not result:
                break
            try:
                rows, error = self._taken(result, rows, error)
            finally:
                _pq.PQclear(result)
        if _pq.PQstatus(self._connection) != _CONNECTION_OK:
            raise Lost(str(error or self._message()))
        if error:
            raise error
        return rows

    @staticmethod
    def _taken(result, rows, error):
        status = _pq.PQresultStatus(result)
        if status not in (_COMMAND_OK, _TUPLES_OK):
            sqlstate = (_pq.PQresultErrorField(result, _SQLSTATE) or b"").decode()
            return rows, Refused(sqlstate, _pq.PQresultErrorMessage(result).decode("utf-8", "replace").strip())
        if status == _TUPLES_OK:
            rows = [[_pq.PQgetvalue(result, row, field).decode() for field in range(_pq.PQnfields(result))]
                    for row in range(_pq.PQntuples(result))]
        return rows, error

    def close(self):
        if self._connection:
            _pq.PQfinish(self._connection)
            self._connection = None
