/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "calls.h"

static vloss_mask_options mask_options(const scene *s) {
  vloss_mask_options o = VLOSS_MASK_OPTIONS_INIT;
  o.struct_size = SCENE_SIZE(s, o);
  o.layout = (vloss_mask_layout)(s->variant % 2);
  o.crowd = s->crowd;
  o.executor = s->executor;
  return o;
}

static const vloss_mask *mask_of(const scene *s) { return &s->masks[s->variant % SCENE_MASKS]; }

/* Masks that stand on either side; no more than there are crowd flags for. */
static size_t masks_below(size_t most) { return most < SCENE_MASKS ? most : SCENE_MASKS; }

static vloss_status encode(scene *s) {
  vloss_mask_options o = mask_options(s);
  size_t count;
  return vloss_mask_encode(s->pixels, s->masks->height, s->masks->width, &o, s->run_room, s->counts,
                           &count);
}

static vloss_status decode(scene *s) {
  vloss_mask_options o = mask_options(s);
  return vloss_mask_decode(mask_of(s), &o, (uint8_t *)s->text);
}

static vloss_status to_text(scene *s) {
  vloss_mask_options o = mask_options(s);
  size_t length;
  return vloss_mask_to_text(mask_of(s), &o, s->run_room, s->text, &length);
}

static vloss_status from_text(scene *s) {
  static const char *const texts[] = {"06", "3210", "1"};
  static const size_t heights[] = {3, 4, 1}, widths[] = {2, 2, 1};
  vloss_mask_options o = mask_options(s);
  size_t count, which = s->variant % 3;
  return vloss_mask_from_text(texts[which], strlen(texts[which]), heights[which], widths[which], &o,
                              s->run_room, s->counts, &count);
}

static vloss_status from_polygons(scene *s) {
  vloss_mask_options o = mask_options(s);
  size_t count, height = s->masks->height, width = s->masks->width;
  return vloss_mask_from_polygons(s->polygons, 2, height, width, &o, s->workspace,
                                  vloss_mask_polygons_workspace(s->polygons, 2, height, width),
                                  s->run_room, s->counts, &count);
}

static vloss_status merge(scene *s) {
  vloss_mask_options o = mask_options(s);
  size_t count, n = 1 + s->variant;
  return vloss_mask_merge(s->masks, n, (vloss_mask_operation)(s->variant % 2), &o, s->workspace,
                          vloss_mask_merge_workspace(s->masks, n), s->run_room, s->counts, &count);
}

static vloss_status area(scene *s) {
  vloss_mask_options o = mask_options(s);
  return vloss_mask_area(s->masks, SCENE_MASKS, &o, s->index[0]);
}

static vloss_status box(scene *s) {
  vloss_mask_options o = mask_options(s);
  return vloss_mask_box(s->masks, SCENE_MASKS, &o, s->f64.out);
}

static vloss_status iou(scene *s) {
  vloss_mask_options o = mask_options(s);
  size_t m = masks_below(s->m);
  return vloss_mask_iou(s->masks, SCENE_MASKS, s->masks, m, &o, s->workspace,
                        vloss_mask_iou_workspace(s->masks, SCENE_MASKS, s->masks, m), s->f64.out);
}

static vloss_status oks(scene *s) {
  vloss_oks_options o = VLOSS_OKS_OPTIONS_INIT;
  o.struct_size = SCENE_SIZE(s, o);
  o.sigmas = s->variant % 2 ? vloss_oks_sigmas() : NULL;
  o.executor = s->executor;
  return vloss_oks(s->points, s->n, s->points + 3 * SCENE_POINTS * s->n, s->areas, s->plain_others,
                   s->m, SCENE_POINTS, &o, s->f64.out);
}

const score_call calls_of_masks[] = {{"mask_encode", encode},
                                     {"mask_decode", decode},
                                     {"mask_to_text", to_text},
                                     {"mask_from_text", from_text},
                                     {"mask_from_polygons", from_polygons},
                                     {"mask_merge", merge},
                                     {"mask_area", area},
                                     {"mask_box", box},
                                     {"mask_iou", iou},
                                     {"oks", oks},
                                     {NULL, NULL}};
