# SPDX-License-Identifier: Apache-2.0
"""Does eval give known values, for each family and each option? Vectors: tests of PyTorch,
torchvision, MONAI and SMP."""
import math
import random
import unittest

from support import WRAPPER, Case, npy

B1, B2, B3, B4 = (-1, -1, 1, 1), (0, 0, 1, 1), (0, 1, 1, 2), (1, 1, 2, 2)


class Elements(Case):
    def test_smooth_l1(self):
        x, t = ([.1, 1.2, 4.7], (3,)), ([0, 1, 5], (3,))
        result = self.evaluate("smooth_l1", x, t)
        self.assert_close([result["loss"]], [.07 / 3])
        self.assert_close([result["sum"], result["weight"]], [.07, 3])
        self.assert_close(self.grad, [.1 / 3, .2 / 3, -.1])
        self.assertEqual((self.loss_shape, result["counted"], result["dtype"]), ((), 3, "f32"))
        self.evaluate("smooth_l1", x, t, "--reduction", "none")
        self.assert_close(self.loss, [.005, .02, .045])
        x, t = ([.1, 1.5, 10], (3,), "f8"), ([0, 1, 5], (3,), "f8")
        self.assert_close([self.evaluate("smooth_l1", x, t, "--beta", ".5")["loss"]], [1.67], 1e-14)
        self.assert_close([self.evaluate("huber", x, t, "--delta=.5")["loss"]], [.835], 1e-14)

    def test_shared_options(self):
        x, t = ([3, 5, 7, 9], (2, 2), "f8"), ([1, 4, 7, 6], (2, 2), "f8")
        self.write("w.npy", npy([1, 2, 3, .5], (2, 2), "f8"))
        self.write("one.npy", npy([2], (1,), "f8"))
        self.write("each.npy", npy([1, 2, 3, 4], (2, 2), "f8"))
        options = ["--weight", "w.npy", "--scale", "10"]
        result = self.evaluate("mse", x, t, *options, "--divisor", "5", "--grad-output", "one.npy")
        self.assertEqual((result["loss"], result["sum"], result["weight"]), (21, 10.5, 5))
        self.assertEqual(self.grad, [16, 16, 0, 12])
        result = self.evaluate("mse", x, t, *options, "--reduction", "none", "--grad-output",
                               "each.npy")
        self.assertEqual((self.loss, self.loss_shape), ([40, 20, 0, 45], (2, 2)))
        self.assertEqual(self.grad, [40, 80, 0, 120])
        self.assertIsNone(result["loss"])
        self.assertEqual(self.evaluate("mse", x, t, "--reduction", "sum")["loss"], 14)

    def test_variance(self):
        self.write("v.npy", npy([2, .5], (2,), "f8"))
        options = ["--variance", "v.npy", "--grad-variance", "gv.npy", "--reduction", "sum"]
        x, t = ([1, 3], (2,), "f8"), ([0, 3], (2,), "f8")
        result = self.evaluate("gaussian_nll", x, t, *options)
        self.assert_close([result["loss"]], [.25])
        self.assert_close(self.grad, [.5, 0])
        self.assert_close(self.read("gv.npy")[0], [.125, 1])
        result = self.evaluate("gaussian_nll", x, t, *options, "--full", "--eps", "2")
        self.assert_close([result["loss"]], [.25 + math.log(4 * math.pi)])

    def test_flags_and_domains(self):
        x, t = ([-1, -2], (2,), "f8"), ([0, .5], (2,), "f8")
        self.evaluate("kl_div", x, t, "--reduction", "none")
        self.assert_close(self.loss, [0, 1 - .5 * math.log(2)])
        self.evaluate("kl_div", x, t, "--log-target", "--reduction", "none")
        self.assert_close(self.loss, [1, 2.5 * math.exp(.5)])
        result = self.evaluate("poisson_nll", x, t, "--log-input=no")
        self.assertEqual((result["loss"], result["degenerate"]), ("NaN", 2))

    def test_no_axes_and_nothing(self):
        self.assertEqual(self.evaluate("l1", ([3], ()), ([1], ()))["loss"], 2)
        result = self.evaluate("l1", ([], (0, 7)), ([], (0, 7)))
        self.assertEqual((result["loss"], result["counted"], self.grad), (0, 0, []))

    def test_not_finite(self):
        nan, inf = float("nan"), float("inf")
        result = self.evaluate("l1", ([nan, 1], (2,)), ([0, 0], (2,)))
        self.assertEqual((result["loss"], result["sum"]), ("NaN", "NaN"))
        self.assertEqual(self.evaluate("l1", ([inf], (1,)), ([0], (1,)))["loss"], "Infinity")

    def test_lines(self):
        self.write("x.npy", npy([3, 5], (2,)))
        self.write("t.npy", npy([1, 5], (2,)))
        text = self.succeed("eval", "mse", "--input", "x.npy", "--target", "t.npy")
        lines = dict(line.split() for line in text.splitlines())
        found = self.json("eval", "mse", "--input", "x.npy", "--target", "t.npy")
        self.assertEqual((lines["loss"], lines["counted"], lines["isa"]), ("2", "2", found["isa"]))
        self.assertEqual(set(lines), set(found))
        for key in ["seconds", "elements_per_second", "bytes_per_second"]:
            self.assertGreater(float(lines[key]), 0)
        self.assertAlmostEqual(found["bytes_per_second"] / found["elements_per_second"], 20 / 2, 1)


def softplus(z):
    return max(z, 0) + math.log1p(math.exp(-abs(z)))


class Logits(Case):
    def test_positive_weight(self):
        z, t = [.5, -1, 2, 0, 3, -2], [1, 1, 1, 0, 1, 1]
        self.write("one.npy", npy([3], (), "f8"))
        self.write("two.npy", npy([3, .5], (2,), "f8"))
        self.write("three.npy", npy([3, .5, 2], (3,), "f8"))
        for shape, file, options, weights in [
                ((6,), "one", [], [3] * 6), ((1, 2, 3), "two", [], [3, 3, 3, .5, .5, .5]),
                ((2, 3), "three", [], [3, .5, 2] * 2), ((3, 2), "two", [], [3, .5] * 3),
                ((1, 2, 3), "three", ["--classes-last"], [3, .5, 2] * 2)]:
            result = self.evaluate("binary_cross_entropy_with_logits", (z, shape, "f8"),
                                   (t, shape, "f8"), "--reduction", "none", "--positive-weight",
                                   file + ".npy", *options)
            self.assert_close(self.loss, [w * softplus(-x) if y else softplus(x)
                                          for x, y, w in zip(z, t, weights)], 1e-14)
            self.assertEqual(self.loss_shape, shape)
            self.assertEqual(result["degenerate"], 0)

    def test_focal(self):
        x, t = ([1, 0, 0, 1], (2, 2)), ([1, 0, 0, 1], (2, 2))
        self.evaluate("focal", x, t, "--divisor", "2")
        self.assert_close(self.loss, [.13562961])
        self.assert_close(self.grad, [-.00657264, .11185755, .11185755, -.00657264])
        self.evaluate("focal", x, t, "--alpha", "-1", "--gamma", "0", "--reduction", "none")
        self.assert_close(self.loss, [softplus(-1), softplus(0), softplus(0), softplus(-1)])

    def test_no_target(self):
        self.evaluate("binary_entropy_with_logits", ([0, math.log(3)], (2,), "f8"), None,
                      "--reduction", "none", "--scale", str(1 / math.log(2)))
        self.assert_close(self.loss, [1, .811278124459], 1e-12)

    def test_targets_are_probabilities(self):
        result = self.evaluate("focal", ([1, 2], (2,)), ([.5, 1.5], (2,)), "--reduction", "none")
        self.assertEqual(result["degenerate"], 1)
        self.assertTrue(math.isnan(self.loss[1]) and math.isnan(self.grad[1]))


class Boxes(Case):
    def test_giou(self):
        x, t = (B1 + B1 + B2 + B2, (2, 2, 4)), (B1 + B2 + B3 + B4, (2, 2, 4))
        self.evaluate("giou", x, t, "--reduction", "none")
        self.assert_close(self.loss, [0, .75, 1, 1.5])
        self.assertEqual(self.loss_shape, (2, 2))
        self.assert_close(self.grad[:8], [0] * 4 + [-.125, -.125, -.15625, -.15625])
        result = self.evaluate("giou", (B2 + B2, (2, 4)), (B3 + B4, (2, 4)))
        self.assert_close([result["loss"], result["sum"], result["counted"]], [1.25, 2.5, 2])

    def test_formats(self):
        self.evaluate("giou", ((0, 0, 2, 2), (4,)), ((.5, .5, 1, 1), (4,)), "--format", "cxcywh")
        self.assert_close(self.loss, [.75])
        self.evaluate("giou", ((-1, -1, 2, 2), (4,)), ((0, 0, 1, 1), (4,)), "--format", "xywh")
        self.assert_close(self.loss, [.75])

    def test_degenerate(self):
        result = self.evaluate("giou", ((1, 1, 0, 0) + B1, (2, 4)), (B1 + B1, (2, 4)))
        self.assertEqual((result["counted"], result["degenerate"]), (2, 1))


class Rows(Case):
    def test_labels_of_each_type(self):
        for dtype in ["i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "b1"]:
            for float_type in ["f4", "f8"]:
                x = ([10, 1, -2, 1, 4, .2], (2, 3), float_type)
                self.evaluate("cross_entropy", x, ([1, 0], (2,), dtype), "--reduction", "none")
                self.assert_close(self.loss, [9.00013, 3.0696733], 1e-5)

    def test_options(self):
        x = ([3, 1, 1, 2], (2, 2))
        result = self.evaluate("cross_entropy", x, ([0, 1], (2,), "i8"), "--smoothing", ".15")
        self.assert_close([result["loss"]], [.3326], 1e-4)
        result = self.evaluate("cross_entropy", x, ([0, 9], (2,), "i4"), "--ignore-index", "9")
        self.assertEqual((result["counted"], result["ignored"]), (1, 1))
        self.assertEqual(self.grad[2:], [0, 0])
        self.write("c.npy", npy([2, 6], (2,)))
        result = self.evaluate("cross_entropy", x, ([0, 1], (2,), "i8"), "--class-weight", "c.npy")
        self.assertEqual(result["weight"], 8)

    def test_labels_keep_their_values(self):
        for dtype, index in [("i1", -128), ("i2", -2**15), ("u2", 2**16 - 1), ("u4", 2**32 - 1),
                             ("u8", 2**63 - 1), ("b1", 1)]:
            found = self.evaluate("nll", ([3, 1, 1, 2], (2, 2)), ([0, index], (2,), dtype),
                                  "--ignore-index", str(index))
            self.assertEqual((found["loss"], found["ignored"]), (-3, 1), dtype)

    def test_whole_numbers_are_exact(self):
        x = ([3, 1, 1, 2], (2, 2))
        for index in [2**53 + 1, -2**53 - 1, 2**63 - 1, 2**63 - 513, -2**63, -2**63 + 1]:
            found = self.evaluate("cross_entropy", x, ([index, 1], (2,), "i8"), "--ignore-index",
                                  str(index))
            self.assertEqual((found["counted"], found["ignored"]), (1, 1))
            near = index - 1 if index > 0 else index + 1
            self.write("t.npy", npy([near, 1], (2,), "i8"))
            self.fail_with(1, "eval", "nll", "--input", "x.npy", "--target", "t.npy",
                           "--ignore-index", str(index), says="label %d at" % near)

    def test_targets_and_none(self):
        x, q = ([3, 1, 1, 2], (2, 2)), ([.8, .2, .1, .9], (2, 2))
        result = self.evaluate("cross_entropy_soft", x, q, "--smoothing", ".2")
        self.assert_close([result["loss"], result["weight"]], [.5701, 2], 1e-4)
        self.write("c.npy", npy([2, 2], (2,)))
        self.evaluate("cross_entropy_soft", x, q, "--class-weight", "c.npy", "--smoothing", ".2")
        self.assert_close(self.loss, [2 * .5701], 2e-4)
        options = ["--teacher", "logits", "--temperature", "2", "--squared", "--reduction", "none"]
        self.evaluate("kl_div_with_logits", x, ([3, 1, 2, 1], (2, 2)), *options)
        p = 1 / (1 + math.exp(-.5))  # of 1 and 0 at temperature 2
        self.assert_close(self.loss, [0, 4 * (2 * p - 1) * .5])
        self.assert_close(self.grad, [0, 0, 2 * (1 - 2 * p), 2 * (2 * p - 1)])
        result = self.evaluate("entropy", ([.75, .25, 2, 0], (2, 2), "f8"), None, "--reduction",
                               "none", "--scale", str(1 / math.log(2)))
        self.assert_close(self.loss[:1], [.811278124459])
        self.assertTrue(math.isnan(self.loss[1]))
        self.assertEqual((result["counted"], result["degenerate"]), (2, 1))
        self.assertEqual(self.loss_shape, (2,))
        result = self.evaluate("entropy_with_logits", ([5] * 8, (2, 4), "f8"), None)
        self.assert_close([result["loss"]], [math.log(4)])
        last = self.evaluate("js_div_with_logits", ([9, 0] * 3, (3, 2)), ([0, 1] * 3, (3, 2)),
                             "--classes-last")
        self.assertEqual(last["counted"], 3)

    def test_class_axis(self):
        n, classes, inner = 2, 3, 5
        values = [random.Random(1).uniform(-3, 3) for _ in range(n * classes * inner)]
        labels = ([i % 3 for i in range(n * inner)], (n, inner), "i8")
        self.evaluate("cross_entropy", (values, (n, classes, inner)), labels, "--reduction", "none")
        second, grad = self.loss, self.grad
        self.assertEqual(self.loss_shape, (n, inner))
        last = [values[(i * classes + c) * inner + j]
                for i in range(n) for j in range(inner) for c in range(classes)]
        self.evaluate("cross_entropy", (last, (n, inner, classes)), labels, "--reduction", "none",
                      "--classes-last")
        self.assert_close(self.loss, second)
        self.assert_close(self.grad, [grad[(i * classes + c) * inner + j] for i in range(n)
                                      for j in range(inner) for c in range(classes)])


class Overlap(Case):
    def test_dice_and_tversky(self):
        x, t = ([1, -1, -1, 1], (2, 2)), ([1, 0, 1, 1], (2, 2))
        options = ["--activation", "sigmoid", "--group-axes", "0"]
        result = self.evaluate("dice", x, t, *options, "--smoothing", "1e-6")
        self.assert_close([result["loss"], result["counted"]], [.307576, 1])
        result = self.evaluate("tversky", x, t, *options, "--smoothing", "1e-6", "--alpha", ".3",
                               "--beta", ".7")
        self.assert_close([result["loss"]], [.3589], 1e-4)

    def test_a_flag_alone_means_yes(self):
        x, t = ([1, 1, 0, 0], (1, 4), "f8"), ([1, 1, 1, 1], (1, 4), "f8")
        for flag, loss in [("--log", .4054651), ("--log=yes", .4054651), ("--log=no", 1 / 3)]:
            self.evaluate("dice", x, t, flag, "--smoothing", "1e-9")
            self.assert_close(self.loss, [loss])

    def test_groups(self):
        x, t = ([1, 1, 0, 0] * 2, (2, 2, 2), "f8"), ([1] * 4 + [0] * 4, (2, 2, 2), "f8")
        options = ["--reduction", "none", "--smoothing", "0"]
        for axes, losses in [("0", [.5]), ("1", [1 / 3, 1]), ("2", [0, 1, 1, 0])]:
            self.evaluate("dice", x, t, *options, "--group-axes", axes)
            self.assert_close(self.loss, losses)
            self.assertEqual(self.loss_shape, (2, 2, 2)[:int(axes)])


    def test_channels(self):
        # 2 images of 2 channels of 2: matches in image 0, channel 0 and image 1, channel 1
        x = ([1, 0, 0, 1, 1, 1, 0, 1], (2, 2, 2), "f8")
        t = ([1, 0, 1, 0, 0, 0, 0, 1], (2, 2, 2), "f8")
        options = ["--reduction", "none", "--smoothing", "0"]
        for grouping, losses, shape in [("image", [.5, .5], (2,)),
                                        ("image_channel", [0, 1, 1, 0], (2, 2)),
                                        ("channel", [.5, .5], (2,)), ("batch", [.5], ())]:
            self.evaluate("dice", x, t, *options, "--grouping", grouping)
            self.assert_close(self.loss, losses)
            self.assertEqual(self.loss_shape, shape)
        # channels last: (N, H, W, C)
        last = [([v for i in (0, 4) for p in (0, 1) for v in (a[0][i + p], a[0][i + p + 2])],
                 (2, 1, 2, 2), "f8") for a in (x, t)]
        self.evaluate("dice", *last, *options, "--group-axes", "3", "--grouping", "channel")
        self.assert_close(self.loss, [.5, .5])

    def test_softmax(self):
        z = [0, 1, 2, 3, 1, 1]  # 1 image, 3 channels, 2 pixels
        t = ([1, 0, 0, 1, 0, 0], (1, 3, 2), "f8")
        self.evaluate("dice", (z, (1, 3, 2), "f8"), t, "--activation", "softmax", "--grouping",
                      "image_channel", "--reduction", "none", "--smoothing", "0")
        e = [math.exp(v) for v in z]
        p = [v / sum(e[k % 2::2]) for k, v in enumerate(e)]
        self.assert_close(self.loss, [1 - 2 * p[0] / (p[0] + p[1] + 1),
                                      1 - 2 * p[3] / (p[2] + p[3] + 1), 1])
        self.assert_close([sum(self.grad[k::2]) for k in (0, 1)], [0, 0])


class All(Case):
    INPUT = {"boxes": (8, 4), "rows": (2, 3), "overlap": (2, 6), "elements": (12,)}

    def variances(self, loss, x):
        """The options that a loss with a variance needs."""
        if loss != "gaussian_nll":
            return []
        self.write("v.npy", npy([.5] * len(x[0]), x[1], x[2]))
        return ["--variance", "v.npy"]

    def arguments(self, row, dtype, scale=1):
        family = row["family"]
        shape = list(self.INPUT[family])
        shape[0] *= scale
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        draw = random.Random(7)
        x = [draw.random() for _ in range(count)]
        if family == "boxes":  # that overlap: some losses are blind to others
            x = [value + 0.5 * (k % 4 // 2) for k, value in enumerate(x)]
        t = ([draw.random() for _ in range(count)], shape, dtype)
        if family == "rows" and not row["reads"]:
            t = None
        if "labels" in row["reads"]:
            t = ([draw.randrange(3) for _ in range(shape[0])], shape[:1], "i8")
        if "--target" not in self.succeed("eval", row["name"], "--help"):
            t = None
        return (x, shape, dtype), t

    def test_each_loss_runs(self):
        for row in self.json("list")["losses"]:
            for dtype in ["f4", "f8"]:
                x, t = self.arguments(row, dtype)
                result = self.evaluate(row["name"], x, t, *self.variances(row["name"], x))
                self.assertEqual((result["name"], result["dtype"]),
                                 (row["name"], dtype.replace("f4", "f32").replace("f8", "f64")))
                self.assertIsInstance(result["loss"], (int, float))
                self.assertTrue(any(self.grad), row["name"])

    def test_instruction_sets_and_threads_give_the_same_bits(self):
        scale = 10 if WRAPPER else 20000
        seen = {}
        for isa in self.json("info")["isas_usable"]:
            for threads in ["1", "3"]:
                for row in self.json("list")["losses"]:
                    x, t = self.arguments(row, "f4", scale)
                    result = self.evaluate(row["name"], x, t, "--isa", isa, "--threads", threads,
                                           *self.variances(row["name"], x))
                    self.assertEqual((result["isa"], result["threads"]), (isa, int(threads)))
                    found = (result["loss"], self.grad)
                    self.assertEqual(found, seen.setdefault(row["name"], found), row["name"])

    def test_repeat(self):
        self.assertEqual(self.evaluate("l1", ([3], (1,)), ([1], (1,)), "--repeat", "5")["loss"], 2)


if __name__ == "__main__":
    unittest.main()
