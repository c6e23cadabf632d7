# SPDX-License-Identifier: Apache-2.0
"""Does the .npy reader take what the format allows, refuse everything else in one line, and survive
any bytes?"""
import os
import random
import struct
import subprocess
import threading
import unittest

from support import TOOL, WRAPPER, Case, npy, npy_header

STRIDE = 16 if WRAPPER else 1
DATA = struct.pack("<6f", 1, 2, 3, 4, 5, 6)
HEADER = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n"


class Files(Case):
    def setUp(self):
        super().setUp()
        self.write("t.npy", npy([0] * 6, (2, 3)))
        self.command = ["eval", "l1", "--input", "x.npy", "--target", "t.npy"]

    def accept(self, data):
        self.write("x.npy", data)
        self.assertEqual(self.json(*self.command)["sum"], 21)

    def refuse(self, data, says=""):
        self.write("x.npy", data)
        return self.fail_with(1, *self.command, says=["x.npy: "] + [says])

    def test_versions(self):
        for version in [1, 2, 3]:
            self.accept(npy([1, 2, 3, 4, 5, 6], (2, 3), version=version))
        for version in [0, 4, 255]:
            self.refuse(npy_header(HEADER, version) + DATA, "version %d.0" % version)
        self.refuse(npy_header(HEADER)[:7] + b"\x01" + npy_header(HEADER)[8:] + DATA, "version 1.1")

    def test_offsets(self):
        """The data may begin anywhere: then the array is copied."""
        for padding in [1, 2, 3, 5, 16, 4096]:
            self.accept(npy([1, 2, 3, 4, 5, 6], (2, 3), padding=padding))
        for extra in range(8):
            self.accept(npy_header(HEADER + " " * extra) + DATA)
        self.accept(npy_header(HEADER + " " * 100000, 2) + DATA)

    def test_spellings(self):
        for text in [
                '{"shape":(2,3),"descr":"<f4","fortran_order":False}',
                "{'shape': (2L, 3L,), 'fortran_order': False, 'descr': '=f4'}",
                " {\n'descr' : '|f4' , 'fortran_order':\tFalse, 'shape' : ( 2 , 3 ) , } \n\n"]:
            self.accept(npy_header(text) + DATA)

    def test_fortran_order_of_one_dimension(self):
        """NumPy's reader takes any; these need no change of order."""
        for shape in ["(6,)", "(1, 6, 1)"]:
            data = npy_header(HEADER.replace("False", "True").replace("(2, 3)", shape)) + DATA
            self.write("t.npy", npy([0] * 6, eval(shape)))
            self.accept(data)
        self.write("t.npy", npy([], (0, 2, 3)))
        self.write("x.npy", npy_header(HEADER.replace("False", "True").replace("(2", "(0, 2")))
        self.succeed(*self.command)

    def test_malformed(self):
        good = HEADER
        for old, new, says in [
                ("'<f4'", "'>f4'", "big-endian"), ("False", "True", "Fortran"),
                ("'<f4'", "'<c8'", "<c8"), ("'<f4'", "'<f2'", "<f2"), ("'<f4'", "'|O'", "|O"),
                ("'<f4'", "''", "''"), ("'<f4'", "'f4'", "f4"), ("'<f4'", "'<f44'", "<f44"),
                ("'<f4'", "[('a', '<f4')]", "structured"), ("'<f4'", "4", "malformed"),
                ("'<f4'", "'<f4", "'<f4, '"), ("'<f4'", "'\\x3cf4'", "malformed"),
                ("'<f4'", "'%s'" % ("f" * 99), "malformed"), ("<f4", "<\u00e94", "malformed"),
                ("(2, 3)", "[2, 3]", "malformed"), ("(2, 3)", "(6)", "malformed"),
                ("(2, 3)", "(2 3)", "malformed"), ("(2, 3)", "(2, 03)", "malformed"),
                ("(2, 3)", "(-2, 3)", "malformed"),
                ("(2, 3)", "(2.0, 3)", "malformed"), ("(2, 3)", "(,)", "malformed"),
                ("(2, 3)", "(2, 3", "malformed"), ("(2, 3)", "(2, 3,,)", "malformed"),
                ("(2, 3)", "(" + "1, " * 65 + ")", "axes"),
                ("(2, 3)", "(18446744073709551616,)", "too large"),
                ("(2, 3)", "(4294967296, 4294967296)", "too large"),
                ("(2, 3)", "(0, 4294967296, 4294967296)", "too large"),
                ("(2, 3)", "(9223372036854775807,)", "too large"),
                ("(2, 3)", "(1152921504606846976,)", "truncated"),
                ("(2, 3)", "(2, 4)", "truncated: 24 of 32 bytes"),
                ("(2, 3)", "(2, 2)", "8 bytes after the data"),
                ("'shape'", "'shapes'", "shapes"), ("'shape'", "'descr'", "descr"),
                ("'shape': (2, 3), ", "", "no 'shape'"), ("'descr': '<f4', ", "", "no 'descr'"),
                ("'fortran_order': False, ", "", "no 'fortran_order'"),
                ("False", "0", "malformed"), ("}", "", "malformed"), ("}", "} x", "malformed"),
                ("}", "}\0", "malformed"), ("{", "", "malformed"), (": (", " (", "malformed"),
                (good, "", "malformed")]:
            self.assertIn(old, good)
            self.refuse(npy_header(good.replace(old, new)) + DATA, says)

    def test_not_npy(self):
        self.refuse(b"PK\x03\x04" + bytes(100), "not a .npy file")
        self.refuse(b"\x93NUMPY", "truncated")
        self.refuse(b"\x93NUMPY\x01\x00\xff\xff" + b" " * 100, "truncated")
        self.refuse(b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + b" " * 100, "truncated")
        self.refuse(npy([1] * 6, (2, 3)) + b"x", "1 bytes after the data")

    def test_truncated_at_every_byte(self):
        data = npy([1, 2, 3, 4, 5, 6], (2, 3))
        for size in range(0, len(data), STRIDE):
            self.refuse(data[:size])

    def test_every_bit_flipped(self):
        """'<', '=' and '|' are one bit apart and mean the same; nothing else may."""
        data = npy([1, 2, 3, 4, 5, 6], (2, 3))
        header = len(data) - len(DATA)
        for bit in range(0, 8 * header, STRIDE):
            flipped = bytearray(data)
            flipped[bit // 8] ^= 1 << bit % 8
            if data in [flipped.replace(mark, b"<f4") for mark in [b"=f4", b"|f4"]]:
                self.accept(bytes(flipped))
            else:
                self.refuse(bytes(flipped))

    def test_random_damage(self):
        seed = int(os.environ.get("VLOSS_SEED", "1"))
        draw = random.Random(seed)
        alphabet = b"{}()',: 0123456789LdescrfortanhpFalTu<>=|f48iu1\n\\\"\0\xff"
        for turn in range(200 // STRIDE):
            data = bytearray(npy([1, 2, 3, 4, 5, 6], (2, 3)))
            for _ in range(draw.randrange(1, 6)):
                place = draw.randrange(len(data))
                how = draw.randrange(3)
                data[place:place + (how != 1)] = bytes([draw.choice(alphabet)]) * (how < 2)
            self.write("x.npy", bytes(data))
            result = self.vloss(*self.command)
            lines = (result.stdout.count(b"\n") > 1, result.stderr.count(b"\n"))
            self.assertIn((result.returncode,) + lines, [(0, True, 0), (1, False, 1)],
                          "seed %d turn %d: %r" % (seed, turn, data))


class Streams(Case):
    """What is read to its end, instead of mapped."""

    def setUp(self):
        super().setUp()
        self.write("t.npy", npy([0] * 6, (2, 3)))
        self.command = ["eval", "l1", "--target", "t.npy", "--input"]
        self.data = npy([1, 2, 3, 4, 5, 6], (2, 3))

    def accept(self, name, **more):
        self.assertEqual(self.json(*self.command, name, **more)["sum"], 21)

    def refuse(self, data, *says):
        self.fail_with(1, *self.command, "-", input=data, says=["standard input: ", *says])

    def test_standard_input(self):
        for padding in [1, 3, 64]:
            for version in [1, 2]:
                data = npy([1, 2, 3, 4, 5, 6], (2, 3), version=version, padding=padding)
                self.accept("-", input=data)
        self.accept("/dev/stdin", input=self.data)
        self.write("-", b"a file of that name")
        self.fail_with(1, *self.command, "./-", input=self.data, says="./-: not a .npy file")

    def test_file_as_standard_input(self):
        """From where it stands, as a program before may have left it."""
        self.write("x.npy", b"before" + self.data)
        with open(self.path("x.npy"), "rb") as file:
            file.seek(6)
            self.accept("-", stdin=file)

    def test_named_pipes(self):
        os.mkfifo(self.path("pipe"))
        writer = threading.Thread(target=self.write, args=["pipe", self.data])
        writer.start()
        self.accept("pipe")
        writer.join()

    def test_slow_and_large(self):
        """A byte at a time; and more than any first buffer."""
        read, write = os.pipe()

        def trickle():
            for byte in self.data:
                os.write(write, bytes([byte]))
            os.close(write)
        writer = threading.Thread(target=trickle)
        writer.start()
        self.accept("/dev/fd/%d" % read, pass_fds=[read])
        writer.join()
        os.close(read)
        count = 10**4 if WRAPPER else 3 * 10**6 + 1
        data = npy([1] * count, (count,))
        self.write("t.npy", data)
        found = self.json("eval", "mse", "--target", "t.npy", "--input", "-", "--scale", "2",
                          input=data[:-4] + bytes(4))
        self.assertEqual((found["sum"], found["counted"]), (1, count))

    def test_wrong_in_length(self):
        for size in range(0, len(self.data), STRIDE):
            self.refuse(self.data[:size])
        self.refuse(b"", "empty")
        self.refuse(self.data + b"x", "bytes after the data")
        self.refuse(self.data + bytes(10**6), "bytes after the data")
        for shape in ["(1152921504606846976,)", "(34359738368,)"]:
            self.refuse(npy_header(HEADER.replace("(2, 3)", shape)) + DATA, "truncated: 24 of")
        self.refuse(b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + b" " * 100, "truncated")

    def test_endless(self):
        self.fail_with(1, *self.command, "/dev/zero", says="/dev/zero: not a .npy file")
        result = self.vloss(*self.command, "-", stdin=subprocess.DEVNULL)
        self.assertEqual((result.returncode, result.stderr), (1, b"vloss: standard input: empty\n"))

    def test_closed(self):
        result = subprocess.run(["sh", "-c", 'exec "$@" <&-', "sh"] + TOOL + self.command + ["-"],
                                cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual((result.returncode, result.stdout), (1, b""))
        self.assertRegex(result.stderr.decode(), r"\Avloss: standard input: [^\n]+\n\Z")

    def test_read_once(self):
        for one, two in [("-", "-"), ("-", "/dev/stdin"), ("/dev/fd/0", "-")]:
            self.fail_with(2, "eval", "l1", "--input", one, "--target", two, input=self.data,
                           says=["--input", "--target", "standard input"])


if __name__ == "__main__":
    unittest.main()
