# SPDX-License-Identifier: Apache-2.0
"""Ground truths and results with crowds, ties, areas at the limits of ranges, and ids beyond what
doubles hold; the same from every Python."""
import math
import random

WIDTH, HEIGHT = 160, 120
IMAGES = [2**53 + 1, 5, 2**53 + 2, -3, 40, 41, 7]
CLASSES = [2**62 + 1, 3, 9, -5]


def text_of_runs(runs):
    """COCO's text form."""
    text = ""
    for i, run in enumerate(runs):
        value = run - (runs[i - 2] if i > 2 else 0)
        more = True
        while more:
            group = value & 31
            value >>= 5
            more = value != (-1 if group & 16 else 0)
            text += chr(48 + (group | 32 if more else group))
    return text


def runs_of_box(x, y, w, h):
    """A rectangle of whole pixels as runs."""
    if not w or not h:
        return [WIDTH * HEIGHT]
    runs = [x * HEIGHT + y, h]
    for _ in range(w - 1):
        runs += [HEIGHT - h, h]
    rest = WIDTH * HEIGHT - sum(runs)
    return runs + [rest] if rest else runs


def draw_box(draw):
    w, h = draw.random() ** 2 * WIDTH, draw.random() ** 2 * HEIGHT
    if draw.random() < 0.3:
        w, h = [(32.0, 32.0), (96.0, 96.0), (8.0, 8.0)][int(3 * draw.random())]
    return [round(draw.random() * (WIDTH - w), 1), round(draw.random() * (HEIGHT - h), 1),
            round(w, 1), round(h, 1)]


def move(draw, box):
    moved = [round(v * (1 + 0.15 * (draw.random() - 0.5)), 2) for v in box]
    x, y = min(moved[0], WIDTH), min(moved[1], HEIGHT)
    return [x, y, min(moved[2], WIDTH - x), min(moved[3], HEIGHT - y)]


def polygon(draw, box):
    x, y, w, h = box
    corners = 3 + int(6 * draw.random())
    points = []
    for i in range(corners):
        angle = (i + draw.random()) * 2 * math.pi / corners
        points += [round(x + w / 2 + w / 2 * math.cos(angle), 1),
                   round(y + h / 2 + h / 2 * math.sin(angle), 1)]
    return points


def keypoints(draw, box):
    x, y, w, h = box
    points = []
    for _ in range(17):
        points += [round(x + w * draw.random(), 1), round(y + h * draw.random(), 1),
                   int(3 * draw.random())]
    return points


def mask(draw, box, kind):
    whole = [int(v) for v in box]
    if kind == "polygons":
        return [polygon(draw, box) for _ in range(1 + int(2 * draw.random()))]
    runs = runs_of_box(*whole)
    return {"size": [HEIGHT, WIDTH], "counts": runs if kind == "runs" else text_of_runs(runs)}


def annotate(draw, image, number, classes):
    box = draw_box(draw)
    crowd = int(draw.random() < 0.1)
    points = keypoints(draw, box) if draw.random() < 0.8 else [0] * 51
    area = [box[2] * box[3] * draw.random(), 1024, 9216][min(2, int(4 * draw.random()))]
    category = classes[int(len(classes) * draw.random())]
    return {"id": number, "image_id": image, "category_id": category, "bbox": box,
            "area": area, "iscrowd": crowd,
            "segmentation": mask(draw, box, "runs" if crowd else "polygons"),
            "keypoints": points, "num_keypoints": sum(v > 0 for v in points[2::3])}


def find(draw, annotations, image, classes):
    near = annotations[int(len(annotations) * draw.random())] if annotations else None
    if near and draw.random() < 0.8:
        box, category = move(draw, near["bbox"]), near["category_id"]
        points = [v + 4 * (draw.random() - 0.5) for v in near["keypoints"]]
    else:
        box, category = draw_box(draw), classes[int(len(classes) * draw.random())]
        points = keypoints(draw, box)
    score = int(8 * draw.random()) / 8 if draw.random() < 0.5 else round(draw.random(), 4)
    return {"image_id": image, "category_id": category, "bbox": box, "score": score,
            "segmentation": mask(draw, box, "text"), "keypoints": points}


def make(seed, images=IMAGES, classes=CLASSES):
    """A ground truth, and results with everything."""
    draw = random.Random(seed)
    annotations, results = [], []
    for image in images:
        own = [annotate(draw, image, len(annotations) + i + 1, classes)
               for i in range(int(9 * draw.random()))]
        annotations += own
        results += [find(draw, own, image, classes) for _ in range(int(40 * draw.random()))]
    truth = {"info": {"description": None},
             "images": [{"id": i, "height": HEIGHT, "width": WIDTH} for i in images],
             "categories": [{"id": c, "name": f"class {c}"} for c in classes],
             "annotations": annotations}
    return truth, results


def only(results, *names):
    """Results with these fields beside the three that all have."""
    keep = {"image_id", "category_id", "score", *names}
    return [{k: v for k, v in r.items() if k in keep} for r in results]
