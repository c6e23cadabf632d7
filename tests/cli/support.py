# SPDX-License-Identifier: Apache-2.0
"""Runs the vloss command in a folder of its own, and makes and reads .npy files without NumPy.
The program is the first argument of each test, before those of unittest."""
import json
import math
import os
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

# A cross build runs under an emulator: everything is right there, but slow.
WRAPPER = shlex.split(os.environ.get("MESON_EXE_WRAPPER", ""))
TOOL = WRAPPER + [os.path.abspath(sys.argv.pop(1))]
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
CODES = {"f4": "f", "f8": "d", "f2": "e", "i8": "q", "i4": "i", "i2": "h", "i1": "b", "u8": "Q",
         "u4": "I", "u2": "H", "u1": "B", "b1": "?"}


def npy_header(text, version=1):
    """The bytes before the data, around any text."""
    text = text.encode()
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text


def npy(values, shape, dtype="f4", version=1, padding=64):
    """The bytes of a file. `padding`: what the offset of the data is a multiple of."""
    text = "{'descr': '%s%s', 'fortran_order': False, 'shape': %r, }" % (
        "|" if dtype[1] == "1" else "<", dtype, tuple(shape))
    used = (10 if version == 1 else 12) + len(text) + 1
    text += " " * (-used % padding) + "\n"
    return npy_header(text, version) + struct.pack("<%d%s" % (len(values), CODES[dtype]), *values)


def read_npy(data):
    """Values, shape and dtype of a file that vloss wrote: version 1, data at a multiple of 64."""
    assert data[:8] == b"\x93NUMPY\x01\x00", data[:8]
    end = 10 + struct.unpack("<H", data[8:10])[0]
    assert end % 64 == 0 and data[end - 1:end] == b"\n", "header is not padded"
    fields = eval(data[10:end].decode(), {"__builtins__": {}})
    assert fields["fortran_order"] is False
    dtype = fields["descr"].lstrip("<|")
    count = math.prod(fields["shape"])
    return list(struct.unpack("<%d%s" % (count, CODES[dtype]), data[end:])), fields["shape"], dtype


def need_json():
    """Skips the program if the command was built without a reader of JSON."""
    result = subprocess.run(TOOL + ["coco", "/", "/"], stderr=subprocess.PIPE, check=False)
    if b"without a reader" in result.stderr:
        print("skipped: the program was built without a reader of JSON")
        sys.exit(77)


def refuse_constant(name):
    raise ValueError("not JSON: " + name)


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="vloss-cli-")
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return read_npy(file.read())

    def vloss(self, *arguments, **more):
        return subprocess.run(TOOL + list(arguments), cwd=self.folder, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=120, **more)

    def succeed(self, *arguments, **more):
        result = self.vloss(*arguments, **more)
        self.assertEqual((result.returncode, result.stderr), (0, b""), arguments)
        return result.stdout.decode()

    def fail_with(self, code, *arguments, says="", **more):
        """Exit code, nothing on stdout, one line on stderr that holds all of `says`."""
        result = self.vloss(*arguments, **more)
        message = result.stderr.decode(errors="replace")
        self.assertEqual((result.returncode, result.stdout), (code, b""), (arguments, message))
        self.assertRegex(message, r"\Avloss[^\n]*: [^\n]+\n\Z", arguments)
        for part in [says] if isinstance(says, str) else says:
            self.assertIn(part, message, arguments)
        return message

    def json(self, *arguments, **more):
        text = self.succeed(*arguments, "--json", **more)
        self.assertEqual(text.count("\n"), 1)
        return json.loads(text, parse_constant=refuse_constant)

    def evaluate(self, loss, x, t, *options):
        """Writes x and t (None: no target), each (values, shape[, dtype]), and evaluates: the
        result, and what the files of loss and gradient hold in self.loss and self.grad."""
        self.write("x.npy", npy(*x))
        if t is not None:
            self.write("t.npy", npy(*t))
        target = ["--target", "t.npy"] if t is not None else []
        result = self.json("eval", loss, "--input", "x.npy", *target, "--grad", "g.npy",
                           "--loss", "l.npy", *options)
        self.loss, self.loss_shape, loss_dtype = self.read("l.npy")
        self.grad, grad_shape, grad_dtype = self.read("g.npy")
        dtype = x[2] if len(x) > 2 else "f4"
        self.assertEqual((grad_shape, grad_dtype, loss_dtype), (tuple(x[1]), dtype, dtype))
        return result

    def assert_close(self, found, expected, tolerance=1e-6):
        self.assertEqual(len(found), len(expected))
        for a, b in zip(found, expected):
            self.assertLessEqual(abs(a - b), tolerance, (found, expected))

