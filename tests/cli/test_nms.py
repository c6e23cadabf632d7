#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""vloss nms: results of each method, both kinds of input, outputs, and errors of one line."""
import unittest

from support import Case, npy

BOXES = [0, 0, 10, 10, 1, 0, 11, 10, 20, 20, 30, 30, 0, 0, 10, 10]
SCORES = [.5, .75, .25, .5]


class Nms(Case):
    def setUp(self):
        super().setUp()
        self.write("b.npy", npy(BOXES, (4, 4)))
        self.write("s.npy", npy(SCORES, (4,)))
        self.write("c.npy", npy([0, 0, 0, 7], (4,), "i4"))

    def kept(self, *options):
        self.succeed("nms", "b.npy", *options, "--out", "k.npy")
        values, _, dtype = self.read("k.npy")
        self.assertEqual(dtype, "i8")
        return values

    def test_results(self):
        self.assertEqual(self.kept("--scores", "s.npy"), [1, 2])
        self.assertEqual(self.kept(), [0, 2])
        self.assertEqual(self.kept("--scores", "s.npy", "--classes", "c.npy"), [1, 3, 2])
        self.assertEqual(self.kept("--scores", "s.npy", "--threshold", ".9"), [1, 0, 2])
        self.assertEqual(self.kept("--scores", "s.npy", "--max-output", "1"), [1])
        self.assertEqual(self.kept("--scores", "s.npy", "--score-threshold", ".25"), [1])
        self.assertEqual(self.kept("--scores", "s.npy", "--method", "diou"), [1, 2])
        self.assertEqual(self.kept("--scores", "s.npy", "--method", "soft"), [1, 2, 0])
        self.assertEqual(self.kept("--scores", "s.npy", "--method", "matrix"), [1, 0, 3, 2])

    def test_table_and_scores(self):
        text = self.succeed("nms", "b.npy", "--scores", "s.npy", "--method", "matrix",
                            "--scores-out", "o.npy")
        self.assertEqual([line.split("\t")[0] for line in text.splitlines()], ["1", "0", "3", "2"])
        scores, _, dtype = self.read("o.npy")
        self.assertEqual(dtype, "f4")
        self.assertEqual((scores[0], scores[2]), (.75, 0))
        self.assert_close([scores[1]], [.5 * 2 / 11])

    def test_rows_of_six(self):
        rows = sum((BOXES[4 * i:4 * i + 4] + [SCORES[i], i // 3] for i in range(4)), [])
        for dtype in ["f4", "f8"]:
            self.write("six.npy", npy(rows, (4, 6), dtype))
            text = self.succeed("nms", "six.npy")
            self.assertEqual(text, "1\t0.75\n3\t0.5\n2\t0.25\n")
        self.assertEqual(self.json("nms", "six.npy")["kept"], 3)

    def test_errors(self):
        self.fail_with(2, "nms", says="no file of boxes")
        self.fail_with(2, "nms", "b.npy", "more", says="unexpected")
        self.fail_with(2, "nms", "b.npy", "--method", "fast", says="no choice")
        self.fail_with(2, "nms", "b.npy", "--threshold", "1.5", says="--threshold")
        self.fail_with(2, "nms", "b.npy", "--top-k", "0", says="--top-k")
        self.fail_with(2, "nms", "b.npy", "--format", "xywh", "--any-corners", says="any-corners")
        self.fail_with(1, "nms", "none.npy", says="none.npy")
        self.fail_with(1, "nms", "s.npy", says="(n, 4)")
        self.fail_with(1, "nms", "b.npy", "--scores", "b.npy", says="(4,)")
        self.write("d.npy", npy(SCORES, (4,), "f8"))
        self.fail_with(1, "nms", "b.npy", "--scores", "d.npy", says="f8 instead of f4")
        self.fail_with(1, "nms", "b.npy", "--classes", "s.npy")
        self.write("six.npy", npy([0, 0, 1, 1, .5, .5], (1, 6)))
        self.fail_with(1, "nms", "six.npy", says="row 0")
        self.write("six.npy", npy([0, 0, 1, 1, .5, 1], (1, 6)))
        self.fail_with(2, "nms", "six.npy", "--scores", "s.npy", says="no --scores")

    def test_nothing(self):
        self.write("b.npy", npy([], (0, 4)))
        self.assertEqual(self.succeed("nms", "b.npy"), "")


if __name__ == "__main__":
    unittest.main()
