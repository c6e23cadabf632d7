# SPDX-License-Identifier: Apache-2.0
"""Does vloss simulate give the same numbers on every instruction set and for every number of
threads, the numbers that it should, and a reason where it cannot?"""
import csv
import os
import unittest

from support import WRAPPER, Case

CASES = "686" if WRAPPER else "3430"
# Stuck without overlap; close to the target; in the order of the literature.
STUCK = ["iou linear", "iou log", "iou square", "alpha_iou iou", "focal_eiou"]
CLOSE = ["giou", "diou", "ciou", "eiou", "cdiou iou", "cdiou giou"]


class Simulate(Case):
    def curves(self, *arguments):
        name = self.path("curves.csv")
        self.succeed("simulate", "boxes", "--cases", CASES, "--csv", name, *arguments)
        with open(name, newline="") as file:
            text = file.read()
        os.remove(name)
        return text

    def test_same_bits(self):
        isas = self.json("info")["isas_usable"]
        reference = self.curves("--threads", "1")
        header, *rows = csv.reader(reference.splitlines())
        self.assertEqual(len(rows), 201)
        self.assertGreater(len(header), len(CLOSE + STUCK))
        for arguments in [("--threads", "2"), ("--threads", "3")] + [("--isa", i) for i in isas]:
            self.assertEqual(self.curves(*arguments), reference, arguments)
        self.assertNotEqual(self.curves("--seed", "2"), reference)

    def test_who_gets_there(self):
        result = self.json("simulate", "boxes", "--cases", "17150" if not WRAPPER else CASES)
        self.assertEqual(result["cases"] % 343, 0)
        errors = {run["name"]: run["mean_error"] for run in result["runs"]}
        for name in errors:
            self.assertEqual(errors[name]["0"], errors["giou"]["0"], name)
        for name in STUCK:
            self.assertGreater(errors[name]["200"], 3 if not WRAPPER else 1, name)
        for name in CLOSE:
            self.assertLess(errors[name]["200"], 0.05 if not WRAPPER else 0.5, name)
        for name in ["eiou", "cdiou iou", "cdiou giou"]:
            self.assertLess(errors[name]["200"], errors["ciou"]["200"], name)
        self.assertLess(errors["ciou"]["200"], errors["diou"]["200"])

    def test_chosen_losses(self):
        result = self.json("simulate", "boxes", "--cases", "1", "--loss", "giou", "--loss",
                           "alpha_iou:base=diou,alpha=2", "--threads", "1")
        self.assertEqual([run["name"] for run in result["runs"]],
                         ["giou", "alpha_iou:base=diou,alpha=2"])
        self.assertEqual((result["cases"], result["threads"]), (343, 1))
        table = self.succeed("simulate", "boxes", "--cases", "1", "--loss", "giou")
        self.assertRegex(table, r"(?m)^giou +[0-9.]+ ")

    def test_wrong_arguments(self):
        for arguments, says in [
                ((), "'boxes'"), (("circles",), "circles"), (("boxes", "more"), "more"),
                (("boxes", "--cases", "0"), "--cases"), (("boxes", "--cases", "-1"), "--cases"),
                (("boxes", "--cases", "x"), "--cases"), (("boxes", "--seed", "1.5"), "--seed"),
                (("boxes", "--threads", "0"), "--threads"), (("boxes", "--isa", "none"), "--isa"),
                (("boxes", "--loss", "mse"), "mse"),
                (("boxes", "--loss", "giou:gamma=1"), "gamma"),
                (("boxes", "--loss", "giou:format=xywh"), "format"),
                (("boxes", "--loss", "alpha_iou:alpha=-1"), "alpha"),
                (("boxes", "--loss", "iou:form"), "form"),
                (("boxes", "--nothing",), "nothing")]:
            self.fail_with(2, "simulate", *arguments, says=says)

    def test_unwritable_file(self):
        missing = os.path.join(self.folder, "no", "curves.csv")
        self.fail_with(1, "simulate", "boxes", "--cases", "1", "--loss", "giou", "--csv", missing,
                       says=missing)
        os.mkdir(self.path("folder"))
        self.fail_with(1, "simulate", "boxes", "--cases", "1", "--loss", "giou", "--csv",
                       self.path("folder"), says="folder")
        self.assertEqual(os.listdir(self.folder), ["folder"])


if __name__ == "__main__":
    unittest.main()
