# SPDX-License-Identifier: Apache-2.0
"""Does `vloss coco` give the numbers of pycocotools, whole and from merged states, and say what is
wrong with a file? With pycocotools installed the comparison is with that, else with its numbers."""
import contextlib
import io
import itertools
import json
import os
import struct
import unittest

import coco_sets
from support import ROOT, Case, need_json, read_npy

try:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval
except ImportError:
    COCO = None

KEYS = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"]
KEYPOINT_KEYS = ["AP", "AP50", "AP75", "APm", "APl", "AR", "AR50", "AR75", "ARm", "ARl"]

# The fields of the results, the kind of evaluation, and pycocotools 2.0.11's numbers of coco_sets
# with seed 1.
KINDS = [
    (("bbox",), "bbox",
     [0.2564155326178398, 0.3762803801388543, 0.2629140435051908, 0.17455078841217456,
      0.41039397689768975, 0.5319581958195819, 0.26805555555555555, 0.42048611111111106,
      0.42048611111111106, 0.3638888888888889, 0.45625, 0.5400000000000001]),
    (("segmentation",), "bbox",
     [0.21055793494631853, 0.33799308502278796, 0.1923842965691918, 0.16593151378629925,
      0.36555575200377183, 0.47876787678767874, 0.2420138888888889, 0.378125, 0.3836805555555555,
      0.31111111111111106, 0.41875, 0.49499999999999994]),
    (("bbox", "segmentation"), "segm",
     [0.08902384881345277, 0.28609146628948606, 0.01485148514851485, 0.11303630363036302,
      0.11522866572371522, 0.1361936193619362, 0.10798611111111112, 0.1486111111111111,
      0.1486111111111111, 0.1722222222222222, 0.13333333333333336, 0.13666666666666666]),
    (("segmentation",), "segm",
     [0.08902384881345277, 0.28609146628948606, 0.01485148514851485, 0.11303630363036302,
      0.11522866572371522, 0.1361936193619362, 0.10798611111111112, 0.1486111111111111,
      0.1486111111111111, 0.1722222222222222, 0.13333333333333336, 0.13666666666666666]),
    (("bbox",), "segm",
     [0.07223764918508657, 0.2962358210610977, 0.0017472335468841002, 0.0781261459479281,
      0.10681282413955681, 0.1361936193619362, 0.08229166666666668, 0.15381944444444445,
      0.15381944444444445, 0.19444444444444445, 0.12708333333333333, 0.13666666666666666]),
    (("keypoints",), "keypoints",
     [0.3039785894224097, 0.3591015351535153, 0.3574893673577884, 0.5926284771334276,
      0.8877887788778878, 0.5706845238095238, 0.6220238095238095, 0.6220238095238095,
      0.6849999999999999, 0.888888888888889]),
    (("bbox", "keypoints"), "keypoints",
     [0.3039785894224097, 0.3591015351535153, 0.3574893673577884, 0.591025459688826,
      0.8503850385038504, 0.5706845238095238, 0.6220238095238095, 0.6220238095238095,
      0.6849999999999999, 0.888888888888889]),
    (("keypoints",), "bbox",
     [0.16364948994899486, 0.2842846784678468, 0.2166529152915291, 0.16004114697184,
      0.2924298679867987, 0.366006600660066, 0.22326388888888893, 0.3211805555555555,
      0.3211805555555555, 0.33888888888888885, 0.34375, 0.36166666666666664]),
]

EXAMPLE = """\
 Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.527
 Average Precision  (AP) @[ IoU=0.50      | area=   all | maxDets=100 ] = 0.742
 Average Precision  (AP) @[ IoU=0.75      | area=   all | maxDets=100 ] = 0.709
 Average Precision  (AP) @[ IoU=0.50:0.95 | area= small | maxDets=100 ] = 0.443
 Average Precision  (AP) @[ IoU=0.50:0.95 | area=medium | maxDets=100 ] = 0.649
 Average Precision  (AP) @[ IoU=0.50:0.95 | area= large | maxDets=100 ] = 0.556
 Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets=  1 ] = 0.369
 Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets= 10 ] = 0.613
 Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.613
 Average Recall     (AR) @[ IoU=0.50:0.95 | area= small | maxDets=100 ] = 0.498
 Average Recall     (AR) @[ IoU=0.50:0.95 | area=medium | maxDets=100 ] = 0.740
 Average Recall     (AR) @[ IoU=0.50:0.95 | area= large | maxDets=100 ] = 0.619
"""


def example(name):
    return os.path.join(ROOT, "examples", "data", name)


class Coco(Case):
    def setUp(self):
        super().setUp()
        self.truth, self.results = coco_sets.make(1)
        self.dump("gt.json", self.truth)

    def dump(self, name, value):
        self.write(name, json.dumps(value).encode())

    def evaluate(self, results, kind, *options):
        self.dump("results.json", results)
        return self.json("coco", "gt.json", "results.json", "--type", kind, *options)


class Numbers(Coco):
    def test_example(self):
        files = [example("coco-truth.json"), example("coco-results.json")]
        self.assertEqual(self.succeed("coco", *files), EXAMPLE)

    def test_kinds(self):
        for fields, kind, numbers in KINDS:
            found = self.evaluate(coco_sets.only(self.results, *fields), kind, "--threads", "3")
            self.assertEqual(list(found), KEYPOINT_KEYS if kind == "keypoints" else KEYS)
            self.assert_close(list(found.values()), numbers, 1e-12)

    @unittest.skipUnless(COCO, "pycocotools is not installed")
    def test_against_pycocotools(self):
        for seed, (fields, kind, _) in itertools.product(range(20), KINDS):
            self.truth, results = coco_sets.make(seed)
            results = coco_sets.only(results, *fields)
            self.dump("gt.json", self.truth)
            found = self.evaluate(results, kind)
            table = self.succeed("coco", "gt.json", "results.json", "--type", kind)
            with contextlib.redirect_stdout(io.StringIO()):
                peer = COCO(self.path("gt.json"))
                peer = COCOeval(peer, peer.loadRes(self.path("results.json")), kind)
                peer.evaluate()
                peer.accumulate()
            with contextlib.redirect_stdout(io.StringIO()) as text:
                peer.summarize()
            # a mean on the edge of a digit may be rounded either way
            lines = [line.rpartition(" ") for line in table.splitlines()]
            peers = [line.rpartition(" ") for line in text.getvalue().splitlines()]
            self.assertEqual([line[0] for line in lines], [line[0] for line in peers])
            self.assert_close([float(x[2]) for x in lines], [float(x[2]) for x in peers], 0.0011)
            self.assert_close(list(found.values()), peer.stats, 1e-12)

    def test_no_results(self):
        found = self.evaluate([], "bbox")
        self.assertEqual([found[key] for key in KEYS], [0] * 12)
        self.truth["annotations"] = []
        self.dump("gt.json", self.truth)
        self.assertEqual(set(self.evaluate([], "bbox").values()), {-1})

    def test_several_files(self):
        results = coco_sets.only(self.results, "bbox")
        whole = self.evaluate(results, "bbox")
        self.dump("a.json", results[:30])
        self.dump("b.json", results[30:])
        self.assertEqual(self.json("coco", "gt.json", "a.json", "b.json"), whole)

    def test_what_files_may_leave_out(self):
        results = coco_sets.only(self.results, "bbox")
        whole = self.evaluate(results, "bbox")
        for annotation in self.truth["annotations"]:
            annotation["ignore"] = 1  # is not read
            if not annotation["iscrowd"]:
                del annotation["iscrowd"]
        self.truth["images"] += self.truth["images"][:2]
        self.truth["categories"] += self.truth["categories"][:2]
        self.dump("gt.json", self.truth)
        self.assertEqual(self.evaluate(results, "bbox"), whole)

    def test_foreign_classes(self):
        results = coco_sets.only(self.results, "bbox")
        whole = self.evaluate(results, "bbox")
        self.dump("results.json", results + [dict(results[0], category_id=77)])
        result = self.vloss("coco", "gt.json", "results.json", "--json")
        self.assertEqual(json.loads(result.stdout), whole)
        self.assertRegex(result.stderr.decode(), r"\A[^\n]*\b1 results? .*gt\.json[^\n]*\n\Z")


class States(Coco):
    def evaluate_part(self, images, name):
        truth = dict(self.truth)
        for field, key in [("images", "id"), ("annotations", "image_id")]:
            truth[field] = [x for x in self.truth[field] if x[key] in images]
        self.dump("part.json", truth)
        self.dump("part-results.json", [r for r in self.results if r["image_id"] in images])
        self.succeed("coco", "part.json", "part-results.json", "--state", name)

    def test_parts_in_any_order(self):
        self.dump("results.json", self.results)
        files = ["gt.json", "results.json", "--per-class"]
        whole = self.succeed("coco", *files, "--state", "whole.bin", "--json", "--curves", "w.csv")
        self.assertEqual(self.succeed("coco", *files, "--json", "--threads", "2"), whole)
        table = self.succeed("coco", *files)
        with open(self.path("w.csv"), encoding="ascii") as file:
            curves = file.read()
        for parts in [1, 2, 7]:
            names = []
            for part in range(parts):
                names.append(f"part{part}.bin")
                self.evaluate_part(coco_sets.IMAGES[part::parts], names[-1])
            for order in [names, names[::-1], names + names[:1]]:
                merged = self.succeed("coco", "merge", *order, "--per-class", "--json", "--curves",
                                      "m.csv")
                self.assertEqual(merged, whole)
                with open(self.path("m.csv"), encoding="ascii") as file:
                    self.assertEqual(file.read(), curves)
            self.assertEqual(self.succeed("coco", "merge", *names, "--per-class"), table)

    def test_shards_of_results(self):
        """The whole ground truth with each shard of images: its targets count once."""
        results = coco_sets.only(self.results, "bbox")
        whole = self.evaluate(results, "bbox")
        for part in range(2):
            own = [r for r in results if coco_sets.IMAGES.index(r["image_id"]) % 2 == part]
            self.evaluate(own, "bbox", "--state", f"shard{part}.bin")
        self.assertEqual(self.json("coco", "merge", "shard1.bin", "shard0.bin"), whole)

    def test_bad_states(self):
        self.dump("results.json", self.results)
        self.succeed("coco", "gt.json", "results.json", "--state", "good.bin")
        with open(self.path("good.bin"), "rb") as file:
            good = file.read()
        for cut in [0, 1, 20, 103, 104, 300, len(good) - 1]:
            self.write("bad.bin", good[:cut])
            self.fail_with(1, "coco", "merge", "good.bin", "bad.bin", says="bad.bin")
        for change in [b"x" + good[1:], good[:8] + b"\2" + good[9:], good + b"\0",
                       good[:200] + bytes([good[200] ^ 1]) + good[201:],
                       good[:-20] + bytes([good[-20] ^ 1]) + good[-19:]]:
            self.write("bad.bin", change)
            self.fail_with(1, "coco", "merge", "bad.bin", says="bad.bin")
        for at in range(8, 104):  # sizes that no memory has
            self.write("bad.bin", good[:at] + b"\xff" + good[at + 1:])
            self.fail_with(1, "coco", "merge", "bad.bin", says="bad.bin")
        self.succeed("coco", "gt.json", "results.json", "--type", "segm", "--state", "masks.bin")
        self.fail_with(1, "coco", "merge", "good.bin", "masks.bin", says="masks.bin: classes or")
        self.truth["categories"].pop()
        self.dump("gt.json", self.truth)
        self.vloss("coco", "gt.json", "results.json", "--state", "fewer.bin")
        self.fail_with(1, "coco", "merge", "good.bin", "fewer.bin", says="fewer.bin: classes or")


    def test_state_without_limits(self):
        """A sum that is right makes no table of one limit that of three."""
        self.dump("results.json", self.results)
        self.succeed("coco", "gt.json", "results.json", "--state", "good.bin")
        with open(self.path("good.bin"), "rb") as file:
            good = file.read()
        head = list(struct.unpack_from("<8s12Q", good))
        thresholds, recalls, areas, limits = head[4:8]
        at = 112 + 8 * (thresholds + recalls + 2 * areas)
        head[7] = 1
        head = struct.pack("<8s12Q", *head)
        body = good[112:at] + struct.pack("<Q", 100) + good[at + 8 * limits:]
        check = 0xcbf29ce484222325
        for word, in struct.iter_unpack("<Q", head + body):
            check = (check ^ word) * 0x100000001b3 % 2 ** 64
            check ^= check >> 32
        self.write("bad.bin", head + struct.pack("<Q", check) + body)
        self.fail_with(1, "coco", "merge", "bad.bin", says="bad.bin: damaged")


class Readings(Coco):
    def test_per_class(self):
        results = coco_sets.only(self.results, "bbox")
        found = self.evaluate(results, "bbox", "--per-class")
        self.assertEqual([c["id"] for c in found["classes"]], sorted(coco_sets.CLASSES))
        for one in found["classes"]:
            truth = dict(self.truth, categories=[{"id": one["id"]}])
            self.dump("gt.json", truth)
            self.dump("results.json", [r for r in results if r["category_id"] == one["id"]])
            alone = self.json("coco", "gt.json", "results.json")
            self.assertEqual(one["name"], f"class {one['id']}")
            self.assertEqual([one["AP"], one["AP50"], one["AP75"], one["AR"]],
                             [alone["AP"], alone["AP50"], alone["AP75"], alone["AR100"]])

    def test_perfect(self):
        """Results that are the ground truth: one number everywhere."""
        annotations = [a for a in self.truth["annotations"] if not a["iscrowd"] and a["area"]]
        boxes = [[40 * i % 120, 30 * i % 90, 20, 20] for i in range(len(annotations))]
        self.truth["annotations"] = [dict(a, bbox=b) for a, b in zip(annotations, boxes)]
        self.dump("gt.json", self.truth)
        results = [{"image_id": a["image_id"], "category_id": a["category_id"], "bbox": b,
                    "score": 0.5} for a, b in zip(annotations, boxes)]
        found = self.evaluate(results, "bbox", "--per-class", "--confusion", "c.npy", "--curves",
                              "c.csv")
        self.assertEqual(found["AR100"], 1)
        self.assertEqual(found["calibration_error"], 0.5)
        matrix, shape, dtype = self.read("c.npy")
        self.assertEqual((shape, dtype), ((5, 5), "i8"))
        self.assertEqual(sum(matrix), len(annotations))
        self.assertEqual([sum(matrix[5 * i + j] for i in range(5)) for j in range(5)][4], 0)
        self.assertEqual(matrix[::6], [sum(a["category_id"] == c for a in annotations)
                                       for c in sorted(coco_sets.CLASSES)] + [0])
        with open(self.path("c.csv"), encoding="ascii") as file:
            lines = file.read().split("\n")
        self.assertEqual(lines[0], "class_id,score,precision,recall,f1")
        for line in lines[1:-1]:
            self.assertEqual(line.split(",")[1:], ["0.5", "1", "1", "1"])

    def test_outputs_agree_with_threads(self):
        for kind in ["bbox", "segm", "keypoints"]:
            self.evaluate(self.results, kind, "--confusion", "one.npy")
            self.evaluate(self.results, kind, "--confusion", "many.npy", "--threads", "5")
            with open(self.path("one.npy"), "rb") as one, open(self.path("many.npy"), "rb") as many:
                data = one.read()
                self.assertEqual(data, many.read())
            self.assertGreater(sum(read_npy(data)[0]), 0)


class Lvis(Coco):
    def test_rules(self):
        """Two classes: one is evaluated in every image, the other only where it was looked for."""
        box, far = [10, 10, 20, 20], [60, 60, 20, 20]
        images = [{"id": 1, "neg_category_ids": [2], "not_exhaustive_category_ids": []},
                  {"id": 2, "neg_category_ids": [], "not_exhaustive_category_ids": [1]}]
        annotations = [{"id": i, "image_id": i, "category_id": 1, "bbox": box, "area": 400}
                       for i in [1, 2]] + [
                           {"id": 3, "image_id": 2, "category_id": 2, "bbox": box, "area": 400}]
        truth = {"images": images, "annotations": annotations,
                 "categories": [{"id": 1, "frequency": "f"}, {"id": 2, "frequency": "r"},
                                {"id": 3, "frequency": "c"}]}
        self.dump("gt.json", truth)
        right = [{"image_id": i, "category_id": 1, "bbox": box, "score": 0.5} for i in [1, 2]]
        rare = {"image_id": 2, "category_id": 2, "bbox": box, "score": 0.5}
        found = self.evaluate(right + [rare], "bbox", "--lvis")
        self.assertEqual(list(found), ["AP", "AP50", "AP75", "APs", "APm", "APl", "APr", "APc",
                                       "APf", "AR300", "ARs", "ARm", "ARl"])
        self.assert_close([found[key] for key in ["AP", "APr", "APc", "APf"]], [1, 1, -1, 1])
        dropped = {"image_id": 1, "category_id": 3, "bbox": far, "score": 0.9}
        ignored = {"image_id": 2, "category_id": 1, "bbox": far, "score": 0.9}
        again = self.evaluate(right + [rare, dropped, ignored], "bbox", "--lvis")
        self.assertEqual(again, found)
        wrong = {"image_id": 1, "category_id": 2, "bbox": far, "score": 0.9}
        self.assertEqual(self.evaluate(right + [rare, wrong], "bbox", "--lvis")["APr"], 0.5)
        many = [dict(dropped, category_id=1)] * 300
        self.assertEqual(self.evaluate(right + [rare] + many, "bbox", "--lvis")["AR300"], 0.75)
        del truth["categories"][1]["frequency"]
        self.dump("gt.json", truth)
        self.fail_with(1, "coco", "gt.json", "results.json", "--lvis",
                       says=["gt.json", "category 1", "'frequency'"])


class Errors(Coco):
    def truth_fails(self, says, **changes):
        self.dump("gt.json", {**self.truth, **changes})
        self.dump("results.json", coco_sets.only(self.results, "bbox"))
        self.fail_with(1, "coco", "gt.json", "results.json", says=["gt.json"] + says)

    def results_fail(self, says, kind="bbox", **changes):
        """The fourth entry is broken: None removes a field."""
        changed = {**self.results[3], **changes}
        broken = {k: v for k, v in changed.items() if v is not None}
        self.dump("results.json", self.results[:3] + [broken])
        self.fail_with(1, "coco", "gt.json", "results.json", "--type", kind,
                       says=["results.json", "entry 3"] + says)

    def test_command_line(self):
        self.assertIn("usage: vloss coco", self.succeed("coco", "--help"))
        for arguments, says in [([], "ground truth"), (["gt.json"], "results"),
                                (["merge"], "states"), (["a", "b", "--type", "box"], "--type"),
                                (["a", "b", "--threads", "0"], "--threads"),
                                (["a", "b", "--type", "keypoints", "--lvis"], "LVIS"),
                                (["merge", "a", "--lvis"], "merge"),
                                (["merge", "a", "--confusion", "c.npy"], "merge"),
                                (["a", "b", "--state", "s", "--state", "t"], "twice"),
                                (["a", "b", "--frobnicate"], "frobnicate")]:
            self.fail_with(2, "coco", *arguments, says=says)
        self.fail_with(1, "coco", "none.json", "none.json", says="none.json: cannot open")
        self.fail_with(1, "coco", "merge", "none.bin", says="none.bin: cannot open")

    def test_truth(self):
        first, *rest = self.truth["annotations"]
        for field, value, says in [("id", "1", "integer"), ("id", 2**63, "64-bit"),
                                   ("id", 1.0, "integer"), ("id", None, "integer"),
                                   ("image_id", 99, "no image"), ("category_id", [], "integer"),
                                   ("area", "x", "number"), ("iscrowd", 2, "0 or 1"),
                                   ("bbox", [1, 2, 3], "4 numbers"), ("bbox", {}, "array"),
                                   ("bbox", [1, 2, 3, "4"], "numbers")]:
            self.truth_fails(["annotation 0", f"'{field}'", says],
                             annotations=[dict(first, **{field: value})] + rest)
        for field in ["id", "image_id", "category_id", "area", "bbox"]:
            broken = {k: v for k, v in first.items() if k != field}
            self.truth_fails(["annotation 0", f"'{field}'", "missing"],
                             annotations=[broken] + rest)
        self.truth_fails(["annotation 1", "'id'", "annotation 0"],
                         annotations=[first, dict(rest[0], id=first["id"])] + rest[1:])
        self.truth_fails(["image 0", "'id'"], images=[{}])
        self.truth_fails(["image 0", "object"], images=[5])
        self.truth_fails(["category 0", "'id'"], categories=[{"id": "a"}])
        self.truth_fails(["'annotations'", "array"], annotations={})
        self.dump("gt.json", [])
        self.dump("results.json", [])
        self.fail_with(1, "coco", "gt.json", "results.json", says="gt.json: not a JSON object")
        self.dump("gt.json", {"images": []})
        self.fail_with(1, "coco", "gt.json", "results.json", says="'categories'")

    def test_results(self):
        for field in ["image_id", "category_id", "score", "bbox"]:
            self.results_fail([f"'{field}'", "missing"], **{field: None})
        self.results_fail(["'image_id'", "no image"], image_id=2**53 + 3)
        self.results_fail(["'score'", "number"], score="high")
        self.results_fail(["'bbox'", "4 numbers, not 0"], bbox=[])
        self.results_fail(["'keypoints'", "51 numbers"], "keypoints", keypoints=[1, 2, 3])
        self.dump("results.json", {})
        self.fail_with(1, "coco", "gt.json", "results.json", says="results.json: not an array")

    def test_masks(self):
        size = [coco_sets.HEIGHT, coco_sets.WIDTH]
        good = coco_sets.runs_of_box(3, 4, 5, 6)
        for mask in [5, [5], [[1, 2, 3]], [["a", "b"]], [[1e300, 0, 0, 1, 1, 1]], {"size": size},
                     {"counts": good}, {"size": [1, -1], "counts": [1]},
                     {"size": size, "counts": good[:-1]}, {"size": size, "counts": [-1]},
                     {"size": size, "counts": 5}, {"size": size, "counts": "~"},
                     {"size": size, "counts": [2**32]}, {"size": size, "counts": "0"},
                     {"size": size[::-1], "counts": good}]:
            self.results_fail([], "segm", segmentation=mask)

    def test_no_json(self):
        self.dump("results.json", self.results)
        with open(self.path("results.json"), "rb") as file:
            good = file.read()
        cuts = [0, 1, 2] + list(range(3, len(good) - 1, len(good) // 40))
        texts = [good[:cut] for cut in cuts] + [
            b"[" * 100000, b"[" * 100000 + b"]" * 100000, b'{"a":' * 100000, good + b"]",
            good.replace(b"image_id", b"image\xff\xfe", 1), b'["\xc3\x28"]', b"[1e999]", b"[NaN]",
            b"[123456789012345678901234567890]", b"\xef\xbb\xbf", b"\0" * 100, b"[1,]",
            b'["\\ud800"]']
        for text in texts:
            self.write("bad.json", text)
            self.fail_with(1, "coco", "gt.json", "bad.json", says="bad.json")
            self.fail_with(1, "coco", "bad.json", "gt.json", says="bad.json")


if __name__ == "__main__":
    need_json()
    unittest.main()
