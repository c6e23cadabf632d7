# SPDX-License-Identifier: Apache-2.0
"""Does the .npy reader take what the format allows, refuse everything else in one line, and survive
any bytes?"""
import os
import random
import struct
import unittest

from support import WRAPPER, Case, npy, npy_header

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


if __name__ == "__main__":
    unittest.main()
