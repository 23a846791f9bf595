"""The functions of the library that tests/types needs, by ctypes."""

import ctypes
import json


def load(file):
    library = ctypes.CDLL(str(file))
    pointer, size = ctypes.c_void_p, ctypes.c_size_t
    for name, result, arguments in [
        ("bedrock_model_new", ctypes.c_int32, [ctypes.c_char_p, size, pointer, pointer]),
        ("bedrock_request_new", ctypes.c_int32, [ctypes.c_char_p, size, pointer, pointer]),
        ("bedrock_request_body", ctypes.c_char_p, [pointer, pointer, pointer, pointer]),
        ("bedrock_call", ctypes.c_int32, [pointer, ctypes.c_char_p, pointer, pointer, pointer, pointer]),
        ("bedrock_error_message", ctypes.c_char_p, [pointer]),
        ("bedrock_error_path", ctypes.c_char_p, [pointer]),
        ("bedrock_error_free", None, [pointer]),
        ("bedrock_request_free", None, [pointer]),
        ("bedrock_response_free", None, [pointer]),
    ]:
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class Failure(Exception):
    """An error of the library: its message and its JSON pointer."""

    def __init__(self, message, path):
        super().__init__(message)
        self.message, self.path = message, path


class Model:
    def __init__(self, library, config):
        self.library, self.handle = library, ctypes.c_void_p()
        text = json.dumps(config).encode()
        self._do(library.bedrock_model_new, text, len(text), ctypes.byref(self.handle))

    def _do(self, function, *arguments):
        error = ctypes.c_void_p()
        result = function(*arguments, ctypes.byref(error))
        if error:
            failure = Failure(*(read(error).decode() for read in
                                (self.library.bedrock_error_message, self.library.bedrock_error_path)))
            self.library.bedrock_error_free(error)
            raise failure
        return result

    def _request(self, members):
        request = ctypes.c_void_p()
        text = json.dumps(members).encode()
        self._do(self.library.bedrock_request_new, text, len(text), ctypes.byref(request))
        return request

    def body(self, members):
        """Returns the body that a call with these members would send, or raises Failure."""
        request = self._request(members)
        try:
            return json.loads(self._do(self.library.bedrock_request_body, request, self.handle, None))
        finally:
            self.library.bedrock_request_free(request)

    def call(self, operation, members):
        """Calls an operation, or raises Failure."""
        request, response = self._request(members), ctypes.c_void_p()
        try:
            self._do(self.library.bedrock_call, self.handle, operation.encode(), request, None, ctypes.byref(response))
        finally:
            self.library.bedrock_request_free(request)
            self.library.bedrock_response_free(response)
